//! What changes for the user, said before anything is written.

use std::path::{Path, PathBuf};

use claude_credential_config::claude;
use claude_credential_protocol::CLOUD_SWITCHES;
use serde_json::Value;

use super::blanks::Blanks;
use super::client;
use super::found::{self, Found};
use super::plan::Plan;
use super::preset::Preset;
use crate::client::cloud::Cloud;
use crate::context::Context;

/// With these an administrator prescribes a login, and Claude Code does not start beside an `apiKeyHelper`
/// (<https://code.claude.com/docs/en/settings>).
const FORCED_LOGIN: [&str; 2] = ["forceLoginMethod", "forceLoginOrgUUID"];

/// One sentence each.
pub(crate) fn lines(context: &Context, preset: &Preset, found: &Found, plan: &Plan, blanks: &Blanks) -> Vec<String> {
    let mut lines = Vec::new();
    let files = client::files(context, plan);
    let variable = |name: &str| claude::variable(&files, &context.environment, name);
    // They come before every key.
    let clouds = CLOUD_SWITCHES.map(|(cloud, _)| cloud);
    let switch = |name: &str| claude::switch(&files, &context.environment, name);
    let on = |name: &&str| Some((str::to_owned(name), switch(name)?.place.removal(name)));
    if preset.settings.api_key_helper.is_some() {
        lines.push("Claude Code takes its key from claude-credential, in every project and session".to_owned());
        if found.subscription {
            lines.push(
                "usage goes to the owner of that key, no longer to the claude.ai subscription that is signed in"
                    .to_owned(),
            );
        }
        lines.push("Claude Code turns off Remote Control, /schedule and the connectors of claude.ai".to_owned());
        for (name, what) in [
            ("ANTHROPIC_AUTH_TOKEN", "beside that key, in Authorization"),
            ("ANTHROPIC_API_KEY", "in x-api-key, whatever else there is"),
        ] {
            lines.extend(
                variable(name).map(|found| {
                    format!("{name} is set, and Claude Code sends it {what}; {}", found.place.removal(name))
                }),
            );
        }
        lines.extend(clouds.iter().filter_map(on).map(|(cloud, removal)| {
            format!(
                "{cloud} is set, and wins over every key: Claude Code goes to that cloud; to use the key, {removal}"
            )
        }));
    } else if let Some(cloud) = preset.cloud() {
        let (own, name, instead) = match cloud {
            Cloud::Vertex => ("CLAUDE_CODE_USE_VERTEX", "Google's Vertex AI", &["CLAUDE_CODE_SKIP_VERTEX_AUTH"][..]),
            Cloud::Bedrock => (
                "CLAUDE_CODE_USE_BEDROCK",
                "Amazon Bedrock",
                &["CLAUDE_CODE_SKIP_BEDROCK_AUTH", "AWS_BEARER_TOKEN_BEDROCK"][..],
            ),
        };
        lines.push(format!("Claude Code goes to {name}, whatever key or login there is"));
        if found.subscription {
            lines.push(
                "usage goes to that account, no longer to the claude.ai subscription that is signed in".to_owned(),
            );
        }
        let others = clouds.iter().filter(|cloud| **cloud != own).filter_map(on);
        lines.extend(others.map(|(other, removal)| format!("{other} is set too, and one of them can hold; {removal}")));
        lines.extend(instead.iter().filter_map(on).map(|(instead, removal)| {
            format!("{instead} is set, and Claude Code does not use the credentials of this sign-in; {removal}")
        }));
    } else {
        lines.push("nothing changes for Claude Code: this is for scripts".to_owned());
    }
    lines.extend(preset.warn.iter().map(|warning| blanks.plain(warning)));
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
