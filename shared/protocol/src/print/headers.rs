//! `ANTHROPIC_CUSTOM_HEADERS`: the user's own beside those that a credential needs.

use super::family::Family;
use crate::header::{BETA, is_credential, is_named, is_oauth_beta, name_of};
use crate::{Credential, Error};

/// The headers that the client is to add, the user's own (`theirs`) among them less those that would compete; `None` if
/// nothing changes.
pub(super) fn custom_headers(family: Family, credential: &Credential, theirs: &str) -> Result<Option<String>, Error> {
    let needed = credential.headers.iter().filter(|header| family != Family::OAuth || !is_oauth_beta(header)).cloned();
    let quota = credential.quota_project.as_deref().map(|project| format!("x-goog-user-project: {project}"));
    let ours: Vec<String> = needed.chain(quota).collect();
    if ours.iter().any(|header| is_named(header, BETA)) {
        return Err(Error::config(format!(
            "the credential needs the header {BETA}, which Claude Code sets itself and takes from no variable; for a \
             script, use: claude-credential print --format curl"
        )));
    }
    Ok(merged(theirs, &ours))
}

/// The same for no credential at all.
pub(super) fn without_credentials(theirs: &str) -> Option<String> {
    merged(theirs, &[])
}

fn merged(theirs: &str, ours: &[String]) -> Option<String> {
    let competes = |line: &&str| is_credential(line) || ours.iter().any(|header| is_named(line, name_of(header)));
    let kept = theirs.lines().filter(|line| !competes(line)).map(str::to_owned);
    let all = kept.chain(ours.iter().cloned()).collect::<Vec<_>>().join("\n");
    (all != theirs.lines().collect::<Vec<_>>().join("\n")).then_some(all)
}
