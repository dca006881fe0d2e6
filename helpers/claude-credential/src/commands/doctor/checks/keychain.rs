use std::process::Command;
use std::time::Duration;

use claude_credential_config::KeyStore;
use claude_credential_process::Ended;
use claude_credential_protocol::text;

use super::super::check_context::CheckContext;
use super::super::finding::Finding;
use super::super::spawn;
use crate::chain::program;

/// Longer than the helper gives the keychain.
const PATIENCE: Duration = Duration::from_secs(15);

/// The helper that keeps keys tries it: here no bus is spoken.
pub(in super::super) fn works(check_context: &CheckContext) -> Vec<Finding> {
    let context = &check_context.context;
    if check_context.trouble.is_some() {
        // It would say again that config.toml can't be read.
        return Vec::new();
    }
    if context.options.no_input && context.config.key_store != KeyStore::File {
        let said = "not looked at, because of --no-input: one that is locked asks for its password in a window";
        return vec![Finding::doubtful(said, "run: claude-credential doctor")];
    }
    let Some(file) = program::locate(context, "apikey") else {
        let said = "not looked at: claude-credential-apikey, which keeps keys, is not installed";
        return vec![Finding::doubtful(said, "in the folder of its source, run: ./install.sh")];
    };
    let mut command = Command::new(&file);
    command.args(program::helper_args(context, "apikey", &[])).arg("check-keychain");
    let finding = match spawn::ask(check_context, command, PATIENCE) {
        Err(failure) => Finding::of_message(&format!(
            "{file} {failure}; run it by hand: {file} check-keychain",
            file = file.display()
        )),
        Ok(finished) => {
            let said = String::from_utf8_lossy(&finished.stdout).into_owned();
            match finished.ended {
                Ended::Exit(0) if !said.trim().is_empty() => Finding::good(said.trim()),
                // A helper does not know the word and says nothing: it is of another version.
                Ended::Exit(0) => Finding::doubtful(
                    "not looked at: claude-credential-apikey is too old for that",
                    "in the folder of its source, run: ./install.sh",
                ),
                _ => Finding::of_message(
                    &text::last_line_of_ours(&finished.stderr)
                        .unwrap_or_else(|| "the keychain can't be tried".to_owned()),
                )
                .or_mend("look at it, or set key_store = \"file\" in config.toml"),
            }
        }
    };
    vec![finding]
}
