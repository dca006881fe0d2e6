use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;

use claude_credential_protocol::{Class, Helper, now};
use serde_json::{Value, json};

use super::server::{Reply, Server};
use super::{Fixture, external_account, secret, vertex};

/// A fixture whose credentials file names a script with this text, which records each run in `runs`.
fn with_script(server: &Server, script: &str, output_file: bool) -> Fixture {
    let mut fixture = Fixture::new(&[]);
    let home = fixture.home.path().to_str().unwrap().to_owned();
    let script = fixture.write("the script", &format!("echo run >> '{home}/runs'\n{script}\n"));
    // Run by the shell: a file just written can be busy while the child of another test still has it open.
    let command = format!("/bin/sh '{}' 'a b'", script.display());
    let mut executable = json!({ "command": command, "timeout_millis": 5000 });
    if output_file {
        executable["output_file"] = format!("{home}/output").into();
    }
    let credentials = external_account(server, &json!({ "executable": executable }));
    let file = fixture.write("credentials.json", &credentials.to_string());
    fixture.set(super::VARIABLE, file.to_str().unwrap());
    fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    fixture
}

fn printed(token: &str, life: u64) -> Value {
    json!({
        "version": 1, "success": true, "token_type": "urn:ietf:params:oauth:token-type:id_token",
        "id_token": token, "expiration_time": now() / 1000 + life,
    })
}

fn runs(fixture: &Fixture) -> usize {
    fs::read_to_string(fixture.home.path().join("runs")).map_or(0, |runs| runs.lines().count())
}

fn subjects(server: &Server) -> Vec<String> {
    server.seen().iter().map(|seen| seen.field("subject_token").unwrap()).collect()
}

#[test]
fn nothing_is_run_before_the_user_allows_it() {
    let server = Server::start(vec![]);
    let mut fixture = with_script(&server, "", false);
    for value in ["", "0", "true"] {
        fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", value);
        let words = fixture.fails(Class::Config);
        assert!(words.ends_with("run: export GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES=1"), "{words}");
    }
    fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    let file = fixture.home.path().join("credentials.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(fixture.fails(Class::Config).contains("can be changed by others; run: chmod go-w"));
    assert_eq!(runs(&fixture), 0);
}

#[test]
fn the_program_learns_what_its_token_is_for() {
    let server = Server::start(vec![Reply::token("one")]);
    let script = r#"printf '{"version":1,"success":true,"token_type":"urn:ietf:params:oauth:token-type:jwt","id_token":"%s"}' \
        "$1.$GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE.$GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE.$GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE""#;
    assert_eq!(with_script(&server, script, false).token(), "one");
    assert_eq!(subjects(&server), ["a b.//iam.googleapis.com/the-pool.urn:ietf:params:oauth:token-type:jwt.0"]);
}

#[test]
fn what_an_earlier_run_left_is_taken_while_it_is_good_enough() {
    let server = Server::start((0..6).map(|_| Reply::token("t")).collect());
    let fixture = with_script(&server, &format!("echo '{}'", printed("fresh", 900)), true);
    let leave = |text: &str| fixture.write("output", text);
    let ask = |change: &dyn Fn(&mut claude_credential_protocol::Request)| {
        let mut request = vertex();
        change(&mut request);
        assert_eq!(secret(&fixture.helper.get(&request).unwrap().unwrap()), "t");
    };
    leave(&printed("kept", 600).to_string());
    ask(&|_| {});
    assert_eq!(runs(&fixture), 0);
    ask(&|request| request.min_ttl = 700);
    ask(&|request| request.rejected = Some("refused".into()));
    // Expired, half written, and without an expiry.
    leave(&printed("kept", 0).to_string());
    ask(&|_| {});
    leave("{\"version\":1,\"succ");
    ask(&|_| {});
    let mut endless = printed("kept", 0);
    endless.as_object_mut().unwrap().remove("expiration_time");
    leave(&endless.to_string());
    ask(&|_| {});
    assert_eq!(runs(&fixture), 5);
    assert_eq!(subjects(&server), ["kept", "fresh", "fresh", "fresh", "fresh", "fresh"]);
}

#[test]
fn a_program_that_prints_nothing_may_have_written_its_file() {
    let server = Server::start(vec![Reply::token("one")]);
    let fixture = with_script(&server, &format!("echo '{}' > \"${{0%/*}}/output\"", printed("written", 600)), true);
    assert_eq!(fixture.token(), "one");
    assert_eq!(subjects(&server), ["written"]);
}

#[test]
fn several_at_once_each_get_an_answer() {
    let server = Server::start((0..4).map(|_| Reply::token("t")).collect());
    let script = format!("echo '{}' | tee \"${{0%/*}}/output\"", printed("fresh", 600));
    let fixture = &with_script(&server, &script, true);
    thread::scope(|scope| {
        let all: Vec<_> =
            (0..4).map(|_| scope.spawn(|| fixture.helper.get(&vertex()).map(|found| found.is_some()))).collect();
        for one in all {
            assert_eq!(one.join().unwrap(), Ok(true));
        }
    });
    assert_eq!(subjects(&server), ["fresh"; 4]);
}

#[test]
fn what_the_program_says_of_its_failure_is_not_repeated() {
    let server = Server::start(vec![]);
    let said = |value: Value| format!("echo '{value}'");
    let with = |key: &str, value: Value| {
        let mut printed = printed("CANARY", 600);
        printed[key] = value;
        said(printed)
    };
    for (script, says) in [
        ("echo CANARY; echo CANARY >&2; exit 3".to_owned(), "exited 3"),
        ("echo CANARY".to_owned(), "printed no JSON in the documented form"),
        (String::new(), "printed nothing"),
        (with("version", 2.into()), "an unknown version"),
        (with("token_type", "CANARY".into()), "a token of an unknown type"),
        (with("id_token", "".into()), "an empty token"),
        (with("expiration_time", 1.into()), "a token that has expired"),
        (said(json!({ "version": 1, "success": false, "code": "401", "message": "CANARY" })), "has no token"),
    ] {
        let words = with_script(&server, &script, false).fails(Class::Broke);
        assert!(words.contains("the program of its credential source") && words.contains(says), "{words}");
    }
    assert!(server.seen().is_empty());
}

#[test]
fn a_program_that_can_not_be_run_is_the_users_to_mend() {
    let server = Server::start(vec![]);
    for code in [126, 127] {
        let words = with_script(&server, &format!("exit {code}"), false).fails(Class::Config);
        assert!(words.contains(&format!("exited {code}")) && words.ends_with("mend `command` there"), "{words}");
    }
    let other = Fixture::new(&[]);
    let program = other.write("no-program", "CANARY");
    let mut fixture = Fixture::with(&external_account(&server, &json!({ "executable": { "command": program } })));
    fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    let words = fixture.fails(Class::Config);
    assert!(words.contains("can't be started") && words.ends_with("mend `command` there"), "{words}");
}

#[test]
fn a_program_that_goes_on_is_ended_before_the_caller_gives_up() {
    let fixture = with_script(&Server::start(vec![]), "exec sleep 600", false);
    let mut request = vertex();
    request.deadline = Some(now() + 1500);
    let error = fixture.helper.get(&request).unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    let words = error.to_string();
    assert!(words.contains("did not answer while there was time") && words.contains("`timeout_millis`"), "{words}");
}

#[test]
fn a_file_of_the_programs_is_never_looked_for_in_the_working_directory() {
    let source = json!({ "executable": { "command": "/bin/sh", "output_file": "output" } });
    let mut fixture = Fixture::with(&external_account(&Server::start(vec![]), &source));
    fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
    assert!(fixture.fails(Class::Config).ends_with("its `output_file` is not an absolute path; mend it there"));
}

#[test]
fn a_program_is_never_looked_for_in_the_working_directory() {
    let server = Server::start(vec![]);
    for command in ["./program", "bin/program", "no-such-program", "/nowhere/program"] {
        let source = json!({ "executable": { "command": command } });
        let mut fixture = Fixture::with(&external_account(&server, &source));
        fixture.set("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1");
        fixture.set("PATH", ".:bin");
        assert!(fixture.fails(Class::Config).contains("is not there; write its whole path"), "{command}");
    }
}
