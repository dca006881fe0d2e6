//! What the dispatcher may not become: heavy.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use claude_credential_tests::script::Script;
use claude_credential_tests::{Sandbox, skip, static_dispatcher, tool, workspace};

/// The most system calls of a warm `print`, its start included.
const MOST_SYSTEM_CALLS: usize = 40;

#[test]
fn the_dispatcher_links_no_tls_no_runtime_and_no_bus() {
    let crates = dependencies("claude-credential");
    assert!(crates.contains("claude-credential-protocol"), "{crates:?}");
    let heavy = |name: &&String| {
        [
            "rustls",
            "native-tls",
            "openssl",
            "openssl-sys",
            "ring",
            "tokio",
            "zbus",
            "dbus",
            "keyring",
            "reqwest",
            "hyper",
        ]
        .contains(&name.as_str())
            || name.starts_with("async-")
    };
    assert_eq!(crates.iter().find(heavy), None);
}

#[test]
fn no_helper_depends_on_another() {
    let helpers = fs::read_dir(workspace().join("helpers")).expect("the folder of helpers").flatten();
    let names: Vec<String> = helpers.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let names: Vec<&String> = names.iter().filter(|name| name.starts_with("claude-credential")).collect();
    assert!(names.len() > 2, "{names:?}");
    for name in &names {
        let crates = dependencies(name);
        let other = names.iter().find(|other| *other != name && crates.contains(other.as_str()));
        assert_eq!(other, None, "{name}");
    }
}

#[test]
fn a_warm_print_starts_no_process_and_makes_few_system_calls() {
    let what = "the gate on system calls";
    let Some(strace) = tool("strace") else { return skip(what, "no strace") };
    let dispatcher = match static_dispatcher() {
        Ok(dispatcher) => dispatcher,
        Err(reason) => return skip(what, &format!("no static executable: {reason}")),
    };
    let sandbox = Sandbox::with_executables(&["claude-credential-fake"]);
    let ours = sandbox.bin("claude-credential");
    fs::copy(dispatcher, &ours).expect("a copy of the dispatcher");
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(1)));
    sandbox.chain(&[&fake]);
    // One key for both, or the two would be different questions.
    fake.does(&Script::secrets(vec![sandbox.secret("key-1"); 2]));
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!(claude_credential_tests::Client::usual(&sandbox).key(), "key-1");
    let trace = sandbox.root().join("io/trace");
    for command in ["print", "api-key-helper"] {
        let args = ["-f", "-qq", "-s", "0", "-o"];
        let traced = sandbox.call(&strace, &args).arg(&trace).arg(&ours).arg(command).shows_secret().run();
        assert_eq!(traced.key(), "key-1");
        let trace = fs::read_to_string(&trace).expect("a trace");
        let calls: Vec<&str> = trace.lines().filter(|line| line.contains('(')).collect();
        let starts = |line: &&&str| ["clone", "fork", "execve("].iter().any(|name| line.contains(name));
        assert_eq!(calls.iter().filter(starts).count(), 1, "more than its own start: {trace}");
        // The client's helper looks into each folder above it besides, and notes what it handed to whom.
        let most = if command == "print" { MOST_SYSTEM_CALLS } else { 2 * MOST_SYSTEM_CALLS };
        assert!(calls.len() <= most, "{command} makes {} system calls:\n{trace}", calls.len());
    }
    assert_eq!(fake.runs(), 2);
}

/// All crates that `package` is built from, on this platform.
fn dependencies(package: &str) -> BTreeSet<String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
        .current_dir(workspace())
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}
