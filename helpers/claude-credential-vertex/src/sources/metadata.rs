//! The metadata server of Google's machines: <https://cloud.google.com/compute/docs/metadata/querying-metadata>.

use std::time::{Duration, Instant};

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

/// Where a server is sure to be, it is waited for as in Google's libraries: one of GKE may answer after a second in a new
/// pod.
const SURE_PROBE: Duration = Duration::from_secs(3);

/// As many attempts as Google's libraries make.
const ATTEMPTS: u32 = 3;

/// Whether the server is looked for, as in Google's library for Node.js
/// (<https://github.com/googleapis/google-cloud-node-core/tree/main/packages/gcp-metadata>).
const DETECTION: &str = "METADATA_SERVER_DETECTION";

/// The variables that Google's serverless platforms set.
const SERVERLESS: [&str; 3] = ["K_SERVICE", "CLOUD_RUN_JOB", "FUNCTION_NAME"];

/// The maker of this machine's firmware, which containers see, too.
const FIRMWARE: &str = "/sys/class/dmi/id/bios_vendor";

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
        let is_sure = named.is_some() || is_googles_machine(context.environment);
        match context.environment.get(DETECTION)?.map(|said| said.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "ping-only") => {}
            Some("none") => return Ok(None),
            Some("assume-present") => return Ok(Some(metadata)),
            Some("bios-only") => return Ok(is_sure.then_some(metadata)),
            Some(_) => {
                return Err(Error::config(format!(
                    "{DETECTION} is none of none, assume-present, bios-only and ping-only; run: unset {DETECTION}"
                )));
            }
        }
        let patience = probe_timeout(context.environment)?;
        let patience = patience.unwrap_or(if is_sure { SURE_PROBE } else { PROBE });
        let left = context.left();
        let again = |call: &Call<'_>| {
            let until = Instant::now().checked_add(patience.saturating_mul(ATTEMPTS).saturating_add(PROBE));
            call.send_with_retry(patience, until.map_or(context.until, |until| context.until.min(until)))
        };
        let first =
            if is_sure { metadata.ask("/", again) } else { metadata.ask("/", |call| call.send(patience.min(left))) };
        let asked = match first {
            Ok(answer) if !is_sure && answer.may_change() && is_google(&answer) => metadata.ask("/", again),
            asked => asked,
        };
        match (asked, named) {
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
fn probe_timeout(environment: &Environment) -> Result<Option<Duration>, Error> {
    let configured = environment.get("GCE_METADATA_TIMEOUT")?.and_then(|seconds| seconds.trim().parse().ok());
    Ok(configured.map(Duration::from_secs))
}

/// Whether this machine is one of Google's, as far as that can be told without a question.
fn is_googles_machine(environment: &Environment) -> bool {
    SERVERLESS.iter().any(|name| environment.get_os(name).is_some())
        || std::fs::read_to_string(FIRMWARE).is_ok_and(|vendor| vendor.contains("Google"))
}
