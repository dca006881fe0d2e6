//! What the dispatcher may not become: heavy.

mod budgets;
mod gauge;
mod paths;

use std::collections::BTreeSet;
use std::fs;

use claude_credential_tests::{cargo, workspace};

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

/// A newcomer who tests a shell script builds the battery first, and waits for it.
#[test]
fn the_battery_is_built_from_few_crates() {
    let crates = dependencies("claude-credential-battery");
    assert!(crates.len() <= 12, "{crates:?}");
}

/// All crates that `package` is built from, on this platform.
fn dependencies(package: &str) -> BTreeSet<String> {
    let output = cargo()
        .args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--package", package])
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}
