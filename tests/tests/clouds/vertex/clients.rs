//! Who takes what we print: Claude Code, by `gcpAuthRefresh` and by `apiKeyHelper` before a gateway; Google's libraries,
//! by a program as a credential source. The configurations are the documents' own.
//!
//! `tests/run.sh` runs these, in a network of their own.

use std::fs;
use std::path::PathBuf;

use claude_credential_tests::document::blocks;
use claude_credential_tests::google::{Fixture, HOST};
use claude_credential_tests::oauth::NOT_GIT;
use claude_credential_tests::{
    Answer, Call, Client, Running, label, process, request, wait_until, waits_for, workspace,
};
use serde_json::{Value, json};

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn fifty_that_ask_at_once_ask_google_once() {
    let fixture = client();
    let get = || fixture.sandbox.dispatcher(&["get"]).says(request(HOST, &NOT_GIT)).shows_secret();
    fixture.cloud.delays("google token", 1);
    let running: Vec<_> = (0..50).map(|_| get().start()).collect();
    let tokens = running.into_iter().map(|one| {
        let answer = Answer::parse(&one.finish().succeeds().stdout);
        answer.get("credential").expect("a token").to_owned()
    });
    let tokens: Vec<String> = tokens.collect();
    assert!(tokens.iter().all(|token| *token == tokens[0] && label(token).starts_with("google-")), "{tokens:?}");
    assert_eq!(fixture.cloud.count("google"), 1);
    assert_eq!(fixture.sandbox.print().run().key(), label(&tokens[0]), "and who comes later asks nobody");
    assert_eq!(fixture.cloud.count("google"), 1);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn with_vertex_nobody_else_is_asked_and_without_its_sign_in_the_usual_chain_is() {
    let mut fixture = client();
    fixture.set("ANTHROPIC_API_KEY", fixture.sandbox.secret("metered"));
    assert!(fixture.sandbox.print().run().key().starts_with("google-"));
    fixture.cloud.refuses("refresh");
    let said = fixture.sandbox.dispatcher(&["--no-cache", "print"]).run();
    assert!(said.fails(77).ends_with("gcloud auth application-default login"), "{said:#?}");
    fs::remove_file(well_known(&fixture)).expect("nobody has signed in");
    fixture.no_metadata();
    fixture.sandbox.print().run().fails(1);
    fixture.set("CLAUDE_CODE_SKIP_VERTEX_AUTH", "1");
    assert_eq!(fixture.sandbox.print().run().key(), "metered");
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn before_a_gateway_a_token_of_vertex_is_the_key_that_the_client_sends() {
    let json = block("docs/vertex.md", "json", "CLAUDE_CODE_SKIP_VERTEX_AUTH");
    let settings: Value = serde_json::from_str(&json).expect("JSON");
    let fixture = client_with(&settings);
    // A project that pays is said in a header elsewhere, and the client can send none.
    let mut file = fixture.person();
    file["quota_project_id"] = "pays".into();
    fixture.gcloud(&file);
    let toml = block("docs/vertex.md", "toml", "chain = [\"vertex\"]");
    fixture.sandbox.config(&toml);
    let client = Client::new(&fixture.sandbox, setting(&fixture, &settings, "apiKeyHelper"));
    assert!(client.key().starts_with("google-"));
    // For nobody else: whoever has the profile's name and not its host gets nothing.
    fixture.sandbox.config(&toml.replace("gateway.acme.example", "other.acme.example"));
    let said = client.call();
    assert!(said.fails(78).contains("gateway.acme.example"), "{said:#?}");
    assert_eq!(fixture.cloud.count("google"), 1);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn what_the_readme_prints_is_what_scripts_need() {
    let fixture = client();
    let env = fixture.sandbox.print().args(["--format", "env"]).run().succeeds().stdout.clone();
    let lines: Vec<_> = env.lines().collect();
    assert!(lines[0].starts_with("export ANTHROPIC_AUTH_TOKEN='"), "{}", lines.len());
    let expected = [
        "export ANTHROPIC_VERTEX_PROJECT_ID='acme-claude'",
        "export CLOUD_ML_REGION='us-east5'",
        "export CLAUDE_CODE_USE_VERTEX='1'",
        "export CLAUDE_CODE_SKIP_VERTEX_AUTH='1'",
    ];
    assert_eq!(lines[1..5], expected);
    let curl = fixture.sandbox.print().args(["--format", "curl"]).run().succeeds().stdout.clone();
    assert!(curl.contains("Authorization: Bearer "), "{}", curl.len());
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn twenty_sessions_that_wake_together_sign_in_once() {
    let mut fixture = client();
    fixture.no_metadata();
    let fresh = fs::read(well_known(&fixture)).expect("a sign-in");
    fixture.sandbox.write("fresh", fresh);
    let sign_in = gcloud(&fixture, &format!("cp ~/fresh '{}'", well_known(&fixture).display()));
    refresh(&fixture).run().succeeds();
    assert!(!sign_in.exists(), "it is good: nobody signs in");
    for file in [None, Some(fixture.person_with("refresh-rapt"))] {
        match file {
            None => fs::remove_file(well_known(&fixture)).expect("the sign-in"),
            Some(file) => drop(fixture.gcloud(&file)),
        }
        let running: Vec<_> = (0..20).map(|_| refresh(&fixture).start()).collect();
        for one in running {
            one.finish().exits(0);
        }
        let called = fs::read_to_string(&sign_in).expect("a sign-in");
        assert_eq!(called, "auth application-default login\n");
        fs::remove_file(&sign_in).expect("its file");
        assert!(fixture.sandbox.print().run().key().starts_with("google-"));
    }
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn where_no_sign_in_helps_nobody_signs_in() {
    let mut fixture = client();
    fixture.no_metadata();
    let sign_in = gcloud(&fixture, "exit 1");
    let mut away = fixture.person();
    away["token_uri"] = "http://127.0.0.1:9/token".into();
    fixture.gcloud(&away);
    // A laptop that wakes has no network yet.
    refresh(&fixture).run().exits(75);
    fixture.gcloud(&json!({ "type": "authorized_user" }));
    refresh(&fixture).run().exits(78);
    assert!(!sign_in.exists());
    fixture.gcloud(&fixture.person_with("refresh-rapt"));
    refresh(&fixture).run().exits(77);
    assert!(sign_in.exists());
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn a_sign_in_that_is_over_names_its_command_and_get_opens_no_browser() {
    let fixture = client();
    let sign_in = gcloud(&fixture, "true");
    for (refresh_token, word) in [("refresh", "invalid_grant"), ("refresh-rapt", "invalid_rapt")] {
        fixture.cloud.refuses("refresh");
        fixture.gcloud(&fixture.person_with(refresh_token));
        let get = fixture.get(HOST, &[]).run();
        let said = get.exits(77).error_line();
        assert!(said.contains(word) && said.ends_with("run: gcloud auth application-default login"), "{said}");
    }
    assert!(!sign_in.exists());
}

/// Google's libraries run the program of a credential source for each of their clients: the one in Claude Code four times
/// at its start, three of them at once.
#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn as_a_credential_source_we_bear_being_run_four_times_and_ask_once() {
    let mut fixture = Fixture::new();
    let gate = fixture.sandbox.root().join("gate");
    let subject = fixture.sandbox.write("subject", fixture.sandbox.secret("subject"));
    let runs = fixture.runs_file();
    let acme = format!("echo run >>'{}'\n{}\ncat '{}'", runs.display(), waits_for(&gate), subject.display());
    fixture.sandbox.script("acme-token", &acme);
    fixture.sandbox.config(
        "[profile.google]\nchain = [\"acme\"]\n[entry.acme]\ncommand = [\"acme-token\"]\nvary = [\"ACME_*\"]\n",
    );
    let script = block("docs/vertex.md", "text", "urn:ietf:params:oauth:token-type:jwt");
    let source = fixture.sandbox.script("google-source", &script);

    let run = || fixture.sandbox.call(&source, &[]).shows_secret();
    let three: Vec<_> = (0..3).map(|_| run().start()).collect();
    let pids = || three.iter().map(Running::pid).flat_map(process::family).collect::<Vec<_>>();
    wait_until(|| process::waiting_for_locks(&pids()) == 2);
    fs::write(&gate, "").expect("a gate");
    let mut printed: Vec<_> = three.into_iter().map(|one| one.finish().succeeds().stdout.clone()).collect();
    printed.push(run().run().succeeds().stdout.clone());
    for one in &printed {
        let one: Value = serde_json::from_str(one).expect("JSON");
        assert_eq!((&one["version"], &one["success"]), (&1.into(), &true.into()));
        assert_eq!(one["id_token"].as_str().map(label).as_deref(), Some("subject"));
    }
    assert_eq!(fixture.runs(), 1);

    // And both of Google's libraries take it.
    let executable = json!({ "command": source, "timeout_millis": 5000 });
    fixture.credentials(&fixture.external(&json!({ "executable": executable })));
    fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    fixture.python().run().exits(0);
    fixture.rust().run().exits(0);
    fixture.get(HOST, &[]).run().succeeds();
    let subjects = fixture.questions(0);
    assert_eq!(subjects.len(), 3);
    assert!(subjects.iter().all(|question| question.asks == subjects[0].asks), "{subjects:#?}");
    assert_eq!(fixture.runs(), 1);
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn nothing_of_a_secret_is_logged_whatever_is_set() {
    let mut fixture = Fixture::new();
    for (name, value) in [("RUST_LOG", "trace,yup_oauth2=trace,hyper=trace"), ("RUST_BACKTRACE", "full")] {
        fixture.set(name, value);
    }
    // That stderr is empty, or one line without a secret, is looked at with each run.
    let files =
        [fixture.person(), fixture.service_account(), fixture.impersonated("she@fake.example", &fixture.person())];
    for file in &files {
        fixture.credentials(file);
        fixture.get(HOST, &[]).run().succeeds();
        fixture.sandbox.print().arg("--chain").arg("vertex").run().succeeds();
        fixture.sandbox.dispatcher(&["cache", "clear"]).run().succeeds();
    }
    // It repeats what it was sent.
    fixture.cloud.refuses("refresh");
    for file in &files[..1] {
        fixture.credentials(file);
        fixture.get(HOST, &[]).run().exits(77).error_line();
    }
    fixture.cloud.is_taken_over("google");
    for file in &files {
        fixture.credentials(file);
        fixture.get(HOST, &[]).run().exits(75).error_line();
    }
}

#[test]
#[ignore = "needs a network of its own: tests/run.sh"]
fn store_and_erase_are_silence() {
    let fixture = client();
    let secret = format!("password={}", fixture.sandbox.secret("offered"));
    for operation in ["store", "erase"] {
        let said = fixture.helper(&[operation]).says(request(HOST, &["username=oauth2", &secret])).run();
        assert_eq!(said.succeeds().stdout, "");
    }
    assert_eq!(fixture.cloud.count(""), 0);
    assert!(fixture.sandbox.files_with_secrets().is_empty());
}

/// The README's reader, who has signed in with gcloud.
fn client() -> Fixture {
    client_with(&settings())
}

fn client_with(settings: &Value) -> Fixture {
    let mut fixture = Fixture::new();
    fixture.gcloud(&fixture.person());
    for (name, value) in settings["env"].as_object().expect("variables in the settings") {
        fixture.set(name, value.as_str().expect("a text"));
    }
    fixture
}

fn settings() -> Value {
    serde_json::from_str(&block("docs/vertex.md", "json", "gcpAuthRefresh")).expect("JSON")
}

/// The README's `gcpAuthRefresh`, as Claude Code runs it.
fn refresh(fixture: &Fixture) -> Call<'_> {
    fixture.sandbox.call("/bin/sh", &["-c", &setting(fixture, &settings(), "gcpAuthRefresh")])
}

/// A command of the settings, where the executables are.
fn setting(fixture: &Fixture, settings: &Value, name: &str) -> String {
    let bin = fixture.sandbox.root().join("bin");
    settings[name].as_str().expect("a command").replace("/home/me/.local/bin", &bin.display().to_string())
}

/// A stand-in for gcloud, which does as a script says; the file in which it notes how it was called.
fn gcloud(fixture: &Fixture, does: &str) -> PathBuf {
    let called = fixture.sandbox.root().join("called");
    fixture.sandbox.script("gcloud", &format!("echo \"$@\" >>'{}'\n{does}", called.display()));
    called
}

fn well_known(fixture: &Fixture) -> PathBuf {
    fixture.sandbox.home().join(".config/gcloud/application_default_credentials.json")
}

/// The block of a document that has these words in it.
fn block(document: &str, tag: &str, words: &str) -> String {
    let text = fs::read_to_string(workspace().join(document)).expect("a document");
    let block = blocks(&text).into_iter().find(|block| block.tag == tag && block.text.contains(words));
    block.unwrap_or_else(|| panic!("{document} has no block {tag} with {words}")).text
}
