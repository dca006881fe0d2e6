use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use claude_credential_tests::script::Script;
use claude_credential_tests::{Running, Sandbox};
use rustix::process::Signal;

use super::{Report, doctor, healthy, root, with_mount};

#[test]
fn what_we_keep_and_others_can_read_is_wrong() {
    let sandbox = with_kept_key();
    let data = data(&sandbox);
    doctor(&sandbox).is_good(&["files"]);
    let key = fs::read_dir(data.join("keys")).expect("keys").flatten().next().expect("a key").path();
    let cached = sandbox.runtime_files().into_iter().find(|path| path.ends_with("random")).expect("the random key");
    for file in [key, data.join("kept.json"), cached] {
        mode(&file, 0o644);
        let mend = format!("run: chmod 600 {}", file.display());
        doctor(&sandbox).is_wrong("files", "can be read or changed by others", &mend);
        mode(&file, 0o600);
    }
    for folder in [data, sandbox.runtime()] {
        mode(&folder, 0o755);
        let mend = format!("run: chmod 700 {}", folder.display());
        doctor(&sandbox).is_wrong("files", "can be read or changed by others", &mend);
        mode(&folder, 0o700);
    }
    doctor(&sandbox).is_good(&["files"]);
}

#[test]
fn claude_codes_own_login_that_others_can_read_is_wrong() {
    let sandbox = healthy();
    let login = sandbox.write(".claude/.credentials.json", "{}");
    doctor(&sandbox).is_good(&["files"]);
    mode(&login, 0o644);
    doctor(&sandbox).is_wrong("files", ".credentials.json", "run: chmod 600 ");
    // Whoever keeps it elsewhere would lose it with the link.
    let elsewhere = sandbox.write("dotfiles/login.json", "{}");
    fs::remove_file(&login).expect("it is there");
    symlink(&elsewhere, &login).expect("a link");
    doctor(&sandbox).is_good(&["files"]);
    mode(&elsewhere, 0o644);
    doctor(&sandbox).is_wrong("files", "login.json can be read", "run: chmod 600 ");
}

#[test]
fn a_folder_of_ours_that_is_a_link_or_somebody_elses_is_wrong() {
    let sandbox = healthy();
    let elsewhere = sandbox.folder("elsewhere");
    symlink(&elsewhere, sandbox.runtime()).expect("a link");
    let report = doctor(&sandbox);
    report.is_wrong("files", "is a link", "run: rm ");
    report.is_wrong("cache", "is a link", "XDG_RUNTIME_DIR");
    if !root("somebody else's files") {
        return;
    }
    let sandbox = with_kept_key();
    let kept = data(&sandbox).join("kept.json");
    chown(&kept, Some(65534), None).expect("root gives files away");
    doctor(&sandbox).is_wrong("files", "kept.json belongs to another user", "run: sudo chown");
    chown(kept, Some(0), None).expect("and back");
    let foreign = sandbox.write(sandbox.runtime().join("foreign.cache"), "");
    chown(foreign, Some(65534), None).expect("root gives files away");
    doctor(&sandbox).is_wrong("files", "foreign.cache belongs to another user", "run: sudo chown");
}

#[test]
fn an_index_that_nobody_can_read_is_wrong() {
    for index in ["kept.json", "logins.json"] {
        let sandbox = healthy();
        sandbox.write(data(&sandbox).join(index), "{\"version\":7}");
        mode(&data(&sandbox), 0o700);
        doctor(&sandbox).is_wrong("files", &format!("{index} is not an index"), "move it away");
    }
}

#[test]
fn what_a_killed_process_left_is_doubtful() {
    let sandbox = with_kept_key();
    for folder in [sandbox.runtime(), data(&sandbox), data(&sandbox).join("keys")] {
        let left = sandbox.write(folder.join(".kept.json.0123.new"), sandbox.secret("left"));
        doctor(&sandbox).is_good(&["leftovers"]);
        let file = File::options().write(true).open(&left).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_mins(5)).expect("a time");
        let mend = format!("run: rm {}", left.display());
        doctor(&sandbox).is_doubtful("leftovers", "killed while it wrote", &mend);
        fs::remove_file(left).expect("it is there");
    }
}

#[test]
fn what_a_killed_setup_left_beside_what_it_edits_is_doubtful() {
    let sandbox = healthy();
    let settings = sandbox.home().join(".claude/settings.json");
    let elsewhere = sandbox.folder("dotfiles").join("claude.json");
    fs::rename(&settings, &elsewhere).expect("it is there");
    symlink(&elsewhere, &settings).expect("a link");
    let config = sandbox.config("");
    for (file, name) in [(elsewhere, ".claude.json.0123.new"), (config, ".config.toml.0123.new")] {
        let stranger = sandbox.write(file.with_file_name(".stranger.0123.new"), "");
        let left = sandbox.write(file.with_file_name(name), sandbox.secret("left"));
        for file in [&stranger, &left] {
            let file = File::options().write(true).open(file).expect("a file");
            file.set_modified(SystemTime::now() - Duration::from_mins(5)).expect("a time");
        }
        let mend = format!("run: rm {}", left.display());
        let report = doctor(&sandbox);
        report.is_doubtful("leftovers", "killed while it wrote", &mend);
        assert!(!report.output.stdout.contains("stranger"), "{report:#?}");
        fs::remove_file(left).expect("it is there");
        doctor(&sandbox).is_good(&["leftovers"]);
    }
}

#[test]
fn a_cache_that_can_t_be_written_is_wrong() {
    let sandbox = healthy();
    sandbox.write(sandbox.runtime(), "in the way");
    let report = doctor(&sandbox);
    report.is_wrong("cache", "is not a folder", "set XDG_RUNTIME_DIR");
    report.is_wrong("files", "is not a folder", "move it away");
    let without = sandbox.dispatcher(&["doctor", "--no-cache"]).run();
    assert!(without.stdout.contains("✓ cache           not looked at"), "{without:#?}");
}

#[test]
fn a_lock_whose_process_is_stopped_is_wrong() {
    let sandbox = healthy();
    let (holder, gate) = holder_of_a_lock(&sandbox);
    let report = doctor(&sandbox);
    report.is_good(&["locks"]);
    assert!(report.output.stdout.contains(", 1 held\""), "{report:#?}");
    holder.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", holder.pid());
    claude_credential_tests::wait_until(|| fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")));
    let mend = format!("run: kill -CONT {}", holder.pid());
    doctor(&sandbox).is_wrong("locks", "which is stopped", &mend);
    holder.signal(Signal::CONT);
    fs::write(gate, "").expect("a gate");
    assert_eq!(holder.finish().key(), "key");
    doctor(&sandbox).is_good(&["locks"]);
}

#[test]
fn a_lock_whose_process_has_run_for_long_is_wrong() {
    let sandbox = healthy();
    let (holder, gate) = holder_of_a_lock(&sandbox);
    // As if this machine had run for a year, and so every process of it that is young by that clock is old.
    let uptime = sandbox.write("uptime", "31536000.00 0.00\n");
    if let Some(call) = with_mount(&sandbox, "an old lock", &uptime, "/proc/uptime") {
        let mend = format!("run: kill {}", holder.pid());
        Report::of(call).is_wrong("locks", "which has run for", &mend);
    }
    fs::write(gate, "").expect("a gate");
    assert_eq!(holder.finish().key(), "key");
}

#[test]
fn core_dumps_that_go_to_a_stranger_are_doubtful() {
    let sandbox = healthy();
    let pattern = sandbox.write("core_pattern", "|/opt/acme/collector %p\n");
    if let Some(call) = with_mount(&sandbox, "core dumps", &pattern, "/proc/sys/kernel/core_pattern") {
        Report::of(call).is_doubtful("core-dumps", "pipes them to collector", "core_pattern");
    }
}

/// A call that has its lock until there is a file at that path.
fn holder_of_a_lock(sandbox: &Sandbox) -> (Running<'_>, PathBuf) {
    let gate = sandbox.root().join("gate");
    let fake = sandbox.fake("acme", &Script::secrets([sandbox.secret("key")]).behind(&gate));
    sandbox.chain(&[&fake]);
    let holder = sandbox.print().start();
    fake.wait_for_runs(1);
    // Who looks does not wait at that gate.
    sandbox.config("");
    (holder, gate)
}

fn with_kept_key() -> Sandbox {
    let sandbox = healthy();
    assert_eq!(sandbox.print().run().key(), "kept");
    sandbox
}

fn data(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".local/share/claude-credential")
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("its mode");
}
