//! One setup after another.

use std::fs;

use serde_json::{Value, json};

use super::undo::{GATEWAY, VAULT, setup};
use super::{config, fixture, set_up, set_up_with, settings, undo, us};

#[test]
fn undo_leads_back_to_before_the_first_setup() {
    let fixture = fixture();
    let text = "{\n  \"env\": {\"ANTHROPIC_BASE_URL\": \"https://old.example\"} // mine\n}";
    let config = "# mine\nttl = \"1m\"\n[profile.default]\nhosts = [\"old.example\"]\n";
    let file = fixture.write(".claude/settings.json", text);
    fixture.config(config);
    setup(&fixture, &VAULT).exits(0);
    let again = setup(&fixture, &VAULT);
    assert!(again.exits(0).stderr.contains("already set up this way"), "{again:#?}");
    setup(&fixture, &["setup", "--preset", "vault", "--set", "path=secret/other"]).exits(0);
    let output = setup(&fixture, &GATEWAY);
    assert!(output.fails(78).contains("`env.ANTHROPIC_BASE_URL`"), "{output:#?}");
    setup(&fixture, &[&GATEWAY[..], &["--replace"]].concat()).exits(0);
    let edited = fs::read_to_string(&file).expect("the file");
    assert!(edited.contains("--profile cloudflared") && edited.contains("https://gateway.acme.example"), "{edited}");
    undo(&fixture).exits(0);
    assert_eq!(fs::read_to_string(&file).expect("the file"), text);
    assert_eq!(fs::read_to_string(fixture.config_file()).expect("the file"), config);
    assert!(undo(&fixture).fails(1).contains("nothing to undo"));
}

#[test]
fn a_second_setup_that_was_killed_before_it_wrote_is_undone_to_before_the_first() {
    let (vault, bedrock) = (("vault", "path=secret/claude"), ("bedrock-sso", "profile=work"));
    for ((preset, answer), has_config) in [(vault, false), (vault, true), (bedrock, false)] {
        let fixture = fixture();
        let file = fixture.write(".claude/settings.json", "{\n  \"model\": \"opus\" // mine\n}\n");
        let config = fixture.config("# mine\nttl = \"1m\"\n");
        let before = [&file, &config].map(|file| fs::read(file).expect("it"));
        setup(&fixture, &GATEWAY).exits(0);
        let first = [&file, &config].map(|file| fs::read(file).expect("it"));
        set_up(&fixture, preset, &[answer]).exits(0);
        // What it wrote before all else is the record.
        fs::write(&file, &first[0]).expect("it");
        if !has_config {
            fs::write(&config, &first[1]).expect("it");
        }
        undo(&fixture).exits(0);
        assert_eq!([&file, &config].map(|file| fs::read(file).expect("it")), before, "{preset} {has_config}");
    }
}

#[test]
fn between_two_setups_a_change_of_somebody_else_is_kept_by_undo() {
    let fixture = fixture();
    let file = fixture.write(".claude/settings.json", "{\n  \"model\": \"opus\"\n}\n");
    setup(&fixture, &VAULT).exits(0);
    let edited = fs::read_to_string(&file).expect("it").replace("opus", "sonnet");
    fs::write(&file, edited).expect("it");
    setup(&fixture, &GATEWAY).exits(0);
    undo(&fixture).exits(0);
    assert_eq!(fs::read_to_string(&file).expect("it"), "{\n  \"model\": \"sonnet\"\n}\n");
}

#[test]
fn the_gateway_of_a_second_setup_takes_the_place_of_the_first() {
    let fixture = fixture();
    setup(&fixture, &GATEWAY).exits(0);
    let words = ["setup", "--preset", "cloudflared", "--set", "gateway=https://other.example"];
    let output = setup(&fixture, &words);
    // Both are ours, and so can be shown.
    let said = &output.exits(0).stderr;
    assert!(
        said.contains("-    \"ANTHROPIC_BASE_URL\": \"https://gateway.acme.example\"") && !said.contains('…'),
        "{said}"
    );
    // There was nothing before.
    assert!(!said.contains("as they were are in") && said.contains("to undo this, run: "), "{said}");
    let config = config(&fixture);
    assert!(config.contains("hosts = [\"other.example\"]"), "{config}");
}

#[test]
fn what_concerns_no_setting_of_claude_codes_is_undone_too() {
    let fixture = fixture();
    let config = fixture.config("# mine\r\n[profile.default]\r\nchain = [ \"login\", # first\r\n \"api-key\" ]\r\n");
    let before = fs::read(&config).expect("it");
    setup(&fixture, &["setup", "--preset", "ant"]).exits(0);
    assert!(fs::read_to_string(&config).expect("it").contains("[profile.ant]\r\n"));
    setup(&fixture, &VAULT).exits(0);
    let edited = fs::read_to_string(&config).expect("it");
    assert!(edited.starts_with("# mine\r\n") && edited.contains("# first\r\n"), "{edited}");
    fixture.dispatcher(&["cache", "list"]).run().exits(0);
    undo(&fixture).exits(0);
    assert_eq!(fs::read(&config).expect("it"), before);
    assert!(!fixture.home().join(".claude").exists());
}

#[test]
fn what_an_earlier_preset_wrote_and_this_one_has_no_use_for_is_taken_out() {
    let fixture = fixture();
    let file = fixture.write(".claude/settings.json", "{\n  \"model\": \"opus\" // mine\n}\n");
    let before = fs::read(&file).expect("it");
    let of_key = || json!({ "model": "opus", "apiKeyHelper": format!("{} api-key-helper", us(&fixture)) });
    let now = || {
        let text = fs::read_to_string(&file).expect("it").replace(" // mine", "");
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    for other in [
        &GATEWAY[..],
        &["setup", "--preset", "bedrock-sso", "--set", "profile=work"],
        &["setup", "--preset", "vertex-adc", "--set", "project=acme"],
    ] {
        setup(&fixture, other).exits(0);
        assert!(now()["env"].is_object(), "{other:?}");
        let output = setup(&fixture, &VAULT);
        let said = &output.exits(0).stderr;
        assert_eq!(now(), of_key(), "{other:?}");
        // It is ours, and so can be shown.
        assert!(said.contains("-    \"") && !said.contains("takes precedence"), "{said}");
    }
    setup(&fixture, &["setup", "--preset", "vertex-adc", "--set", "project=acme"]).exits(0);
    setup(&fixture, &["setup", "--preset", "bedrock-sso", "--set", "profile=work"]).exits(0);
    let env = json!({ "CLAUDE_CODE_USE_BEDROCK": "1", "AWS_PROFILE": "work", "AWS_REGION": "us-east-1" });
    assert_eq!((&now()["env"], now().get("gcpAuthRefresh"), now().get("apiKeyHelper")), (&env, None, None));
    undo(&fixture).exits(0);
    assert_eq!(fs::read(&file).expect("it"), before);
}

#[test]
fn what_stood_there_before_an_earlier_preset_is_put_back_by_the_next() {
    let fixture = fixture();
    let mine = json!({ "env": { "AWS_REGION": "eu-west-1", "A": "1" } });
    fixture.settings(&mine);
    set_up_with(&fixture, "bedrock-sso", &["profile=work", "region=us-east-1"], &["--replace"]).exits(0);
    assert_eq!(settings(&fixture)["env"]["AWS_REGION"], "us-east-1");
    set_up(&fixture, "vault", &["path=secret/claude"]).exits(0);
    assert_eq!(settings(&fixture)["env"], mine["env"]);
    undo(&fixture).exits(0);
    assert_eq!(settings(&fixture), mine);
}

#[test]
fn a_setting_of_the_users_is_not_forgotten_if_ours_was_deleted_before_the_next_setup() {
    let mine = json!({ "apiKeyHelper": "pass show mine", "env": { "AWS_REGION": "eu-west-1" } });
    for (first, left, next) in [
        (("vault", "path=secret/claude"), json!({ "env": mine["env"] }), ("pass", "entry=claude")),
        (("bedrock-sso", "profile=work"), json!({ "apiKeyHelper": "pass show mine" }), ("vault", "path=secret/claude")),
    ] {
        let fixture = fixture();
        fixture.settings(&mine);
        set_up_with(&fixture, first.0, &[first.1], &["--replace"]).exits(0);
        fixture.settings(&left);
        set_up_with(&fixture, next.0, &[next.1], &["--replace"]).exits(0);
        undo(&fixture).exits(0);
        assert_eq!(settings(&fixture), mine, "{first:?}");
    }
}

#[test]
fn what_somebody_wrote_by_hand_stays_and_is_named_where_it_wins() {
    let fixture = fixture();
    set_up(&fixture, "bedrock-sso", &["profile=work"]).exits(0);
    let mut mine = settings(&fixture);
    mine["env"]["CLAUDE_CODE_USE_BEDROCK"] = json!("true");
    mine["env"]["ANTHROPIC_API_KEY"] = json!(fixture.secret("by hand"));
    let file = fixture.settings(&mine);
    let output = set_up(&fixture, "vault", &["path=secret/claude"]);
    let said = &output.exits(0).stderr;
    for name in ["CLAUDE_CODE_USE_BEDROCK", "ANTHROPIC_API_KEY"] {
        assert!(said.contains(&format!("remove {name} from `env` in {}", file.display())), "{said}");
        assert_eq!(settings(&fixture)["env"][name], mine["env"][name]);
    }
    assert_eq!(settings(&fixture).get("awsCredentialExport"), None);
}

#[test]
fn a_preset_for_scripts_leaves_claude_codes_settings_alone() {
    let fixture = fixture();
    setup(&fixture, &GATEWAY).exits(0);
    let before = settings(&fixture);
    set_up(&fixture, "ant", &[]).exits(0);
    assert_eq!(settings(&fixture), before);
}

#[test]
fn the_files_as_they_were_before_the_first_setup_are_kept_through_every_later_one() {
    let fixture = fixture();
    let settings = fixture.write(".claude/settings.json", "{\"model\": \"opus\"}");
    let config = fixture.config("ttl = \"1m\"\n");
    let backups = [("settings.json", fs::read(&settings)), ("config.toml", fs::read(&config))]
        .map(|(name, bytes)| (name, bytes.expect("it")));
    for (number, preset) in [&VAULT[..], &GATEWAY[..], &VAULT[..]].into_iter().enumerate() {
        setup(&fixture, preset).exits(0);
        let kept = fs::read_dir(fixture.home().join(".local/share/claude-credential/setup")).expect("the folder");
        let kept: Vec<_> = kept.map(|entry| entry.expect("an entry").path()).collect();
        assert_eq!(kept.len(), 1);
        for (name, before) in &backups {
            assert_eq!(&fs::read(kept[0].join(name)).expect("a backup"), before, "{name}, setup {number}");
        }
        // Whatever somebody does in between.
        fs::write(&settings, fs::read_to_string(&settings).expect("it").replace("opus", "opusplan")).expect("it");
        fs::write(&config, fs::read_to_string(&config).expect("it") + "# mine\n").expect("it");
    }
}
