pub(crate) use claude_credential_process::{Held, end_if_asked};
