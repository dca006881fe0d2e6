//! Runs what the documents say: each block of the README and the guides in a home with stand-ins for what it calls, each
//! example of protocol.md, each scenario folder.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use claude_credential_tests::document::{Block, blocks, differences};
use claude_credential_tests::{Sandbox, process, tool, workspace};

/// Words after a fence, and what is done with such a block; any other is a mistake.
const TAGS: [&str; 7] = ["sh", "bash", "console", "toml", "json", "ini", "text"];

#[test]
fn every_command_of_the_guides_runs() {
    let mut ran = 0;
    for (guide, block) in guide_blocks() {
        if let shell @ ("sh" | "bash") = block.tag.as_str() {
            let sandbox = reader();
            let script = sandbox.write("block", &block.text);
            let output = sandbox.call(Path::new("/bin").join(shell), &["-eu"]).arg(script).shows_secret();
            let output = output.in_folder(&sandbox.home().join("claude-credential")).run();
            assert_eq!(output.code(), Some(0), "{guide}, block at line {}: {output:#?}", block.line);
            ran += 1;
        }
    }
    assert!(ran > 10, "only {ran} blocks");
}

#[test]
fn every_configuration_in_the_guides_is_accepted() {
    let mut ran = 0;
    for (guide, block) in guide_blocks() {
        let place = format!("{guide}, block at line {}", block.line);
        match block.tag.as_str() {
            "toml" => {
                let sandbox = reader();
                sandbox.config(&block.text);
                let output = sandbox.dispatcher(&["cache", "list"]).run();
                assert_eq!(output.code(), Some(0), "{place}: {output:#?}");
            }
            "json" => {
                let settings: serde_json::Value =
                    serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{place}: {error}"));
                assert!(settings.is_object(), "{place}");
            }
            _ => continue,
        }
        ran += 1;
    }
    assert!(ran > 10, "only {ran} blocks");
}

#[test]
fn every_block_says_what_it_is() {
    for document in guides().into_iter().chain(["protocol.md".to_owned()]) {
        let unknown: Vec<Block> =
            blocks(&read(&document)).into_iter().filter(|block| !TAGS.contains(&block.tag.as_str())).collect();
        assert!(unknown.is_empty(), "{document}: {unknown:#?}");
    }
}

#[test]
fn every_example_of_the_guides_prints_what_it_says() {
    let with_examples: BTreeSet<String> =
        guide_blocks().into_iter().filter(|(_, block)| block.tag == "console").map(|(guide, _)| guide).collect();
    assert!(with_examples.len() > 2, "{with_examples:?}");
    let found: Vec<String> =
        with_examples.iter().flat_map(|guide| differences(&workspace().join(guide), &reader())).collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

#[test]
fn every_example_of_the_protocol_does_what_it_says() {
    let mut sandbox = Sandbox::new();
    sandbox.set("ANTHROPIC_API_KEY", "sk-ant-example");
    let found = differences(&workspace().join("protocol.md"), &sandbox);
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// A scenario is a folder: `README.md` says in a sentence what it proves, with the commands and what they print; beside
/// it lies what is in HOME.
#[test]
fn every_scenario_proves_its_sentence() {
    let scenarios = workspace().join("tests/scenarios");
    let mut folders: Vec<PathBuf> = fs::read_dir(&scenarios)
        .expect("the scenarios")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("README.md").is_file() && !path.ends_with("stand-ins"))
        .collect();
    folders.sort();
    assert!(folders.len() > 5, "{folders:?}");
    let mut found = Vec::new();
    for folder in folders {
        let sandbox = Sandbox::new();
        copy(&folder.join("home"), &sandbox.home());
        found.extend(differences(&folder.join("README.md"), &sandbox));
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// The README, and every page of `docs/` that is not below a folder of its own.
fn guides() -> Vec<String> {
    let pages = fs::read_dir(workspace().join("docs")).expect("the guides").flatten().map(|page| page.path());
    let pages = pages.filter(|page| page.extension().is_some_and(|ending| ending == "md"));
    let mut guides: Vec<String> =
        pages.map(|page| format!("docs/{}", page.file_name().expect("a name").display())).collect();
    guides.push("README.md".to_owned());
    guides.sort();
    guides
}

fn guide_blocks() -> Vec<(String, Block)> {
    let of = |guide: String| blocks(&read(&guide)).into_iter().map(move |block| (guide.clone(), block));
    guides().into_iter().flat_map(of).collect()
}

/// The home of a user who reads the guides: a clone, and stand-ins for programs that need a network, an account, or
/// minutes. Each fails unless it is called as the real one can be.
fn reader() -> Sandbox {
    let mut sandbox = Sandbox::new();
    copy(&workspace().join("tests/scenarios/stand-ins/bin"), &sandbox.root().join("bin"));
    let clone = sandbox.folder("claude-credential");
    copy(&workspace().join("tests/scenarios/clone"), &clone);
    for script in ["install.sh", "tests/run.sh"] {
        assert!(workspace().join(script).is_file(), "{script} is gone; its stand-in should go, too");
    }
    for file in files(&sandbox.root().join("bin")).into_iter().chain(files(&clone)) {
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    if let Some(git) = tool("git") {
        symlink(git, sandbox.bin("git")).expect("a link");
    }
    // Where install.sh puts them.
    let installed = sandbox.folder(".local/bin");
    for name in ["claude-credential", "claude-credential-apikey", "claude-credential-oauth"] {
        fs::hard_link(sandbox.bin(name), installed.join(name)).expect("a link");
    }
    sandbox.set("ANTHROPIC_API_KEY", "sk-ant-example");
    sandbox
}

fn read(document: &str) -> String {
    let path = workspace().join(document);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn copy(from: &Path, to: &Path) {
    let _starting = process::starting();
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).expect("it is below the folder"));
        fs::create_dir_all(target.parent().expect("a file is in a folder")).expect("a folder");
        fs::copy(&file, &target).expect("a copy");
        // As its owner wants it, whatever the checkout made of it.
        fs::set_permissions(target, fs::Permissions::from_mode(0o600)).expect("a mode");
    }
}
