use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use claude_credential_config::Program;
use claude_credential_process::find_on_path;

use super::folders::shown;
use super::{CheckContext, Finding, or_good, spawn};
use crate::chain::{Availability, program};
use crate::context::Context;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What installs the whole suite.
pub(super) const INSTALL: &str = "in the folder of its source, run: ./install.sh";

/// Dispatcher and helpers have one version: an older one may not understand messages of a newer one.
pub(in super::super) fn versions(check_context: &CheckContext) -> Vec<Finding> {
    let installed = installed(&check_context.context);
    let others = installed.iter().filter_map(|(name, file)| {
        let version = spawn::version(check_context, file);
        let file = file.display();
        match version {
            Some(version) if version == VERSION => None,
            Some(version) => Some(Finding::wrong(
                format!("claude-credential is version {VERSION}, and claude-credential-{name} {version} ({file})"),
                INSTALL,
            )),
            None => Some(Finding::wrong(format!("{file} does not say its version"), INSTALL)),
        }
    });
    or_good(others.collect(), || {
        let names: Vec<&str> = installed.keys().copied().collect();
        format!("{VERSION}: claude-credential and its helpers {}", names.join(", "))
    })
}

/// The helpers are beside the dispatcher, so that they are updated with it, and the chain's helpers are installed.
pub(in super::super) fn together(check_context: &CheckContext) -> Vec<Finding> {
    let context = &check_context.context;
    let Some(folder) = own_folder() else {
        return vec![Finding::doubtful("where this executable is can't be found out", "mount /proc")];
    };
    let mut found: Vec<Finding> = installed(context)
        .iter()
        .filter(|(_, file)| file.parent() != Some(&folder))
        .map(|(_, file)| {
            let message = format!("{} is not beside claude-credential, in {}", file.display(), folder.display());
            Finding::doubtful(message, INSTALL)
        })
        .collect();
    for entry in check_context.entries() {
        if let Program::Helper { name, .. } = &entry.definition.program
            && entry.built_in
            && matches!(entry.availability, Availability::Ready | Availability::Variable)
            && program::locate(context, name).is_none()
        {
            let entry = &entry.definition.name;
            let message = format!("claude-credential-{name}, which entry {entry} needs, is not installed");
            found.push(Finding::wrong(message, INSTALL));
        }
    }
    or_good(found, || format!("all in {}", folder.display()))
}

/// The `claude-credential` that the user gets from PATH is this one.
pub(in super::super) fn path(check_context: &CheckContext) -> Vec<Finding> {
    let context = &check_context.context;
    let path = context.environment.get_os("PATH").unwrap_or_default();
    let mut found = Vec::new();
    for element in env::split_paths(path).filter(|element| !element.is_absolute()) {
        let element =
            if element.as_os_str().is_empty() { "an empty element".into() } else { element.to_string_lossy() };
        let message = format!("PATH has {element}, which means the working directory, and is not searched here");
        found.push(Finding::doubtful(message, "take it out of PATH"));
    }
    let own = env::current_exe().and_then(std::fs::canonicalize).ok();
    let folder = own_folder().map(|folder| shown(&folder)).unwrap_or_default();
    let first = find_on_path("claude-credential", path);
    match &first {
        None => found.push(Finding::doubtful(
            "claude-credential is not on PATH",
            format!("run: export PATH={folder}:\"$PATH\""),
        )),
        Some(first) if own.is_some() && first.canonicalize().ok() != own => {
            let version = spawn::version(check_context, first);
            let message = format!(
                "the first claude-credential on PATH is {}, version {}; this is {VERSION} in {folder}",
                first.display(),
                version.as_deref().unwrap_or("unknown")
            );
            let mend = format!("put {folder} before it in PATH, or run: rm {}", shown(first));
            let is_same = version.as_deref() == Some(VERSION);
            found.push(if is_same { Finding::doubtful(message, mend) } else { Finding::wrong(message, mend) });
        }
        Some(_) => {}
    }
    or_good(found, || format!("claude-credential is {}", first.unwrap_or_default().display()))
}

/// The installed helpers, and the executable that `--live` needs.
fn installed(context: &Context) -> BTreeMap<&'static str, PathBuf> {
    let names = Program::SUITE.into_iter().chain(["probe"]);
    names.filter_map(|name| Some((name, program::locate(context, name)?))).collect()
}

fn own_folder() -> Option<PathBuf> {
    env::current_exe().and_then(std::fs::canonicalize).ok()?.parent().map(Path::to_owned)
}
