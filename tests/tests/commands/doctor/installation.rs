use std::fs;
use std::os::unix::fs::chown;

use super::{Report, doctor, healthy, replace_executable, root};

#[test]
fn a_home_that_is_none_is_wrong() {
    for (name, value, says) in [
        ("HOME", "", "HOME is not set"),
        ("HOME", "relative", "HOME is not an absolute path"),
        ("XDG_CONFIG_HOME", "relative", "XDG_CONFIG_HOME is not an absolute path"),
        ("XDG_DATA_HOME", "relative", "XDG_DATA_HOME is not an absolute path"),
    ] {
        let mut sandbox = healthy();
        sandbox.set(name, value);
        let report = doctor(&sandbox);
        report.is_wrong("folders", says, name);
        assert_eq!(report.names(), ["folders"]);
    }
    let mut sandbox = healthy();
    sandbox.set("HOME", sandbox.home().join("missing"));
    doctor(&sandbox).is_wrong("folders", "can't be used", "export HOME=");
    sandbox.set("HOME", sandbox.write("a-file", ""));
    doctor(&sandbox).is_wrong("folders", "is not a folder", "export HOME=");
}

#[test]
fn a_runtime_folder_that_is_not_there_is_wrong() {
    let mut sandbox = healthy();
    sandbox.set("XDG_RUNTIME_DIR", sandbox.home().join("missing"));
    doctor(&sandbox).is_wrong("folders", "XDG_RUNTIME_DIR", "run: unset XDG_RUNTIME_DIR");
    sandbox.unset("XDG_RUNTIME_DIR");
    doctor(&sandbox).is_good(&["folders"]);
}

#[test]
fn somebody_elses_home_is_wrong() {
    if !root("somebody else's home") {
        return;
    }
    let sandbox = healthy();
    chown(sandbox.home(), Some(65534), Some(65534)).expect("root gives folders away");
    doctor(&sandbox).is_wrong("folders", "belongs to another user", "sudo -H");
}

#[test]
fn a_helper_of_another_version_is_wrong() {
    let sandbox = healthy();
    replace_executable(&sandbox, "claude-credential-oauth", "echo claude-credential-oauth 0.0.1");
    let report = doctor(&sandbox);
    report.is_wrong("versions", "claude-credential-oauth 0.0.1", "run: ./install.sh");
    replace_executable(&sandbox, "claude-credential-oauth", "exit 1");
    doctor(&sandbox).is_wrong("versions", "does not say its version", "run: ./install.sh");
}

#[test]
fn a_helper_in_another_folder_is_doubtful_and_one_that_is_needed_and_missing_is_wrong() {
    let mut sandbox = healthy();
    let elsewhere = sandbox.folder("elsewhere");
    fs::rename(sandbox.bin("claude-credential-oauth"), elsewhere.join("claude-credential-oauth")).expect("a move");
    doctor(&sandbox).is_good(&["place"]);
    let path = format!("{}:{}:/usr/bin:/bin", sandbox.root().join("bin").display(), elsewhere.display());
    sandbox.set("PATH", path);
    let report = doctor(&sandbox);
    report.is_doubtful("place", "elsewhere/claude-credential-oauth is not beside claude-credential", "./install.sh");
    fs::remove_file(elsewhere.join("claude-credential-oauth")).expect("it is there");
    sandbox.set("CLAUDE_CODE_OAUTH_TOKEN", sandbox.secret("token"));
    sandbox.config("[profile.default]\nchain = [\"api-key\"]\n");
    doctor(&sandbox).is_good(&["place"]);
    fs::remove_file(sandbox.bin("claude-credential-apikey")).expect("it is there");
    sandbox.set("ANTHROPIC_API_KEY", sandbox.secret("key"));
    let report = doctor(&sandbox);
    report.is_wrong("place", "claude-credential-apikey, which entry api-key needs, is not installed", "./install.sh");
    report.is_doubtful("keychain", "claude-credential-apikey", "./install.sh");
}

#[test]
fn another_claude_credential_first_on_path_is_seen() {
    let mut sandbox = healthy();
    let (bin, home) = (sandbox.root().join("bin"), sandbox.home());
    sandbox.set("PATH", format!("{}:{}:/usr/bin:/bin", home.join("old").display(), bin.display()));
    let older = home.join("old/claude-credential");
    fs::create_dir(home.join("old")).expect("a folder");
    let report = |version: &str| {
        let script = replace_executable(&sandbox, "old-one", &format!("echo claude-credential {version}"));
        fs::rename(script, &older).expect("a move");
        // As the setting does, by its whole path.
        doctor(&sandbox)
    };
    let mend = format!("run: rm {}", older.display());
    report("0.0.1").is_wrong("path", "version 0.0.1", &mend);
    report(env!("CARGO_PKG_VERSION")).is_doubtful("path", "the first claude-credential on PATH is", &mend);
    sandbox.set("PATH", "/usr/bin:/bin");
    doctor(&sandbox).is_doubtful("path", "is not on PATH", &format!("run: export PATH={}", bin.display()));
}

#[test]
fn elements_of_path_that_mean_the_working_directory_are_doubtful() {
    let mut sandbox = healthy();
    let bin = sandbox.root().join("bin");
    for (element, says) in [(".", "PATH has ., "), ("", "PATH has an empty element, "), ("bin", "PATH has bin, ")] {
        sandbox.set("PATH", format!("{}:{element}:/usr/bin:/bin", bin.display()));
        doctor(&sandbox).is_doubtful("path", says, "take it out of PATH");
    }
}

#[test]
fn a_place_for_keys_that_does_not_work_is_wrong() {
    let sandbox = healthy();
    sandbox.config("key_store = \"keychain\"\n");
    doctor(&sandbox).is_wrong("keychain", "there is no keychain here", "set key_store = \"auto\" or \"file\"");
    let silent = || Report::of(sandbox.dispatcher(&["doctor", "--json", "--no-input"]));
    silent().is_doubtful("keychain", "asks for its password", "run: claude-credential doctor");
    sandbox.config("key_store = \"file\"\n");
    doctor(&sandbox).is_good(&["keychain"]);
    silent().is_good(&["keychain"]);
    let keys = sandbox.home().join(".local/share/claude-credential/keys");
    assert_eq!(fs::read_dir(&keys).expect("a folder").count(), 1, "what was tried is removed, and the kept one stays");
    fs::remove_dir_all(&keys).expect("it is there");
    sandbox.write(&keys, "in the way");
    doctor(&sandbox).is_wrong("keychain", "keys is not a folder", "key_store = \"file\"");
    replace_executable(&sandbox, "claude-credential-apikey", "exit 0");
    doctor(&sandbox).is_doubtful("keychain", "too old", "./install.sh");
}
