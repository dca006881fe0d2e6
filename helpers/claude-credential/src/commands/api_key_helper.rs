//! `api-key-helper`: the contract of Claude Code's `apiKeyHelper` setting.
//!
//! stdin is never read: it is a socket that never ends. stdout gets one key and a newline, or nothing; stderr nothing,
//! or one line that ends with what mends it.

use std::io::{self, Write};

use claude_credential_protocol::{Error, Secret, TokenProblem, now, parse_token, written};
use zeroize::Zeroizing;

use crate::ask::{Ask, client_ttl};
use crate::caller::Caller;
use crate::chain::Answer;
use crate::context::{Context, millis};
use crate::failure::Failure;
use crate::refusal::{Record, Verdict};
use crate::walk::Refused;
use crate::{profile, run};

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let profile = profile::choose(context)?;
    let origin = profile::clients_origin(context, &profile)?;
    let ask = Ask::new(context, profile, &origin)?;
    let answer = run::obtain(context, &ask, None)?;
    let answer = match Caller::identify(context) {
        Some(caller) => heed_refusal(context, &ask, answer, &caller)?,
        None => answer,
    };
    let token = checked(answer.credential.auth.secret(), &answer.entry)?;
    let mut stdout = io::stdout().lock();
    let line = Zeroizing::new(format!("{}\n", token.expose()));
    Ok(written(stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()))?)
}

/// The 401 rule: the same caller back too soon for the same credential had it refused. What is handed out is written
/// down first, or a caller that is killed in between would be misread.
fn heed_refusal(context: &Context, ask: &Ask, answer: Answer, caller: &Caller) -> Result<Answer, Failure> {
    let before = caller.record();
    let would_get = caller.keyed.fingerprint(answer.credential.auth.secret());
    let ttl = millis(client_ttl(context));
    let verdict = before.map_or(Verdict::Serve, |before| before.judge(would_get, now(), ttl));
    let answer = if verdict == Verdict::Refused && !answer.from_variable {
        let refused = Refused {
            secret: answer.credential.auth.secret().clone(),
            entry: Some(answer.entry.clone()),
            concluded: Some(answer),
        };
        run::obtain(context, ask, Some(refused))?
    } else {
        answer
    };
    let given = caller.keyed.fingerprint(answer.credential.auth.secret());
    if let Err(problem) = caller.write(&Record::after(before.as_ref(), given, now(), verdict)) {
        context.log.complain(&problem);
    }
    Ok(answer)
}

/// What the client would refuse is refused here, where the message can name the entry.
pub(crate) fn checked(secret: &Secret, entry: &str) -> Result<Secret, Error> {
    parse_token(secret.expose().as_bytes()).map_err(|problem: TokenProblem| {
        Error::config(format!("entry {entry}: what it gave is no key for Claude Code: {problem}; mend [entry.{entry}]"))
    })
}
