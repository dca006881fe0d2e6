//! The output for Claude Code's `apiKeyHelper` setting: one token on one line, under the 401 rule.

use std::io::{self, Write};

use claude_credential_config::Environment;
use claude_credential_protocol::{Error, Millis, Secret, TokenProblem, millis, parse_token, written};
use zeroize::Zeroizing;

use crate::cache::{Cache, Caller, Verdict};
use crate::chain::AnswerOrigin;
use crate::ttl::client_ttl;

/// What happened to a credential that was to be handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Written,
    /// Nothing was written: the caller came back for the credential so soon that it must have been refused.
    Refused,
    /// Nothing was written: it could not be noted that the caller gets this kept credential, so it would get it again
    /// and again if it is refused.
    NotNoted,
}

/// What hands credentials to Claude Code.
pub(crate) struct TokenOutput<'a> {
    /// `None` if the 401 rule can't be applied.
    pub(crate) caller: Option<Caller<'a>>,
    client_ttl: Millis,
}

impl<'a> TokenOutput<'a> {
    pub(crate) fn of(environment: &Environment, cache: Option<&'a Cache>) -> Self {
        let caller = cache.and_then(|cache| Caller::identify(environment, cache));
        Self { caller, client_ttl: millis(client_ttl(environment)) }
    }

    /// Hands out `secret`, which `entry` gave, unless the 401 rule says that it was refused, or would not learn it.
    pub(crate) fn deliver(&self, secret: &Secret, entry: &str, origin: AnswerOrigin) -> Result<Delivery, Error> {
        if let Some(caller) = &self.caller {
            let (verdict, hand_out) = caller.judge(secret, self.client_ttl);
            if verdict == Verdict::Refused {
                return Ok(Delivery::Refused);
            }
            // Before the credential is written, since this process may be killed in between.
            if caller.write(&hand_out).is_err() && origin == AnswerOrigin::Cache {
                return Ok(Delivery::NotNoted);
            }
        }
        write(&checked(secret, entry)?)?;
        Ok(Delivery::Written)
    }

    /// Hands out `secret` in place of a credential with that verdict. The rule is not applied again.
    pub(crate) fn replace(&self, secret: &Secret, entry: &str, verdict: Verdict) -> Result<(), Error> {
        if let Some(caller) = &self.caller {
            // A failure only turns the rule off, and Claude Code shows no warnings.
            let _ = caller.write(&caller.hand_out_after(secret, verdict));
        }
        write(&checked(secret, entry)?)
    }
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
