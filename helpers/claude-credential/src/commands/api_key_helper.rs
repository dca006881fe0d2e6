//! `api-key-helper`: the contract of Claude Code's `apiKeyHelper` setting.
//!
//! stdin is never read: it is a socket that never ends. stdout gets one key and a newline, or nothing; stderr nothing,
//! or one line that ends with what mends it.

use crate::cache::Cache;
use crate::cache::caller::Caller;
use crate::cache::refusal::Verdict;
use crate::chain::Answer;
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup;
use crate::lookup::walk::Refused;
use crate::query::Ask;
use crate::query::profile;
use crate::token_output::{checked, write};
use crate::ttl::client_ttl;
use claude_credential_protocol::millis;

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let profile = profile::choose(context)?;
    let origin = profile::clients_origin(context, &profile)?;
    let ask = Ask::new(context, profile, &origin)?;
    let answer = lookup::obtain(context, &ask, None)?;
    let caller = Cache::of(context).and_then(|cache| Caller::identify(&context.environment, cache));
    let answer = match caller {
        Some(caller) => heed_refusal(context, &ask, answer, &caller)?,
        None => answer,
    };
    Ok(write(&checked(answer.credential.auth.secret(), &answer.entry)?)?)
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
        let answer = lookup::obtain(context, ask, Some(refused))?;
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
