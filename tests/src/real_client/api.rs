use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::label;
use crate::oauth::{CertificateAuthority, Proxy, ReceivedRequest, Reply};
use crate::real_client::message;

/// Where Claude Code sends its requests unless it is told otherwise.
pub const API_HOST: &str = "api.anthropic.com";

/// A proxy that answers for every host in its place, and writes down which credential it was sent.
#[derive(Debug)]
pub struct Api {
    proxy: Proxy,
    certificate: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    sent: Vec<Sent>,
    /// By the name of a credential, the status that refuses it.
    refused: BTreeMap<String, u16>,
    /// The status of the next answer, whatever was sent.
    fault: Option<u16>,
    command: Option<String>,
}

/// A request of the client, with the names of secrets in place of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Where to.
    pub host: String,
    /// Without the query.
    pub path: String,
    /// The credential in `Authorization`; none if that is missing or empty.
    pub authorization: Option<String>,
    /// The credential in `x-api-key`.
    pub x_api_key: Option<String>,
}

impl Api {
    /// It accepts every credential, and answers that all is done.
    #[must_use]
    pub fn start() -> Self {
        let authority = CertificateAuthority::new();
        let certificate = authority.pem();
        let shared = Arc::<Mutex<Shared>>::default();
        let ours = Arc::clone(&shared);
        Self { proxy: Proxy::start(authority, move |request| lock(&ours).answer(request)), certificate, shared }
    }

    /// Its address, for `HTTPS_PROXY`.
    #[must_use]
    pub fn url(&self) -> String {
        self.proxy.url()
    }

    /// The certificate of its authority.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// From now on it refuses the credential of that name with `status`.
    pub fn refuses(&self, name: &str, status: u16) {
        lock(&self.shared).refused.insert(name.to_owned(), status);
    }

    /// It answers the next message with `status`.
    pub fn fails_once(&self, status: u16) {
        lock(&self.shared).fault = Some(status);
    }

    /// The model wants this to be run in the shell tool, once.
    pub fn wants(&self, command: &str) {
        lock(&self.shared).command = Some(command.to_owned());
    }

    /// All requests, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.shared).sent.clone()
    }

    /// The requests for a message. Beside them the client asks for settings and reports on itself.
    #[must_use]
    pub fn messages(&self) -> Vec<Sent> {
        self.sent().into_iter().filter(Sent::is_message).collect()
    }

    /// The names of the credentials that came with any request, to any host.
    #[must_use]
    pub fn credentials(&self) -> Vec<String> {
        let sent = self.sent().into_iter();
        sent.flat_map(|sent| [sent.authorization, sent.x_api_key]).flatten().collect()
    }

    /// `HOST:PORT` of each connection, also of one on which nothing was sent.
    #[must_use]
    pub fn connected(&self) -> Vec<String> {
        self.proxy.connected()
    }
}

impl Shared {
    fn answer(&mut self, request: &ReceivedRequest) -> Reply {
        let sent = Sent::of(request);
        self.sent.push(sent.clone());
        if !sent.is_message() {
            return message::error(404, "not_found_error");
        }
        if let Some(status) = self.fault.take() {
            return message::error(status, "api_error");
        }
        let credentials: Vec<&String> = [&sent.authorization, &sent.x_api_key].into_iter().flatten().collect();
        if let Some(status) = credentials.iter().find_map(|name| self.refused.get(*name)) {
            return message::error(*status, "authentication_error");
        }
        // Not 401, as the API has it: the client would go on for minutes. Nor does it go on where a stream is of
        // another kind than Amazon's.
        if credentials.is_empty() || sent.path.contains("/invoke") {
            return message::error(400, "invalid_request_error");
        }
        match self.command.take_if(|_| message::offers_shell(request)) {
            Some(command) => message::command(&command),
            None => message::text(),
        }
    }
}

impl Sent {
    fn of(request: &ReceivedRequest) -> Self {
        let credential = |name| {
            let value = request.header(name)?;
            let secret = value.strip_prefix("Bearer").unwrap_or(value).trim();
            (!secret.is_empty()).then(|| label(secret))
        };
        Self {
            host: request.header("host").unwrap_or_default().to_owned(),
            path: request.path.clone(),
            authorization: credential("authorization"),
            x_api_key: credential("x-api-key"),
        }
    }

    /// Whether it asks the model, by the API of Anthropic or of a cloud.
    #[must_use]
    pub fn is_message(&self) -> bool {
        let ends = ["/v1/messages", "RawPredict", "/invoke", "/invoke-with-response-stream"];
        ends.iter().any(|end| self.path.ends_with(end))
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
