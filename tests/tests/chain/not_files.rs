//! `/dev/null`, folders and pipes where a file is named.

use std::fs;
use std::os::unix::fs::symlink;

use claude_credential_tests::{Client, Sandbox, skip, tool};

fn keyed() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("variable"));
    sandbox
}

#[test]
fn the_null_device_is_an_empty_configuration_and_so_is_a_folder_for_claude_code() {
    let sandbox = keyed();
    assert_eq!(sandbox.dispatcher(&["--config", "/dev/null", "print"]).shows_secret().run().key(), "variable");
    symlink("/dev/null", sandbox.config_file())
        .or_else(|_| {
            fs::create_dir_all(sandbox.config_file().parent().expect("a folder"))?;
            symlink("/dev/null", sandbox.config_file())
        })
        .expect("a link");
    let clone = sandbox.folder("clone");
    let places =
        [sandbox.folder(".claude").join("settings.json"), sandbox.folder("clone/.claude").join("settings.json")];
    for place in &places {
        symlink("/dev/null", place).expect("a link");
    }
    assert_eq!(sandbox.print().run().key(), "variable");
    assert_eq!(Client::usual(&sandbox).in_folder(&clone).key(), "variable");
    for place in &places {
        fs::remove_file(place).expect("the link goes");
        fs::create_dir(place).expect("a folder");
    }
    assert_eq!(sandbox.print().run().key(), "variable");
    assert_eq!(Client::usual(&sandbox).in_folder(&clone).key(), "variable");
}

#[test]
fn aws_s_files_are_empty_as_for_its_own_tools_if_they_are_the_null_device_or_a_folder() {
    let sandbox = Sandbox::with_executables(&["claude-credential-bedrock"]);
    let folder = sandbox.folder("folder").display().to_string();
    for (config, credentials) in [("/dev/null", "/dev/null"), (folder.as_str(), folder.as_str())] {
        let call = sandbox.call(sandbox.bin("claude-credential-bedrock"), &["--aws-profile", "acme", "print"]);
        let output = call.with("AWS_CONFIG_FILE", config).with("AWS_SHARED_CREDENTIALS_FILE", credentials).run();
        assert!(output.fails(78).contains("there is no profile acme"), "{output:#?}");
    }
}

#[test]
fn a_secret_in_a_pipe_is_read_once_and_a_configuration_in_one_is_refused_with_what_to_do() {
    let Some(bash) = tool("bash") else { return skip("process substitution", "no bash") };
    let helpers = ["claude-credential", "claude-credential-apikey", "claude-credential-vertex"];
    let sandbox = Sandbox::with_executables(&helpers);
    let source = sandbox.write("source", sandbox.secret("pipe"));
    let run = |script: &str| {
        let script = script.replace("SOURCE", &source.display().to_string());
        sandbox.call(&bash, &["-c", &script]).shows_secret().run()
    };
    assert_eq!(run("exec claude-credential-apikey --file <(sleep 0.2; cat 'SOURCE') print").key(), "pipe");
    assert!(run("exec claude-credential-apikey --file <(:) print").fails(78).contains("holds no key"));
    let long = run("exec claude-credential-apikey --file <(head -c 1000000 /dev/zero) print");
    assert!(long.fails(78).contains("is larger than"), "{long:#?}");
    let google = run("GOOGLE_APPLICATION_CREDENTIALS=<(echo '{}') exec claude-credential-vertex --source env print");
    assert!(google.fails(78).contains("`type`"), "{google:#?}");
    let config = run("exec claude-credential --config <(echo) print");
    assert!(config.fails(78).contains("is a pipe") && config.error_line().contains("write what it gives to a file"));
}
