use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use claude_credential_config::claude::{EffectiveSetting, SettingSource};
use claude_credential_files::replace;
use claude_credential_protocol::{Kind, millis};

use super::files::all_below;
use super::{CheckContext, Finding, or_good};
use crate::cache::Cache;
use crate::ttl::TTL_VARIABLE;

/// With a shorter TTL, Claude Code's return for a key may mean that the key was refused, or that the TTL has ended.
const MIN_TTL: Duration = Duration::from_mins(1);

/// Claude Code sends a key once more after its TTL, while it asks for another.
const GRACE: Duration = Duration::from_mins(1);

/// File systems round times; a wrong clock is off by more.
const TOLERANCE: Duration = Duration::from_secs(10);

/// Claude Code's time between two runs of its helper is long enough to tell refusals apart.
pub(in super::super) fn ttl(check_context: &CheckContext) -> Vec<Finding> {
    let Some(EffectiveSetting { value, place }) = check_context.variable(TTL_VARIABLE) else {
        return vec![Finding::good(format!("{TTL_VARIABLE} is not set, so it is 5 minutes"))];
    };
    let mend = match &place {
        SettingSource::Environment => format!("run: unset {TTL_VARIABLE}, or export {TTL_VARIABLE}=300000"),
        SettingSource::Line(file, _) | SettingSource::File(file) => {
            format!("in {} set {TTL_VARIABLE} to \"300000\"", file.display())
        }
    };
    let milliseconds = Some(value.expose()).filter(|value| value.bytes().all(|byte| byte.is_ascii_digit()));
    vec![match milliseconds.and_then(|value| value.parse::<u64>().ok()) {
        None => Finding::wrong(format!("{TTL_VARIABLE} is not a number of milliseconds"), mend),
        Some(0) => Finding::doubtful(
            format!("{TTL_VARIABLE} is 0: the helper runs for every request, and can't tell that a key was refused"),
            mend,
        ),
        Some(value) if Duration::from_millis(value) < MIN_TTL => {
            let message = format!(
                "{TTL_VARIABLE} is under 60000, a minute, so the helper can't always tell that a key was refused"
            );
            Finding::doubtful(message, mend)
        }
        Some(value) => Finding::good(format!("{TTL_VARIABLE} is {value}")),
    }]
}

/// Credentials live longer than Claude Code uses them: one that expires earlier fails while the user works.
pub(in super::super) fn lives(check_context: &CheckContext) -> Vec<Finding> {
    let ttl = check_context.client_ttl();
    let needed = millis(ttl.saturating_add(GRACE));
    // The shortest life of each entry's credentials.
    let mut lives: BTreeMap<String, u64> = BTreeMap::new();
    for path in all_below(&check_context.context.folders.runtime) {
        let is_answer = path.extension().is_some_and(|ending| ending == "cache");
        let Some(cached) = is_answer.then(|| Cache::read(&path, &check_context.context.log)).flatten() else {
            continue;
        };
        // AWS's credentials are no key: awsCredentialExport hands them out, by another rule.
        if cached.credential.auth.kind() == Kind::Aws {
            continue;
        }
        let Some(expires_at) = cached.credential.expires_at else { continue };
        let life = (expires_at * 1000).saturating_sub(cached.obtained);
        lives.entry(cached.entry).and_modify(|least| *least = life.min(*least)).or_insert(life);
    }
    let short = lives.iter().filter(|(_, life)| **life < needed).map(|(entry, life)| {
        let message = format!(
            "entry {entry} gives credentials that live {} s, and Claude Code may send one for {} s",
            life / 1000,
            needed / 1000
        );
        let usable = life.saturating_sub(millis(GRACE));
        let mend = if usable >= millis(MIN_TTL) {
            format!("run: export {TTL_VARIABLE}={usable}")
        } else {
            "have their issuer let them live for five minutes at least".to_owned()
        };
        Finding::doubtful(message, mend)
    });
    or_good(short.collect(), || match lives.len() {
        0 => "no cached answer has an expiry".to_owned(),
        _ => format!("cached credentials live {} s at least", lives.values().min().unwrap_or(&0) / 1000),
    })
}

/// This machine's clock agrees with the file systems'. If they differ, a fresh answer looks old, or never gets old.
pub(in super::super) fn clock(check_context: &CheckContext) -> Vec<Finding> {
    let folders = &check_context.context.folders;
    let mut found = Vec::new();
    let difference = (!check_context.context.options.no_cache).then(|| clock_difference(&folders.runtime)).flatten();
    found.extend(difference.and_then(|difference| check_difference(&folders.runtime, difference)));
    let limit = SystemTime::now() + TOLERANCE;
    let mut files = all_below(&folders.runtime).into_iter().chain(all_below(&folders.data));
    let modified = |path: &PathBuf| fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    if let Some(first) = files.find(|path| modified(path).is_ok_and(|at| at > limit)) {
        let message = format!("{} was written in the future, so the clock was wrong then, or is now", first.display());
        found.push(Finding::doubtful(message, "set the clock, then run: claude-credential cache clear"));
    }
    or_good(found, || "it agrees with the file system's".to_owned())
}

fn check_difference(folder: &Path, difference: Duration) -> Option<Finding> {
    (difference > TOLERANCE).then(|| {
        let message = format!("the clock of the file system at {} is {} s off", folder.display(), difference.as_secs());
        Finding::wrong(message, "set XDG_RUNTIME_DIR to a folder on this machine")
    })
}

/// The difference between this machine's clock and the time of a file that is written now.
fn clock_difference(folder: &Path) -> Option<Duration> {
    let path = folder.join("doctor-clock");
    let before = SystemTime::now();
    replace(&path, b"").ok()?;
    let at = fs::metadata(&path).and_then(|metadata| metadata.modified());
    let _ = fs::remove_file(&path);
    let at = at.ok()?;
    Some(at.duration_since(before).or_else(|_| before.duration_since(at)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::check_difference;

    #[test]
    fn a_file_system_with_another_time_is_wrong() {
        let folder = Path::new("/run");
        assert_eq!(check_difference(folder, Duration::from_secs(1)), None);
        let finding = check_difference(folder, Duration::from_mins(5)).unwrap();
        assert!(finding.message.contains("300 s off") && finding.mend.unwrap().contains("XDG_RUNTIME_DIR"));
    }
}
