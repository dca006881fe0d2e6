//! `api-key-helper`: the contract of Claude Code's `apiKeyHelper` setting.
//!
//! stdin is never read, because Claude Code connects it to a socket that never ends. stdout gets one key and a newline,
//! or nothing; stderr gets nothing, or one line that ends with the command that mends the matter.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use claude_credential_config::claude;
use claude_credential_protocol::{Millis, now};

use crate::cache::Verdict;
use crate::chain::{AnswerOrigin, Resolved};
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::{self, Refused};
use crate::query::{Query, destination, profile};
use crate::token_output::{Delivery, TokenOutput};

pub(crate) fn run(context: &Context) -> Result<(), Failure> {
    let profile = profile::choose(context)?;
    let host = destination::for_client(context, &profile)?;
    let query = Query::new(context, profile, &host)?;
    let output = TokenOutput::of(&context.environment, context.cache());
    let replace = |answer: &Resolved, verdict| output.replace(answer.credential.auth.secret(), &answer.entry, verdict);
    let answer = lookup::run(context, &query, None)?;
    match output.deliver(answer.credential.auth.secret(), &answer.entry, answer.origin)? {
        Delivery::Written => return Ok(()),
        Delivery::NotNoted => {
            let answer = lookup::run(&context.without_cache(), &query, None)?;
            return Ok(replace(&answer, Verdict::Serve)?);
        }
        Delivery::Refused => {}
    }
    // Claude Code runs its helper again when a settings file was rewritten: that says nothing about the credential.
    let may_be_reason = |changed| output.caller.as_ref().is_some_and(|caller| caller.may_ask_because_of(changed));
    if settings_changed(context).is_some_and(may_be_reason) {
        return Ok(replace(&answer, Verdict::Doubt)?);
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
    Ok(replace(&answer, Verdict::Refused)?)
}

/// When a settings file that Claude Code reads here last changed or was removed; `None` if none did.
fn settings_changed(context: &Context) -> Option<Millis> {
    let folder = std::env::current_dir().unwrap_or_default();
    // The inode's time: a file that is moved here may be older.
    let changed = |place: PathBuf| {
        let found = fs::metadata(place).ok()?;
        // A time that is yet to come would make every refusal look like such a change.
        u64::try_from(found.ctime() * 1000 + found.ctime_nsec() / 1_000_000).ok().filter(|changed| *changed <= now())
    };
    let of_user = claude::settings_places(&context.folders).into_iter().filter_map(changed);
    let project_files = claude::project_files(&folder, &context.folders);
    let of_projects = project_files.chunk_by(|one, other| one.parent() == other.parent()).filter_map(|of_folder| {
        let last = of_folder.iter().cloned().filter_map(changed).max();
        // The folder changes when its last settings file is removed, and with every other file in it.
        last.or_else(|| changed(of_folder[0].parent()?.to_owned()))
    });
    of_user.chain(of_projects).max()
}
