//! What changes for the user, said before anything is written.

use std::path::{Path, PathBuf};

use claude_credential_config::claude;
use serde_json::Value;

use super::found::{self, Found};
use super::plan::Plan;
use super::preset::Preset;
use crate::context::Context;

/// With these an administrator prescribes a login, and Claude Code does not start beside an `apiKeyHelper`
/// (<https://code.claude.com/docs/en/settings>).
const FORCED_LOGIN: [&str; 2] = ["forceLoginMethod", "forceLoginOrgUUID"];

/// The clouds, which come before every key.
const CLOUDS: [&str; 3] = ["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"];

/// One sentence each.
pub(crate) fn lines(context: &Context, preset: &Preset, found: &Found, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    let settings = found::settings(&plan.settings.path);
    let own_env = |name: &str| settings.as_ref().and_then(|settings| settings.get("env")?.get(name)?.as_str());
    let is_on = |name: &str| {
        context.environment.is_on(name) || own_env(name).is_some_and(|value| !matches!(value, "" | "0" | "false"))
    };
    let is_set =
        |name: &str| context.environment.get_os(name).is_some() || own_env(name).is_some_and(|value| !value.is_empty());
    if preset.settings.api_key_helper.is_some() {
        lines.push("Claude Code takes its key from claude-credential, in every project and session".to_owned());
        if found.subscription {
            lines.push(
                "usage goes to the owner of that key, no longer to the claude.ai subscription that is signed in"
                    .to_owned(),
            );
        }
        lines.push("Claude Code turns off Remote Control, /schedule and the connectors of claude.ai".to_owned());
        if is_set("ANTHROPIC_AUTH_TOKEN") {
            lines.push(
                "ANTHROPIC_AUTH_TOKEN is set, and Claude Code sends it beside that key, in Authorization; run: unset \
                 ANTHROPIC_AUTH_TOKEN"
                    .to_owned(),
            );
        }
        if is_set("ANTHROPIC_API_KEY") {
            lines.push(
                "ANTHROPIC_API_KEY is set, and Claude Code sends it in x-api-key, whatever else there is; run: unset \
                 ANTHROPIC_API_KEY"
                    .to_owned(),
            );
        }
        lines.extend(
            CLOUDS
                .into_iter()
                .filter(|cloud| is_on(cloud))
                .map(|cloud| format!("{cloud} is set, and wins over every key: Claude Code goes to that cloud")),
        );
    } else if preset.settings.aws_credential_export.is_some() || preset.settings.gcp_auth_refresh.is_some() {
        let cloud = if preset.settings.gcp_auth_refresh.is_some() { "Google's Vertex AI" } else { "Amazon Bedrock" };
        lines.push(format!("Claude Code goes to {cloud}, whatever key or login there is"));
        if found.subscription {
            lines.push(
                "usage goes to that account, no longer to the claude.ai subscription that is signed in".to_owned(),
            );
        }
        let own = if preset.settings.gcp_auth_refresh.is_some() { CLOUDS[1] } else { CLOUDS[0] };
        lines.extend(CLOUDS.into_iter().filter(|cloud| *cloud != own && is_on(cloud)).map(|cloud| {
            format!("{cloud} is set too; one of them can hold: unset {cloud}, or take it out of the settings")
        }));
    } else {
        lines.push("nothing changes for Claude Code: this is for scripts".to_owned());
    }
    if let Some(url) =
        preset.settings.env.get("ANTHROPIC_BASE_URL").and(context.environment.get_os("ANTHROPIC_BASE_URL"))
        && plan.wanted.iter().all(|wanted| url != wanted.value.as_str())
    {
        lines.push(
            "ANTHROPIC_BASE_URL is set to another address in this shell; run: unset ANTHROPIC_BASE_URL".to_owned(),
        );
    }
    let names: Vec<&str> =
        plan.wanted.iter().map(|wanted| wanted.path[0].as_str()).filter(|name| *name != "env").collect();
    let own = context.folders.claude.join("settings.json");
    let managed = claude::settings_files(&context.folders).into_iter().filter(|file| *file != own);
    lines.extend(managed.flat_map(|file| of_administrator(&file, found::settings(&file).as_ref(), &names)));
    let here = std::env::current_dir().ok();
    let projects: Vec<PathBuf> = here.map(|here| claude::project_files(&here, &context.folders)).unwrap_or_default();
    for file in projects {
        let settings = found::settings(&file);
        let set = names.iter().filter(|name| settings.as_ref().is_some_and(|settings| settings.get(**name).is_some()));
        lines.extend(set.map(|name| format!("{} sets {name}, which wins in that project", file.display())));
    }
    lines
}

/// What an administrator's file would win or forbid.
fn of_administrator(file: &Path, settings: Option<&Value>, names: &[&str]) -> Vec<String> {
    let file = file.display();
    let has = |name: &str| settings.and_then(|settings| settings.get(name)).is_some_and(|value| !value.is_null());
    let wins = names
        .iter()
        .filter(|name| has(name))
        .map(|name| format!("{file}, which is your administrator's, sets {name} and wins over what is written here"));
    let forced = FORCED_LOGIN.into_iter().filter(|name| names.contains(&"apiKeyHelper") && has(name));
    let blocks = forced.map(|name| {
        format!("{file}, which is your administrator's, sets {name}: Claude Code does not start beside an apiKeyHelper")
    });
    wins.chain(blocks).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::of_administrator;

    #[test]
    fn an_administrators_file_is_named_where_it_wins_or_blocks() {
        let file = Path::new("/managed.json");
        let settings = json!({ "apiKeyHelper": "CANARY", "forceLoginMethod": "claudeai", "awsAuthRefresh": null });
        let lines = of_administrator(file, Some(&settings), &["apiKeyHelper"]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("wins") && lines[1].contains("does not start"), "{lines:?}");
        assert!(!lines.concat().contains("CANARY"));
        assert!(of_administrator(file, Some(&settings), &["awsAuthRefresh"]).is_empty());
        assert!(of_administrator(file, None, &["apiKeyHelper"]).is_empty());
    }
}
