//! `config.toml`, and what `--undo` makes of one that somebody changed.

use std::fs;

use super::undo::{VAULT, setup};
use super::{config, fixture, set_up, set_up_with, undo};

#[test]
fn what_somebody_added_stays_and_what_setup_added_goes() {
    for mine in [
        "# mine\n",
        "\n# mine\n[entry.mine]\nshell = \"pass show x\" # mine\n",
        "\n[profile.work]\nhosts = [\"a.example\"]\n",
    ] {
        for before in [
            "",
            "# before\nttl = \"1m\"\n",
            "# before\n[profile.default]\nchain = [\n  \"login\", # first\n]\n\n[entry.b]\nshell = 'b'\n",
        ] {
            let fixture = fixture();
            fixture.config(before);
            setup(&fixture, &VAULT).exits(0);
            fixture.config(&(config(&fixture) + mine));
            let output = undo(&fixture);
            let said = &output.exits(0).stderr;
            assert!(
                said.contains("config.toml was changed since setup wrote it; only what setup wrote is undone"),
                "{said}"
            );
            assert_eq!(config(&fixture).trim_start(), format!("{before}{mine}").trim_start(), "{mine} {before}");
        }
    }
}

#[test]
fn an_edit_between_two_setups_stays_and_the_sections_of_both_go() {
    let fixture = fixture();
    setup(&fixture, &VAULT).exits(0);
    fixture.config(&("ttl = \"1m\" # mine\n\n".to_owned() + &config(&fixture)));
    set_up(&fixture, "pass", &["entry=claude"]).exits(0);
    assert!(config(&fixture).contains("chain = [\"pass\", \"vault\"]"), "{}", config(&fixture));
    set_up(&fixture, "cloudflared", &["gateway=https://a.example"]).exits(0);
    undo(&fixture).exits(0);
    assert_eq!(config(&fixture).trim_end(), "ttl = \"1m\" # mine");
    assert!(!fixture.home().join(".local/share/claude-credential/setup").exists());
}

#[test]
fn where_nothing_is_left_of_a_config_that_was_made_it_goes() {
    let fixture = fixture();
    setup(&fixture, &VAULT).exits(0);
    fixture.config(&(config(&fixture) + "\n\n"));
    undo(&fixture).exits(0);
    assert!(!fixture.config_file().exists());
}

#[test]
fn a_chain_to_which_somebody_added_keeps_what_they_added() {
    let fixture = fixture();
    fixture.config("[profile.default]\nchain = [\"login\"]\n");
    setup(&fixture, &VAULT).exits(0);
    let text = config(&fixture).replace("[\"vault\", \"login\"]", "[\"vault\", \"api-key\", \"login\"] # mine");
    fixture.config(&text.replace("[profile.default]\n", "[profile.default]\nttl = \"1m\"\n"));
    undo(&fixture).exits(0);
    let expected = "[profile.default]\nttl = \"1m\"\nchain = [\"api-key\", \"login\"] # mine\n";
    assert_eq!(config(&fixture), expected);
}

#[test]
fn a_comment_in_a_profile_of_somebodys_stays() {
    let fixture = fixture();
    fixture.config("[profile.default]\nhosts = [\"api.anthropic.com\"]\n");
    setup(&fixture, &VAULT).exits(0);
    fixture.config(&config(&fixture).replace("hosts", "# mine\nhosts"));
    undo(&fixture).exits(0);
    assert_eq!(config(&fixture), "[profile.default]\n# mine\nhosts = [\"api.anthropic.com\"]\n");
}

#[test]
fn an_entry_of_somebodys_that_setup_moved_to_the_front_does_not_stay_there_unsaid() {
    let fixture = fixture();
    let before = "[profile.default]\nchain = [\"team\", \"vault\"]\n\n[entry.team]\nshell = \"echo t\"\n\n[entry.vault]\nshell = \"echo v\"\n";
    fixture.config(before);
    set_up_with(&fixture, "vault", &["path=secret/claude"], &["--replace"]).exits(0);
    let mine = config(&fixture).replace("[\"vault\", \"team\"]", "[\"vault\", \"team\", \"api-key\"]");
    fixture.config(&mine);
    let output = undo(&fixture);
    assert!(output.exits(78).stderr.ends_with("--undo --replace\n"), "{output:#?}");
    assert_eq!(config(&fixture), mine);
    fixture.dispatcher(&["setup", "--undo", "--yes", "--replace"]).run().exits(0);
    assert_eq!(config(&fixture), before);
}

#[test]
fn what_somebody_made_their_own_leaves_the_file_as_it_is() {
    for (was, is, says) in [
        ("\"secret/claude\"", "\"secret/mine\"", "remove [entry.vault] in line 1"),
        ("[entry.vault]\n", "[entry.vault]\non_error = \"next\"\n", "remove [entry.vault] in line 1"),
        (
            "[profile.default]",
            "[profile.work]\nchain = [\"vault\"]\n\n[profile.default]",
            "remove vault from the chain of [profile.work] in line",
        ),
        ("command =", "# mine\ncommand =", "remove [entry.vault] in line 1"),
        ("[profile.default]", "# mine\n[profile.default]", "remove [profile.default] in line"),
    ] {
        let fixture = fixture();
        setup(&fixture, &VAULT).exits(0);
        let mine = config(&fixture).replace(was, is);
        fixture.config(&mine);
        for _ in 0..2 {
            let output = undo(&fixture);
            let said = output.exits(78).stderr.lines().last().unwrap_or_default();
            assert!(said.contains("and is left as it is; ") && said.ends_with("--undo --replace"), "{output:#?}");
            assert!(output.stderr.contains(says), "{output:#?}");
            assert_eq!(config(&fixture), mine);
            assert!(!fixture.home().join(".claude").exists());
        }
        fixture.dispatcher(&["setup", "--undo", "--yes", "--replace"]).run().exits(0);
        assert!(!fixture.config_file().exists());
        assert!(!fixture.home().join(".local/share/claude-credential/setup").exists());
    }
}

#[test]
fn a_section_is_ours_to_replace_only_where_setup_wrote_it() {
    let fixture = fixture();
    fixture.config("[entry.pass]\nshell = \"mine\"\n");
    setup(&fixture, &VAULT).exits(0);
    let refused = set_up(&fixture, "pass", &["entry=claude"]);
    assert!(refused.fails(78).contains("[entry.pass] already exists"), "{refused:#?}");
    // Ours is, even where somebody has changed what stands around it.
    fixture.config(&(config(&fixture) + "# mine\n"));
    set_up(&fixture, "vault", &["path=secret/other"]).exits(0);
    assert!(config(&fixture).contains("\"secret/other\""), "{}", config(&fixture));
    set_up_with(&fixture, "pass", &["entry=claude"], &["--replace"]).exits(0);
    undo(&fixture).exits(0);
    assert_eq!(config(&fixture), "[entry.pass]\nshell = \"mine\"\n# mine\n");
}

#[test]
fn of_a_config_only_what_setup_wrote_is_shown() {
    let fixture = fixture();
    let key = fixture.secret("in the config");
    let config = fixture.config(&format!("# {key}\n[entry.mine]\nshell = \"printf {key}\"\n"));
    // The sandbox itself looks for the secret in what is said.
    let output = setup(&fixture, &VAULT);
    let said = &output.exits(0).stderr;
    assert!(said.contains("\"secret/claude\"") && said.contains("shell = \"…\""), "{said}");
    fs::write(&config, fs::read_to_string(&config).expect("it") + &format!("# {key}\n")).expect("it");
    let output = fixture.dispatcher(&["setup", "--undo", "--yes", "--replace"]).run();
    let said = &output.exits(0).stderr;
    assert!(said.contains("\"secret/claude\"") && said.contains("\n # …\n"), "{said}");
}

#[test]
fn a_second_configuration_is_refused_while_the_first_can_be_undone() {
    let fixture = fixture();
    setup(&fixture, &VAULT).exits(0);
    let other = fixture.write("other.toml", "");
    let words = ["--config", other.to_str().expect("UTF-8")];
    let refused = set_up_with(&fixture, "pass", &["entry=claude"], &words);
    assert!(refused.fails(78).ends_with("run: claude-credential setup --undo"), "{refused:#?}");
    assert_eq!(fs::read_to_string(&other).expect("it"), "");
    undo(&fixture).exits(0);
    set_up_with(&fixture, "pass", &["entry=claude"], &words).exits(0);
    undo(&fixture).exits(0);
    assert_eq!(fs::read_to_string(&other).expect("it"), "");
}
