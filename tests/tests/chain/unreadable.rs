//! What can't be read is never "none": the next entry, for which another account may pay, does not answer in its place.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use claude_credential_tests::{Call, Sandbox, skip, tool};

const NOBODY: u32 = 65_534;

/// A chain with the entry of that name, and after it one that is metered.
fn before_metered(entry: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let metered = sandbox.write("metered", sandbox.secret("metered"));
    sandbox.config(&format!(
        "key_store = \"file\"\n[claude]\nlogin = \"read\"\n[profile.default]\nchain = [\"{entry}\", \"metered\"]\n\
         [entry.metered]\ncommand = [\"cat\", \"{}\"]\n",
        metered.display()
    ));
    sandbox
}

/// The dispatcher, as a user whom modes stop.
fn as_nobody<'s>(sandbox: &'s Sandbox, args: &[&str]) -> Option<Call<'s>> {
    if !rustix::process::geteuid().is_root() {
        return Some(sandbox.dispatcher(args));
    }
    let setpriv = tool("setpriv")?;
    fs::set_permissions(sandbox.root(), Permissions::from_mode(0o755)).expect("a mode");
    let nobody = NOBODY.to_string();
    let call = sandbox.call(setpriv, &["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
    Some(call.arg(sandbox.bin("claude-credential")).args(args))
}

fn refuses(sandbox: &Sandbox, names: &[&str]) {
    for command in [&["print"][..], &["--no-cache", "print"], &["api-key-helper"]] {
        let Some(call) = as_nobody(sandbox, command) else { return skip("what can't be read", "no setpriv") };
        let output = call.run();
        let error = output.fails(78);
        assert!(names.iter().all(|name| error.contains(name)), "{command:?}: {error}");
    }
}

/// Takes from nobody what they need to look into `folder`.
fn close(folder: &Path) {
    if rustix::process::geteuid().is_root() {
        chown(folder, Some(0), Some(0)).expect("root takes it");
        fs::set_permissions(folder, Permissions::from_mode(0o700)).expect("a mode");
    } else {
        fs::set_permissions(folder, Permissions::from_mode(0o000)).expect("a mode");
    }
}

fn give_to_nobody(sandbox: &Sandbox) {
    if rustix::process::geteuid().is_root() {
        sandbox.give_to(NOBODY);
    }
}

#[test]
fn a_folder_of_kept_keys_that_is_closed_to_us_is_not_one_without_keys() {
    let sandbox = before_metered("api-key");
    sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(sandbox.secret("kept")).run().exits(0);
    give_to_nobody(&sandbox);
    let folder = sandbox.home().join(".local/share/claude-credential");
    close(&folder);
    refuses(&sandbox, &[&folder.display().to_string(), "run: "]);
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("a mode");
}

#[test]
fn a_folder_of_kept_keys_in_a_circle_of_links_or_below_a_file_is_an_error() {
    let sandbox = before_metered("api-key");
    let share = sandbox.folder(".local/share");
    give_to_nobody(&sandbox);
    fs::remove_dir_all(&share).expect("the folder goes");
    symlink(&share, &share).expect("a link");
    refuses(&sandbox, &["/.local/share/"]);
    fs::remove_file(&share).expect("the link goes");
    fs::write(&share, "").expect("a file");
    refuses(&sandbox, &["/.local/share/"]);
}

#[test]
fn a_login_that_can_t_be_looked_for_is_an_error() {
    let sandbox = before_metered("login");
    let folder = sandbox.folder(".claude");
    give_to_nobody(&sandbox);
    close(&folder);
    let Some(call) = as_nobody(&sandbox, &["print"]) else { return skip("what can't be read", "no setpriv") };
    assert!(call.run().fails(78).contains(&folder.display().to_string()));
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).expect("a mode");
}

#[test]
fn a_variable_that_is_not_utf_8_is_not_unset() {
    for (entry, variable) in [
        ("auth-token", "ANTHROPIC_AUTH_TOKEN"),
        ("oauth-token", "CLAUDE_CODE_OAUTH_TOKEN"),
        ("oauth-fd", "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"),
        ("api-key", "ANTHROPIC_API_KEY"),
        ("api-key", "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"),
        ("login", "ANTHROPIC_FEDERATION_RULE_ID"),
        ("metered", "CLAUDE_CREDENTIAL_PROFILE"),
    ] {
        let sandbox = before_metered(entry);
        for command in [&["print"][..], &["print", "--format", "env"], &["explain"], &["-v", "exec", "--", "true"]] {
            let output = sandbox.dispatcher(command).with(variable, OsStr::from_bytes(b"tok-\xff")).run();
            assert_eq!(output.code(), Some(78), "{variable}, {command:?}: {output:#?}");
            let said = format!("{}{}", output.stdout, output.stderr);
            assert!(said.contains(&format!("{variable} is not UTF-8")), "{variable}, {command:?}: {said}");
        }
    }
}

#[test]
fn a_region_and_an_endpoint_of_a_cloud_that_are_not_utf_8_are_not_the_default() {
    let sandbox = Sandbox::new();
    for (cloud, variable) in [
        ("BEDROCK", "AWS_REGION"),
        ("BEDROCK", "AWS_DEFAULT_REGION"),
        ("BEDROCK", "ANTHROPIC_BEDROCK_BASE_URL"),
        ("VERTEX", "CLOUD_ML_REGION"),
    ] {
        let call = sandbox.dispatcher(&["print"]).with(&format!("CLAUDE_CODE_USE_{cloud}"), "1");
        let output = call.with(variable, OsStr::from_bytes(b"\xff-east-1")).run();
        assert!(output.fails(78).contains(&format!("{variable} is not UTF-8")), "{output:#?}");
    }
}

#[test]
fn in_a_folder_that_was_removed_no_profile_is_guessed() {
    let sandbox = Sandbox::new();
    let key = |name: &str| sandbox.write(format!("key-{name}"), sandbox.secret(name));
    let config = |directories: &str| {
        format!(
            "[profile.default]\nchain = [\"usual\"]\n[profile.work]\nchain = [\"work\"]\n{directories}\
             [entry.usual]\ncommand = [\"cat\", \"{}\"]\n[entry.work]\ncommand = [\"cat\", \"{}\"]\n",
            key("usual").display(),
            key("work").display()
        )
    };
    let removed = |command: &str| {
        let script = format!("cd \"$HOME/work/gone\" && rmdir \"$HOME/work/gone\" && {command}");
        assert!(sandbox.folder("work/gone").is_dir());
        sandbox.call("/bin/sh", &["-c", &script]).shows_secret()
    };
    sandbox.config(&config("directories = [\"~/work\"]\n"));
    for command in ["print", "--no-cache print", "api-key-helper", "status", "exec -- true", "login usual"] {
        let output = removed(&format!("claude-credential {command}")).run();
        assert!(output.stderr.contains("the working directory can't be read"), "{command}: {output:#?}");
        assert_eq!(output.code(), Some(78), "{command}: {output:#?}");
    }
    let get = "printf 'protocol=https\\nhost=api.anthropic.com\\n\\n' | claude-credential get";
    assert_eq!(removed(get).run().code(), Some(78));
    assert_eq!(removed("claude-credential --profile work print").run().key(), "work");
    assert_eq!(removed("CLAUDE_CREDENTIAL_PROFILE=default claude-credential print").run().key(), "usual");
    // Without `directories` the folder decides nothing.
    sandbox.config(&config(""));
    assert_eq!(removed("claude-credential print").run().key(), "usual");
}
