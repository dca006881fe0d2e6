//! tests/run.sh installs every program that the tests and their servers look for.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use claude_credential_tests::workspace;

/// What every system has that can build the workspace and run a script.
const EVERYWHERE: [&str; 9] = ["bash", "cargo", "chmod", "find", "mkdir", "mkfifo", "rustc", "sh", "sleep"];

/// What run.sh has from elsewhere than Debian, by a function of its own.
const ELSEWHERE: [&str; 2] = ["node", "npm"];

#[test]
fn run_sh_installs_every_tool_that_the_tests_look_for() {
    let installed = installed();
    let mut looked_for = BTreeSet::new();
    for folder in ["tests/src", "tests/tests", "tests/battery/src", "tests/bench/src", "tests/servers"] {
        for file in files(&workspace().join(folder)) {
            let text = fs::read_to_string(&file).expect("a text");
            looked_for.extend(tools_in(&text).map(|tool| (tool.to_owned(), file.clone())));
        }
    }
    let text = fs::read_to_string(workspace().join("tests/run.sh")).expect("run.sh");
    looked_for.extend(tools_in(&text).map(|tool| (tool.to_owned(), "run.sh".into())));
    for known in ["git", "strace", "zsh", "chromedriver", "dbus-daemon", "ip", "node"] {
        assert!(looked_for.iter().any(|(tool, _)| tool == known), "{known} was not found by this test");
    }
    let missing: Vec<_> = looked_for.iter().filter(|(tool, _)| !installed.contains(tool)).collect();
    assert!(missing.is_empty(), "not in the list of tests/run.sh: {missing:#?}");
}

#[test]
fn a_tool_is_found_in_each_way_of_looking_for_one() {
    let found = |text: &str| tools_in(text).map(str::to_owned).collect::<Vec<_>>();
    for text in [
        r#"let Some(sed) = tool("a-tool") else"#,
        r#"Command::new("/usr/bin/a-tool")"#,
        r#"sandbox.call("a-tool", &[])"#,
        "spawn('a-tool', ['--port=0'])",
        r#"subprocess.run(["a-tool", "--x"])"#,
        r#"for shell in [("a-tool", "sh")] { tool(shell)"#,
    ] {
        assert_eq!(found(text), ["a-tool"], "{text}");
    }
    assert_eq!(found("if ! have a-tool b-tool && true; then"), ["a-tool", "b-tool"]);
    assert_eq!(found("    for tool in a-tool b-tool; do"), ["a-tool", "b-tool"]);
    assert_eq!(found(r#"git.call("approve").says(filled)"#), [] as [&str; 0]);
}

/// The first words of the list in run.sh, and what is everywhere.
fn installed() -> BTreeSet<String> {
    let text = fs::read_to_string(workspace().join("tests/run.sh")).expect("run.sh");
    let list =
        text.split("<<'TOOLS'\n").nth(1).and_then(|rest| rest.split("\nTOOLS\n").next()).expect("a list of tools");
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.chain(EVERYWHERE).chain(ELSEWHERE).map(str::to_owned).collect()
}

/// The names of programs that a source looks for on PATH.
fn tools_in(text: &str) -> impl Iterator<Item = &str> {
    let quoted = ["tool(", "Command::new(", "sandbox.call(", "spawn(", "subprocess.run([", "subprocess.Popen([", "[("];
    let of_shells = text.contains("tool(shell)");
    let in_quotes = quoted.into_iter().filter(move |start| *start != "[(" || of_shells).flat_map(move |start| {
        text.split(start).skip(1).filter_map(|rest| {
            let end =
                rest.strip_prefix('"').map(|rest| (rest, '"')).or(rest.strip_prefix('\'').map(|rest| (rest, '\'')));
            let (rest, quote) = end?;
            rest.split(quote).next()
        })
    });
    let lists = text.lines().flat_map(|line| {
        let line = line.trim_start();
        let list = line.strip_prefix("for tool in ").or_else(|| {
            line.split_once("have ")
                .filter(|(before, _)| before.is_empty() || before.ends_with("if ") || before.ends_with("! "))
                .map(|(_, rest)| rest)
        });
        list.map_or("", |list| list.split([';', '&', '|']).next().unwrap_or_default()).split_whitespace()
    });
    in_quotes.chain(lists).filter_map(|name| {
        let name = name.strip_prefix("/usr/bin/").or(name.strip_prefix("/bin/")).unwrap_or(name);
        let is_name =
            |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (name.starts_with(|first: char| first.is_ascii_lowercase()) && is_name(name)).then_some(name)
    })
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| {
            path.extension().is_some_and(|ending| ["rs", "sh", "py", "mjs"].iter().any(|known| ending == *known))
        })
        .filter(|path| !path.ends_with("documents/tools.rs"))
        .collect()
}
