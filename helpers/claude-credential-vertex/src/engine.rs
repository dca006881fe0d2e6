//! Runs Google's grants with yup-oauth2, whose requests go out by the rules of `shared/http`.
//!
//! yup-oauth2 takes any hyper client. Ours has a connector that leads to an HTTP server in this process; the server
//! sends each request on with `shared/http` and keeps the answer. `docs/design/vertex-engine.md` says why.

use claude_credential_config::SourceContext;
use std::future::ready;
use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use claude_credential_http::{Answer, Body, Call};
use claude_credential_protocol::Error;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;
use yup_oauth2::authorized_user::AuthorizedUserSecret;
use yup_oauth2::{
    AccessToken, AuthorizedUserAuthenticator, CustomHyperClientBuilder, ServiceAccountAuthenticator, ServiceAccountKey,
};

use crate::token::{EACH, Token, reject_transient};

/// A grant that yup-oauth2 implements.
pub(crate) enum Grant {
    ServiceAccount(Box<ServiceAccountKey>),
    AuthorizedUser(Box<AuthorizedUserSecret>),
}

/// Lets `shared/http` report a timeout before the runtime does.
const MARGIN: Duration = Duration::from_millis(200);

/// What yup-oauth2 is answered, whatever the server said. The real answer is read by us, because yup-oauth2 panics at a
/// lifetime that is too long and keeps tokens in memory that is never wiped.
const PLACEHOLDER: &str = r#"{"access_token":"-"}"#;

/// Requests a token of `scope` from `url`, which takes the place of the endpoint that yup-oauth2 would use. `refused` is
/// the error for an answer without a token; `unusable` the one for malformed credentials, with which no request was sent.
pub(crate) fn token(
    context: &SourceContext<'_>,
    grant: Grant,
    url: &str,
    scope: &str,
    refused: impl FnOnce(&Answer, &str) -> Error,
    unusable: impl FnOnce() -> Error,
) -> Result<Token, Error> {
    let (answers, received) = mpsc::channel();
    let relay = Relay { url: url.to_owned(), until: context.until, answers };
    let failed = |error: io::Error| Error::broke(format!("can't start a runtime: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build().map_err(failed)?;
    let left = context.left() + MARGIN;
    // The outcome is ignored: it was made from the placeholder.
    let _ = runtime.block_on(async { tokio::time::timeout(left, grant.request(relay, scope)).await });
    // Without waiting for a request that is still under way.
    runtime.shutdown_background();
    let host = Call { url, ..Call::default() }.host();
    let answer = match received.try_recv() {
        Ok(answer) => reject_transient(answer?, &host)?,
        Err(_) if context.until <= Instant::now() => {
            return Err(Error::unavailable(format!("{host} did not answer in time")));
        }
        Err(_) => return Err(unusable()),
    };
    if answer.is_success() { Token::from_response(&answer, &host) } else { Err(refused(&answer, &host)) }
}

impl Grant {
    async fn request(self, relay: Relay, scope: &str) -> Option<AccessToken> {
        let connector = tower::service_fn(move |_: Uri| ready(relay.connect()));
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        let client = CustomHyperClientBuilder::from(client);
        let built = match self {
            Self::ServiceAccount(key) => ServiceAccountAuthenticator::with_client(*key, client).build().await,
            Self::AuthorizedUser(secret) => AuthorizedUserAuthenticator::with_client(*secret, client).build().await,
        };
        built.ok()?.token(&[scope]).await.ok()
    }
}

/// The server behind the connector.
#[derive(Clone)]
struct Relay {
    url: String,
    until: Instant,
    answers: mpsc::Sender<Result<Answer, Error>>,
}

impl Relay {
    /// The client's end of a new connection.
    fn connect(&self) -> io::Result<TokioIo<UnixStream>> {
        let (client, server) = UnixStream::pair()?;
        let relay = self.clone();
        let service = hyper::service::service_fn(move |request| relay.clone().forward(request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(server), service));
        Ok(TokioIo::new(client))
    }

    async fn forward(self, request: Request<Incoming>) -> hyper::Result<Response<String>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        // `shared/http` blocks its thread, so it can't run on the one that yup-oauth2 runs on.
        let send = move || {
            let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let call = Call { url: &self.url, body: Body::Bytes(content_type, &body), ..Call::default() };
            // The receiver is gone if the caller gave up.
            let _ = self.answers.send(call.send_with_retry(EACH, self.until));
        };
        let _ = tokio::task::spawn_blocking(send).await;
        Ok(Response::new(PLACEHOLDER.to_owned()))
    }
}
