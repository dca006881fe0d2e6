use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use claude_credential_protocol::text::{quoted, shown_path};

use super::{CheckContext, Finding, or_good};

/// HOME and the folders in the XDG variables can be used. Each is absolute, or no check would run.
pub(in super::super) fn usable(check_context: &CheckContext) -> Vec<Finding> {
    let folders = &check_context.context.folders;
    let mut found = Vec::new();
    let home = shown_path(&folders.home);
    match fs::metadata(&folders.home) {
        Ok(metadata) if !metadata.is_dir() => {
            found.push(Finding::wrong(format!("HOME, {home}, is not a folder"), SET_HOME));
        }
        Ok(metadata) if metadata.uid() != own_uid() => found.push(Finding::wrong(
            format!("HOME, {home}, belongs to another user, and so would what is written there"),
            "with sudo, run: sudo -H claude-credential doctor",
        )),
        Ok(_) => {}
        Err(error) => found.push(Finding::wrong(format!("HOME, {home}, can't be used: {error}"), SET_HOME)),
    }
    // The suite makes the other folders if they are missing; the system makes this one.
    if let Some(run) = &folders.foreign_runtime {
        let what = if run.is_dir() { "belongs to another user" } else { "is not there" };
        let message = format!("XDG_RUNTIME_DIR, {}, {what}", shown_path(run));
        found.push(Finding::wrong(message, "run: unset XDG_RUNTIME_DIR, or sign in anew"));
    }
    or_good(found, || {
        let [config, data, runtime] = [&folders.config, &folders.data, &folders.runtime].map(|folder| folder.display());
        format!("configuration {config}, kept keys {data}, cache {runtime}")
    })
}

const SET_HOME: &str = "set it to your home: export HOME=/your/home";

pub(in super::super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// A path, quoted for a shell.
pub(in super::super) fn shown(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}
