//! `api-key-helper`: the contract of Claude Code's `apiKeyHelper` setting.
//!
//! stdin is never read, because Claude Code connects it to a socket that never ends. stdout gets one key and a newline,
//! or nothing; stderr gets nothing, or one line that ends with the command that mends the matter.

use claude_credential_protocol::millis;

use crate::cache::{Caller, Verdict};
use crate::chain::{AnswerOrigin, Resolved};
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::{self, Refused};
use crate::query::{Query, profile};
use crate::token_output::{Delivery, deliver};
use crate::ttl::client_ttl;

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let profile = profile::choose(context)?;
    let host = profile::host_for_client(context, &profile)?;
    let query = Query::new(context, profile, &host)?;
    let caller = context.cache().and_then(|cache| Caller::identify(&context.environment, cache));
    let deliver = |answer: &Resolved, replaces| {
        let client_ttl = millis(client_ttl(&context.environment));
        deliver(answer.credential.auth.secret(), &answer.entry, caller.as_ref(), client_ttl, replaces)
    };
    let answer = lookup::run(context, &query, None)?;
    if deliver(&answer, None)? == Delivery::Written {
        return Ok(());
    }
    let answer = match answer.origin {
        // Another lookup would give the same.
        AnswerOrigin::Variable => answer,
        AnswerOrigin::Asked | AnswerOrigin::Cache => {
            let refused = Refused {
                secret: answer.credential.auth.secret().clone(),
                entry: Some(answer.entry.clone()),
                inferred: Some(answer),
            };
            lookup::run(context, &query, Some(refused))?
        }
    };
    deliver(&answer, Some(Verdict::Refused))?;
    Ok(())
}
