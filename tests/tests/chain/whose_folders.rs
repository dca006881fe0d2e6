//! Folders that are another user's or are not there, as su, sudo, WSL and containers leave them in the variables.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use claude_credential_tests::script::Script;
use claude_credential_tests::{Call, Sandbox, skip, tool};

/// Nobody's number on Linux.
const NOBODY: u32 = 65_534;

fn root(what: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skip(what, "not root");
    }
    is_root
}

fn as_nobody<'a>(sandbox: &'a Sandbox, args: &[&str]) -> Call<'a> {
    let setpriv = tool("setpriv").expect("setpriv is part of util-linux");
    let nobody = NOBODY.to_string();
    let call = sandbox.call(setpriv, &["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
    call.arg(sandbox.bin("claude-credential")).args(args).shows_secret()
}

/// Everything in and below a folder that root has.
fn of_root(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.metadata().is_ok_and(|entry| entry.uid() == 0) {
            found.push(path.display().to_string());
        }
        if path.is_dir() {
            found.extend(of_root(&path));
        }
    }
    found
}

#[test]
fn a_runtime_folder_of_another_user_is_told_once_and_one_of_five_sessions_signs_in() {
    if !root("a runtime folder of another user") {
        return;
    }
    let sandbox = Sandbox::new();
    let signed_in = sandbox.home().join("signed-in");
    let key = sandbox.secret("key");
    sandbox.config(&format!(
        "[profile.default]\nchain = [\"acme\"]\n[entry.acme]\ncommand = [\"/bin/cat\", \"{}\"]\n",
        signed_in.display()
    ));
    sandbox.write("key", &key);
    let sign_in = sandbox.script("sign-in", "sleep 1; echo >>\"$HOME/runs\"; cp \"$HOME/key\" \"$HOME/signed-in\"");
    sandbox.give_to(NOBODY);
    chown(sandbox.root().join("run"), Some(0), Some(0)).expect("root takes a folder");
    let sign_in = sign_in.to_str().expect("a name in UTF-8");
    let sessions: Vec<_> = (0..5).map(|_| as_nobody(&sandbox, &["refresh", "acme", "--", sign_in]).start()).collect();
    for session in sessions {
        session.finish().exits(0);
    }
    assert_eq!(fs::read_to_string(sandbox.home().join("runs")).expect("it ran"), "\n");
    let print = || as_nobody(&sandbox, &["print"]).run();
    assert_eq!(print().succeeds().stderr, "");
    fs::remove_file(&signed_in).expect("it is there");
    assert_eq!(print().printed_key(), "key", "the answer was kept");
    fs::remove_dir_all(sandbox.home().join(".cache/claude-credential")).expect("the cache is there");
    fs::write(&signed_in, &key).expect("a key");
    chown(&signed_in, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
    let said = print();
    let expected = format!(
        "claude-credential: XDG_RUNTIME_DIR, {}, is no folder of this user's, so the cache is in {}\n",
        sandbox.root().join("run").display(),
        sandbox.home().join(".cache/claude-credential").display()
    );
    assert_eq!(said.exits(0).stderr, expected);
    assert_eq!(print().succeeds().stderr, "");
    for file in [&signed_in, &sandbox.home().join("key")] {
        fs::remove_file(file).expect("it is there");
    }
}

#[test]
fn a_runtime_folder_that_is_not_there_is_not_made() {
    let mut sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(2)));
    sandbox.chain(&[&fake]);
    let missing = sandbox.root().join("missing/run");
    sandbox.set("XDG_RUNTIME_DIR", &missing);
    assert_eq!(sandbox.print().run().printed_key(), "key-1");
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert!(!missing.exists() && sandbox.home().join(".cache/claude-credential/random").exists());
}

#[test]
fn root_by_sudo_leaves_nothing_in_another_user_s_home() {
    if !root("root in another user's home") {
        return;
    }
    for (variable, value) in [("SUDO_UID", "65534"), ("DOAS_USER", "me")] {
        for is_there in [false, true] {
            let mut sandbox = Sandbox::new();
            for name in ["XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
                sandbox.unset(name);
            }
            if !is_there {
                fs::remove_dir_all(sandbox.home()).expect("a home");
                fs::create_dir(sandbox.home()).expect("a home");
            }
            sandbox.give_to(NOBODY);
            sandbox.set(variable, value);
            sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("variable"));
            assert_eq!(sandbox.print().run().printed_key(), "variable");
            for command in [&["status"][..], &["explain"], &["doctor"], &["cache", "list"], &["cache", "clear"]] {
                sandbox.dispatcher(command).run();
            }
            let key = sandbox.secret("stored");
            let login = sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(key).run();
            assert!(login.fails(78).contains("sudo -H"), "{login:#?}");
            let setup = sandbox.dispatcher(&["setup", "--preset", "api-key", "--yes"]).run();
            assert!(setup.exits(78).stderr.contains("sudo -H"), "{setup:#?}");
            assert_eq!(of_root(&sandbox.home()), [""; 0], "{variable}");
            sandbox.unset(variable);
            // Without sudo it is a container's, whose home has another number.
            sandbox.print().run().succeeds();
        }
    }
}

#[test]
fn a_home_that_is_not_there_is_told_as_home_and_is_not_made() {
    let mut sandbox = Sandbox::new();
    let home = sandbox.root().join("nowhere");
    sandbox.set("HOME", &home);
    for name in ["XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        sandbox.unset(name);
    }
    let told = format!("HOME, {}, is not a folder; run: export HOME=", home.display());
    // Where no home is needed, the key comes.
    let call = sandbox.print().with("ANTHROPIC_API_KEY", sandbox.secret("variable"));
    assert_eq!(call.args(["--no-cache"]).run().key(), "variable");
    let call = sandbox.print().with("ANTHROPIC_API_KEY", sandbox.secret("variable"));
    let output = call.run();
    assert_eq!(output.printed_key(), "variable");
    let login = sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("stored")).run();
    assert!(login.fails(78).contains(&told), "{login:#?}");
    // Everything that is started there.
    let config = sandbox.write(
        sandbox.root().join("config.toml"),
        "[profile.default]\nchain = [\"words\"]\n[entry.words]\ncommand = [\"/bin/true\"]\n[entry.line]\nshell = \"true\"\n[entry.helper]\nhelper = \"/bin/true\"\n",
    );
    let config = config.to_str().expect("a name in UTF-8");
    for command in [&["print", "--chain", "words"][..], &["print", "--chain", "line"], &["print", "--chain", "helper"]]
    {
        let output = sandbox.dispatcher(&["--no-cache", "--config", config]).args(command).run();
        assert!(output.fails(78).contains(&told), "{command:?}: {output:#?}");
    }
    assert!(!home.exists());
}
