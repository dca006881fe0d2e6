//! Tells the user what will change, before anything is written.

use claude_credential_config::claude::{self, Scope, SettingsFile};
use claude_credential_protocol::CLOUD_SWITCHES;

use super::{Discovery, Placeholders, Plan, Preset, client};
use crate::client::cloud::Cloud;
use crate::context::Context;

/// With these settings an administrator prescribes a login: Claude Code then refuses to start with an `apiKeyHelper`
/// (<https://code.claude.com/docs/en/settings>).
const FORCED_LOGIN: [&str; 2] = ["forceLoginMethod", "forceLoginOrgUUID"];

/// One line for each effect.
pub(crate) fn lines(
    context: &Context,
    preset: &Preset,
    found: &Discovery,
    plan: &Plan,
    placeholders: &Placeholders,
) -> Vec<String> {
    let mut lines = Vec::new();
    let files = client::files(context, plan);
    let variable = |name: &str| claude::variable(&files, &context.environment, name);
    // A cloud takes precedence over every key.
    let clouds = CLOUD_SWITCHES.map(|(cloud, _)| cloud);
    let switch = |name: &str| claude::switch(&files, &context.environment, name);
    let on = |name: &&str| Some((str::to_owned(name), switch(name)?.place.removal(name)));
    if preset.settings.api_key_helper.is_some() {
        lines.push("Claude Code gets its key from claude-credential, in every project and session".to_owned());
        if found.subscription {
            lines.push("usage is billed to the owner of that key, no longer to your claude.ai subscription".to_owned());
        }
        lines.push("Claude Code turns off Remote Control, /schedule and the connectors of claude.ai".to_owned());
        for (name, what) in [
            ("ANTHROPIC_AUTH_TOKEN", "in addition, in Authorization"),
            ("ANTHROPIC_API_KEY", "in x-api-key, before any other key"),
        ] {
            lines.extend(
                variable(name).map(|found| {
                    format!("{name} is set, and Claude Code sends it {what}; {}", found.place.removal(name))
                }),
            );
        }
        lines.extend(clouds.iter().filter_map(on).map(|(cloud, removal)| {
            format!(
                "{cloud} is set and takes precedence: Claude Code uses that cloud, not the key; to use the key, {removal}"
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
        lines.push(format!("Claude Code uses {name}, and no other key or login"));
        if found.subscription {
            lines.push("usage is billed to that account, no longer to your claude.ai subscription".to_owned());
        }
        let others = clouds.iter().filter(|cloud| **cloud != own).filter_map(on);
        lines.extend(
            others.map(|(other, removal)| format!("{other} is set too, and only one cloud can be used; {removal}")),
        );
        lines.extend(instead.iter().filter_map(on).map(|(instead, removal)| {
            format!("{instead} is set, so Claude Code ignores the credentials of this sign-in; {removal}")
        }));
    } else {
        lines.push("nothing changes for Claude Code: this preset is for scripts".to_owned());
    }
    lines.extend(preset.warn.iter().map(|warning| placeholders.plain(warning)));
    if let Some(url) =
        preset.settings.env.get("ANTHROPIC_BASE_URL").and(context.environment.get_os("ANTHROPIC_BASE_URL"))
        && plan.wanted.iter().all(|wanted| url != wanted.value.as_str())
    {
        lines.push("ANTHROPIC_BASE_URL has another value in this shell; run: unset ANTHROPIC_BASE_URL".to_owned());
    }
    let names: Vec<&str> =
        plan.wanted.iter().map(|wanted| wanted.path[0].as_str()).filter(|name| *name != "env").collect();
    for file in &files {
        match file.scope {
            Scope::Managed => lines.extend(of_administrator(file, &names)),
            Scope::User => {}
            Scope::Local | Scope::Project => lines.extend(
                names
                    .iter()
                    .filter(|name| file.get(name).is_some())
                    .map(|name| format!("{} sets {name}, which takes precedence in that project", file.file.display())),
            ),
        }
    }
    lines
}

/// What an administrator's file overrides or forbids.
fn of_administrator(settings: &SettingsFile, names: &[&str]) -> Vec<String> {
    let file = settings.file.display();
    let wins = names
        .iter()
        .filter(|name| settings.get(name).is_some())
        .map(|name| format!("your administrator's {file} sets {name}, which takes precedence"));
    let forced = FORCED_LOGIN.into_iter().filter(|name| settings.get(name).is_some());
    let blocks = forced.filter(|_| names.contains(&claude::API_KEY_HELPER)).map(|name| {
        format!("your administrator's {file} sets {name}: Claude Code does not start with an apiKeyHelper")
    });
    wins.chain(blocks).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{SettingsFile, of_administrator};

    #[test]
    fn an_administrators_file_is_named_where_it_wins_or_blocks() {
        let text = r#"{ "apiKeyHelper": "CANARY", "forceLoginMethod": "claudeai", "awsAuthRefresh": null }"#;
        let settings = SettingsFile::of_user(Path::new("/managed.json"), text);
        let lines = of_administrator(&settings, &["apiKeyHelper"]);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("precedence") && lines[1].contains("does not start"), "{lines:?}");
        assert!(!lines.concat().contains("CANARY"));
        assert!(of_administrator(&settings, &["awsAuthRefresh"]).is_empty());
    }
}
