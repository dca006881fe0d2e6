//! `exec -- COMMAND…`: the command in our place, one credential in its environment, and none that would win over it.

use std::collections::BTreeMap;
use std::fs;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Call, Fake, Input, Output, Sandbox, label, skip, tool, wait_until};
use rustix::process::Signal;
use serde_json::json;

/// Whatever the client or an SDK takes a credential from, or a service is chosen by.
const OTHERS: [&str; 11] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_PROFILE",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_MESSAGING_TOKEN",
];

#[test]
fn a_key_and_a_token_are_in_the_one_variable_of_theirs_and_no_other_of_the_family_is_set() {
    for (lines, variable) in [
        (&["credential=SECRET", "authtype=x-api-key"][..], "ANTHROPIC_API_KEY"),
        (&["claude.kind=bearer", "credential=SECRET", "authtype=Bearer"], "ANTHROPIC_AUTH_TOKEN"),
        (
            &[
                "claude.kind=bearer",
                "credential=SECRET",
                "authtype=Bearer",
                "claude.header[]=anthropic-beta: oauth-2025-04-20",
            ],
            "CLAUDE_CODE_OAUTH_TOKEN",
        ),
    ] {
        let (mut sandbox, _fake) = fixture(lines);
        for name in OTHERS {
            sandbox.set(name, sandbox.secret("other"));
        }
        sandbox.set("AWS_ACCESS_KEY_ID", "AKIA");
        sandbox.set("SOME_VARIABLE", "kept");
        let found = variables(&exec(&sandbox, &[]).run());
        assert_eq!(label(&found[variable]), "secret");
        let left: Vec<&str> = OTHERS.into_iter().filter(|name| found.contains_key(*name)).collect();
        assert_eq!(left, [variable]);
        // The command may have other business with AWS.
        assert_eq!((found["AWS_ACCESS_KEY_ID"].as_str(), found["SOME_VARIABLE"].as_str()), ("AKIA", "kept"));
        assert!(!found.contains_key("CLAUDE_CREDENTIAL_ACTIVE") && !found.contains_key("ANTHROPIC_BASE_URL"));
    }
}

#[test]
fn aws_keys_come_whole_and_nothing_that_wins_over_them_is_left() {
    let keys = ["claude.kind=aws", "username=AKIA", "password=SECRET", "claude.region=eu-west-1"];
    let others = [
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_PROFILE",
        "AWS_BEARER_TOKEN_BEDROCK",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
        "CLAUDE_CODE_USE_VERTEX",
        "ANTHROPIC_API_KEY",
    ];
    let (mut sandbox, fake) = fixture(&keys);
    for name in others {
        sandbox.set(name, "other");
    }
    sandbox.unset("CLAUDE_CODE_USE_VERTEX");
    let found = variables(&exec(&sandbox, &[]).run());
    assert_eq!(others.iter().find(|name| found.contains_key(**name)), None);
    assert_eq!(
        (found["AWS_ACCESS_KEY_ID"].as_str(), label(&found["AWS_SECRET_ACCESS_KEY"])),
        ("AKIA", "secret".into())
    );
    assert_eq!((found["AWS_REGION"].as_str(), found["CLAUDE_CODE_USE_BEDROCK"].as_str()), ("eu-west-1", "1"));
    // With its third part, and with an end; the region is then the user's.
    sandbox.set("AWS_REGION", "eu-north-1");
    sandbox.dispatcher(&["cache", "clear"]).run().succeeds();
    let token = "claude.session_token=SECRET";
    fake.does(&prints(&sandbox, &[keys[0], keys[1], keys[2], token, "password_expiry_utc=4102444800"]));
    let found = variables(&exec(&sandbox, &[]).run());
    assert_eq!((label(&found["AWS_SESSION_TOKEN"]), found["AWS_REGION"].as_str()), ("secret".into(), "eu-north-1"));
    assert_eq!(found["AWS_CREDENTIAL_EXPIRATION"], "2100-01-01T00:00:00Z");
}

#[test]
fn a_clouds_token_goes_where_the_client_takes_it_for_that_cloud() {
    let (mut sandbox, _) = cloud("bedrock", "CLAUDE_CODE_USE_BEDROCK", &[]);
    sandbox.set("ANTHROPIC_AUTH_TOKEN", sandbox.secret("other"));
    let found = variables(&exec(&sandbox, &[]).run());
    assert_eq!(label(&found["AWS_BEARER_TOKEN_BEDROCK"]), "secret");
    assert_eq!(found["CLAUDE_CODE_USE_BEDROCK"], "1");
    assert!(!found.contains_key("ANTHROPIC_AUTH_TOKEN"));
    let vertex = ["claude.project=acme", "claude.region=europe-west1", "claude.quota_project=payer"];
    let (mut sandbox, _) = cloud("vertex", "CLAUDE_CODE_USE_VERTEX", &vertex);
    sandbox.set(
        "ANTHROPIC_CUSTOM_HEADERS",
        "X-Team: one\nAuthorization: Bearer other\nX-Goog-User-Project: other\nProxy-Authorization: Basic eHl6",
    );
    let found = variables(&exec(&sandbox, &[]).run());
    assert_eq!(label(&found["ANTHROPIC_AUTH_TOKEN"]), "secret");
    for (name, value) in [
        ("CLAUDE_CODE_USE_VERTEX", "1"),
        ("CLAUDE_CODE_SKIP_VERTEX_AUTH", "1"),
        ("ANTHROPIC_VERTEX_PROJECT_ID", "acme"),
        ("CLOUD_ML_REGION", "europe-west1"),
        ("ANTHROPIC_CUSTOM_HEADERS", "X-Team: one|Proxy-Authorization: Basic eHl6|x-goog-user-project: payer"),
    ] {
        assert_eq!(found[name], value);
    }
}

#[test]
fn a_header_that_the_credential_needs_is_told_and_one_that_the_client_overwrites_is_an_error() {
    let bearer = ["claude.kind=bearer", "credential=SECRET", "authtype=Bearer"];
    let (sandbox, fake) = fixture(&[&bearer[..], &["claude.header[]=X-Tenant: acme"]].concat());
    let found = variables(&exec(&sandbox, &[]).run());
    assert_eq!(found["ANTHROPIC_CUSTOM_HEADERS"], "X-Tenant: acme");
    fake.does(&prints(&sandbox, &[&bearer[..], &["claude.header[]=Anthropic-Beta: other"]].concat()));
    sandbox.dispatcher(&["cache", "clear"]).run().succeeds();
    let said = exec(&sandbox, &[]).run();
    assert!(said.fails(78).contains("entry acme") && said.stderr.contains("anthropic-beta"), "{said:#?}");
}

#[test]
fn for_a_gateway_the_command_is_told_where_it_is() {
    let (mut sandbox, fake) = fixture(&["credential=SECRET", "authtype=x-api-key"]);
    let profile = "[profile.default]\nhosts = [\"gateway.acme.example\", \"b.acme.example\"]\nchain = [\"acme\"]\n";
    sandbox.config(&format!("{profile}{}", fake.entry()));
    let found = variables(&exec(&sandbox, &[]).run());
    assert_eq!(found["ANTHROPIC_BASE_URL"], "https://gateway.acme.example");
    // A gateway behind a path is the user's to say, and stays as it was said.
    sandbox.set("ANTHROPIC_BASE_URL", "https://b.acme.example/v2");
    let found = variables(&exec(&sandbox, &[]).run());
    assert_eq!(found["ANTHROPIC_BASE_URL"], "https://b.acme.example/v2");
    assert_eq!(fake.last("get").expect("a get").get("host"), Some("b.acme.example"));
}

#[test]
fn a_command_that_would_send_it_elsewhere_is_not_started() {
    let (mut sandbox, fake) = fixture(&["credential=SECRET", "authtype=x-api-key"]);
    let project = sandbox.folder("clone/.claude");
    let elsewhere = "https://evil.example";
    fs::write(project.join("settings.json"), json!({"env": {"ANTHROPIC_BASE_URL": elsewhere}}).to_string())
        .expect("a file");
    let output = exec(&sandbox, &[]).in_folder(&sandbox.home().join("clone")).run();
    assert!(output.fails(78).contains("settings.json") && output.stderr.contains("hosts = "), "{output:#?}");
    let output = exec(&sandbox, &[]).with("ANTHROPIC_BASE_URL", elsewhere).run();
    assert!(output.fails(78).contains("ANTHROPIC_BASE_URL"), "{output:#?}");
    // Behind a cloud's protocol it is that cloud's variable, without which the key would go to the cloud.
    sandbox.set("CLAUDE_CODE_USE_BEDROCK", "1");
    sandbox.set("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1");
    assert!(exec(&sandbox, &[]).run().fails(78).contains("ANTHROPIC_BEDROCK_BASE_URL"));
    let output = exec(&sandbox, &[]).with("ANTHROPIC_BEDROCK_BASE_URL", elsewhere).run();
    assert!(output.fails(78).contains("ANTHROPIC_BEDROCK_BASE_URL"), "{output:#?}");
    assert_eq!(fake.runs(), 0);
    // What is listed is the gateway's, and the variables that lead to it stay.
    let found = exec(&sandbox, &[]).with("ANTHROPIC_BEDROCK_BASE_URL", "https://api.anthropic.com").run();
    assert_eq!(variables(&found)["CLAUDE_CODE_SKIP_BEDROCK_AUTH"], "1");
}

#[test]
fn where_another_profile_lists_the_host_that_one_is_named_and_no_list_is_to_grow() {
    let (sandbox, fake) = fixture(&["credential=SECRET", "authtype=Bearer"]);
    let gateway = "[profile.gateway]\nhosts = [\"gateway.acme.example\"]\nchain = [\"acme\"]\n";
    sandbox.config(&format!("{gateway}{}", fake.entry()));
    // As `setup` leaves it.
    sandbox.settings(&json!({"env": {"ANTHROPIC_BASE_URL": "https://gateway.acme.example/v1"}}));
    let output = exec(&sandbox, &[]).run();
    let said = output.fails(78);
    assert!(said.ends_with("--profile gateway") && !said.contains("hosts = "), "{output:#?}");
    let chosen = sandbox.dispatcher(&["--profile", "gateway", "exec", "--", "true"]).run();
    chosen.succeeds();
}

#[test]
fn settings_that_would_lead_the_client_elsewhere_win_over_our_variables_and_so_nothing_is_started() {
    let (sandbox, fake) = fixture(&["credential=SECRET", "authtype=x-api-key"]);
    let elsewhere = json!({"env": {"ANTHROPIC_BASE_URL": "https://gw.other.example"}});
    let file = sandbox.settings(&elsewhere);
    for call in [exec(&sandbox, &[]), exec(&sandbox, &[]).with("ANTHROPIC_BASE_URL", "https://api.anthropic.com")] {
        let output = call.run();
        let said = output.fails(78);
        assert!(said.contains(&format!("{}:1: ANTHROPIC_BASE_URL", file.display())), "{output:#?}");
    }
    assert_eq!(fake.runs(), 0);
}

#[test]
fn the_command_takes_our_place_with_its_streams_its_signals_and_its_exit_code() {
    let (sandbox, _) = fixture(&["credential=SECRET", "authtype=x-api-key"]);
    let command = |script: &str| sandbox.dispatcher(&["exec", "--", "sh", "-c", script, "--not-ours", "-v"]);
    let output = command("cat; echo \"$0 $1\"; echo said >&2; exit 9").says("what it reads\n").run();
    assert_eq!((output.exits(9).stdout.as_str(), output.stderr.as_str()), ("what it reads\n--not-ours -v\n", "said\n"));
    let running = command("trap 'exit 7' TERM; echo $$; while :; do sleep 0.02; done").start();
    wait_until(|| running.stdout().ends_with('\n'));
    assert_eq!(running.stdout(), format!("{}\n", running.pid()));
    running.signal(Signal::TERM);
    running.finish().exits(7);
    assert_eq!(command("kill -9 $$").run().signal(), Some(9));
    // As every program, it ends when its reader has gone; the standard library would have it go on.
    let pipe = "{ claude-credential exec -- sh -c 'while :; do echo x; done'; echo $? >code; } | head -n 1; cat code";
    assert_eq!(sandbox.call("/bin/sh", &["-c", pipe]).run().succeeds().stdout, "x\n141\n");
}

#[test]
fn a_command_that_can_t_be_started_is_told_as_shells_do_and_nobody_is_asked_for_it() {
    let (sandbox, fake) = fixture(&["credential=SECRET", "authtype=x-api-key"]);
    let run = |word: &str| sandbox.dispatcher(&["exec", "--", word]).run();
    assert!(run("no-such-command").fails(127).contains("no-such-command is not on PATH"));
    sandbox.write(sandbox.bin("notes"), "no program");
    assert!(run("notes").fails(126).contains("is not executable"));
    assert_eq!(fake.runs(), 0);
    assert!(run("/no/such/command").fails(127).contains("/no/such/command is not there"));
    // It is there, and its interpreter is not.
    let script = sandbox.script("orphan", "");
    fs::write(&script, "#!/no/such/interpreter\n").expect("a file");
    for word in ["orphan", script.to_str().expect("UTF-8")] {
        assert!(run(word).fails(126).contains("the program that its first line names"), "{word}");
    }
    assert!(run("/etc").fails(126).contains("can't be started"));
    // Not what somebody put into the folder that we are called from.
    let folder = sandbox.folder("clone");
    fs::copy(sandbox.bin("claude-credential"), folder.join("planted")).expect("a copy");
    let path = format!(".::{}", sandbox.root().join("bin").display());
    sandbox.dispatcher(&["exec", "--", "planted"]).in_folder(&folder).with("PATH", path).run().fails(127);
    sandbox.dispatcher(&["exec", "env"]).run().exits(2);
}

#[test]
fn without_a_credential_no_command_is_started() {
    let (sandbox, fake) = fixture(&[]);
    exec(&sandbox, &[]).run().fails(1);
    fake.does(&Script::failure(77, "signed out; run: acme login"));
    assert!(exec(&sandbox, &[]).run().fails(77).ends_with("acme login"));
}

#[test]
fn a_profile_s_own_folder_of_the_client_is_told_and_its_login_is_left_to_the_client() {
    let mut sandbox = Sandbox::new();
    let folder = sandbox.home().join(".claude-personal");
    let fake = sandbox.fake("acme", &Script::secrets([sandbox.secret("key-1")]));
    let profile = "claude_config_dir = \"~/.claude-personal\"\n";
    sandbox.config(&format!(
        "[profile.work]\nchain = [\"acme\"]\n{profile}[profile.personal]\nchain = [\"login\"]\n{profile}{}",
        fake.entry()
    ));
    let found = variables(&exec(&sandbox, &["--profile", "work"]).run());
    assert_eq!(
        (found["CLAUDE_CONFIG_DIR"].as_str(), label(&found["ANTHROPIC_API_KEY"])),
        (folder.to_str().expect("UTF-8"), "key-1".into())
    );
    // Nobody is signed in there.
    exec(&sandbox, &["--profile", "personal"]).run().fails(1);
    let login = json!({"claudeAiOauth": {"accessToken": sandbox.secret("login")}});
    sandbox.write(".claude-personal/.credentials.json", login.to_string());
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("metered"));
    sandbox.set("ANTHROPIC_FOUNDRY_API_KEY", sandbox.secret("foundry"));
    sandbox.set("ANTHROPIC_CUSTOM_HEADERS", format!("X-Team: blue\nx-api-key: {}", sandbox.secret("header")));
    sandbox.set("CLAUDE_CODE_USE_BEDROCK", "1");
    let output = exec(&sandbox, &["--profile", "personal"]).run();
    let found = variables(&output);
    assert_eq!(found["CLAUDE_CONFIG_DIR"], folder.to_str().expect("UTF-8"));
    for name in ["ANTHROPIC_API_KEY", "ANTHROPIC_FOUNDRY_API_KEY", "CLAUDE_CODE_USE_BEDROCK"] {
        assert!(!found.contains_key(name), "{name}");
    }
    assert_eq!(found["ANTHROPIC_CUSTOM_HEADERS"], "X-Team: blue");
    assert!(!sandbox.canary().is_in(output.stdout.as_bytes()));
}

#[test]
fn what_lives_longer_is_asked_for_and_a_loop_is_still_seen() {
    let (sandbox, fake) = fixture(&["credential=SECRET", "authtype=x-api-key"]);
    exec(&sandbox, &[]).run().exits(0);
    assert_eq!(fake.last("get").expect("a get").get("claude.min_ttl"), Some("3600"));
    let program = sandbox.bin("claude-credential");
    sandbox.config(&format!(
        "[profile.default]\nchain = [\"loop\"]\n[entry.loop]\ncommand = [{program:?}, \"exec\", \"--\", {program:?}, \"print\"]\n"
    ));
    let output = exec(&sandbox, &[]).run();
    output.fails(70);
}

#[test]
fn claude_code_gets_a_key_by_a_descriptor_which_it_does_not_ask_about() {
    let (mut sandbox, _fake) = fixture(&["credential=SECRET", "authtype=x-api-key"]);
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("other"));
    // Read twice, as a client may.
    let name = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR";
    let read = format!("cat /dev/fd/${name}; echo; cat /dev/fd/${name}; echo \" ${{ANTHROPIC_API_KEY-unset}} $*\"");
    let client = sandbox.script("claude", &read);
    for word in ["claude", client.to_str().expect("UTF-8")] {
        let output = sandbox.dispatcher(&["exec", "--", word, "-p", "hello"]).shows_secret().run();
        let key = sandbox.secret("secret");
        assert_eq!(output.succeeds().stdout, format!("{key}\n{key} unset -p hello\n"));
    }
    // Any other command may be a program that reads the variable alone.
    sandbox.script("agent", "echo \"$ANTHROPIC_API_KEY\"");
    let output = sandbox.dispatcher(&["exec", "--", "agent"]).shows_secret().run();
    assert_eq!(output.succeeds().key(), "secret");
}

#[test]
fn a_token_for_claude_code_stays_in_its_variable() {
    let (sandbox, _fake) = fixture(&["claude.kind=bearer", "credential=SECRET", "authtype=Bearer"]);
    sandbox.script("claude", "echo \"$ANTHROPIC_AUTH_TOKEN\"");
    let output = sandbox.dispatcher(&["exec", "--", "claude"]).shows_secret().run();
    assert_eq!(output.succeeds().key(), "secret");
}

#[test]
fn at_a_terminal_whoever_is_signed_out_is_asked_and_then_the_command_runs() {
    let Some(script) = tool("script") else { return skip("signing in at a terminal", "no script") };
    let (sandbox, fake) = fixture(&[]);
    let signed_out = Does::Fails { code: 77, stderr: "signed out; run: acme login".to_owned(), secret: None };
    fake.does(&Script::steps([signed_out, Does::answers(sandbox.secret("key-1"))]));
    let command = "claude-credential exec -- sh -c 'test -t 0 && echo it runs'";
    let call = sandbox.call(script, &["-qec", command, "/dev/null"]).input(Input::Open(b"y\n".to_vec()));
    let output = call.run();
    assert!(output.exits(0).stdout.contains("sign in to acme now?"), "{output:#?}");
    assert!(output.stdout.ends_with("it runs\r\n"), "{output:#?}");
}

/// `exec` of a program that shows its environment.
fn exec<'a>(sandbox: &'a Sandbox, options: &[&str]) -> Call<'a> {
    sandbox.dispatcher(options).args(["exec", "--", "env", "-0"]).shows_secret()
}

#[track_caller]
fn variables(output: &Output) -> BTreeMap<String, String> {
    let pairs = output.succeeds().stdout.split('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.replace('\n', "|"))).collect()
}

/// A chain of one helper that answers with these lines, the secret in place of the word.
fn fixture(lines: &[&str]) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &prints(&sandbox, lines));
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}

/// The client set up for a cloud whose helper gives a token and these lines.
fn cloud(name: &str, switch: &str, lines: &[&str]) -> (Sandbox, Fake) {
    let mut sandbox = Sandbox::new();
    let token = ["claude.kind=bearer", "credential=SECRET", "authtype=Bearer"];
    let fake = sandbox.fake(name, &prints(&sandbox, &[&token[..], lines].concat()));
    let (executable, [option, script]) = fake.helper();
    let text = format!("exec {} {option} {script} \"$@\"", executable.display());
    sandbox.script(&format!("claude-credential-{name}"), &text);
    sandbox.set(switch, "1");
    (sandbox, fake)
}

fn prints(sandbox: &Sandbox, lines: &[&str]) -> Script {
    let answer = [&["capability[]=authtype", "capability[]=claude.v1"][..], lines, &["", ""]].concat().join("\n");
    Script::new(Does::Prints(answer.replace("SECRET", &sandbox.secret("secret"))))
}
