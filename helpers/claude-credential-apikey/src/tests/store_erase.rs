use std::io::Write;
use std::os::fd::AsRawFd;

use claude_credential_protocol::now;

use super::{Fixture, HOST};

#[test]
fn an_account_matches_only_a_key_that_is_kept_for_it() {
    let fixture = Fixture::new(&[], &[("ANTHROPIC_API_KEY", "CANARY-env")]);
    assert_eq!(fixture.git("get", HOST, "username=me\n"), "");
    fixture.git("store", HOST, "username=me\npassword=CANARY-mine\n");
    assert_eq!(fixture.git("get", HOST, "username=me\n"), "username=me\npassword=CANARY-mine\n\n");
    assert_eq!(fixture.git("get", HOST, "username=you\n"), "");
    assert_eq!(fixture.git("get", HOST, "username=x-api-key\n"), "username=x-api-key\npassword=CANARY-env\n\n");
}

#[test]
fn without_an_account_the_only_one_answers_and_of_several_none() {
    let fixture = Fixture::new(&["--source", "kept"], &[]);
    fixture.git("store", HOST, "username=me\npassword=CANARY-mine\n");
    assert_eq!(fixture.git("get", HOST, ""), "username=me\npassword=CANARY-mine\n\n");
    fixture.git("store", HOST, "username=you\npassword=CANARY-yours\n");
    assert_eq!(fixture.git("get", HOST, ""), "");
    fixture.git("store", HOST, "password=CANARY-nobodys\n");
    assert_eq!(fixture.git("get", HOST, ""), "username=x-api-key\npassword=CANARY-nobodys\n\n");
}

#[test]
fn what_is_no_key_of_ours_to_keep_is_not_kept() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"CANARY-fd").unwrap();
    let descriptor = file.as_raw_fd().to_string();
    let variables = [
        ("ANTHROPIC_API_KEY", "CANARY-env"),
        ("ANTHROPIC_AUTH_TOKEN", "CANARY-bearer"),
        ("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", descriptor.as_str()),
    ];
    let fixture = Fixture::new(&["--source", "kept"], &variables);
    let past = now() / 1000 - 1;
    for (host, lines) in [
        ("evil.example", "username=x-api-key\npassword=CANARY\n"),
        (HOST, "username=x-api-key\npassword=CANARY-env\n"),
        (HOST, "username=x-api-key\npassword=CANARY-bearer\n"),
        (HOST, "username=x-api-key\npassword=CANARY-fd\n"),
        (HOST, "username=oauth2\npassword=CANARY\n"),
        (HOST, "username=x-api-key\npassword=CANARY\nephemeral=1\n"),
        (HOST, &format!("username=x-api-key\npassword=CANARY\npassword_expiry_utc={past}\n")),
        (HOST, "username=x-api-key\n"),
    ] {
        assert_eq!(fixture.git("store", host, lines), "");
        assert_eq!(fixture.git("get", host, ""), "", "{host} {lines}");
    }
    assert!(!fixture.generation().exists());
    for options in [&["--source", "env"][..], &["--file", "/nowhere"]] {
        let fixture = Fixture::new(options, &[]);
        fixture.git("store", HOST, "password=CANARY\n");
        assert!(!fixture.home.path().join(".local").exists(), "{options:?}");
    }
}

#[test]
fn an_expiry_is_kept_with_the_key() {
    let fixture = Fixture::new(&[], &[]);
    fixture.git("store", HOST, "username=x-api-key\npassword=CANARY\npassword_expiry_utc=4102444800\n");
    let answer = fixture.git("get", HOST, "");
    assert_eq!(answer, "username=x-api-key\npassword=CANARY\npassword_expiry_utc=4102444800\n\n");
}

#[test]
fn what_changes_nothing_begins_no_generation() {
    let fixture = Fixture::new(&[], &[]);
    fixture.git("store", HOST, "password=CANARY\n");
    let first = fixture.generation();
    assert!(first.exists());
    fixture.git("store", HOST, "password=CANARY\n");
    fixture.git("erase", HOST, "password=CANARY-other\n");
    fixture.git("erase", "evil.example", "");
    assert_eq!(fixture.generation(), first);
    fixture.git("store", HOST, "password=CANARY-new\n");
    assert_ne!(fixture.generation(), first);
}

#[test]
fn erase_takes_that_secret_or_without_one_whatever_matches() {
    let fixture = Fixture::new(&["--source", "kept"], &[]);
    let keep = || {
        fixture.git("store", HOST, "password=CANARY-nobodys\n");
        fixture.git("store", HOST, "username=me\npassword=CANARY-mine\n");
    };
    keep();
    fixture.git("erase", HOST, "username=x-api-key\npassword=CANARY-other\n");
    assert!(fixture.git("get", HOST, "").contains("CANARY-nobodys"));
    fixture.git("erase", HOST, "username=x-api-key\npassword=CANARY-nobodys\n");
    assert!(fixture.git("get", HOST, "").contains("CANARY-mine"));
    keep();
    fixture.git("erase", HOST, "username=me\n");
    assert_eq!(fixture.git("get", HOST, "username=me\n"), "");
    keep();
    fixture.git("erase", HOST, "");
    assert_eq!(fixture.git("get", HOST, ""), "");
}
