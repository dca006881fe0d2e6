//! `setup`: each preset, what is said and refused, what is written, and that `--undo` takes it back.

mod again;
mod config;
mod edited;
mod presets;
mod says;
mod terminal;
mod undo;

use std::fs;

use claude_credential_tests::{Output, Sandbox};
use serde_json::Value;

const GATEWAY: &str = "https://gateway.acme.example/anthropic";

/// `setup` with a preset and its answers, agreed to.
fn set_up(sandbox: &Sandbox, preset: &str, set: &[&str]) -> Output {
    set_up_with(sandbox, preset, set, &[])
}

/// The same, with options more.
fn set_up_with(sandbox: &Sandbox, preset: &str, set: &[&str], options: &[&str]) -> Output {
    let set = set.iter().flat_map(|pair| ["--set", pair]);
    sandbox.dispatcher(&["setup", "--yes", "--preset", preset]).args(set).args(options).run()
}

fn undo(sandbox: &Sandbox) -> Output {
    sandbox.dispatcher(&["setup", "--undo", "--yes"]).run()
}

/// Claude Code's settings of the user.
fn settings(sandbox: &Sandbox) -> Value {
    let bytes = fs::read(sandbox.home().join(".claude/settings.json")).expect("settings");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn setting(sandbox: &Sandbox, name: &str) -> String {
    settings(sandbox)[name].as_str().expect("a text").to_owned()
}

fn config(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.config_file()).expect("config.toml")
}

fn us(sandbox: &Sandbox) -> String {
    sandbox.bin("claude-credential").display().to_string()
}

/// A home with the commands of some presets.
fn fixture() -> Sandbox {
    let sandbox = Sandbox::new();
    for command in ["vault", "cloudflared", "pass", "ant", "aws", "gcloud"] {
        sandbox.script(command, "exit 1");
    }
    sandbox
}
