//! `cache list` and `cache clear`.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use claude_credential_config::generation::ANSWERS;
use claude_credential_config::kept::{self, Place};
use claude_credential_protocol::{Error, iso_8601, now, text, written};

use crate::cache::Cache;
use crate::cli::CacheCommand;
use crate::context::Context;
use crate::failure::Failure;

pub(crate) fn run(context: &Context, command: CacheCommand) -> Result<(), Failure> {
    let text = match command {
        CacheCommand::List => text::lines(&list(context)?),
        CacheCommand::Clear => clear(context)?,
    };
    Ok(written(io::stdout().write_all(text.as_bytes()))?)
}

fn list(context: &Context) -> Result<String, Error> {
    let folder = &context.folders.runtime;
    let mut text = String::new();
    for path in files(context, &["cache"]) {
        let Some(cached) = Cache::read(&path, &context.log) else { continue };
        let [protocol, host, path] = &cached.place;
        let slash = if path.is_empty() { "" } else { "/" };
        let source = cached.credential.source.as_deref().unwrap_or("unnamed");
        let expiry =
            cached.credential.expires_at.map_or("no expiry".to_owned(), |at| format!("until {}", iso_8601(at)));
        let _ = writeln!(
            text,
            "{profile}  {protocol}://{host}{slash}{path}  entry {entry}  {kind} from {source}  {age} s old, {expiry}",
            profile = cached.profile,
            entry = cached.entry,
            kind = cached.credential.auth.kind(),
            source = text::one_line(source),
            age = now().saturating_sub(cached.obtained) / 1000,
        );
    }
    if text.is_empty() {
        text += "nothing is cached\n";
    }
    let _ = writeln!(text, "cached answers: {}", text::shown_path(folder));
    let keys = kept::list(&context.folders)?;
    if keys.is_empty() {
        text += "kept keys: none; to keep one, run: claude-credential login api-key\n";
    }
    for key in keys {
        let place = match key.place {
            Place::Keychain => "in the keychain".to_owned(),
            Place::File => format!("in a file of mode 0600 in {}", context.folders.data.join("keys").display()),
        };
        let account = key.username.map(|name| format!(", account {}", text::one_line(&name))).unwrap_or_default();
        let path = key.path.map(|path| format!("/{path}")).unwrap_or_default();
        let _ = writeln!(text, "kept key: {}://{}{path}{account}, {place}", key.protocol, key.host);
    }
    Ok(text)
}

fn clear(context: &Context) -> Result<String, Error> {
    let mut removed = 0;
    // Locks and states stay: if a lock file that a process holds were removed, a second process could lock a new one.
    for path in files(context, &[ANSWERS.as_slice(), &["caller", "front"]].concat()) {
        match fs::remove_file(&path) {
            Ok(()) => removed += usize::from(path.extension().is_some_and(|ending| ending == "cache")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::config(format!("{} can't be removed: {error}", path.display()))),
        }
    }
    Ok(format!("removed {removed} cached answers\n"))
}

fn files(context: &Context, endings: &[&str]) -> Vec<PathBuf> {
    let entries = fs::read_dir(&context.folders.runtime).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| {
        path.extension().and_then(std::ffi::OsStr::to_str).is_some_and(|ending| endings.contains(&ending))
    });
    files.sort_unstable();
    files
}
