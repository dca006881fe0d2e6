//! What shells take from us: completions, manual pages, assignments that are eval'd, and what GitHub Actions reads.

use std::fs;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Sandbox, label, skip, tool};

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
    let script = "set -gx AWS_SESSION_TOKEN left; set -Ux ANTHROPIC_API_KEY stored; \
                  claude-credential print --format env --shell fish | source; \
                  echo $AWS_ACCESS_KEY_ID; set -q AWS_SESSION_TOKEN; or echo none; env | grep -c ANTHROPIC_API_KEY=.; \
                  set -eg ANTHROPIC_API_KEY; echo $ANTHROPIC_API_KEY";
    let output = sandbox.call(fish, &["-c", script]).shows_secret().run();
    // What the person stored for all shells is not taken from them.
    assert_eq!(output.succeeds().stdout, "AKIA\nnone\n0\nstored\n");
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
fn an_eval_leads_a_credential_to_no_host_that_its_profile_does_not_list() {
    let mut sandbox = with("authtype=Bearer\ncredential=SECRET");
    let config = fs::read_to_string(sandbox.config_file()).expect("a file");
    sandbox.config(&config.replace("[profile.mine]\n", "[profile.mine]\nhosts = [\"gw.example\"]\n"));
    let address = |sandbox: &Sandbox, profile: &str| {
        let print = format!("claude-credential --profile {profile} print --format env");
        let script = format!("eval \"$({print})\"; echo ${{ANTHROPIC_BASE_URL-none}}");
        sandbox.call("/bin/sh", &["-c", &script]).run().succeeds().stdout.clone()
    };
    assert_eq!((address(&sandbox, "mine"), address(&sandbox, "default")), gives("https://gw.example", "none"));
    // As an earlier eval left it, or somebody else.
    let api = "https://api.anthropic.com";
    sandbox.set("ANTHROPIC_BASE_URL", "https://gw.example/v1");
    assert_eq!((address(&sandbox, "mine"), address(&sandbox, "default")), gives("https://gw.example/v1", api));
    sandbox.set("ANTHROPIC_BASE_URL", "https://other.example");
    assert_eq!((address(&sandbox, "mine"), address(&sandbox, "default")), gives("https://gw.example", api));
    let file = sandbox.write("github-env", "");
    sandbox.set("GITHUB_ENV", &file);
    let output = sandbox.print().args(["--profile", "mine", "--format", "github"]).run();
    assert_eq!(output.succeeds().stdout, format!("::add-mask::{}\n", sandbox.secret("secret")));
    assert!(fs::read_to_string(&file).expect("a file").contains("\nhttps://gw.example\n"));
}

fn gives(mine: &str, default: &str) -> (String, String) {
    (format!("{mine}\n"), format!("{default}\n"))
}

#[test]
fn an_eval_leaves_one_credential_whatever_was_set() {
    let shells = [("/bin/sh", "sh"), ("bash", "sh"), ("zsh", "sh"), ("fish", "fish")];
    for (shell, language) in shells {
        let Some(program) = tool(shell) else {
            skip(shell, "it is not installed");
            continue;
        };
        for (lines, variable) in [
            ("authtype=x-api-key\ncredential=SECRET", "ANTHROPIC_API_KEY"),
            ("authtype=Bearer\ncredential=SECRET", "ANTHROPIC_AUTH_TOKEN"),
            (
                "authtype=Bearer\ncredential=SECRET\nclaude.header[]=anthropic-beta: oauth-2025-04-20",
                "CLAUDE_CODE_OAUTH_TOKEN",
            ),
        ] {
            let mut sandbox = with(lines);
            for name in COMPETING {
                sandbox.set(name, "left");
            }
            sandbox.set("ANTHROPIC_CUSTOM_HEADERS", "X-Team: blue\nAuthorization: Bearer left");
            sandbox.set("SOME_VARIABLE", "kept");
            let print = format!("claude-credential --profile mine print --format env --shell {language}");
            let script = match language {
                "fish" => format!("{print} | source; env -0"),
                _ => format!("eval \"$({print})\"; env -0"),
            };
            let output = sandbox.call(&program, &["-c", &script]).shows_secret().run();
            let found: Vec<(&str, &str)> =
                output.succeeds().stdout.split('\0').filter_map(|pair| pair.split_once('=')).collect();
            let left: Vec<&str> = found.iter().map(|(name, _)| *name).filter(|name| COMPETING.contains(name)).collect();
            assert_eq!(left, [variable], "{shell}");
            let value = |name: &str| found.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
            assert_eq!(value(variable).map(label).as_deref(), Some("secret"));
            assert_eq!(
                (value("ANTHROPIC_CUSTOM_HEADERS"), value("SOME_VARIABLE")),
                (Some("X-Team: blue"), Some("kept"))
            );
        }
    }
}

#[test]
fn a_bedrock_key_is_printed_for_bedrock_by_the_dispatcher_and_by_its_helper() {
    let mut sandbox =
        Sandbox::with_executables(&["claude-credential", "claude-credential-apikey", "claude-credential-bedrock"]);
    sandbox.set("AWS_BEARER_TOKEN_BEDROCK", sandbox.secret("bedrock"));
    sandbox.set("AWS_REGION", "eu-west-1");
    sandbox.set("CLAUDE_CODE_USE_BEDROCK", "1");
    let helper = sandbox.call(sandbox.bin("claude-credential-bedrock"), &["print", "--format", "env"]);
    for output in [sandbox.print().args(["--format", "env"]).run(), helper.shows_secret().run()] {
        let text = &output.succeeds().stdout;
        assert!(text.starts_with("export AWS_BEARER_TOKEN_BEDROCK='"), "{}", text.len());
        assert!(text.contains("export CLAUDE_CODE_USE_BEDROCK='1'\nunset ANTHROPIC_API_KEY ANTHROPIC_AUTH_TOKEN "));
    }
}

#[test]
fn a_header_that_no_variable_tells_is_an_error_and_nothing_is_printed() {
    let mut sandbox = with("authtype=Bearer\ncredential=SECRET\nclaude.header[]=anthropic-beta: other");
    let file = sandbox.write("github-env", "");
    sandbox.set("GITHUB_ENV", &file);
    for format in ["env", "github"] {
        let output = sandbox.dispatcher(&["--profile", "mine", "print", "--format", format]).run();
        assert!(output.fails(78).contains("the header anthropic-beta"), "{output:#?}");
    }
    assert_eq!(fs::read_to_string(&file).expect("a file"), "");
}

#[test]
fn a_key_for_a_gateway_in_a_clouds_stead_leaves_the_switches_that_lead_there() {
    let mut sandbox = with("authtype=x-api-key\ncredential=SECRET");
    sandbox.set("CLAUDE_CODE_USE_BEDROCK", "1");
    let printed = |sandbox: &Sandbox| sandbox.print().args(["--profile", "mine", "--format", "env"]).run();
    assert!(printed(&sandbox).succeeds().stdout.contains("CLAUDE_CODE_USE_BEDROCK"));
    sandbox.set("CLAUDE_CODE_SKIP_BEDROCK_AUTH", "1");
    assert!(!printed(&sandbox).succeeds().stdout.contains("CLAUDE_CODE_USE_BEDROCK"));
}

#[test]
fn github_masks_a_secret_before_the_later_steps_get_it() {
    let mut sandbox = with_aws_keys();
    let file = sandbox.write("github-env", "EARLIER=step\n");
    sandbox.set("GITHUB_ENV", &file);
    // Of what would compete, what the job has is made empty; nothing else is mentioned.
    sandbox.set("AWS_SESSION_TOKEN", "left");
    sandbox.set("ANTHROPIC_API_KEY", "left");
    sandbox.set("ANTHROPIC_AUTH_TOKEN", "");
    let output = sandbox.print().args(["--chain", "acme", "--format", "github"]).run();
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
        ("CLAUDE_CODE_USE_BEDROCK", "1"),
        ("ANTHROPIC_API_KEY", ""),
        ("AWS_SESSION_TOKEN", ""),
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
    with("claude.kind=aws\nusername=AKIA\npassword=SECRET")
}

/// What would win over a key, or go with it.
const COMPETING: [&str; 10] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_PROFILE",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_FOUNDRY",
];

/// A chain of one helper that answers with these lines, the secret in place of the word; by default, and in a profile.
fn with(lines: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let answer = format!("capability[]=authtype\ncapability[]=claude.v1\n{lines}\n\n");
    let fake = sandbox.fake("acme", &Script::new(Does::Prints(answer.replace("SECRET", &sandbox.secret("secret")))));
    let chain = "chain = [\"acme\"]\n";
    sandbox.config(&format!("[profile.default]\n{chain}[profile.mine]\n{chain}{}", fake.entry()));
    sandbox
}
