//! install.sh, with a cargo that builds nothing: what it installs, and that it takes all of it away again.

use std::fs;
use std::os::unix::fs::symlink;

use claude_credential_tests::{Call, Sandbox, executable, workspace};

#[test]
fn completions_and_manual_pages_come_and_go_with_the_executables() {
    let sandbox = builder();
    let prefix = sandbox.folder("prefix");
    let output = install(&sandbox, &[]).run();
    assert!(output.exits(0).stdout.contains("installed completions"), "{output:#?}");
    let files = || {
        let files = sandbox.call("find", &[".", "(", "-type", "f", "-o", "-type", "l", ")"]).in_folder(&prefix).run();
        let mut files: Vec<String> = files.succeeds().stdout.lines().map(str::to_owned).collect();
        files.sort();
        files
    };
    for file in [
        "bin/claude-credential",
        "bin/git-credential-claude",
        "share/bash-completion/completions/claude-credential",
        "share/zsh/site-functions/_claude-credential",
        "share/fish/vendor_completions.d/claude-credential.fish",
        "share/man/man1/claude-credential.1",
        "share/man/man1/claude-credential-exec.1",
    ] {
        assert!(files().contains(&format!("./{file}")), "{file} is missing: {:?}", files());
    }
    // A page of a helper of somebody else's.
    let foreign = prefix.join("share/man/man1/claude-credential-weather.1");
    fs::write(foreign, "").expect("a file");
    install(&sandbox, &["--uninstall"]).run().exits(0);
    assert_eq!(files(), ["./share/man/man1/claude-credential-weather.1"]);
    install(&sandbox, &["--uninstall"]).run().exits(0);
}

#[test]
fn a_share_that_can_t_be_written_is_said_and_the_executables_are_installed() {
    let sandbox = builder();
    fs::write(sandbox.folder("prefix").join("share"), "").expect("a file");
    let output = install(&sandbox, &[]).run();
    let said = "install.sh: no completions and manual pages: ";
    assert!(output.exits(0).stderr.lines().any(|line| line.starts_with(said)), "{output:#?}");
    assert!(sandbox.home().join("prefix/bin/claude-credential").is_file());
}

fn install<'a>(sandbox: &'a Sandbox, options: &[&str]) -> Call<'a> {
    let prefix = sandbox.home().join("prefix");
    let prefix = prefix.to_str().expect("UTF-8");
    sandbox.call(workspace().join("install.sh"), &[&["--prefix", prefix], options].concat())
}

/// With a cargo and a rustc that know where the executables of the sandbox are.
fn builder() -> Sandbox {
    let sandbox = Sandbox::new();
    let target = sandbox.folder("target");
    let built = sandbox.folder("target/host/release");
    let helpers = fs::read_dir(workspace().join("helpers")).expect("the helpers").flatten();
    let names = helpers.map(|helper| helper.file_name().into_string().expect("UTF-8"));
    // The template is not among those that are installed.
    for name in names.filter(|name| name.starts_with("claude-credential")) {
        // install.sh makes a copy of its own, so that this may be the very one that was built.
        symlink(executable(&name), built.join(&name)).expect("a link");
    }
    let metadata = format!("{{\"target_directory\":\"{}\"}}", target.display());
    sandbox.script("cargo", &format!("case $1 in --version) echo cargo 9.9.9 ;; metadata) echo '{metadata}' ;; esac"));
    sandbox.script("rustc", "echo host: host");
    sandbox
}
