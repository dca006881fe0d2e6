//! A credential as the output of Claude Code's `apiKeyHelper` setting: one token on one line, and the 401 rule.

use std::io::{self, Write};

use claude_credential_protocol::{Error, Millis, Secret, TokenProblem, parse_token, written};
use zeroize::Zeroizing;

use crate::cache::caller::Caller;
use crate::cache::refusal::Verdict;

/// What became of a credential that was about to be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Written,
    /// Nothing was written: this caller came back for it so soon that it must have been refused.
    Refused,
}

/// Hands `secret`, which `entry` gave, to Claude Code, unless the 401 rule says that it was refused. `caller` is `None` if
/// the rule can't be applied. `replaces` is the verdict on the credential that this one replaces, if it replaces one: the
/// rule is not applied again then.
pub(crate) fn deliver(
    secret: &Secret,
    entry: &str,
    caller: Option<&Caller<'_>>,
    client_ttl: Millis,
    replaces: Option<Verdict>,
) -> Result<Delivery, Error> {
    if let Some(caller) = caller {
        let record = match replaces {
            Some(verdict) => caller.record_after(secret, verdict),
            None => match caller.judge(secret, client_ttl) {
                (Verdict::Refused, _) => return Ok(Delivery::Refused),
                (Verdict::Serve | Verdict::Doubt, record) => record,
            },
        };
        // Before the credential is written: a caller that is killed in between would be misread otherwise. A record that
        // can't be written only turns the rule off, and Claude Code shows no warnings.
        let _ = caller.write(&record);
    }
    write(&checked(secret, entry)?)?;
    Ok(Delivery::Written)
}

/// Refuses what Claude Code would refuse, where the message can name the entry.
pub(crate) fn checked(secret: &Secret, entry: &str) -> Result<Secret, Error> {
    parse_token(secret.expose().as_bytes()).map_err(|problem: TokenProblem| {
        Error::config(format!("entry {entry}: what it gave is no key for Claude Code: {problem}; mend [entry.{entry}]"))
    })
}

fn write(token: &Secret) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let line = Zeroizing::new(format!("{}\n", token.expose()));
    written(stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()))
}
