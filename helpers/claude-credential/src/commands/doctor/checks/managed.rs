use claude_credential_config::claude::{self, Scope};

use super::{CheckContext, Finding, or_good};

/// The administrator's settings with which Claude Code does not start while an apiKeyHelper is set
/// (<https://code.claude.com/docs/en/settings>).
const FORCE_LOGIN: [&str; 2] = ["forceLoginMethod", "forceLoginOrgUUID"];

/// The administrator's settings allow an apiKeyHelper, and the user's wins.
pub(in super::super) fn blocks(check_context: &CheckContext) -> Vec<Finding> {
    let mut found = Vec::new();
    let has_helper = check_context.helper().is_some();
    let user = check_context.settings.iter().find(|file| file.scope == Scope::User);
    for managed in check_context.managed() {
        let file = managed.file.display();
        for setting in FORCE_LOGIN {
            let Some(line) = managed.get(setting).map(|line| line.number) else { continue };
            found.push(if has_helper {
                Finding::wrong(
                    format!("{file}:{line}: {setting} keeps Claude Code from starting with an apiKeyHelper"),
                    "ask your administrator; or run: claude-credential setup --undo",
                )
            } else {
                Finding::doubtful(
                    format!("{file}:{line}: {setting} forbids Claude Code with an apiKeyHelper"),
                    "ask your administrator before you run: claude-credential setup",
                )
            });
        }
        if let Some((line, user)) = managed.get(claude::API_KEY_HELPER).zip(user)
            && user.get(claude::API_KEY_HELPER).is_some_and(|own| own.value != line.value)
        {
            let line = line.number;
            let own = user.file.display();
            let message = format!("{file}:{line}: its apiKeyHelper wins over that in {own}");
            found.push(Finding::doubtful(message, format!("remove apiKeyHelper from {own}")));
        }
    }
    or_good(found, || match check_context.managed().count() {
        0 => "there are no managed settings".to_owned(),
        _ => "no managed setting blocks an apiKeyHelper".to_owned(),
    })
}
