//! What `--undo` makes of files that the user edited after `setup`: it takes out what setup wrote, and loses nothing.

use std::fs;

use claude_credential_tests::{Output, Sandbox};
use serde_json::json;

use super::undo::{VAULT, setup};
use super::{config, fixture, set_up_with, settings, undo};

#[test]
fn of_settings_that_are_not_json_nothing_is_shown() {
    for text in [
        "{\n  'env': {'KEY': 'KEY'}\n}\n",
        "{\n  \"a\": \"b\" odd\", \"token: KEY\", \"c\": 1\n}\n",
        "{\n  // it's\n  'KEY': 1,\n  \"a\": KEY\n}",
        "{\"a\": \"KEY\"} KEY",
    ] {
        let fixture = fixture();
        let before = format!("{{\"env\": {{\"A\": \"{}\"}}}}", fixture.secret("before"));
        let file = fixture.write(".claude/settings.json", &before);
        setup(&fixture, &VAULT).exits(0);
        fs::write(&file, text.replace("KEY", &fixture.secret("later"))).expect("it");
        assert!(undo(&fixture).fails(78).contains("not valid JSON"), "{text}");
        // The sandbox itself looks for the secrets in what is said.
        let output = replace(&fixture);
        assert!(output.exits(0).stderr.contains("-…\n"), "{output:#?}");
        assert_eq!(fs::read_to_string(&file).expect("it"), before);
    }
}

#[test]
fn a_setting_of_the_users_comes_back_also_if_ours_was_deleted_in_between() {
    let before = json!({ "apiKeyHelper": "pass show mine", "env": { "AWS_REGION": "eu-west-1" }, "model": "opus" });
    let bedrock = ["setup", "--preset", "bedrock-sso", "--set", "profile=work", "--replace"];
    for (preset, now) in [
        (&[&VAULT[..], &["--replace"]].concat()[..], json!({ "model": "opus", "env": { "AWS_REGION": "eu-west-1" } })),
        (&[&VAULT[..], &["--replace"]].concat()[..], json!({ "env": { "AWS_REGION": "eu-west-1" }, "model": "opus" })),
        (&bedrock[..], json!({ "apiKeyHelper": "pass show mine", "model": "opus" })),
        (&bedrock[..], json!({ "apiKeyHelper": "pass show mine", "env": {}, "model": "opus" })),
    ] {
        let fixture = fixture();
        fixture.settings(&before);
        setup(&fixture, preset).exits(0);
        for text in [now.to_string(), serde_json::to_string_pretty(&now).expect("JSON")] {
            fixture.write(".claude/settings.json", &text);
            let refused = fixture.dispatcher(&["setup", "--undo"]).run();
            assert!(last_line(&refused).ends_with("to agree, add: --yes"), "{refused:#?}");
            assert_eq!(settings(&fixture), now);
        }
        undo(&fixture).exits(0);
        assert_eq!(settings(&fixture), before);
    }
}

#[test]
fn a_section_of_the_users_that_setup_replaced_is_kept_if_ours_was_deleted_in_between() {
    let fixture = fixture();
    let before = "[entry.vault]\nshell = 'mine'\n";
    fixture.config(before);
    set_up_with(&fixture, "vault", &["path=secret/claude"], &["--replace"]).exits(0);
    fixture.config("ttl = \"1m\"\n");
    let output = undo(&fixture);
    assert!(last_line(&output).contains("restore [entry.vault]"), "{output:#?}");
    assert_eq!(config(&fixture), "ttl = \"1m\"\n");
    assert!(has_record(&fixture));
    replace(&fixture).exits(0);
    assert_eq!(config(&fixture), before);
}

#[test]
fn copies_that_hold_more_than_the_files_are_removed_only_if_the_user_agrees() {
    let fixture = fixture();
    fixture.settings(&json!({ "model": "opus" }));
    setup(&fixture, &VAULT).exits(0);
    fixture.settings(&json!({}));
    fs::remove_file(fixture.config_file()).expect("it");
    let output = fixture.dispatcher(&["setup", "--undo"]).run();
    assert!(last_line(&output).ends_with("to agree, add: --yes"), "{output:#?}");
    assert!(output.stderr.contains("the copies of the files as they were are removed from"), "{output:#?}");
    assert!(has_record(&fixture));
    undo(&fixture).exits(0);
    assert_eq!(settings(&fixture), json!({}));
    assert!(!has_record(&fixture));
}

#[test]
fn a_copy_of_the_file_that_an_earlier_undo_finished_is_removed_only_if_the_user_agrees() {
    let fixture = fixture();
    fixture.settings(&json!({ "model": "opus", "theme": "dark" }));
    setup(&fixture, &VAULT).exits(0);
    let mut edited = settings(&fixture);
    edited.as_object_mut().expect("an object").remove("model");
    fixture.settings(&edited);
    fixture.config(&config(&fixture).replace("[entry.vault]", "[entry.vault]\non_error = 'next'"));
    let refused = undo(&fixture);
    assert!(last_line(&refused).contains("[entry.vault]"), "{refused:#?}");
    assert_eq!(settings(&fixture), json!({ "theme": "dark" }));
    fixture.config("");
    let output = fixture.dispatcher(&["setup", "--undo"]).run();
    assert!(last_line(&output).ends_with("to agree, add: --yes"), "{output:#?}");
    assert!(has_record(&fixture));
}

#[test]
fn a_chain_that_was_empty_before_is_empty_again() {
    let fixture = fixture();
    fixture.config("[profile.default]\nchain = []\n");
    setup(&fixture, &VAULT).exits(0);
    fixture.config(&(config(&fixture) + "# mine\n"));
    undo(&fixture).exits(0);
    assert_eq!(config(&fixture), "[profile.default]\nchain = []\n# mine\n");
}

#[test]
fn replace_drops_later_edits_only_where_they_are_in_the_way() {
    let fixture = fixture();
    fixture.settings(&json!({ "model": "opus" }));
    fixture.config("ttl = \"1m\"\n");
    setup(&fixture, &VAULT).exits(0);
    let mut edited = settings(&fixture);
    edited["theme"] = json!("dark");
    fixture.settings(&edited);
    fixture.config(&(config(&fixture) + "\n[entry.mine]\nshell = 'x'\n"));
    replace(&fixture).exits(0);
    assert_eq!(settings(&fixture), json!({ "model": "opus", "theme": "dark" }));
    assert_eq!(config(&fixture), "ttl = \"1m\"\n\n[entry.mine]\nshell = 'x'\n");
}

#[test]
fn a_profile_or_an_entry_is_found_in_every_form_that_toml_has() {
    let entry = "[entry.vault]\n";
    for (was, is, says) in [
        ("", "\n[profile]\nwork = { chain = [\"vault\"] }\n", "remove vault from the chain of [profile.work]"),
        ("", "\n[profile]\nwork.chain = [\"vault\"]\n", "remove vault from the chain of [profile.work]"),
        ("", "\n[profile.work]\n\"chain\" = [\"vault\"]\n", "remove vault from the chain of [profile.work]"),
        (entry, "[entry]\nvault.on_error = \"next\"\n", "remove [entry.vault]"),
        (entry, "[entry.\"vault\"]\n", "remove [entry.vault]"),
    ] {
        let fixture = fixture();
        setup(&fixture, &VAULT).exits(0);
        let mine = if was.is_empty() { config(&fixture) + is } else { config(&fixture).replace(was, is) };
        // With dots in front of each key, `[entry]` holds the section.
        let mine = if is.contains("vault.on_error") {
            let (head, rest) = mine.split_once(is).expect("it");
            let (section, rest) = rest.split_once("\n\n").expect("it");
            let dotted: Vec<_> = section.lines().map(|line| format!("vault.{line}")).collect();
            format!("{head}{is}{}\n\n{rest}", dotted.join("\n"))
        } else {
            mine
        };
        fixture.config(&mine);
        fixture.dispatcher(&["cache", "list"]).run().exits(0);
        let output = undo(&fixture);
        assert!(last_line(&output).contains(says), "{is}: {output:#?}");
        assert_eq!(config(&fixture), mine);
        replace(&fixture).exits(0);
        assert!(!fixture.config_file().exists());
    }
}

#[test]
fn words_that_setup_put_into_an_inline_table_go() {
    let fixture = fixture();
    for (before, after) in [
        ("[profile]\ndefault = { chain = [\"login\"] } # a\n", "[profile]\ndefault = { chain = [\"login\"] } # a\n"),
        ("profile.default.chain = [\"login\"]\n", "profile.default.chain = [\"login\"]\n"),
    ] {
        fixture.config(before);
        setup(&fixture, &VAULT).exits(0);
        fixture.config(&(config(&fixture) + "# mine\n"));
        undo(&fixture).exits(0);
        assert_eq!(config(&fixture), format!("{after}# mine\n"));
        fs::remove_file(fixture.config_file()).expect("it");
    }
    // What setup wrote here is part of the user's own line.
    let before = "[profile]\ndefault = { hosts = [\"a.example\", \"api.anthropic.com\"] }\n";
    fixture.config(before);
    setup(&fixture, &VAULT).exits(0);
    let mine = config(&fixture) + "# mine\n";
    fixture.config(&mine);
    let output = undo(&fixture);
    assert!(last_line(&output).contains("restore [profile.default]"), "{output:#?}");
    assert_eq!(config(&fixture), mine);
    replace(&fixture).exits(0);
    assert_eq!(config(&fixture), before);
}

#[test]
fn without_settings_json_the_configuration_is_undone_and_the_copy_stays() {
    let fixture = fixture();
    let before = json!({ "apiKeyHelper": "pass show mine" });
    let file = fixture.settings(&before);
    set_up_with(&fixture, "vault", &["path=secret/claude"], &["--replace"]).exits(0);
    fs::remove_file(&file).expect("it");
    for _ in 0..2 {
        let output = undo(&fixture);
        assert!(last_line(&output).ends_with("--undo --replace"), "{output:#?}");
        assert!(output.stderr.contains("settings.json was removed since setup wrote it"), "{output:#?}");
        assert!(!file.exists() && !fixture.config_file().exists() && has_record(&fixture));
    }
    replace(&fixture).exits(0);
    assert_eq!(settings(&fixture), before);
    assert!(!has_record(&fixture));
}

#[test]
fn of_a_config_with_two_kinds_of_line_ends_every_byte_of_the_users_stays() {
    let mine = "# mine\r\nttl = \"1m\"\n\r\n[entry.mine]\r\nshell = '''a\r\nb'''\n";
    let with_bom = format!("\u{FEFF}{mine}");
    // Edited after setup, and before it.
    for (before, mine) in [("", mine), (mine, mine), (&with_bom, &with_bom)] {
        let fixture = fixture();
        fixture.config(before);
        setup(&fixture, &VAULT).exits(0);
        let edited = config(&fixture);
        assert!(edited.starts_with(before), "{edited:?}");
        let later = if before.is_empty() { format!("{mine}\n{edited}") } else { edited + "# later\r\n" };
        fixture.config(&later);
        undo(&fixture).exits(0);
        let left = config(&fixture);
        let rest = left.strip_prefix(mine).unwrap_or_else(|| panic!("{left:?}"));
        assert_eq!(rest.trim_matches('\n'), if before.is_empty() { "" } else { "# later\r" }, "{left:?}");
    }
}

#[test]
fn chains_with_two_kinds_of_line_ends_lose_our_word_alone() {
    let fixture = fixture();
    let before = "[profile.default] # a\r\nchain = [\n  \"login\",\r\n  \"api-key\",\n]\r\n[claude]\n";
    fixture.config(before);
    setup(&fixture, &VAULT).exits(0);
    let edited = before.replace("\"login\"", "\"vault\",\r\n  \"login\"");
    let (_, ours) =
        config(&fixture).split_once("[entry.vault]").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("it");
    fixture.config(&format!("{edited}\n[entry.vault]{ours}"));
    undo(&fixture).exits(0);
    assert_eq!(config(&fixture), before);
}

fn replace(fixture: &Sandbox) -> Output {
    fixture.dispatcher(&["setup", "--undo", "--yes", "--replace"]).run()
}

fn has_record(fixture: &Sandbox) -> bool {
    fixture.home().join(".local/share/claude-credential/setup").exists()
}

/// What a refusal says last.
fn last_line(output: &Output) -> &str {
    output.exits(78).stderr.lines().last().unwrap_or_default()
}
