use std::path::{Path, PathBuf};

use claude_credential_config::claude::{self, Scope, SettingsFile};
use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Error, text};
use rustix::fs::{Access, access};

use super::folders::shown;
use super::{CheckContext, Finding, or_good, spawn};

/// More than any settings file that a user writes.
const MAX_SETTINGS: u64 = 1 << 20;

/// The settings files that Claude Code reads are valid, and no other user can change them.
pub(in super::super) fn readable(check_context: &CheckContext) -> Vec<Finding> {
    let broken = check_context.settings.iter().filter_map(|SettingsFile { scope, file, sets }| {
        // Others may write a project's settings. A user who can change any other file can make Claude Code run commands.
        let trust = if matches!(scope, Scope::User | Scope::Managed) { Trust::Settings } else { Trust::Unchecked };
        let refused = read(file, trust, MAX_SETTINGS).err().map(Error::from);
        let error = refused.as_ref().or(sets.as_ref().err())?;
        Some(Finding::of(error).or_mend(format!("mend {} there", file.display())))
    });
    or_good(broken.collect(), || {
        let files: Vec<String> = check_context.settings.iter().map(|file| file.file.display().to_string()).collect();
        if files.is_empty() { "Claude Code has none".to_owned() } else { files.join(", ") }
    })
}

/// The user's `apiKeyHelper` is set, is this program, and can be run.
pub(in super::super) fn helper(check_context: &CheckContext) -> Vec<Finding> {
    let Some((set_in, command)) = check_context.helper() else {
        if let Some(finding) = hidden(check_context) {
            return vec![finding];
        }
        return vec![match check_context.context.client_mode.sends_credentials_of() {
            Some(cloud) => Finding::good(format!("not set, and for {} not needed", cloud.name())),
            None => Finding::doubtful(
                "Claude Code's settings have no apiKeyHelper, so it does not ask claude-credential",
                "run: claude-credential setup",
            ),
        }];
    };
    let line = set_in.get(claude::API_KEY_HELPER).map_or(0, |line| line.number);
    let file = format!("{}:{line}", set_in.file.display());
    let words = claude::simple_commands(command).concat();
    let is_ours = |word: &&String| {
        let name = word.rsplit('/').next().unwrap_or_default();
        name == "claude-credential" || name.starts_with("claude-credential-")
    };
    let leads_to_us = claude::leads_to_us(command) || words.first().is_some_and(|word| is_ours(&word));
    let Some(program) = words.iter().find(is_ours).filter(|_| leads_to_us) else {
        return vec![Finding::doubtful(
            format!("{file}: apiKeyHelper is another command, so Claude Code does not ask claude-credential"),
            "run: claude-credential setup --replace",
        )];
    };
    let own = std::env::current_exe().and_then(std::fs::canonicalize).unwrap_or_default();
    let write = format!("write {} api-key-helper", shown(&own));
    let wrong = |what: String| vec![Finding::wrong(format!("{file}: apiKeyHelper {what}"), &write)];
    let doubtful = |what: String| vec![Finding::doubtful(format!("{file}: apiKeyHelper {what}"), &write)];
    let shown_program = text::shown(program);
    let Some(path) = expanded(program, check_context) else {
        return if program.contains('/') {
            wrong(format!("is {shown_program}, which depends on the folder that Claude Code is started in"))
        } else {
            doubtful(format!("is {shown_program} without its path, and so whatever is first on PATH"))
        };
    };
    if !path.is_file() {
        return wrong(format!("is {shown_program}, which is not there"));
    }
    if access(&path, Access::EXEC_OK).is_err() {
        let message = format!("{file}: apiKeyHelper is {shown_program}, which can't be run");
        return vec![Finding::wrong(message, format!("run: chmod +x {}", shown(&path)))];
    }
    let name = path.file_name().unwrap_or_default();
    if name == "claude-credential" && !words.iter().any(|word| word == "api-key-helper") {
        return doubtful(
            "runs claude-credential without the word api-key-helper, whose contract is Claude Code's".to_owned(),
        );
    }
    if name == "claude-credential" && path.canonicalize().ok().as_ref() != Some(&own) {
        let version = spawn::version(check_context, &path);
        let is_same = version.as_deref() == Some(env!("CARGO_PKG_VERSION"));
        let what = format!("is another claude-credential, version {}", version.as_deref().unwrap_or("unknown"));
        return if is_same { doubtful(what) } else { wrong(what) };
    }
    vec![Finding::good(format!("{file}: {}", path.display()))]
}

/// A project or the administrator sets an empty `apiKeyHelper`, which hides the user's.
fn hidden(check_context: &CheckContext) -> Option<Finding> {
    let (SettingsFile { scope, file, .. }, line) = claude::deciding(&check_context.settings, claude::API_KEY_HELPER)?;
    let file = file.display();
    (*scope != Scope::User).then(|| {
        let message = format!("{file}:{}: apiKeyHelper is empty, so Claude Code runs none here", line.number);
        Finding::doubtful(message, format!("remove apiKeyHelper from {file}"))
    })
}

/// The path that `program` names, with the home folder in place of `~` or `$HOME`; `None` if it is not absolute.
fn expanded(program: &str, check_context: &CheckContext) -> Option<PathBuf> {
    let home = &check_context.context.folders.home;
    let in_home = ["~/", "$HOME/", "${HOME}/"].iter().find_map(|prefix| program.strip_prefix(prefix));
    let path = in_home.map_or_else(|| PathBuf::from(program), |relative| home.join(relative));
    Some(path).filter(|path| path.is_absolute() && !path.to_string_lossy().contains('$'))
}

/// The project sets no `apiKeyHelper`: it would run in place of the user's, and it comes with a clone.
pub(in super::super) fn project(check_context: &CheckContext) -> Vec<Finding> {
    let here = std::env::current_dir().unwrap_or_default();
    vec![match check_context.helper() {
        Some((set_in, _)) if matches!(set_in.scope, Scope::Local | Scope::Project) => {
            let file = set_in.file.display();
            let message =
                format!("{file} sets an apiKeyHelper of its own, which Claude Code runs here in place of yours");
            Finding::doubtful(message, format!("if you did not write it, remove apiKeyHelper from {file}"))
        }
        _ => Finding::good(format!("no project settings set an apiKeyHelper in {}", Path::new(&here).display())),
    }]
}
