use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use claude_credential_config::claude::{EffectiveSetting, SettingSource};
use claude_credential_files::replace;
use claude_credential_protocol::Kind;

use super::super::check_context::CheckContext;
use super::super::finding::{Finding, or_good};
use super::files::all_below;
use crate::cache::Cache;
use crate::ttl::TTL_VARIABLE;
use claude_credential_protocol::millis;

/// Below it a refusal and the end of the client's own time can't be told apart every time.
const LEAST: Duration = Duration::from_mins(1);

/// The client sends a key once more after its time, while it asks for another.
const ONCE_MORE: Duration = Duration::from_mins(1);

/// File systems round times; a clock that is off is off by more.
const TOLERANCE: Duration = Duration::from_secs(10);

/// The client's time between two runs of its helper.
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
            format!("{TTL_VARIABLE} is 0: the helper runs for every request, and that a key was refused is not seen"),
            mend,
        ),
        Some(value) if Duration::from_millis(value) < LEAST => {
            let said =
                format!("{TTL_VARIABLE} is under 60000, a minute, and so it is not always seen that a key was refused");
            Finding::doubtful(said, mend)
        }
        Some(value) => Finding::good(format!("{TTL_VARIABLE} is {value}")),
    }]
}

/// A credential that ends before the client has asked for another fails in the middle of somebody's work.
pub(in super::super) fn lives(check_context: &CheckContext) -> Vec<Finding> {
    let ttl = check_context.client_ttl();
    let needed = millis(ttl.saturating_add(ONCE_MORE));
    // The shortest life of each entry.
    let mut lives: BTreeMap<String, u64> = BTreeMap::new();
    for path in all_below(&check_context.context.folders.runtime) {
        let is_answer = path.extension().is_some_and(|ending| ending == "cache");
        let Some(cached) = is_answer.then(|| Cache::read(&path, &check_context.context.log)).flatten() else {
            continue;
        };
        // A cloud's credentials are no key: another setting hands them out, by another rule.
        if cached.credential.auth.kind() == Kind::Aws {
            continue;
        }
        let Some(expires_at) = cached.credential.expires_at else { continue };
        let life = (expires_at * 1000).saturating_sub(cached.obtained);
        lives.entry(cached.entry).and_modify(|least| *least = life.min(*least)).or_insert(life);
    }
    let short = lives.iter().filter(|(_, life)| **life < needed).map(|(entry, life)| {
        let said = format!(
            "entry {entry} gives credentials that live {} s, and Claude Code may send one for {} s",
            life / 1000,
            needed / 1000
        );
        let fits = life.saturating_sub(millis(ONCE_MORE));
        let mend = if fits >= millis(LEAST) {
            format!("run: export {TTL_VARIABLE}={fits}")
        } else {
            "have their issuer let them live for five minutes at least".to_owned()
        };
        Finding::doubtful(said, mend)
    });
    or_good(short.collect(), || match lives.len() {
        0 => "no cached answer says when it ends".to_owned(),
        _ => format!("what is cached lives {} s at least", lives.values().min().unwrap_or(&0) / 1000),
    })
}

/// Two clocks that differ make what is fresh look old, or never old.
pub(in super::super) fn clock(check_context: &CheckContext) -> Vec<Finding> {
    let folders = &check_context.context.folders;
    let mut found = Vec::new();
    let written = (!check_context.context.options.no_cache).then(|| written_now(&folders.runtime)).flatten();
    found.extend(written.and_then(|off| judge_file_system(&folders.runtime, off)));
    let limit = SystemTime::now() + TOLERANCE;
    let files = all_below(&folders.runtime).into_iter().chain(all_below(&folders.data));
    let from_future = |path: &&Path| fs::symlink_metadata(path).and_then(|is| is.modified()).is_ok_and(|at| at > limit);
    let files: Vec<_> = files.collect();
    if let Some(first) = files.iter().map(PathBuf::as_path).find(from_future) {
        let said = format!("{} was written in the future, so the clock was wrong then, or is now", first.display());
        found.push(Finding::doubtful(said, "set the clock, then run: claude-credential cache clear"));
    }
    or_good(found, || "it agrees with the file system's".to_owned())
}

fn judge_file_system(folder: &Path, off: Duration) -> Option<Finding> {
    (off > TOLERANCE).then(|| {
        let said = format!("the clock of the file system at {} is {} s off", folder.display(), off.as_secs());
        Finding::wrong(said, "set XDG_RUNTIME_DIR to a folder on this machine")
    })
}

/// By how much the time of a file that is written now differs from ours.
fn written_now(folder: &Path) -> Option<Duration> {
    let path = folder.join("doctor-clock");
    let before = SystemTime::now();
    replace(&path, b"").ok()?;
    let at = fs::metadata(&path).and_then(|is| is.modified());
    let _ = fs::remove_file(&path);
    let at = at.ok()?;
    Some(at.duration_since(before).or_else(|_| before.duration_since(at)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::judge_file_system;

    #[test]
    fn a_file_system_with_another_time_is_wrong() {
        let folder = Path::new("/run");
        assert_eq!(judge_file_system(folder, Duration::from_secs(1)), None);
        let finding = judge_file_system(folder, Duration::from_mins(5)).unwrap();
        assert!(finding.said.contains("300 s off") && finding.mend.unwrap().contains("XDG_RUNTIME_DIR"));
    }
}
