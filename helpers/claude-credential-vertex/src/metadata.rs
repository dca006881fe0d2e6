//! The metadata server of Google's machines: <https://cloud.google.com/compute/docs/metadata/querying-metadata>.

use std::time::{Duration, Instant};

use claude_credential_config::{Environment, Origin};
use claude_credential_http::{Answer, Call};
use claude_credential_protocol::Error;

use crate::answer::{EACH, Token, later};
use crate::external::quoted;
use crate::sources::Asked;

/// Where it is. By its address, since looking up its name may take longer than asking it.
const ADDRESS: &str = "169.254.169.254";

/// The variables that say where else, the first that is set: Google's own libraries know all three.
const HOSTS: [&str; 3] = ["GCE_METADATA_HOST", "GCE_METADATA_ROOT", "GCE_METADATA_IP"];

/// Who is there answers in a millisecond or two; of a second in all, the rest is for us.
const PROBE: Duration = Duration::from_millis(750);

/// It says so in both directions, so that nobody else is taken for it, and nobody is led to ask it.
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");

#[derive(Debug)]
pub(crate) struct Metadata {
    host: String,
}

impl Metadata {
    /// The metadata server, if it answers at once; none where there is none.
    pub(crate) fn find(asked: &Asked<'_>) -> Result<Option<Self>, Error> {
        if asked.environment.get("NO_GCE_CHECK").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let named = HOSTS.into_iter().find_map(|name| Some((name, asked.environment.get(name)?)));
        let host = named.map_or(ADDRESS, |(_, host)| host);
        let origin = Origin::new("http", host).map_err(|problem| {
            let name = named.map_or("", |(name, _)| name);
            Error::config(format!("{name} names no HOST[:PORT]: {problem}; run: unset {name}"))
        })?;
        let metadata = Self { host: origin.host().to_owned() };
        let (patience, left) = (probe(asked.environment), asked.until.saturating_duration_since(Instant::now()));
        match (metadata.ask("/", |call| call.once(patience.min(left))), named) {
            (Ok(answer), _) if answer.is_success() && is_google(&answer) => Ok(Some(metadata)),
            // Whoever names it has one.
            (Err(error), Some((name, _))) => Err(error.from_whom(name)),
            // Who had no time to answer may be there all the same.
            (Err(error), None) if left < patience => Err(error),
            (Ok(_), Some((name, _))) => Err(Error::config(format!(
                "{name}: {host} answers, and not as Google's metadata server does; run: unset {name}"
            ))),
            _ => Ok(None),
        }
    }

    /// A token of the machine's service account; none where it has none. It is kept there until shortly before its end,
    /// so another one can't be had by asking.
    pub(crate) fn token(&self, asked: &Asked<'_>, scope: &str) -> Result<Option<Token>, Error> {
        let path = format!("/computeMetadata/v1/instance/service-accounts/default/token?scopes={}", quoted(scope, ""));
        let answer = later(self.ask(&path, |call| call.insist(EACH, asked.until))?, &self.host)?;
        match answer.status {
            _ if answer.is_success() && is_google(&answer) => Ok(Some(Token::given(&answer, &self.host)?)),
            404 => Ok(None),
            status => Err(Error::config(format!(
                "the metadata server answered {status}; give this machine a service account with the scope cloud-platform"
            ))),
        }
    }

    /// The machine's project.
    pub(crate) fn project(&self, asked: &Asked<'_>) -> Option<String> {
        let answer = self.ask("/computeMetadata/v1/project/project-id", |call| call.insist(EACH, asked.until)).ok()?;
        let text = std::str::from_utf8(answer.bytes()).ok()?;
        Some(text.trim().to_owned()).filter(|_| answer.is_success() && is_google(&answer))
    }

    fn ask(&self, path: &str, how: impl FnOnce(&Call<'_>) -> Result<Answer, Error>) -> Result<Answer, Error> {
        let url = self.url(path);
        how(&Call { url: &url, headers: &[FLAVOR], ..Call::default() })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.host)
    }
}

fn is_google(answer: &Answer) -> bool {
    answer.header(FLAVOR.0) == Some(FLAVOR.1)
}

/// How long it may take to answer at all: in whole seconds where the user says so, as Google's libraries have it.
fn probe(environment: &Environment) -> Duration {
    let said = environment.get("GCE_METADATA_TIMEOUT").and_then(|seconds| seconds.parse().ok());
    said.map_or(PROBE, Duration::from_secs)
}
