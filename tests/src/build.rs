use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// An executable of the workspace, built by the first call of a process.
///
/// `cargo test` does not build the executables of other packages. Cargo's own lock lets the test processes build one
/// after the other; all but the first find nothing to do.
#[must_use]
pub fn executable(name: &str) -> &'static Path {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let mut cargo = cargo();
        cargo.args(["build", "--workspace", "--bins"]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        build(cargo).expect("cargo build --workspace --bins")
    });
    built.get(name).unwrap_or_else(|| panic!("the workspace has no executable {name}"))
}

/// The dispatcher, or the helper for keys, as install.sh builds it; or why it can't be built so here.
pub fn static_executable(name: &str) -> Result<PathBuf, String> {
    let mut cargo = cargo();
    cargo.args(["build", "--package", name, "--release", "--target", &host_triple()?]);
    cargo.env("RUSTFLAGS", "-C target-feature=+crt-static");
    build(cargo)?.remove(name).ok_or_else(|| format!("cargo built no {name}"))
}

/// The folder of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is a folder of the workspace")
}

fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    cargo
}

/// Runs a build and reads from its messages what it made, wherever the target folder is.
fn build(mut cargo: Command) -> Result<BTreeMap<String, PathBuf>, String> {
    cargo.arg("--message-format=json-render-diagnostics").stdin(Stdio::null());
    let output = cargo.output().map_err(|error| format!("cargo can't be started: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let messages = output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
    Ok(messages.filter_map(|message: serde_json::Value| made(&message)).collect())
}

fn made(message: &serde_json::Value) -> Option<(String, PathBuf)> {
    let path = message.get("executable")?.as_str()?;
    Some((message.get("target")?.get("name")?.as_str()?.to_owned(), path.into()))
}

fn host_triple() -> Result<String, String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .arg("-vV")
        .output()
        .map_err(|error| format!("rustc can't be started: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    triple.map(str::to_owned).ok_or_else(|| "rustc names no host".to_owned())
}
