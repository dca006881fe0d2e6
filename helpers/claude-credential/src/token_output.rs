//! A credential as the output of the `apiKeyHelper` setting: one token on one line.

use std::io::{self, Write};

use claude_credential_protocol::{Error, Secret, TokenProblem, parse_token, written};
use zeroize::Zeroizing;

/// What the client would refuse is refused here, where the message can name the entry.
pub(crate) fn checked(secret: &Secret, entry: &str) -> Result<Secret, Error> {
    parse_token(secret.expose().as_bytes()).map_err(|problem: TokenProblem| {
        Error::config(format!("entry {entry}: what it gave is no key for Claude Code: {problem}; mend [entry.{entry}]"))
    })
}

pub(crate) fn write(token: &Secret) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let line = Zeroizing::new(format!("{}\n", token.expose()));
    written(stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()))
}
