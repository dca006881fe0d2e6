//! `api-key-helper`: the contract of Claude Code's `apiKeyHelper` setting.
//!
//! stdin is never read, because Claude Code connects it to a socket that never ends. stdout gets one key and a newline,
//! or nothing; stderr gets nothing, or one line that ends with the command that mends the matter.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use claude_credential_config::claude;
use claude_credential_protocol::{Millis, millis};

use crate::cache::{Caller, Verdict};
use crate::chain::{AnswerOrigin, Resolved};
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::{self, Refused};
use crate::query::{Query, destination, profile};
use crate::token_output::{Delivery, deliver};
use crate::ttl::client_ttl;

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let profile = profile::choose(context)?;
    let host = destination::for_client(context, &profile)?;
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
    // Claude Code runs its helper again when a settings file was rewritten: that says nothing about the credential.
    if caller.as_ref().and_then(Caller::handed_out) < settings_changed(context) {
        deliver(&answer, Some(Verdict::Doubt))?;
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

/// When a settings file that Claude Code reads here last changed; `None` if there is none.
fn settings_changed(context: &Context) -> Option<Millis> {
    let folder = std::env::current_dir().unwrap_or_default();
    let mut places = claude::settings_places(&context.folders);
    for file in claude::project_files(&folder, &context.folders) {
        // The folder changes when the file is removed.
        places.extend(file.parent().map(Path::to_owned).into_iter().chain([file]));
    }
    // The inode's time: a file that is moved here may be older.
    let changed = |place| fs::metadata(place).ok().map(|found| found.ctime() * 1000 + found.ctime_nsec() / 1_000_000);
    places.into_iter().filter_map(changed).max().and_then(|changed| changed.try_into().ok())
}
