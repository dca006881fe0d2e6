//! `api-key-helper`: the contract of Claude Code's `apiKeyHelper` setting.
//!
//! stdin is never read: it is a socket that never ends. stdout gets one key and a newline, or nothing; stderr nothing,
//! or one line that ends with what mends it.

use std::io::{self, Write};

use claude_credential_protocol::{Error, Secret, TokenProblem, parse_token, written};
use zeroize::Zeroizing;

use crate::ask::{Ask, client_ttl};
use crate::cache::Cache;
use crate::caller::Caller;
use crate::chain::Answer;
use crate::context::{Context, millis};
use crate::failure::Failure;
use crate::refusal::Verdict;
use crate::walk::Refused;
use crate::{profile, run};

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let profile = profile::choose(context)?;
    let origin = profile::clients_origin(context, &profile)?;
    let ask = Ask::new(context, profile, &origin)?;
    let answer = run::obtain(context, &ask, None)?;
    let caller = Cache::of(context).and_then(|cache| Caller::identify(&context.environment, cache));
    let answer = match caller {
        Some(caller) => heed_refusal(context, &ask, answer, &caller)?,
        None => answer,
    };
    Ok(write(&checked(answer.credential.auth.secret(), &answer.entry)?)?)
}

pub(crate) fn write(token: &Secret) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    let line = Zeroizing::new(format!("{}\n", token.expose()));
    written(stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()))
}

/// The 401 rule: the same caller back too soon for the same credential had it refused. What is handed out is written
/// down first, or a caller that is killed in between would be misread.
fn heed_refusal(context: &Context, ask: &Ask, answer: Answer, caller: &Caller) -> Result<Answer, Failure> {
    let (verdict, record) = caller.judge(answer.credential.auth.secret(), millis(client_ttl(&context.environment)));
    let (answer, record) = if verdict == Verdict::Refused && !answer.from_variable {
        let refused = Refused {
            secret: answer.credential.auth.secret().clone(),
            entry: Some(answer.entry.clone()),
            concluded: Some(answer),
        };
        let answer = run::obtain(context, ask, Some(refused))?;
        let record = caller.record_after(answer.credential.auth.secret(), verdict);
        (answer, record)
    } else {
        (answer, record)
    };
    if let Err(problem) = caller.write(&record) {
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
