use claude_credential_config::Profile;
use claude_credential_protocol::{BaseUrl, Error, Request};

use crate::chain::{Skip, Unusable};
use crate::client::cloud::Cloud;

/// Why each entry so far was skipped.
#[derive(Debug, Clone, Default)]
pub(crate) struct SkipTrace {
    lines: Vec<String>,
    unusable: Option<Unusable>,
}

impl SkipTrace {
    pub(crate) fn note(&mut self, entry: &str, skip: &Skip) {
        self.unusable = self.unusable.max(skip.unusable);
        self.lines.push(format!("{entry}: {}", skip.reason));
    }

    /// The error that lists all reasons, and ends with the command that mends the matter.
    pub(crate) fn into_error(self, request: &Request, profile: &Profile) -> Error {
        let reasons = self.lines.join("; ");
        if let Some(unusable) = self.unusable {
            let mend = match unusable {
                Unusable::Aws => "for its awsCredentialExport, use: claude-credential print --format sts",
                Unusable::Other => "for scripts, use: claude-credential print",
            };
            return Error::config(format!("nothing that Claude Code can send as a key ({reasons}); {mend}"));
        }
        let line = request.place().ok().and_then(|(origin, path)| profile.lists(&origin, path));
        let place = line.map_or_else(|| request.origin(), BaseUrl::to_string);
        // A login keeps a key for the profile's first host, unless it names another.
        let other = line.filter(|line| **line != profile.hosts[0]);
        let host = other.map(|host| format!(" --host {}", host.as_listed())).unwrap_or_default();
        let mend = match (Cloud::named(&profile.name), profile.name.as_str()) {
            (Some(cloud), _) => cloud.usual_sign_in().to_owned(),
            (None, "default") => format!("claude-credential login api-key{host}"),
            (None, name) => format!("claude-credential --profile {name} login api-key{host}"),
        };
        Error::not_found(format!("no credential for {place} ({reasons}); run: {mend}"))
    }
}
