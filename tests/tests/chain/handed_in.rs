//! Files whose owner and mode are not the user's to choose: secrets and settings that Kubernetes, Swarm and Compose mount,
//! links into a store.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use claude_credential_tests::{Client, Output, Sandbox, skip, tool};
use serde_json::json;

/// Nobody's number on Linux.
const NOBODY: u32 = 65_534;

/// Somebody's on the host, whom the container does not know.
const HOST: u32 = 12_345;

/// Runs words as nobody, with the folder mounted read-only if so wanted; `None` where that can't be had.
fn as_nobody(sandbox: &Sandbox, read_only: Option<&str>, words: &str) -> Option<Output> {
    let is_root = rustix::process::geteuid().is_root();
    let Some(unshare) = tool("unshare").filter(|_| is_root) else {
        skip("files that were handed in", "not root, or no unshare");
        return None;
    };
    let mount = read_only.map_or_else(
        || "true".to_owned(),
        |folder| format!("mount --bind '{folder}' '{folder}' && mount -o remount,ro,bind '{folder}'"),
    );
    if sandbox.call(&unshare, &["-m", "/bin/sh", "-c", &mount]).run().code() != Some(0) {
        skip("files that were handed in", "no mount in a namespace of our own");
        return None;
    }
    let script = format!("{mount} && exec setpriv --reuid {NOBODY} --regid {NOBODY} --clear-groups {words}");
    Some(sandbox.call(unshare, &["-m", "/bin/sh", "-c", &script]).shows_secret().run())
}

#[test]
fn a_secret_is_read_where_nobody_here_can_change_its_owner_or_mode() {
    for (owner, group, mode, read_only, advice) in [
        // Kubernetes' fsGroup, also without the mount.
        (0, NOBODY, 0o440, false, ""),
        (0, NOBODY, 0o440, true, ""),
        // Swarm.
        (0, 0, 0o444, true, ""),
        (0, 0, 0o444, false, "can be read by others; run: sudo chmod 600 "),
        (0, NOBODY, 0o460, false, "can be read by others; run: sudo chmod 600 "),
        // Compose.
        (HOST, HOST, 0o644, true, ""),
        (HOST, HOST, 0o666, true, ""),
        (HOST, HOST, 0o644, false, "belongs to another user; run: sudo chown $(id -un) "),
        (NOBODY, NOBODY, 0o644, false, "can be read by others; run: chmod 600 "),
    ] {
        let sandbox = Sandbox::new();
        let folder = sandbox.folder("secrets");
        let file = sandbox.write("secrets/key", sandbox.secret("file"));
        sandbox.give_to(NOBODY);
        fs::set_permissions(&file, Permissions::from_mode(mode)).expect("a mode");
        chown(&file, Some(owner), Some(group)).expect("root gives files away");
        let words =
            format!("'{}' --file '{}' print", sandbox.bin("claude-credential-apikey").display(), file.display());
        let folder = folder.display().to_string();
        let Some(output) = as_nobody(&sandbox, Some(folder.as_str()).filter(|_| read_only), &words) else { return };
        let what = format!("{owner} {mode:o} {read_only}: {output:#?}");
        if advice.is_empty() {
            assert_eq!(output.printed_key(), "file", "{what}");
        } else {
            assert!(output.fails(78).contains(&format!("{advice}{}", file.display())), "{what}");
        }
    }
}

#[test]
fn settings_of_another_owner_count_on_a_read_only_mount_alone() {
    for read_only in [true, false] {
        let sandbox = Sandbox::new();
        let config = sandbox
            .config("[profile.default]\nchain = [\"key\"]\n[entry.key]\ncommand = [\"/bin/cat\", \"/etc/hostname\"]\n");
        sandbox.give_to(NOBODY);
        chown(&config, Some(HOST), Some(HOST)).expect("root gives files away");
        fs::set_permissions(&config, Permissions::from_mode(0o644)).expect("a mode");
        let folder = config.parent().expect("a folder").display().to_string();
        let words = format!("'{}' --no-cache print", sandbox.bin("claude-credential").display());
        let Some(output) = as_nobody(&sandbox, Some(folder.as_str()).filter(|_| read_only), &words) else { return };
        if read_only {
            output.succeeds();
        } else {
            assert!(output.fails(78).contains("sudo chown"), "{output:#?}");
        }
    }
}

#[test]
fn setup_shows_its_change_before_it_says_that_the_settings_are_made_elsewhere() {
    let sandbox = Sandbox::new();
    let store = sandbox.write("store/settings.json", "{\n  \"model\": \"opus\"\n}\n");
    let folder = sandbox.folder(".claude");
    symlink(&store, folder.join("settings.json")).expect("a link");
    fs::set_permissions(&store, Permissions::from_mode(0o444)).expect("a mode");
    sandbox.give_to(NOBODY);
    let mount = sandbox.home().join("store").display().to_string();
    let words =
        format!("'{}' setup --preset api-key --yes --stdin </dev/null", sandbox.bin("claude-credential").display());
    let Some(output) = as_nobody(&sandbox, Some(&mount), &words) else { return };
    let said = &output.exits(78).stderr;
    let change = said.find("+  \"apiKeyHelper\"").unwrap_or_else(|| panic!("no change is shown: {output:#?}"));
    let gives_up = said.find(&format!("{mount} can't be written")).unwrap_or_else(|| panic!("{output:#?}"));
    assert!(change < gives_up && !said.contains("chmod"), "{said}");
    assert!(!sandbox.config_file().exists() && sandbox.files_with_secrets().is_empty());
}

#[test]
fn settings_of_no_bytes_set_nothing() {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &claude_credential_tests::script::Script::secrets(sandbox.keys(9)));
    sandbox.chain(&[&fake]);
    let clone = sandbox.folder("clone");
    for text in ["", " \n", "\u{FEFF}"] {
        sandbox.write("clone/.claude/settings.json", text);
        sandbox.write("clone/.claude/settings.local.json", text);
        sandbox.write(".claude/settings.json", text);
        assert!(Client::usual(&sandbox).in_folder(&clone).key().starts_with("key-"), "{text:?}");
    }
    // What is half written is no setting of nothing.
    sandbox.write("clone/.claude/settings.json", json!({"env": {}}).to_string().trim_end_matches('}'));
    Client::usual(&sandbox).in_folder(&clone).call().fails(78);
}
