//! The battery against our own helpers, and against yours:
//! `BATTERY_HELPER="/path/helper --opts" [BATTERY_HOST=host] cargo test -p claude-credential-tests --test battery yours`

use claude_credential_tests::Sandbox;
use claude_credential_tests::battery::{self, Candidate};

/// A key in a variable.
fn apikey_variable() -> Candidate {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("variable"));
    // A key file that others can read is refused.
    let open = sandbox.write("open-key", sandbox.secret("open"));
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("a mode");
    let (program, open) = (sandbox.bin("claude-credential-apikey"), open.display().to_string());
    Candidate::new(sandbox, program, &["--source", "env"]).stopping_with(&["--file", &open])
}

/// A key that the helper keeps itself.
fn apikey_kept() -> Candidate {
    let sandbox = Sandbox::new();
    sandbox.config("key_store = \"file\"\n");
    let program = sandbox.bin("claude-credential-apikey");
    let login = sandbox.call(&program, &["login", "--stdin"]).says(sandbox.secret("kept")).run();
    login.exits(0);
    Candidate::new(sandbox, program, &["--source", "kept"])
}

/// A token in a variable.
fn oauth_variable() -> Candidate {
    let mut sandbox = Sandbox::new();
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("variable"));
    sandbox.config("[claude]\nlogin = \"read\"\n");
    sandbox.write(".claude/.credentials.json", "{\"claudeAiOauth\": 1}");
    let program = sandbox.bin("claude-credential-oauth");
    Candidate::new(sandbox, program, &["--source", "env"]).stopping_with(&["--source", "claude"])
}

/// A Bedrock API key in a variable.
fn bedrock_bearer() -> Candidate {
    let mut sandbox = Sandbox::with_executables(&["claude-credential-bedrock"]);
    sandbox.set("AWS_BEARER_TOKEN_BEDROCK", sandbox.secret("bearer"));
    let program = sandbox.bin("claude-credential-bedrock");
    // Its other sources have nothing for most of these callers, and so no failure either.
    let candidate = Candidate::new(sandbox, program, &["--source", "bearer"]);
    candidate.for_host("bedrock-runtime.us-east-1.amazonaws.com".to_owned())
}

/// Anybody's, or the smallest that our own trait makes.
fn yours() -> Candidate {
    let mut sandbox = Sandbox::with_executables(&["claude-credential-house"]);
    let Ok(command) = std::env::var("BATTERY_HELPER") else {
        sandbox.set("HOUSE_KEY", sandbox.secret("house"));
        let program = sandbox.bin("claude-credential-house");
        return Candidate::new(sandbox, program, &[]);
    };
    let words: Vec<&str> = command.split_whitespace().collect();
    let (program, options) = words.split_first().expect("BATTERY_HELPER names an executable");
    let candidate = Candidate::new(sandbox, program, options).at_home();
    match std::env::var("BATTERY_HOST") {
        Ok(host) => candidate.for_host(host),
        Err(_) => candidate,
    }
}

macro_rules! battery {
    ($($case:ident)*) => { battery! { @each apikey_variable apikey_kept oauth_variable bedrock_bearer yours; [$($case)*] } };
    (@each $($helper:ident)*; $cases:tt) => { $(battery! { @helper $helper $cases })* };
    (@helper $helper:ident [$($case:ident)*]) => {
        mod $helper {
            $(#[test] fn $case() { super::battery::$case(&super::$helper()); })*
        }
    };
}

battery! {
    capability_lists_what_it_understands
    an_operation_that_it_does_not_know_is_silence
    keys_that_it_does_not_know_are_ignored
    every_answer_ends_with_an_empty_line
    git_gets_username_and_password_and_nothing_that_it_did_not_announce
    a_caller_with_authtype_gets_authtype_and_credential
    a_caller_of_ours_learns_kind_and_source
    the_secret_is_the_same_in_every_form
    an_answer_speaks_of_the_request_and_of_nothing_else
    another_host_gets_silence
    what_is_no_host_gets_silence_whoever_asks
    another_protocol_gets_silence
    an_account_that_it_has_nothing_for_gets_silence
    the_usernames_that_mean_no_account_are_none
    the_end_of_the_stream_ends_a_message_too
    the_empty_line_ends_a_message_though_the_stream_goes_on
    what_follows_the_empty_line_is_not_read
    line_ends_may_have_a_carriage_return
    a_carriage_return_inside_a_line_is_refused
    a_nul_is_refused
    what_is_not_utf_8_is_refused
    only_a_line_feed_ends_a_line
    a_missing_host_or_protocol_is_no_wildcard
    a_key_of_no_form_is_refused
    the_longest_line_has_65535_bytes
    a_long_line_is_one_line
    a_message_of_more_than_a_mebibyte_is_refused
    a_line_without_equals_is_refused_and_never_shown
    a_value_of_no_form_is_refused
    an_expiry_of_no_form_is_refused
    erasing_what_is_not_there_is_no_failure
    another_host_is_neither_stored_nor_erased
    storing_what_is_not_to_be_kept_keeps_nothing
    a_helper_that_has_to_stop_says_quit_and_its_class
}
