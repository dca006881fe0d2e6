use claude_credential_protocol::{Error, Request};

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
    pub(crate) fn into_error(self, request: &Request, profile: &str) -> Error {
        let reasons = self.lines.join("; ");
        if let Some(unusable) = self.unusable {
            let mend = match unusable {
                Unusable::Aws => "for its awsCredentialExport, use: claude-credential print --format sts",
                Unusable::Other => "for scripts, use: claude-credential print",
            };
            return Error::config(format!("nothing that Claude Code can send as a key ({reasons}); {mend}"));
        }
        let origin = request.origin();
        let mend = match Cloud::named(profile) {
            Some(cloud) => cloud.usual_sign_in().to_owned(),
            None if profile == "default" => "claude-credential login api-key".to_owned(),
            None => format!("claude-credential --profile {profile} login api-key"),
        };
        Error::not_found(format!("no credential for {origin} ({reasons}); run: {mend}"))
    }
}
