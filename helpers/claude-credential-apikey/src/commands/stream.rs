//! What the commands share.

use std::io::Write;
use std::time::Duration;

use claude_credential_protocol::{Error, text};

/// Long enough for the user to find and type the keychain's password.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);

pub(super) fn say(stream: &mut dyn Write, words: &str) -> Result<(), Error> {
    writeln!(stream, "{}", text::one_line(words)).map_err(|error| Error::broke(format!("can't write: {error}")))
}
