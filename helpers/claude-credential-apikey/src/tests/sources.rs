use std::io::{Write, pipe};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use claude_credential_config::claude::API_KEY_HELPER;
use claude_credential_process::Active;
use claude_credential_protocol::{Class, HelperCli, Request, now};

use super::{Fixture, HOST, anthropic};

const DESCRIPTOR: &str = "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR";

#[test]
fn each_source_wins_over_those_after_it() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"CANARY-fd\n").unwrap();
    let mut fixture = Fixture::new(&[], &[]);
    fixture.git("store", HOST, "username=x-api-key\npassword=CANARY-kept\n");
    let expect = |fixture: &Fixture, lines: [&str; 3]| {
        let answer = fixture.get(&anthropic()).unwrap();
        for line in lines {
            assert!(answer.contains(line), "{line}: {answer}");
        }
    };
    let kept = fixture.get(&anthropic()).unwrap();
    assert!(kept.contains("credential=CANARY-kept\n") && !kept.contains("ephemeral"), "{kept}");
    fixture.set(DESCRIPTOR, &file.as_raw_fd().to_string());
    let source = "claude.source=fd:CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR\n";
    expect(&fixture, ["authtype=x-api-key\ncredential=CANARY-fd\n", source, "ephemeral=1\n"]);
    fixture.set("ANTHROPIC_API_KEY", "CANARY-env");
    let source = "claude.source=env:ANTHROPIC_API_KEY\n";
    expect(&fixture, ["authtype=x-api-key\ncredential=CANARY-env\n", source, "ephemeral=1\n"]);
    fixture.setting("echo CANARY-setting");
    expect(&fixture, ["claude.kind=api-key\n", "credential=CANARY-setting\n", "claude.source=apiKeyHelper\n"]);
    fixture.set("ANTHROPIC_AUTH_TOKEN", "CANARY-bearer");
    let source = "claude.source=env:ANTHROPIC_AUTH_TOKEN\n";
    expect(&fixture, ["authtype=Bearer\ncredential=CANARY-bearer\n", source, "ephemeral=1\n"]);
}

#[test]
fn only_the_sources_asked_for_answer() {
    let variables = [("ANTHROPIC_AUTH_TOKEN", "CANARY-bearer"), ("ANTHROPIC_API_KEY", "CANARY-env")];
    let fixture = Fixture::new(&["--source", "env", "--source", "kept"], &variables);
    assert!(fixture.get(&anthropic()).unwrap().contains("credential=CANARY-env\n"));
    let fixture = Fixture::new(&["--source", "fd"], &variables);
    assert!(!fixture.get(&anthropic()).unwrap().contains("CANARY"));
}

#[test]
fn secrets_that_are_kept_for_no_host_go_to_the_one_given_unless_the_caller_has_a_list() {
    let variables = [("ANTHROPIC_API_KEY", "CANARY")];
    let fixture = Fixture::new(&[], &variables);
    assert_eq!(fixture.git("get", HOST, ""), "username=x-api-key\npassword=CANARY\n\n");
    for host in ["evil.example", "api.anthropic.com.evil.example", "api.anthropic.com.", "api.anthropic.com:8443"] {
        assert_eq!(fixture.git("get", host, ""), "", "{host}");
    }
    assert!(!fixture.get(&Request::new("https", "api.anthropic.com.")).unwrap().contains("CANARY"));
    assert!(fixture.get(&Request::new("https", "gateway.example")).unwrap().contains("CANARY"));
    let fixture = Fixture::new(&["--host", "http://127.0.0.1:8080"], &variables);
    assert_eq!(fixture.git("get", HOST, ""), "");
    let local = b"protocol=http\nhost=127.0.0.1:8080\n\n";
    assert!(fixture.serve("get", local).unwrap().contains("password=CANARY\n"));
    assert_eq!(fixture.helper.print_host().unwrap().to_string(), "http://127.0.0.1:8080");
}

#[test]
fn a_refused_key_is_not_replaced_by_another_sources() {
    let fixture = Fixture::new(&[], &[("ANTHROPIC_API_KEY", "CANARY-env")]);
    fixture.git("store", HOST, "password=CANARY-kept\n");
    let request = Request { rejected: Some("CANARY-env".into()), ..anthropic() };
    assert!(fixture.get(&request).unwrap().contains("credential=CANARY-env\n"));
}

#[test]
fn a_value_that_is_no_key_is_named_and_not_shown() {
    for name in ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"] {
        for value in ["CANARY with blanks", "CANARY\nCANARY", "CANÄRY"] {
            let error = Fixture::new(&[], &[(name, value)]).get(&anthropic()).unwrap_err();
            assert_eq!(error.class(), Class::Config);
            let message = error.to_string();
            assert!(message.starts_with(name) && !message.contains("CAN"), "{message}");
        }
        let fixture = Fixture::new(&[], &[(name, "  ")]);
        assert!(!fixture.get(&anthropic()).unwrap().contains("credential="));
    }
}

#[test]
fn a_descriptor_that_is_closed_or_drained_is_none_and_a_number_that_is_none_an_error() {
    let (reader, mut writer) = pipe().unwrap();
    writer.write_all(b"CANARY-pipe\n").unwrap();
    drop(writer);
    let fixture = Fixture::new(&[], &[(DESCRIPTOR, &reader.as_raw_fd().to_string())]);
    assert!(fixture.get(&anthropic()).unwrap().contains("credential=CANARY-pipe\n"));
    assert!(!fixture.get(&anthropic()).unwrap().contains("credential="));
    assert!(!Fixture::new(&[], &[(DESCRIPTOR, "60000")]).get(&anthropic()).unwrap().contains("credential="));
    let error = Fixture::new(&[], &[(DESCRIPTOR, "three")]).get(&anthropic()).unwrap_err();
    assert!(error.class() == Class::Config && error.to_string().starts_with(DESCRIPTOR), "{error}");
}

#[test]
fn a_pipe_that_nobody_closes_is_waited_for_until_the_callers_deadline() {
    let (reader, _writer) = pipe().unwrap();
    let fixture = Fixture::new(&[], &[(DESCRIPTOR, &reader.as_raw_fd().to_string())]);
    let error = fixture.get(&Request { deadline: Some(now() + 600), ..anthropic() }).unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
}

#[test]
fn a_file_is_the_only_source_and_has_to_be_private() {
    let mut fixture = Fixture::new(&[], &[("ANTHROPIC_API_KEY", "CANARY-env")]);
    let path = fixture.file("keys/work", "CANARY-file\n", 0o600);
    fixture.helper.file = Some(path.clone());
    let answer = fixture.get(&anthropic()).unwrap();
    assert!(answer.contains("credential=CANARY-file\n") && !answer.contains("ephemeral"), "{answer}");
    fixture.helper.file = Some("~/keys/work".into());
    assert!(fixture.get(&anthropic()).unwrap().contains(&format!("claude.source={}\n", path.display())));
    assert_eq!(fixture.git("get", "evil.example", ""), "");
    fixture.file("keys/work", "CANARY-file\n", 0o640);
    let refused = |file: PathBuf, words: &str| {
        let mut other = Fixture::new(&[], &[]);
        other.helper.file = Some(file);
        let error = other.get(&anthropic()).unwrap_err();
        assert_eq!(error.class(), Class::Config);
        assert!(error.to_string().contains(words) && !error.to_string().contains("CANARY"), "{error}");
    };
    refused(path.clone(), &format!("run: chmod 600 {}", path.display()));
    refused(fixture.home.path().join("missing"), "does not exist");
    refused("keys/work".into(), "not an absolute path");
    refused(fixture.file("keys/two", "CANARY-1\nCANARY-2\n", 0o600), "more than one line");
    refused(fixture.home.path().join("keys"), "not a regular file");
}

#[test]
fn the_settings_command_runs_in_the_home_and_its_failure_names_the_file() {
    let fixture = Fixture::new(&["--source", "api-key-helper"], &[]);
    fixture.setting("echo \"CANARY-$(basename \"$PWD\")\"; echo words >&2");
    let home = fixture.home.path().file_name().unwrap().to_str().unwrap();
    assert!(fixture.get(&anthropic()).unwrap().contains(&format!("credential=CANARY-{home}\n")));
    for (command, class, words) in [
        ("echo CANARY; exit 3", Class::Broke, "exited 3"),
        ("true", Class::Broke, "it is empty"),
        ("echo null", Class::Broke, "null"),
        ("echo CANARY; echo CANARY", Class::Broke, "more than one line"),
        ("/nowhere/at/all", Class::Config, "exited 127"),
        ("kill -9 $$", Class::Broke, "signal 9"),
    ] {
        fixture.setting(command);
        let error = fixture.get(&anthropic()).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.class(), class, "{message}");
        assert!(message.starts_with("apiKeyHelper in ") && message.contains(".claude/settings.json"), "{message}");
        assert!(message.contains(words) && !message.contains("CANARY"), "{message}");
    }
    assert!(!fixture.get(&Request { username: Some("me".to_owned()), ..anthropic() }).unwrap().contains("credential="));
    assert_eq!(fixture.git("get", "evil.example", ""), "");
}

#[test]
fn the_settings_command_is_stopped_at_the_callers_deadline() {
    let fixture = Fixture::new(&[], &[]);
    fixture.setting("exec sleep 30");
    let error = fixture.get(&Request { deadline: Some(now() + 800), ..anthropic() }).unwrap_err();
    assert!(error.to_string().contains("did not answer in time"), "{error}");
}

#[test]
fn a_setting_that_is_ourselves_is_none() {
    let fixture = Fixture::new(&["--source", "api-key-helper"], &[]);
    fixture.setting("touch ran; claude-credential api-key-helper");
    assert!(!fixture.get(&anthropic()).unwrap().contains("credential="));
    assert!(!fixture.home.path().join("ran").exists());
}

#[test]
fn a_setting_that_reaches_us_through_a_script_is_none_within_and_without() {
    let mut fixture = Fixture::new(&["--source", "api-key-helper"], &[]);
    let nonce = "0123456789abcdef0123456789abcdef";
    let runtime = fixture.helper.suite.folders().unwrap().runtime;
    fixture.helper.suite.active = Active::from_value(Some(&format!("{nonce} {API_KEY_HELPER}")));
    fixture.setting("touch ran");
    assert!(!fixture.get(&anthropic()).unwrap().contains("credential="));
    assert!(runtime.join(format!("{nonce}.itself")).exists());
    assert!(!fixture.home.path().join("ran").exists());
    fixture.helper.suite.active = Active::from_value(Some(nonce));
    fixture.setting("echo CANARY");
    assert!(!fixture.get(&anthropic()).unwrap().contains("credential="));
    assert!(fixture.get(&anthropic()).unwrap().contains("credential=CANARY\n"));
}
