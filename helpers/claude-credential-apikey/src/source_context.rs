use claude_credential_config::{Environment, Folders};
use claude_credential_process::Active;
use claude_credential_protocol::Request;

/// What a source gets: the request, and where to look.
pub(crate) struct SourceContext<'a> {
    pub(crate) request: &'a Request,
    pub(crate) environment: &'a Environment,
    pub(crate) folders: &'a Folders,
    pub(crate) active: &'a Active,
}
