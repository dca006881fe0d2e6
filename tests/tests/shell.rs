//! What shells take from us: completions, manual pages, assignments that are eval'd, and what GitHub Actions reads.

use std::fs;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Sandbox, skip, tool};

#[test]
fn the_completions_for_bash_complete() {
    let Some(bash) = tool("bash") else { return skip("completions for bash", "no bash") };
    let sandbox = Sandbox::new();
    let complete = |words: &str| {
        // As bash does it: the words, which of them is being typed, and the function that was registered.
        let script = format!(
            "source <(claude-credential completions bash); COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             registered=$(complete -p claude-credential); registered=${{registered##*-F }}; \
             ${{registered%% *}} claude-credential \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        sandbox.call(&bash, &["--norc", "-c", &script]).run().succeeds().stdout.clone()
    };
    assert!(complete("claude-credential exe").starts_with("exec\n"));
    assert!(complete("claude-credential print --fo").starts_with("--format\n"));
    let formats = complete("claude-credential print --format ''");
    assert!(formats.contains("github\n") && formats.contains("credential-process\n"), "{formats}");
}

#[test]
fn the_completions_for_zsh_and_fish_are_in_their_language() {
    let sandbox = Sandbox::new();
    let completions = |shell: &str| sandbox.dispatcher(&["completions", shell]).run().succeeds().stdout.clone();
    let (zsh, fish) = (sandbox.write("zsh", completions("zsh")), sandbox.write("fish", completions("fish")));
    match tool("zsh") {
        Some(shell) => drop(sandbox.call(shell, &["-n"]).arg(&zsh).run().succeeds()),
        None => assert!(fs::read_to_string(zsh).expect("a file").starts_with("#compdef claude-credential\n")),
    }
    let Some(shell) = tool("fish") else { return skip("completions for fish", "no fish") };
    let script = format!("source {}; complete -C 'claude-credential exe'", fish.display());
    assert!(sandbox.call(shell, &["-c", &script]).run().exits(0).stdout.starts_with("exec\t"));
}

#[test]
fn completions_and_pages_need_no_configuration_that_can_be_read() {
    let sandbox = Sandbox::new();
    sandbox.config("this is no TOML");
    sandbox.dispatcher(&["completions", "bash"]).run().succeeds();
    assert!(sandbox.dispatcher(&["man"]).run().succeeds().stdout.contains(".TH claude-credential 1"));
    sandbox.dispatcher(&["completions", "tcsh"]).run().exits(2);
}

#[test]
fn there_is_a_page_for_each_command() {
    let sandbox = Sandbox::new();
    let folder = sandbox.home().join("man1");
    sandbox.dispatcher(&["man", "--to"]).arg(&folder).run().succeeds();
    let help = sandbox.dispatcher(&["--help"]).run();
    let commands = help.succeeds().stdout.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands.map_while(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"exec") && commands.len() > 10, "{commands:?}");
    for command in commands {
        let page = fs::read_to_string(folder.join(format!("claude-credential-{command}.1"))).expect("a page");
        assert!(page.contains(".SH SYNOPSIS"), "{page}");
    }
    let said = sandbox.dispatcher(&["man", "--to", "/dev/null/man1"]).run();
    assert!(said.fails(78).contains("/dev/null/man1"), "{said:#?}");
}

#[test]
fn assignments_survive_fish() {
    let Some(fish) = tool("fish") else { return skip("assignments for fish", "no fish") };
    let sandbox = with_aws_keys();
    let script = "set -gx AWS_SESSION_TOKEN left; claude-credential print --format env --shell fish | source; \
                  echo $AWS_ACCESS_KEY_ID; set -q AWS_SESSION_TOKEN; or echo none";
    let output = sandbox.call(fish, &["-c", script]).shows_secret().run();
    assert_eq!(output.succeeds().stdout, "AKIA\nnone\n");
}

#[test]
fn what_an_earlier_eval_left_is_taken_away() {
    let sandbox = with_aws_keys();
    let script = "set -eu; eval \"$(claude-credential print --format env)\"; echo $AWS_ACCESS_KEY_ID \
                  ${AWS_SESSION_TOKEN-none} ${AWS_CREDENTIAL_EXPIRATION-none}";
    let call = sandbox.call("/bin/sh", &["-c", script]).with("AWS_SESSION_TOKEN", "left");
    assert_eq!(call.with("AWS_CREDENTIAL_EXPIRATION", "left").run().succeeds().stdout, "AKIA none none\n");
}

#[test]
fn github_masks_a_secret_before_the_later_steps_get_it() {
    let mut sandbox = with_aws_keys();
    let file = sandbox.write("github-env", "EARLIER=step\n");
    sandbox.set("GITHUB_ENV", &file);
    let output = sandbox.print().args(["--format", "github"]).run();
    let secret = sandbox.secret("secret");
    assert_eq!(output.succeeds().stdout, format!("::add-mask::AKIA\n::add-mask::{secret}\n"));
    let text = fs::read_to_string(&file).expect("a file");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("EARLIER=step"));
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").expect("a beginning");
        found.push((name, lines.next().expect("a value")));
        assert_eq!(lines.next(), Some(delimiter));
    }
    let expected = [
        ("AWS_ACCESS_KEY_ID", "AKIA"),
        ("AWS_SECRET_ACCESS_KEY", secret.as_str()),
        ("AWS_SESSION_TOKEN", ""),
        ("AWS_CREDENTIAL_EXPIRATION", ""),
    ];
    assert_eq!(found, expected);
}

#[test]
fn outside_of_github_actions_that_format_is_an_error_and_says_nothing() {
    let mut sandbox = with_aws_keys();
    let print = ["print", "--format", "github"];
    assert!(sandbox.dispatcher(&print).run().fails(78).contains("GITHUB_ENV is not set"));
    sandbox.set("GITHUB_ENV", "/no/such/file");
    assert!(sandbox.dispatcher(&print).run().fails(78).contains("/no/such/file"));
    // Where the masks are not heard, nothing is set.
    let file = sandbox.write("github-env", "");
    sandbox.set("GITHUB_ENV", &file);
    let closed = "{ claude-credential print --format github; echo $? >code; } | true; cat code";
    let full = "claude-credential print --format github >/dev/full; echo $?";
    assert_eq!(sandbox.call("/bin/sh", &["-c", full]).run().exits(0).stdout, "70\n");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "");
    let output = sandbox.call("/bin/sh", &["-c", closed]).run();
    let text = fs::read_to_string(&file).expect("a file");
    assert_eq!(text.is_empty(), output.stdout != "0\n", "{output:#?}");
}

/// Keys of AWS without a session token.
fn with_aws_keys() -> Sandbox {
    let sandbox = Sandbox::new();
    let answer =
        format!("capability[]=claude.v1\nclaude.kind=aws\nusername=AKIA\npassword={}\n\n", sandbox.secret("secret"));
    let fake = sandbox.fake("acme", &Script::new(Does::Prints(answer)));
    sandbox.chain(&[&fake]);
    sandbox
}
