//! `explain --for-client` in situations that are rarer.

use crate::situation::{DESCRIPTOR, Situation};

const TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";
const KEY: &str = "ANTHROPIC_API_KEY";
const OAUTH: &str = "CLAUDE_CODE_OAUTH_TOKEN";
const HELPER: &str = "apiKeyHelper";

const FOUNDRY: [&str; 2] = ["CLAUDE_CODE_USE_FOUNDRY=1", "ANTHROPIC_FOUNDRY_RESOURCE=acme"];
const NO_FOUNDRY_AUTH: &str = "CLAUDE_CODE_SKIP_FOUNDRY_AUTH=1";
const BEDROCK: [&str; 2] = ["CLAUDE_CODE_USE_BEDROCK=1", "CLAUDE_CODE_SKIP_BEDROCK_AUTH=1"];
const VERTEX: [&str; 3] =
    ["CLAUDE_CODE_USE_VERTEX=1", "CLAUDE_CODE_SKIP_VERTEX_AUTH=1", "ANTHROPIC_VERTEX_PROJECT_ID=acme"];
const AWS: [&str; 4] = [
    "CLAUDE_CODE_USE_ANTHROPIC_AWS=1",
    "CLAUDE_CODE_SKIP_ANTHROPIC_AWS_AUTH=1",
    "ANTHROPIC_AWS_WORKSPACE_ID=acme",
    "AWS_REGION=us-west-2",
];
const MANTLE: [&str; 3] = ["CLAUDE_CODE_USE_MANTLE=1", "CLAUDE_CODE_SKIP_MANTLE_AUTH=1", "AWS_REGION=us-west-2"];

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_key_by_descriptor_is_explained() {
    for others in [&[][..], &[HELPER], &[KEY], &[OAUTH], &[TOKEN]] {
        Situation::of(&[&[DESCRIPTOR], others].concat()).is_explained();
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_header_of_the_user_is_explained() {
    for there in [&[][..], &[HELPER], &[KEY], &[TOKEN]] {
        Situation::of(there).with_header("X-Api-Key: SECRET").is_explained();
    }
    for there in [&[HELPER], &[KEY], &[OAUTH]] {
        Situation::of(there).with_header("Authorization: Bearer SECRET").is_explained();
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn the_settings_of_a_folder_above_are_explained() {
    let situation = |file: &str| Situation::of(&[HELPER]).with_settings(file, KEY).in_folder("project/below");
    situation("project/.claude/settings.json").is_explained();
    situation("project/.claude/settings.local.json").is_explained();
    situation("project/.claude/settings.local.json").in_repository("project").is_explained();
    situation("project/.claude/settings.json").in_repository("project").is_explained();
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_switch_is_explained_by_its_words() {
    for word in ["TRUE", "on", " 1", "no", "off", "2"] {
        let switch = format!("CLAUDE_CODE_USE_FOUNDRY={word}");
        let there = [&switch, FOUNDRY[1], NO_FOUNDRY_AUTH, HELPER, TOKEN];
        Situation::of(&there).is_explained();
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn foundry_is_explained() {
    let (token, key) = ("ANTHROPIC_FOUNDRY_AUTH_TOKEN", "ANTHROPIC_FOUNDRY_API_KEY");
    for others in [&[key][..], &[token, key], &[NO_FOUNDRY_AUTH, HELPER, KEY], &[NO_FOUNDRY_AUTH, HELPER, TOKEN]] {
        Situation::of(&[&FOUNDRY, others].concat()).is_explained();
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn bedrock_without_its_own_credentials_is_explained() {
    let bearer = "AWS_BEARER_TOKEN_BEDROCK";
    for others in [&[HELPER, KEY][..], &[HELPER, TOKEN], &[HELPER, bearer], &[HELPER, DESCRIPTOR], &[KEY], &[OAUTH]] {
        Situation::of(&[&BEDROCK, others].concat()).is_explained();
    }
    Situation::of(&[&BEDROCK[..], &[HELPER]].concat()).with_header("x-api-key: SECRET").is_explained();
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn vertex_without_its_own_credentials_is_explained() {
    for others in [&[HELPER, KEY][..], &[HELPER, TOKEN], &[HELPER, DESCRIPTOR], &[KEY], &[OAUTH]] {
        Situation::of(&[&VERTEX, others].concat()).is_explained();
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn claude_on_aws_and_mantle_without_credentials_of_their_own_are_explained() {
    for cloud in [&AWS[..], &MANTLE] {
        for others in [&[HELPER, KEY][..], &[HELPER, TOKEN], &[KEY]] {
            Situation::of(&[cloud, others].concat()).is_explained();
        }
    }
}
