//! A secret in the place of a path, a name or an address is repeated by nothing: each message names the slot.

use claude_credential_tests::{Call, Output, Sandbox, request};

/// What stands in command lines that the user wrote, where the sandbox's own mark must not be.
const KEY: &str = "sk-ant-api03-k9MISPLACED";

/// The forms in which people have put a secret into a slot.
fn secrets(key: &str) -> [String; 3] {
    let begin = "-----BEGIN PRIVATE KEY-----";
    [
        key.to_owned(),
        format!(
            "{{\"type\":\"service_account\",\"private_key\":\"{begin}\\n{key}\\n\",\"client_email\":\"a@b.example\"}}"
        ),
        format!("/{key}"),
    ]
}

fn house() -> Sandbox {
    let clouds = ["claude-credential-bedrock", "claude-credential-vertex"];
    let mut sandbox = Sandbox::new();
    for cloud in clouds {
        sandbox.install(cloud, cloud);
    }
    for (name, value) in [
        ("NO_GCE_CHECK", "true"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        // Where a slot is no reason to fail, nothing beyond this machine is asked.
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ] {
        sandbox.set(name, value);
    }
    sandbox
}

/// As wordy as it can be. The sandbox looks for its own mark in what is printed.
#[track_caller]
fn wordy(call: Call<'_>) -> Output {
    let output = call.with("RUST_LOG", "trace").with("RUST_BACKTRACE", "full").run();
    for said in [&output.stdout, &output.stderr] {
        assert!(!said.to_lowercase().contains("k9misplaced"), "{output:#?}");
    }
    output
}

#[track_caller]
fn names(output: &Output, slot: &str) {
    assert_ne!(output.code(), Some(0), "{output:#?}");
    assert!(format!("{}{}", output.stdout, output.stderr).contains(slot), "{slot}: {output:#?}");
}

#[test]
fn a_variable_of_a_helper_that_ought_to_name_something_is_not_repeated() {
    for (helper, variable, others) in [
        ("vertex", "GOOGLE_APPLICATION_CREDENTIALS", &[][..]),
        ("vertex", "CLOUDSDK_CONFIG", &[]),
        ("vertex", "CLOUD_ML_REGION", &[]),
        ("vertex", "GCE_METADATA_HOST", &[("NO_GCE_CHECK", "")]),
        ("bedrock", "AWS_PROFILE", &[]),
        ("bedrock", "AWS_CONFIG_FILE", &[("AWS_PROFILE", "acme")]),
        ("bedrock", "AWS_REGION", &[]),
        ("bedrock", "AWS_WEB_IDENTITY_TOKEN_FILE", &[("AWS_ROLE_ARN", "arn:aws:iam::1:role/x")]),
        ("bedrock", "AWS_CONTAINER_CREDENTIALS_FULL_URI", &[]),
        ("bedrock", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", &[]),
        (
            "bedrock",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/x")],
        ),
        ("bedrock", "AWS_CA_BUNDLE", &[("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x")]),
        (
            "oauth",
            "ANTHROPIC_IDENTITY_TOKEN_FILE",
            &[
                ("ANTHROPIC_FEDERATION_RULE_ID", "fdrl_1"),
                ("ANTHROPIC_ORGANIZATION_ID", "1"),
                ("ANTHROPIC_SERVICE_ACCOUNT_ID", "svac_1"),
            ],
        ),
        ("apikey", "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR", &[]),
        ("oauth", "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR", &[]),
    ] {
        let mut sandbox = house();
        for (name, value) in others {
            sandbox.set(name, value);
        }
        if helper == "vertex" && variable == "CLOUD_ML_REGION" {
            sandbox.write(".config/gcloud/application_default_credentials.json", "{}");
        }
        for secret in secrets(&sandbox.secret("misplaced")) {
            let program = sandbox.bin(&format!("claude-credential-{helper}"));
            let args: &[&str] = if variable == "AWS_CA_BUNDLE" { &["--session", "print"] } else { &["print"] };
            let own = wordy(sandbox.call(&program, args).with(variable, &secret));
            assert_ne!(own.code(), Some(0), "{variable}: {own:#?}");
            let of_cloud = ["vertex", "bedrock"].contains(&helper);
            let profile: &[&str] = if of_cloud { &["--profile", helper] } else { &[] };
            for command in [
                &["print"][..],
                &["-v", "print"],
                &["explain", "--all"],
                &["explain", "--json"],
                &["exec", "--", "true"],
                &["refresh", helper, "--", "true"],
                &["login", helper],
                &["doctor"],
                &["status"],
                &["api-key-helper"],
            ] {
                // A folder that is not there is no error, and gcloud would make it.
                let leads_nowhere = variable == "CLOUDSDK_CONFIG" && secret.starts_with('/');
                if leads_nowhere && command[0] == "login" {
                    continue;
                }
                let output = wordy(sandbox.dispatcher(profile).args(command).with(variable, &secret));
                if of_cloud && command == ["print"] && variable != "AWS_CA_BUNDLE" && !leads_nowhere {
                    names(&output, if variable == "AWS_CONFIG_FILE" { "no profile acme" } else { slot_of(variable) });
                }
            }
            let get = request("api.anthropic.com", &["capability[]=claude.v1"]);
            wordy(sandbox.dispatcher(profile).args(["get"]).with(variable, &secret).says(get));
        }
    }
}

/// What a message calls the slot.
fn slot_of(variable: &str) -> &str {
    match variable {
        "AWS_PROFILE" => "there is no profile",
        "AWS_WEB_IDENTITY_TOKEN_FILE" => "the web identity token file",
        other => other,
    }
}

#[test]
fn a_line_of_config_toml_that_ought_to_name_something_is_not_repeated() {
    for (lines, slot) in [
        ("[entry.x]\nhelper = SECRET", "config.toml:"),
        ("[entry.x]\ncommand = [SECRET]", "entry x: "),
        ("[entry.x]\ncommand = [\"cat\", SECRET]", "entry x: "),
        ("[entry.x]\nshell = SECRET", "entry x: "),
        ("[entry.x]\nhelper = \"apikey\"\nargs = [\"--file\", SECRET]", "--file"),
        ("[entry.x]\nhelper = \"oauth\"\nargs = [\"--provider\", SECRET]", "there is no provider"),
        ("[provider.x]\nflow = \"jwt-bearer\"\ntoken_endpoint = SECRET\nassertion_file = \"/x\"", "token_endpoint"),
        (
            "[provider.x]\nflow = \"jwt-bearer\"\ntoken_endpoint = \"https://a.example/\"\nassertion_file = SECRET",
            "config.toml:",
        ),
        (
            "[provider.x]\nflow = \"jwt-bearer\"\ntoken_endpoint = \"https://a.example/\"\nassertion_variable = SECRET",
            "assertion_variable",
        ),
        (
            "[provider.x]\nflow = \"client-credentials\"\nclient_id = \"c\"\n\
             token_endpoint = \"https://a.example/\"\nclient_secret_file = SECRET",
            "config.toml:",
        ),
        (
            "[provider.x]\nflow = \"client-credentials\"\nclient_id = \"c\"\n\
             token_endpoint = \"https://a.example/\"\nclient_secret_variable = SECRET",
            "client_secret_variable",
        ),
        ("[entry.SECRET]\ncommand = [\"true\"]", "config.toml:"),
        ("[entry.x]\ncommand = [\"true\"]\n[profile.SECRET]\nchain = [\"x\"]", "config.toml:"),
        ("[entry.x]\ncommand = [\"true\"]\n[profile.y]\nhosts = [SECRET]", "config.toml:"),
        ("[entry.x]\ncommand = [\"true\"]\n[profile.y]\ndirectories = [SECRET]", ""),
        ("[entry.x]\ncommand = [\"true\"]\n[profile.y]\nclaude_config_dir = SECRET", ""),
    ] {
        let sandbox = house();
        for secret in secrets(KEY) {
            let lower = if lines.contains(".SECRET") { secret.to_lowercase() } else { secret };
            let text = lines.replace("SECRET", &format!("{lower:?}"));
            sandbox.config(&format!("{text}\n[profile.default]\nchain = [\"x\"]\n").replace("\n\n", "\n"));
            for command in [
                &["print"][..],
                &["-v", "print"],
                &["explain", "--json"],
                &["exec", "--", "true"],
                &["refresh", "x", "--", "true"],
                &["login", "x"],
                &["doctor"],
                &["status"],
                &["cache", "list"],
            ] {
                let output = wordy(sandbox.dispatcher(command));
                if command == ["print"] && !slot.is_empty() {
                    names(&output, slot);
                }
            }
        }
    }
}

#[test]
fn a_word_of_a_command_line_is_not_repeated() {
    let sandbox = house();
    for secret in secrets(KEY) {
        for words in [
            &["print", "SECRET"][..],
            &["print", "--host", "SECRET"],
            &["print", "--host=SECRET"],
            &["print", "--account", "SECRET"],
            &["print", "--format", "SECRET"],
            &["--profile", "SECRET", "print"],
            &["--chain", "SECRET", "print"],
            &["--config", "SECRET", "print"],
            &["--config", "SECRET", "doctor"],
            &["login", "SECRET"],
            &["login", "api-key", "SECRET"],
            &["login", "api-key", "--host", "SECRET"],
            &["login", "api-key", "--account", "SECRET"],
            &["logout", "api-key", "--account", "SECRET"],
            &["refresh", "SECRET", "--", "true"],
            &["refresh", "api-key", "--", "SECRET"],
            &["refresh", "api-key", "--", "false", "SECRET"],
            &["exec", "--", "SECRET"],
            &["exec", "SECRET"],
            &["setup", "--preset", "SECRET"],
            &["SECRET"],
            &["status", "SECRET"],
        ] {
            let words: Vec<String> = words.iter().map(|word| word.replace("SECRET", &secret)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = wordy(sandbox.dispatcher(&words));
            assert!(output.code().is_some(), "{output:#?}");
        }
        for (helper, words) in [
            ("apikey", &["--file", "SECRET", "print"][..]),
            ("apikey", &["--host", "SECRET", "print"]),
            ("apikey", &["SECRET"]),
            ("oauth", &["--provider", "SECRET", "login"]),
            ("oauth", &["--source", "SECRET", "print"]),
            ("bedrock", &["--aws-profile", "SECRET", "print"]),
            ("bedrock", &["--region", "SECRET", "print"]),
        ] {
            let words: Vec<String> = words.iter().map(|word| word.replace("SECRET", &secret)).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let output = wordy(sandbox.call(sandbox.bin(&format!("claude-credential-{helper}")), &words));
            assert!(output.code().is_some(), "{output:#?}");
        }
    }
}
