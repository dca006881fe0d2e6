use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};

use claude_credential_config::Program;
use claude_credential_process::find_on_path;

use super::super::check_context::CheckContext;
use super::super::finding::{Finding, or_good};
use super::super::spawn;
use super::folders::shown;
use crate::chain::entry::Availability;
use crate::chain::program;
use crate::context::Context;
use crate::suite::SUITE;

const OURS: &str = env!("CARGO_PKG_VERSION");

/// What installs all of it.
const INSTALL: &str = "in the folder of its source, run: ./install.sh";

/// Helper and dispatcher of two versions may not understand each other's newer words.
pub(in super::super) fn versions(check_context: &CheckContext) -> Vec<Finding> {
    let installed = installed(&check_context.context);
    let others = installed.iter().filter_map(|(name, file)| {
        let version = spawn::version(check_context, file);
        let file = file.display();
        match version {
            Some(version) if version == OURS => None,
            Some(version) => Some(Finding::wrong(
                format!("claude-credential is version {OURS}, and claude-credential-{name} {version} ({file})"),
                INSTALL,
            )),
            None => Some(Finding::wrong(format!("{file} does not say its version"), INSTALL)),
        }
    });
    or_good(others.collect(), || {
        let names: Vec<&str> = installed.keys().copied().collect();
        format!("{OURS}: claude-credential and its helpers {}", names.join(", "))
    })
}

/// Helpers beside the dispatcher are updated with it; and those that the chain needs have to be there.
pub(in super::super) fn together(check_context: &CheckContext) -> Vec<Finding> {
    let context = &check_context.context;
    let Some(folder) = own_folder() else {
        return vec![Finding::doubtful("where this executable is can't be found out", "mount /proc")];
    };
    let mut found: Vec<Finding> = installed(context)
        .iter()
        .filter(|(_, file)| file.parent() != Some(&folder))
        .map(|(_, file)| {
            let said = format!("{} is not beside claude-credential, in {}", file.display(), folder.display());
            Finding::doubtful(said, INSTALL)
        })
        .collect();
    for entry in check_context.entries() {
        if let Program::Helper { name, .. } = &entry.definition.program
            && entry.built_in
            && matches!(entry.availability, Availability::Ready | Availability::Variable)
            && program::locate(context, name).is_none()
        {
            let entry = &entry.definition.name;
            let said = format!("claude-credential-{name}, which entry {entry} needs, is not installed");
            found.push(Finding::wrong(said, INSTALL));
        }
    }
    or_good(found, || format!("all in {}", folder.display()))
}

/// What a person types is found on PATH, and should be this.
pub(in super::super) fn path(check_context: &CheckContext) -> Vec<Finding> {
    let context = &check_context.context;
    let path = context.environment.get_os("PATH").unwrap_or_default();
    let mut found = Vec::new();
    for element in env::split_paths(path).filter(|element| !element.is_absolute()) {
        let element =
            if element.as_os_str().is_empty() { "an empty element".into() } else { element.to_string_lossy() };
        let said = format!("PATH has {element}, which is the working directory's, and is passed over here");
        found.push(Finding::doubtful(said, "take it out of PATH"));
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
            let said = format!(
                "the first claude-credential on PATH is {}, version {}; this is {OURS} in {folder}",
                first.display(),
                version.as_deref().unwrap_or("unknown")
            );
            let mend = format!("put {folder} before it in PATH, or run: rm {}", shown(first));
            let is_same = version.as_deref() == Some(OURS);
            found.push(if is_same { Finding::doubtful(said, mend) } else { Finding::wrong(said, mend) });
        }
        Some(_) => {}
    }
    or_good(found, || format!("claude-credential is {}", first.unwrap_or_default().display()))
}

/// The executables that are looked for: those of the helpers, and the one behind `--live`.
fn installed(context: &Context) -> BTreeMap<&'static str, PathBuf> {
    let names = SUITE.into_iter().chain(["probe"]);
    names.filter_map(|name| Some((name, program::locate(context, name)?))).collect()
}

fn own_folder() -> Option<PathBuf> {
    env::current_exe().and_then(std::fs::canonicalize).ok()?.parent().map(Path::to_owned)
}
