//! The battery finds what is wrong with a helper, and its report shows neither the environment nor a secret.

use claude_credential_battery::{Candidate, Group, Sandbox, assert_passes, run};

/// A helper that speaks git's protocol and nothing more.
const GOOD: &str = r#"
for operation; do :; done
[ "$operation" = get ] || exit 0
return=$(printf '\r')
while IFS= read -r line || [ -n "$line" ]; do
    line=${line%"$return"}
    case $line in
        "") break ;;
        protocol=*) protocol=${line#*=} ;;
        host=*) host=${line#*=} ;;
        username=*) username=${line#*=} ;;
    esac
done
[ "$protocol://$host" = https://api.anthropic.com ] || exit 0
case $username in "" | x-api-key | oauth2) ;; *) exit 0 ;; esac
printf 'username=x-api-key\npassword=%s\n\n' "$KEY"
"#;

#[test]
fn a_helper_that_announces_nothing_passes_with_the_core_alone() {
    assert_passes(|| candidate(GOOD), &[Group::Core]);
}

#[test]
fn each_fault_of_the_core_is_found() {
    for (right, wrong, case) in [
        (
            "$host\" = https://api.anthropic.com",
            "${host%%:*}\" = https://api.anthropic.com",
            "another_host_gets_silence",
        ),
        ("\"$protocol://$host\"", "\"https://$host\"", "another_protocol_gets_silence"),
        ("*) exit 0 ;;", "*) ;;", "an_account_that_it_has_nothing_for_gets_silence"),
        (" | oauth2", "", "the_usernames_that_mean_no_account_are_none"),
        ("%s\\n\\n'", "%s\\n'", "every_answer_ends_with_an_empty_line"),
        ("    line=${line%\"$return\"}\n", "", "line_ends_may_have_a_carriage_return"),
        (" || [ -n \"$line\" ]", "", "the_end_of_the_stream_ends_a_message_too"),
        ("    esac", "        *) exit 0 ;;\n    esac", "keys_that_it_does_not_know_are_ignored"),
        ("= get ] || exit 0", "= get ] || exit 1", "an_operation_that_it_does_not_know_is_silence"),
        ("printf 'username", "printf 'claude.kind=api-key\\nusername", GIT_GETS),
        ("printf 'username", "printf 'path=/\\nusername", "an_answer_speaks_of_the_request_and_of_nothing_else"),
    ] {
        let broken = GOOD.replacen(right, wrong, 1);
        assert_ne!(broken, GOOD, "{right}");
        let found_by = failed(&broken, Group::Core);
        assert!(found_by.contains(&case), "{case} does not find {wrong}; found by {found_by:?}");
    }
}

const GIT_GETS: &str = "git_gets_username_and_password_and_nothing_that_it_did_not_announce";

#[test]
fn a_helper_that_takes_whatever_comes_fails_every_strict_case() {
    let all: Vec<&str> = Group::Strict.cases().iter().map(|case| case.name).collect();
    assert_eq!(failed(&announcing_claude_v1(), Group::Strict), all);
}

#[test]
fn a_helper_that_repeats_a_line_that_it_can_not_read_is_found() {
    let echoing = announcing_claude_v1()
        .replace("    esac", "        *=*) ;;\n        *) echo \"not line 3: $line\" >&2; exit 65 ;;\n    esac");
    let report = run(&|| candidate(&echoing), Some(&[Group::Strict])).expect("a report").to_string();
    assert!(report.contains("expected that the line is not repeated"), "{report}");
    assert!(!report.contains("CANARY"), "{report}");
}

#[test]
fn a_helper_that_announces_claude_v1_and_speaks_to_git_alone_fails_its_cases() {
    assert_eq!(
        failed(&announcing_claude_v1(), Group::ClaudeV1),
        [
            "a_caller_with_authtype_gets_authtype_and_credential",
            "a_caller_of_ours_learns_kind_and_source",
            "a_value_of_no_form_is_refused"
        ]
    );
}

#[test]
fn a_report_shows_what_the_case_set_and_neither_environment_nor_secret() {
    let script = announcing_claude_v1().replace("printf 'username", "echo \"using $KEY\" >&2; printf 'username");
    let leaky = || {
        let mut sandbox = Sandbox::new();
        // As a real key: nothing but the answer tells the battery that it is one.
        sandbox.set("KEY", "sk-live-0123456789");
        sandbox.set("OTHER", "another-variable-of-the-user");
        let program = sandbox.script("helper", &script);
        Candidate::new(sandbox, program, &["--option"])
    };
    let report = run(&leaky, None).expect("a report");
    let shown = report.to_string();
    assert_eq!(report.groups, Group::ALL);
    assert!(report.failures().count() > 15, "{shown}");
    assert!(shown.contains("arguments: --option get"), "{shown}");
    assert!(shown.contains("host=api.anthropic.com") && shown.contains("password=[hidden]"), "{shown}");
    assert!(shown.contains("using [hidden]"), "{shown}");
    for hidden in ["sk-live", "another-variable", "OTHER", "PATH", "CANARY"] {
        assert!(!shown.contains(hidden), "{hidden} is in {shown}");
    }
    let longest = shown.split("FAILED").map(str::len).max().unwrap_or_default();
    assert!(longest < 1500, "a failure takes {longest} bytes: {shown}");
}

#[test]
fn a_helper_that_can_not_be_started_is_an_error() {
    let missing = || Candidate::new(Sandbox::new(), "/no/such/helper", &[]);
    let failure = run(&missing, None).expect_err("an error");
    assert!(failure.starts_with("/no/such/helper capability can't be started"), "{failure}");
}

/// The good helper with an announcement that it does not live up to.
fn announcing_claude_v1() -> String {
    let list = "printf '%s\\n' 'version 0' 'capability authtype' 'capability claude.v1'";
    GOOD.replace(
        "[ \"$operation\" = get ]",
        &format!("[ \"$operation\" != capability ] || {list}\n[ \"$operation\" = get ]"),
    )
}

/// The cases of a group that a script does not pass.
fn failed(script: &str, group: Group) -> Vec<&'static str> {
    let report = run(&|| candidate(script), Some(&[group])).expect("a report");
    report.failures().map(|case| case.name).collect()
}

fn candidate(script: &str) -> Candidate {
    let mut sandbox = Sandbox::new();
    sandbox.set("KEY", sandbox.secret("key"));
    let program = sandbox.script("helper", script);
    Candidate::new(sandbox, program, &[])
}
