use std::process::Command;
use std::time::Duration;

use claude_credential_config::{KeyStore, Program};
use claude_credential_process::Ended;
use claude_credential_protocol::text;

use super::installation::INSTALL;
use super::{CheckContext, Finding, spawn};
use crate::chain::program;

/// Longer than the helper waits for the keychain.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The keychain works. The helper that keeps keys tries it, because the dispatcher links no D-Bus.
pub(in super::super) fn works(check_context: &CheckContext) -> Vec<Finding> {
    let context = &check_context.context;
    if context.options.no_input && context.config.key_store != KeyStore::File {
        let message = "not looked at, because of --no-input: a locked keychain asks for its password in a window";
        return vec![Finding::doubtful(message, "run: claude-credential doctor")];
    }
    let Some(file) = program::locate(context, "apikey") else {
        let message = "not looked at: claude-credential-apikey, which keeps keys, is not installed";
        return vec![Finding::doubtful(message, INSTALL)];
    };
    let helper = Program::Helper { name: "apikey".to_owned(), args: Vec::new() };
    let mut command = Command::new(&file);
    command.args(program::helper_args(context, &helper)).arg("check-keychain");
    let finding = match spawn::run(check_context, command, TIMEOUT) {
        Err(failure) => {
            Finding::of(&format!("{file} {failure}; run it by hand: {file} check-keychain", file = file.display()))
        }
        Ok(finished) => {
            let stdout = String::from_utf8_lossy(&finished.stdout).into_owned();
            match finished.ended {
                Ended::Exit(0) if !stdout.trim().is_empty() => Finding::good(stdout.trim()),
                // An older helper does not know the operation, and prints nothing.
                Ended::Exit(0) => {
                    Finding::doubtful("not looked at: claude-credential-apikey is too old for that", INSTALL)
                }
                _ => Finding::of(
                    &text::last_line_of_ours(&finished.stderr)
                        .unwrap_or_else(|| "the keychain can't be tried".to_owned()),
                )
                .or_mend("look at it, or set key_store = \"file\" in config.toml"),
            }
        }
    };
    vec![finding]
}
