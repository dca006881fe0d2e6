//! `explain --for-client` names what the client really sends.

use crate::situation::Situation;

const TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";
const KEY: &str = "ANTHROPIC_API_KEY";
const OAUTH: &str = "CLAUDE_CODE_OAUTH_TOKEN";
const HELPER: &str = "apiKeyHelper";

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn one_credential_is_explained_and_none() {
    let mut senders = 0;
    for there in [&[][..], &[HELPER], &[TOKEN], &[KEY], &[OAUTH]] {
        let situation = Situation::of(there);
        situation.is_explained();
        senders += usize::from(!situation.client.api.credentials().is_empty());
    }
    assert_eq!(senders, 4, "all but the first send one");
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn of_a_variable_and_the_helper_both_are_explained() {
    for there in [&[TOKEN, HELPER][..], &[KEY, HELPER], &[OAUTH, HELPER], &[TOKEN, KEY, OAUTH, HELPER]] {
        Situation::of(there).is_explained();
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn of_several_variables_all_are_explained() {
    for there in [&[TOKEN, KEY][..], &[TOKEN, OAUTH], &[KEY, OAUTH]] {
        Situation::of(there).is_explained();
    }
}

#[test]
#[ignore = "needs Claude Code: tests/run.sh"]
fn a_variable_in_a_settings_file_is_explained() {
    let situation = |there: &[&str], file: &str| Situation::of(there).with_settings(file, KEY);
    situation(&[HELPER], "project/.claude/settings.json").is_explained();
    situation(&[TOKEN], "project/.claude/settings.local.json").is_explained();
}
