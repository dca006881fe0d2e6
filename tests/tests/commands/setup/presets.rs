//! Each preset of `setup`, against a stand-in of its vendor's command.

use std::fs;

use claude_credential_tests::oauth::{
    Authority, Browser, CertificateAuthority, Federation, Fixture, Machines, Proxy, Signer, fetch,
};
use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Client, Sandbox, wait_until};
use serde_json::{Value, json};

use super::{GATEWAY, fixture, set_up, setting, settings, undo, us};

/// A preset whose key comes from a command.
struct Case {
    preset: &'static str,
    set: &'static [&'static str],
    /// The command, the words that it is called with, and what else it prints behind the key.
    command: (&'static str, &'static str, &'static str),
    /// The profile that it writes, and the address of its gateway.
    gateway: Option<(&'static str, &'static str)>,
    bearer: bool,
}

const COMMANDS: [Case; 10] = [
    Case {
        preset: "vault",
        set: &["path=secret/claude", "field=api"],
        command: ("vault", "kv get -field=api secret/claude", ""),
        gateway: None,
        bearer: false,
    },
    Case {
        preset: "1password",
        set: &["reference=op://My vault/Anthropic/credential"],
        command: ("op", "read --no-newline op://My vault/Anthropic/credential", ""),
        gateway: None,
        bearer: false,
    },
    Case {
        preset: "aws-secrets-manager",
        set: &["secret=claude/key", "region=eu-central-1"],
        command: (
            "aws",
            "secretsmanager get-secret-value --secret-id claude/key --region eu-central-1 --query SecretString --output text",
            "",
        ),
        gateway: None,
        bearer: false,
    },
    Case {
        preset: "aws-secrets-manager",
        set: &["secret=claude/key", "region=eu-central-1", "field=mine"],
        command: (
            "aws",
            "secretsmanager get-secret-value --secret-id claude/key --region eu-central-1 --query SecretString --output text",
            "",
        ),
        gateway: None,
        bearer: false,
    },
    Case {
        preset: "pass",
        set: &["entry=it's mine/anthropic"],
        command: ("pass", "show it's mine/anthropic", "login: me\\nurl: https://api.anthropic.com"),
        gateway: None,
        bearer: false,
    },
    Case {
        preset: "gcloud",
        set: &["gateway=https://gateway.acme.example/anthropic/"],
        command: ("gcloud", "auth print-identity-token", ""),
        gateway: Some(("gcloud", GATEWAY)),
        bearer: true,
    },
    Case {
        preset: "az",
        set: &["gateway=https://gateway.acme.example/anthropic"],
        command: (
            "az",
            "account get-access-token --resource https://cognitiveservices.azure.com --query accessToken --output tsv",
            "",
        ),
        gateway: Some(("az", GATEWAY)),
        bearer: true,
    },
    Case {
        preset: "cloudflared",
        set: &["gateway=https://gateway.acme.example/anthropic"],
        command: ("cloudflared", "access token -app=https://gateway.acme.example/anthropic", ""),
        gateway: Some(("cloudflared", GATEWAY)),
        bearer: true,
    },
    Case {
        preset: "databricks",
        set: &["workspace=https://acme.cloud.databricks.com"],
        command: ("databricks", "auth token --host https://acme.cloud.databricks.com", ""),
        gateway: Some(("databricks", "https://acme.cloud.databricks.com/serving-endpoints/anthropic")),
        bearer: true,
    },
    Case {
        preset: "ant",
        set: &[],
        command: ("ant", "auth print-credentials --access-token", ""),
        gateway: Some(("ant", "")),
        bearer: true,
    },
];

#[test]
fn each_vendors_command_is_called_as_it_documents_and_its_key_is_printed_and_handed_to_claude_code() {
    for Case { preset, set, command: (command, words, more), gateway, bearer } in COMMANDS {
        let sandbox = Sandbox::new();
        let key = sandbox.secret("key-of-the-vendor");
        let words = words.replace('\'', r"'\''");
        let says = match (command, set) {
            ("databricks", _) => json!({ "access_token": key }).to_string(),
            (_, [.., field]) if field.starts_with("field=") && command == "aws" => json!({ "mine": key }).to_string(),
            _ => key.clone(),
        };
        sandbox.script(
            command,
            &format!(
                "[ \"$*\" = '{words}' ] || {{ echo \"called with $*\" >&2; exit 64; }}\nprintf '%s\\n{more}' '{says}'"
            ),
        );
        // Reads the one value that it is asked for.
        let filters = "'-er .access_token' | '-er --arg field mine .[$field]'";
        sandbox.script("jq", &format!("case $* in {filters}) sed 's/.*:\"//; s/\".*//' ;; *) exit 64 ;; esac"));
        set_up(&sandbox, preset, set).exits(0);
        let options = gateway.map(|(profile, _)| vec!["--profile", profile]).unwrap_or_default();
        let header = sandbox.print().args(&options).args(["--format", "header"]).run();
        let expected = if bearer { format!("Authorization: Bearer {key}\n") } else { format!("x-api-key: {key}\n") };
        assert_eq!(header.succeeds().stdout, expected, "{preset}");
        // By its whole path, so that another PATH runs no other program.
        let config = fs::read_to_string(sandbox.config_file()).expect("config.toml");
        assert!(config.contains(sandbox.bin(command).to_str().expect("UTF-8")), "{preset}: {config}");
        match gateway {
            Some((_, "")) => assert!(!sandbox.home().join(".claude").exists(), "{preset}"),
            Some((profile, address)) => {
                let setting = setting(&sandbox, "apiKeyHelper");
                assert_eq!(setting, format!("{} --profile {profile} api-key-helper", us(&sandbox)), "{preset}");
                assert_eq!(settings(&sandbox)["env"]["ANTHROPIC_BASE_URL"], address, "{preset}");
                let client = Client::new(&sandbox, setting).with("ANTHROPIC_BASE_URL", address);
                assert_eq!(client.key(), "key-of-the-vendor", "{preset}");
            }
            None => assert_eq!(Client::new(&sandbox, setting(&sandbox, "apiKeyHelper")).key(), "key-of-the-vendor"),
        }
    }
}

#[test]
fn a_key_of_ones_own_is_kept_and_handed_to_claude_code() {
    let sandbox = Sandbox::new();
    let key = sandbox.secret("own");
    let refused = sandbox.dispatcher(&["setup", "--preset", "api-key", "--yes"]).run();
    assert!(refused.fails(78).ends_with("--stdin"), "{refused:#?}");
    let setup = sandbox.dispatcher(&["setup", "--preset", "api-key", "--stdin", "--yes"]);
    let output = setup.says(format!("{key}\n")).run();
    assert!(output.exits(0).stderr.contains("is kept in"), "{output:#?}");
    assert_eq!(sandbox.print().run().key(), "own");
    assert_eq!(Client::new(&sandbox, setting(&sandbox, "apiKeyHelper")).key(), "own");
    // A chain that has the entry already needs no line.
    assert!(!sandbox.config_file().exists());
    set_up(&sandbox, "api-key", &[]).exits(0);
}

#[test]
fn what_is_no_key_changes_nothing() {
    let sandbox = Sandbox::new();
    let setup = sandbox.dispatcher(&["setup", "--preset", "api-key", "--stdin", "--yes"]);
    let output = setup.says("two words\n").run();
    assert!(output.exits(78).stderr.ends_with("claude-credential setup\n"), "{output:#?}");
    assert!(!sandbox.home().join(".claude").exists());
}

#[test]
fn a_gateway_with_a_sign_in_gets_the_token_of_whoever_signed_in() {
    for preset in ["oidc", "device"] {
        let fixture = Fixture::named("gateway");
        let authority = Authority::start(&fixture.sandbox);
        let issuer = format!("issuer={}", authority.issuer());
        set_up(&fixture.sandbox, preset, &[&format!("gateway={GATEWAY}"), &issuer, "client-id=acme-cli"]).exits(0);
        let print = || fixture.sandbox.print().args(["--profile", "gateway"]).run();
        assert!(print().exits(77).stderr.contains("login gateway"));
        let login = fixture.login(if preset == "oidc" { &["--no-browser"] } else { &[] });
        if preset == "oidc" {
            fetch(&Browser::default().sign_in(&login.url()), &[]);
        } else {
            wait_until(|| authority.count("device") > 0);
            authority.approve_devices();
        }
        login.finish().exits(0);
        assert_eq!(print().key(), "access-1-1", "{preset}");
        let client = Client::new(&fixture.sandbox, setting(&fixture.sandbox, "apiKeyHelper"));
        assert_eq!(client.with("ANTHROPIC_BASE_URL", GATEWAY).key(), "access-1-1", "{preset}");
        let undone = undo(&fixture.sandbox);
        assert!(undone.exits(0).stderr.contains("run: claude-credential logout gateway"), "{undone:#?}");
    }
}

#[test]
fn a_workload_gets_a_token_of_anthropics_for_its_own() {
    let mut sandbox = Sandbox::new();
    let (signer, authority) = (Signer::new(), CertificateAuthority::new());
    let machines = Machines::start(&sandbox, &signer);
    let trusted = sandbox.write("authority.pem", authority.pem());
    let proxy = Proxy::start(authority, machines.answers());
    sandbox.write("token", signer.sign(&signer.claims(Federation::AUDIENCE)));
    let rule = format!("rule={}", Federation::RULE);
    let organization = format!("organization={}", Federation::ORGANIZATION);
    let account = format!("service-account={}", Federation::SERVICE_ACCOUNT);
    set_up(&sandbox, "federation", &[&rule, &organization, &account, "token-file=~/token"]).exits(0);
    assert!(!sandbox.home().join(".claude").exists());
    sandbox.set("HTTPS_PROXY", proxy.url());
    sandbox.set("SSL_CERT_FILE", &trusted);
    assert_eq!(sandbox.print().args(["--profile", "federation"]).run().key(), "machine-1");
}

#[test]
fn bedrock_gets_its_three_settings_and_they_work_as_claude_code_runs_them() {
    let mut sandbox = Sandbox::with_executables(&["claude-credential", "claude-credential-bedrock"]);
    let secret = sandbox.secret("aws");
    let keys = json!({ "Version": 1, "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": secret, "SessionToken": secret,
                       "Expiration": "2099-01-01T00:00:00Z" });
    let process = sandbox.script("keys", &format!("test -e \"$HOME/signed-in\" && echo '{keys}'"));
    sandbox.write(
        ".aws/config",
        format!("[profile work]\nregion = eu-central-1\ncredential_process = {}\n", process.display()),
    );
    sandbox.script("aws", "[ \"$*\" = 'sso login --profile work' ] || exit 64\n>\"$HOME/signed-in\"; echo 'signed in'");
    set_up(&sandbox, "bedrock-sso", &["profile=work", "region=eu-central-1"]).exits(0);
    let env = settings(&sandbox)["env"].clone();
    assert_eq!(env, json!({ "CLAUDE_CODE_USE_BEDROCK": "1", "AWS_PROFILE": "work", "AWS_REGION": "eu-central-1" }));
    for (name, value) in env.as_object().expect("an object") {
        sandbox.set(name, value.as_str().expect("a text"));
    }
    let run = |name: &str| sandbox.call("/bin/sh", &["-c", &setting(&sandbox, name)]).shows_secret().run();
    assert_ne!(run("awsCredentialExport").code(), Some(0));
    assert_eq!(run("awsAuthRefresh").exits(0).stdout, "signed in\n");
    let export: Value = serde_json::from_str(&run("awsCredentialExport").exits(0).stdout).expect("JSON");
    assert_eq!(export["Credentials"]["SecretAccessKey"], secret.as_str());
}

#[test]
fn in_a_folder_of_another_profile_the_cloud_is_asked_for_its_own_host_all_the_same() {
    for (preset, set, cloud, settings_of, host) in [
        (
            "bedrock-sso",
            "profile=work",
            "bedrock",
            &["awsCredentialExport", "awsAuthRefresh"][..],
            "bedrock-runtime.us-east-1.amazonaws.com",
        ),
        ("vertex-adc", "project=acme", "vertex", &["gcpAuthRefresh"], "aiplatform.googleapis.com"),
    ] {
        let mut fixture = fixture();
        let secret = fixture.secret("of the cloud");
        let fake = fixture.fake(cloud, &Script::new(of_cloud(cloud, &secret)));
        let (executable, [option, script]) = fake.helper();
        let text = format!("exec {} {option} {script} \"$@\"", executable.display());
        fixture.script(&format!("claude-credential-{cloud}"), &text);
        let folder = fixture.folder("acme");
        let hosts = "hosts = [\"gateway.acme.example\"]\nchain = [\"api-key\"]\ndirectories = [\"~/acme\"]";
        fixture.config(&format!("[profile.acme]\n{hosts}\n"));
        set_up(&fixture, preset, &[set]).exits(0);
        for (name, value) in settings(&fixture)["env"].as_object().expect("an object") {
            fixture.set(name, value.as_str().expect("a text"));
        }
        for name in settings_of {
            let call = fixture.call("/bin/sh", &["-c", &setting(&fixture, name)]);
            let output = call.in_folder(&folder).shows_secret().run();
            // Where the sign-in is good, its command is not run, which would fail.
            assert_eq!(output.code(), Some(0), "{name}: {output:#?}");
            assert_eq!(fake.last("get").expect("a get").get("host"), Some(host), "{name}");
        }
    }
}

/// What the helper for a cloud answers.
fn of_cloud(cloud: &str, secret: &str) -> Does {
    let lines = match cloud {
        "bedrock" => format!(
            "claude.kind=aws\nusername=AKIDEXAMPLE\npassword={secret}\nclaude.session_token={secret}\n\
             password_expiry_utc=4102444800"
        ),
        _ => format!("claude.kind=bearer\nusername=oauth2\npassword={secret}"),
    };
    Does::Prints(format!("capability[]=claude.v1\n{lines}\n\n"))
}

#[test]
fn vertex_gets_its_setting_and_its_variables() {
    let sandbox = Sandbox::new();
    sandbox.script("gcloud", "exit 1");
    set_up(&sandbox, "vertex-adc", &["project=acme", "region=europe-west1"]).exits(0);
    let gcloud = sandbox.bin("gcloud");
    let refresh = format!(
        "{} --profile vertex refresh vertex -- {} auth application-default login",
        us(&sandbox),
        gcloud.display()
    );
    assert_eq!(
        settings(&sandbox),
        json!({ "gcpAuthRefresh": refresh, "env": { "CLAUDE_CODE_USE_VERTEX": "1", "ANTHROPIC_VERTEX_PROJECT_ID": "acme",
                "CLOUD_ML_REGION": "europe-west1" } })
    );
}
