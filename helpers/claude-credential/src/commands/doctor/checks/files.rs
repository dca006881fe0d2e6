use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use claude_credential_config::{kept, logins};
use claude_credential_files::{Trust, ensure_folder, read, replace};
use rustix::process::{Resource, getrlimit};

use super::folders::{own_uid, shown};
use super::{CheckContext, Finding, or_good};
use crate::os::file_system_number;

/// A process replaces a file within milliseconds, so an older temporary file was left behind.
const REPLACEMENT_TIME: Duration = Duration::from_mins(1);

/// Only the user can read what the suite keeps, the folders and every file in them, and Claude Code's own login.
pub(in super::super) fn private(check_context: &CheckContext) -> Vec<Finding> {
    let folders = &check_context.context.folders;
    let mut found = Vec::new();
    for folder in [&folders.data, &folders.runtime] {
        found.extend(fs::symlink_metadata(folder).is_ok().then(|| check_private(folder, true)).flatten());
        found.extend(all_below(folder).iter().filter_map(|path| check_private(path, false)));
    }
    // Claude Code's login may be a link: then its target holds the login, and is what others could read.
    let login = fs::canonicalize(folders.claude.join(".credentials.json"));
    found.extend(login.ok().and_then(|login| check_private(&login, false)));
    let indexes = [kept::list(folders).map(|_| ()), logins::list(folders).map(|_| ())];
    let unreadable = indexes.iter().filter_map(|index| index.as_ref().err());
    let unreadable = unreadable.map(|error| Finding::of(error).or_mend("move it away and sign in again"));
    // An index that others can read is refused for that reason, which has been found already.
    let is_new = |finding: &Finding| found.iter().all(|other| other.mend != finding.mend);
    let unreadable: Vec<Finding> = unreadable.filter(is_new).collect();
    found.extend(unreadable);
    or_good(found, || format!("{} and {} are yours alone", folders.data.display(), folders.runtime.display()))
}

fn check_private(path: &Path, is_folder: bool) -> Option<Finding> {
    let metadata = fs::symlink_metadata(path).ok()?;
    let (file, word) = (path.display(), shown(path));
    if metadata.is_symlink() {
        return Some(Finding::wrong(
            format!("{file} is a link, and none is followed there"),
            format!("run: rm {word}"),
        ));
    }
    if metadata.is_dir() != is_folder {
        return is_folder
            .then(|| Finding::wrong(format!("{file} is not a folder"), format!("move it away: mv {word} {word}.old")));
    }
    if metadata.uid() != own_uid() {
        let mend = format!("run: sudo chown \"$(id -un)\" {word}");
        return Some(Finding::wrong(format!("{file} belongs to another user"), mend));
    }
    let mode = if is_folder { 700 } else { 600 };
    (metadata.mode() & 0o077 != 0).then(|| {
        let message = format!("{file} can be read or changed by others");
        Finding::wrong(message, format!("run: chmod {mode} {word}"))
    })
}

/// Temporary files of processes that were killed while they wrote: the secrets in them stay until the user removes them.
pub(in super::super) fn leftovers(check_context: &CheckContext) -> Vec<Finding> {
    let folders = &check_context.context.folders;
    let ours = [&folders.data, &folders.runtime].into_iter().flat_map(|folder| all_below(folder));
    let config = check_context.context.config.file.clone().unwrap_or_else(|| folders.config.join("config.toml"));
    let edited = [folders.claude.join("settings.json"), config];
    let files = ours.chain(edited.iter().flat_map(|file| replacements_of(file)));
    let is_leftover = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let written = fs::symlink_metadata(path).and_then(|metadata| metadata.modified()).ok();
        let age = written.and_then(|at| SystemTime::now().duration_since(at).ok());
        name.starts_with('.') && name.ends_with(".new") && age.is_some_and(|age| age > REPLACEMENT_TIME)
    };
    let leftovers = files.filter(is_leftover).map(|path| {
        let message = format!("{} was left by a process that was killed while it wrote", path.display());
        Finding::doubtful(message, format!("run: rm {}", shown(&path)))
    });
    or_good(leftovers.collect(), || "none".to_owned())
}

/// The temporary files of replacements of `file`, in a folder that has other files, too. They are beside the file itself,
/// or beside its target if it is a link.
fn replacements_of(file: &Path) -> Vec<PathBuf> {
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let prefix = format!(".{}.", file.file_name().unwrap_or_default().to_string_lossy());
    let entries = file.parent().and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let is_replacement = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(&prefix);
    entries.filter(is_replacement).map(|entry| entry.path()).collect()
}

/// The folder of cached answers can be written and read, and is on this machine.
pub(in super::super) fn cache(check_context: &CheckContext) -> Vec<Finding> {
    let folder = &check_context.context.folders.runtime;
    if check_context.context.options.no_cache {
        return vec![Finding::good("not looked at, because of --no-cache")];
    }
    let file = folder.join("doctor");
    let is_kept = ensure_folder(folder).and_then(|()| replace(&file, b"doctor")).and_then(|()| {
        let content = read(&file, Trust::Private, 64)?;
        Ok(content.is_some_and(|content| content.as_slice() == b"doctor"))
    });
    let _ = fs::remove_file(&file);
    let shown = folder.display();
    match is_kept {
        Err(problem) => {
            let mend = "set XDG_RUNTIME_DIR to a folder that you can write to";
            vec![Finding::of(&problem).or_mend(mend)]
        }
        Ok(false) => vec![Finding::wrong(
            format!("{shown} does not hold what is written there"),
            "set XDG_RUNTIME_DIR to a folder on another disk",
        )],
        Ok(true) => match network_file_system(file_system_number(folder)) {
            Some(system) => vec![Finding::doubtful(
                format!("{shown} is on {system}, and so maybe another machine's, where locks are slow or none"),
                "set XDG_RUNTIME_DIR to a folder on this machine",
            )],
            None => vec![Finding::good(format!("{shown} can be written and read, and is on this machine"))],
        },
    }
}

/// The file system's name, if it may be another machine's.
fn network_file_system(number: u64) -> Option<&'static str> {
    // Some of the numbers have their highest bit set, and systems widen that differently.
    match number & 0xffff_ffff {
        0x6969 => Some("NFS"),
        0x517b | 0xfe53_4d42 | 0xff53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9P"),
        0x5346_414f => Some("AFS"),
        0x00c3_6400 => Some("Ceph"),
        0x6573_5546 => Some("FUSE"),
        _ => None,
    }
}

/// A crash leaves no core file, which would hold every secret that the process held.
pub(in super::super) fn core_dumps(_: &CheckContext) -> Vec<Finding> {
    let limit = getrlimit(Resource::Core).current;
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    vec![check_core_dumps(limit, pattern.trim())]
}

/// Programs that a kernel pipes core dumps to, and that heed the limit.
const HEED_LIMIT: [&str; 2] = ["systemd-coredump", "apport"];

fn check_core_dumps(limit: Option<u64>, pattern: &str) -> Finding {
    if limit != Some(0) {
        return Finding::wrong("they can't be turned off here, and a core file holds every secret", "run: ulimit -c 0");
    }
    // A pipe gets the dump whatever the limit says (core(5)).
    let program = pattern.strip_prefix('|').and_then(|program| program.split_whitespace().next());
    match program.map(|program| program.rsplit('/').next().unwrap_or(program)) {
        Some(name) if !HEED_LIMIT.contains(&name) => Finding::doubtful(
            format!("they are off, and yet the kernel pipes them to {name}, which may keep them all the same"),
            "see /proc/sys/kernel/core_pattern, and have it heed the limit",
        ),
        _ => Finding::good("they are off"),
    }
}

/// The files in one of the suite's folders, and one level below it.
pub(in super::super) fn all_below(folder: &Path) -> Vec<PathBuf> {
    let entries = |folder: &Path| {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort_unstable();
        paths
    };
    let is_folder = |path: &Path| fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    entries(folder).into_iter().flat_map(|path| if is_folder(&path) { entries(&path) } else { vec![path] }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::finding::Severity;
    use super::{check_core_dumps, network_file_system};

    #[test]
    fn core_dumps_are_off_only_if_the_program_that_gets_them_heeds_the_limit() {
        for (limit, pattern, severity) in [
            (Some(0), "core", Severity::Good),
            (Some(0), "|/usr/lib/systemd/systemd-coredump %P %u", Severity::Good),
            (Some(0), "|/opt/acme/collector %p", Severity::Doubtful),
            (Some(1), "core", Severity::Wrong),
            (None, "core", Severity::Wrong),
        ] {
            let finding = check_core_dumps(limit, pattern);
            assert_eq!(finding.severity, severity, "{pattern}");
            assert_eq!(finding.mend.is_some(), severity != Severity::Good);
        }
    }

    #[test]
    fn another_machines_file_system_is_known_by_its_number() {
        assert_eq!(network_file_system(0x6969), Some("NFS"));
        assert_eq!(network_file_system(0xffff_ffff_ff53_4d42), Some("SMB"));
        for local in [0x0102_1994, 0xef53, 0x9123_683e, 0x794c_7630] {
            assert_eq!(network_file_system(local), None, "{local:#x}");
        }
    }
}
