//! The metadata server of Google's machines: <https://cloud.google.com/compute/docs/metadata/querying-metadata>.

use std::time::Duration;

use claude_credential_config::cloud::GOOGLE;
use claude_credential_config::{Environment, SourceContext};
use claude_credential_http::{Answer, Call};
use claude_credential_protocol::{Error, Origin, text};

use crate::encoding::is_name;
use crate::encoding::percent_encoded;
use crate::token::{EACH, Token, reject_transient};

/// The server's address. Its name is not used, since a lookup may take longer than the request.
const ADDRESS: &str = "169.254.169.254";

/// The variables that name another server, in order of precedence, as in Google's own libraries.
const HOSTS: [&str; 3] = ["GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"];

/// The server answers within milliseconds. A lookup without one should take less than a second in all.
const PROBE: Duration = Duration::from_millis(750);

/// A header that both request and response carry, so that no other server is taken for this one and no forwarded
/// request reaches it.
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");

#[derive(Debug)]
pub(crate) struct MetadataServer {
    host: String,
    /// The variable that names it, if one is set.
    named: Option<&'static str>,
}

impl MetadataServer {
    /// The metadata server; `None` if none answers at once.
    pub(crate) fn find(context: &SourceContext<'_>) -> Result<Option<Self>, Error> {
        if context.environment.get("NO_GCE_CHECK")?.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let named = context.environment.first(&HOSTS)?;
        let host = named.map_or(ADDRESS, |(_, host)| host);
        let named = named.map(|(name, _)| name);
        let origin = Origin::new("http", host).map_err(|problem| {
            let name = named.unwrap_or_default();
            Error::config(format!("{name} names no HOST[:PORT]: {problem}; run: unset {name}"))
        })?;
        let metadata = Self { host: origin.host().to_owned(), named };
        let (patience, left) = (probe_timeout(context.environment)?, context.left());
        match (metadata.ask("/", |call| call.send(patience.min(left))), named) {
            (Ok(answer), _) if answer.is_success() && is_google(&answer) => Ok(Some(metadata)),
            // The server exists and fails, so the next source must not answer in its place.
            (Ok(answer), _) if answer.may_change() && (named.is_some() || is_google(&answer)) => {
                reject_transient(answer, "the metadata server")
                    .map_err(|error| metadata.with_variable(&error))
                    .map(|_| None)
            }
            (Ok(_), Some(_)) => Err(metadata.not_google()),
            // A server that a variable names has to exist.
            (Err(error), Some(_)) => Err(metadata.with_variable(&error)),
            // The time was too short to tell.
            (Err(error), None) if left < patience => Err(error),
            _ => Ok(None),
        }
    }

    /// A token of the machine's service account; `None` if it has none. The server caches it until shortly before its
    /// expiry, so a second request returns the same one.
    pub(crate) fn token(&self, context: &SourceContext<'_>, scope: &str) -> Result<Option<Token>, Error> {
        let path = format!(
            "/computeMetadata/v1/instance/service-accounts/default/token?scopes={}",
            percent_encoded(scope, "")
        );
        let answer = self.send_with_retry(context, &path)?;
        match answer.status {
            200..=299 if is_google(&answer) => Ok(Some(Token::from_response(&answer, &self.host)?)),
            200..=299 => Err(self.not_google()),
            404 => Ok(None),
            401 | 403 => Err(self.with_variable(&Error::config(format!(
                "the metadata server answered {}; give this machine a service account with the scope cloud-platform",
                answer.status
            )))),
            status => Err(self.with_variable(&Error::config(format!(
                "the metadata server answered {status} to the request for a token; check this machine's service account"
            )))),
        }
    }

    /// The machine's universe domain; Google's own if the server does not know the path.
    pub(crate) fn universe(&self, context: &SourceContext<'_>) -> Result<String, Error> {
        let answer = self.send_with_retry(context, "/computeMetadata/v1/universe/universe-domain")?;
        match body(&answer) {
            _ if !answer.is_success() => Ok(GOOGLE.to_owned()),
            _ if !is_google(&answer) => Err(self.not_google()),
            Some("") => Ok(GOOGLE.to_owned()),
            Some(universe) if is_name(universe) => Ok(universe.to_owned()),
            _ => Err(self.with_variable(&Error::unavailable(
                "the metadata server returned no universe domain; try again later",
            ))),
        }
    }

    /// The machine's project. It is optional, so the timeout is short.
    pub(crate) fn project(&self, context: &SourceContext<'_>) -> Option<String> {
        let patience = PROBE.min(context.left());
        let answer = self.ask("/computeMetadata/v1/project/project-id", |call| call.send(patience)).ok()?;
        body(&answer).filter(|_| answer.is_success() && is_google(&answer)).map(str::to_owned)
    }

    fn send_with_retry(&self, context: &SourceContext<'_>, path: &str) -> Result<Answer, Error> {
        let answer = self.ask(path, |call| call.send_with_retry(EACH, context.until));
        answer
            .and_then(|answer| reject_transient(answer, "the metadata server"))
            .map_err(|error| self.with_variable(&error))
    }

    fn ask(&self, path: &str, how: impl FnOnce(&Call<'_>) -> Result<Answer, Error>) -> Result<Answer, Error> {
        let url = format!("http://{}{path}", self.host);
        how(&Call { url: &url, headers: &[FLAVOR], ..Call::default() })
    }

    /// Puts the variable that names the server in front of an error.
    fn with_variable(&self, error: &Error) -> Error {
        self.named.map_or_else(|| error.clone(), |name| error.with_prefix(name))
    }

    /// The error if another server answers in its place.
    fn not_google(&self) -> Error {
        let mend = self.named.map_or_else(|| "export NO_GCE_CHECK=true".to_owned(), |name| format!("unset {name}"));
        let host = text::shown(&self.host);
        self.with_variable(&Error::config(format!(
            "{host} answers, but not as Google's metadata server does; run: {mend}"
        )))
    }
}

fn is_google(answer: &Answer) -> bool {
    answer.header(FLAVOR.0) == Some(FLAVOR.1)
}

fn body(answer: &Answer) -> Option<&str> {
    std::str::from_utf8(answer.bytes()).ok().map(str::trim)
}

/// The timeout for the first request, in whole seconds if the user sets it, as in Google's libraries.
fn probe_timeout(environment: &Environment) -> Result<Duration, Error> {
    let configured = environment.get("GCE_METADATA_TIMEOUT")?.and_then(|seconds| seconds.parse().ok());
    Ok(configured.map_or(PROBE, Duration::from_secs))
}
