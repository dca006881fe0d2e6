//! The crates of the workspace, as the manifests have them.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// One crate.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// What it depends on, development aside; crates of the workspace and others alike.
    pub(crate) dependencies: Vec<String>,
}

impl Package {
    fn read(folder: PathBuf) -> Self {
        let manifest = table(&folder.join("Cargo.toml"));
        let name = manifest["package"]["name"].as_str().expect("a package has a name").to_owned();
        let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let sections = targets.filter_map(Value::as_table).chain([&manifest]);
        let dependencies = sections.filter_map(|section| section.get("dependencies")?.as_table());
        let dependencies = dependencies.flat_map(|names| names.keys().cloned()).collect();
        Self { name, folder, dependencies }
    }

    /// Whether it is part of what is installed; the others are its tests.
    pub(crate) fn is_product(&self) -> bool {
        !self.folder.starts_with(workspace().join("tests"))
    }
}

/// All crates of the workspace.
pub(crate) fn packages() -> Vec<Package> {
    let manifest = table(&workspace().join("Cargo.toml"));
    let members = manifest["workspace"]["members"].as_array().expect("the workspace lists its members");
    members.iter().flat_map(|member| folders(member.as_str().expect("a member is a path"))).map(Package::read).collect()
}

/// The folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace")
}

/// The folders that a member of the workspace means: itself or, with a `*` at its end, all that begin so.
fn folders(member: &str) -> Vec<PathBuf> {
    let Some(prefix) = member.strip_suffix('*') else { return vec![workspace().join(member)] };
    let (parent, begin) = prefix.rsplit_once('/').unwrap_or((".", prefix));
    let entries = fs::read_dir(workspace().join(parent)).expect("the folder of members is there").flatten();
    let begins = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin));
    let is_crate = |path: &PathBuf| path.join("Cargo.toml").is_file();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| begins(path) && is_crate(path)).collect();
    folders.sort();
    folders
}

fn table(file: &Path) -> Table {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
