use std::collections::BTreeMap;
use std::env;
use std::ffi::OsStr;
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

/// A cargo that finds the variables as a shell would have them.
///
/// Build scripts watch variables that cargo sets (ring's watches `CARGO_PKG_NAME`): with those of the test process, this
/// cargo and the one outside would compile what depends on them anew at every call, one after the other.
#[must_use]
pub fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(workspace());
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_cargo_run(name)) {
        cargo.env_remove(name);
    }
    cargo
}

/// Whether cargo sets the variable for one package, target or run. What a user may set for cargo itself, such as
/// `CARGO_HOME`, `CARGO_TARGET_DIR` or `CARGO_NET_OFFLINE`, is none of them.
fn is_of_cargo_run(name: &OsStr) -> bool {
    const NAMES: [&str; 7] = [
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_MAKEFLAGS",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_RUSTC_CURRENT_DIR",
        "CARGO_TARGET_TMPDIR",
        "OUT_DIR",
    ];
    let name = name.to_string_lossy();
    NAMES.contains(&&*name)
        || ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"].iter().any(|prefix| name.starts_with(prefix))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cargo_inside_of_the_tests_gets_no_variable_that_the_outer_cargo_set_for_this_package() {
        assert!(env::var_os("CARGO_PKG_NAME").is_some() && env::var_os("CARGO_MANIFEST_DIR").is_some());
        let cargo = cargo();
        let removed: Vec<&OsStr> =
            cargo.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        let kept: Vec<_> = env::vars_os()
            .map(|(name, _)| name)
            .filter(|name| !removed.contains(&name.as_os_str()))
            .filter(|name| name.to_string_lossy().starts_with("CARGO"))
            .collect();
        // What remains is what cargo reads as a user's setting.
        let settings = [
            "CARGO_HOME",
            "CARGO_TARGET_DIR",
            "CARGO_INCREMENTAL",
            "CARGO_TERM_",
            "CARGO_NET_",
            "CARGO_HTTP_",
            "CARGO_BUILD_",
            "CARGO_REGISTRY_",
            "CARGO_REGISTRIES_",
            "CARGO_PROFILE_",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_LOG",
        ];
        let foreign: Vec<_> = kept
            .iter()
            .filter(|name| !settings.iter().any(|setting| name.to_string_lossy().starts_with(setting)))
            .collect();
        assert!(foreign.is_empty(), "{foreign:?}");
        assert!(removed.contains(&OsStr::new("CARGO_PKG_NAME")), "{removed:?}");
    }
}
