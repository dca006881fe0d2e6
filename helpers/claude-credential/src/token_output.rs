//! The output for Claude Code's `apiKeyHelper` setting: one token on one line, under the 401 rule.

use std::io::{self, Write};

use claude_credential_protocol::{Error, Millis, Secret, TokenProblem, parse_token, written};
use zeroize::Zeroizing;

use crate::cache::{Caller, Verdict};

/// What happened to a credential that was to be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Written,
    /// Nothing was written: the caller came back for the credential so soon that it must have been refused.
    Refused,
}

/// Hands `secret`, which `entry` gave, to Claude Code, unless the 401 rule says that it was refused. `caller` is `None`
/// if the rule can't be applied. `replaces` is the verdict on the credential that this one replaces, if it replaces
/// one: the rule is not applied again then.
pub(crate) fn deliver(
    secret: &Secret,
    entry: &str,
    caller: Option<&Caller<'_>>,
    client_ttl: Millis,
    replaces: Option<Verdict>,
) -> Result<Delivery, Error> {
    if let Some(caller) = caller {
        let hand_out = match replaces {
            Some(verdict) => caller.hand_out_after(secret, verdict),
            None => match caller.judge(secret, client_ttl) {
                (Verdict::Refused, _) => return Ok(Delivery::Refused),
                (Verdict::Serve | Verdict::Doubt, hand_out) => hand_out,
            },
        };
        // Before the credential is written, since this process may be killed in between. A failure only turns the rule
        // off, and Claude Code shows no warnings.
        let _ = caller.write(&hand_out);
    }
    write(&checked(secret, entry)?)?;
    Ok(Delivery::Written)
}

/// Refuses a secret that Claude Code would refuse, because only this message can name the entry.
pub(crate) fn checked(secret: &Secret, entry: &str) -> Result<Secret, Error> {
    parse_token(secret.expose().as_bytes()).map_err(|problem: TokenProblem| {
        Error::config(format!("entry {entry}: its answer is no key for Claude Code: {problem}; mend [entry.{entry}]"))
    })
}

fn write(token: &Secret) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let line = Zeroizing::new(format!("{}\n", token.expose()));
    written(stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()))
}
