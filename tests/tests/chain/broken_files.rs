//! Files of ours that are not what we wrote, and places where we can't write: a miss, never a failure. Settings that
//! somebody else could have changed: an error.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use claude_credential_tests::script::Script;
use claude_credential_tests::{Call, Client, Fake, Output, Sandbox, label, skip, tool};

/// Nobody's number on Linux.
const NOBODY: u32 = 65_534;

/// What must stay as it is.
const VICTIM: &str = "precious";

#[test]
fn files_that_are_cut_or_rubbish_are_a_miss() {
    for bytes in
        [&b""[..], b"\0", b"rubbish\nwithout equals\n", b"\xff\xfe\xfd", b"credential=evil\n\n", &vec![b'x'; 200_000]]
    {
        survives(|file| fs::write(file, bytes).expect("rubbish"));
    }
    survives(|file| {
        let bytes = fs::read(file).expect("a file");
        fs::write(file, &bytes[..bytes.len() / 2]).expect("half of it");
    });
}

#[test]
fn a_link_in_the_place_of_a_file_is_a_miss_and_is_not_followed() {
    survives(|file| {
        let target = file.parent().and_then(Path::parent).expect("the runtime folder").join("victim");
        fs::write(&target, VICTIM).expect("a victim");
        fs::remove_file(file).expect("the file goes");
        symlink(&target, file).expect("a link");
    });
}

#[test]
fn a_folder_in_the_place_of_a_file_is_a_miss() {
    survives(|file| {
        fs::remove_file(file).expect("the file goes");
        fs::create_dir(file).expect("a folder");
    });
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_a_miss_and_no_hang() {
    survives(|file| {
        fs::remove_file(file).expect("the file goes");
        let made = std::process::Command::new("mkfifo").arg(file).status().expect("mkfifo");
        assert!(made.success());
    });
}

#[test]
fn a_file_that_others_can_read_is_a_miss() {
    survives(|file| fs::set_permissions(file, Permissions::from_mode(0o644)).expect("a mode"));
}

#[test]
fn a_file_of_another_owner_is_a_miss() {
    if !root("files of another owner") {
        return;
    }
    survives(|file| chown(file, Some(NOBODY), Some(NOBODY)).expect("root gives files away"));
}

#[test]
fn an_answer_from_the_future_is_a_miss() {
    let (sandbox, fake) = fixture(3);
    assert_eq!(sandbox.print().run().key(), "key-1");
    let files = sandbox.files_with_secrets();
    assert_eq!(files.len(), 1);
    let text = fs::read_to_string(&files[0]).expect("a cached answer");
    let later = |line: &str| match line.strip_prefix("cache.obtained=") {
        Some(number) => format!("cache.obtained={}", number.parse::<u64>().expect("a number") + 3_600_000),
        None => line.to_owned(),
    };
    let later: String = text.lines().map(|line| later(line) + "\n").collect();
    assert_ne!(later, text, "the form of the file has changed");
    fs::write(&files[0], later).expect("a later answer");
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(sandbox.print().run().key(), "key-2");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn a_runtime_folder_that_is_no_folder_of_ours_is_a_miss_in_the_cache() {
    let (sandbox, fake) = fixture(9);
    let elsewhere = sandbox.root().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    symlink(&elsewhere, sandbox.runtime()).expect("a link");
    works_without_cache(&sandbox, &fake);
    assert_eq!(fs::read_dir(&elsewhere).expect("a folder").count(), 0, "a link was followed");
    fs::remove_file(sandbox.runtime()).expect("the link goes");
    fs::write(sandbox.runtime(), "a file").expect("a file");
    works_without_cache(&sandbox, &fake);
    fs::remove_file(sandbox.runtime()).expect("the file goes");
    if root("a folder of another owner") {
        fs::create_dir(sandbox.runtime()).expect("a folder");
        chown(sandbox.runtime(), Some(NOBODY), Some(NOBODY)).expect("root gives folders away");
        works_without_cache(&sandbox, &fake);
    }
}

#[test]
fn a_runtime_folder_that_is_too_open_is_closed() {
    let (sandbox, _fake) = fixture(1);
    fs::create_dir(sandbox.runtime()).expect("a folder");
    fs::set_permissions(sandbox.runtime(), Permissions::from_mode(0o777)).expect("a mode");
    assert_eq!(sandbox.print().run().key(), "key-1");
    let mode = fs::metadata(sandbox.runtime()).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_folder_that_can_not_be_written_is_a_miss() {
    if !root("a folder that can't be written") {
        return;
    }
    let (sandbox, fake) = fixture(9);
    fs::create_dir(sandbox.runtime()).expect("a folder");
    sandbox.give_to(NOBODY);
    // Neither the folder nor the one above it, in which it could be made anew.
    for folder in [sandbox.runtime(), sandbox.root().join("run")] {
        fs::set_permissions(folder, Permissions::from_mode(0o500)).expect("a mode");
    }
    let nobody = |args: &[&str]| as_nobody(&sandbox, args);
    let print = || nobody(&["print"]).run();
    let (first, second) = (print(), print());
    assert_eq!((first.printed_key(), second.printed_key()), ("key-1".to_owned(), "key-2".to_owned()));
    first.error_line();
    let client = nobody(&["api-key-helper"]).run();
    assert_eq!(client.key(), "key-3");
    assert_eq!(fake.runs(), 3);
}

#[test]
fn in_a_folder_that_can_not_be_written_a_refused_key_does_not_come_back() {
    if !root("a folder that can't be written") {
        return;
    }
    let (sandbox, _fake) = fixture(9);
    sandbox.give_to(NOBODY);
    let nobody = |args: &[&str]| as_nobody(&sandbox, args).run();
    assert_eq!((nobody(&["print"]).key(), nobody(&["print"]).key()), ("key-1".to_owned(), "key-1".to_owned()));
    assert_eq!(nobody(&["api-key-helper"]).key(), "key-2");
    for folder in [sandbox.runtime(), sandbox.root().join("run")] {
        fs::set_permissions(folder, Permissions::from_mode(0o500)).expect("a mode");
    }
    let refused = nobody(&["print", "--rejected"]);
    assert_eq!(refused.printed_key(), "key-3");
    assert!(refused.error_line().contains("going on without the cache"), "{refused:#?}");
    assert_eq!(nobody(&["print"]).printed_key(), "key-4");
    assert_eq!(nobody(&["api-key-helper"]).key(), "key-5");
}

#[test]
fn a_kept_key_is_not_handed_to_the_client_if_that_can_not_be_noted() {
    let (sandbox, fake) = fixture(9);
    let client = Client::usual(&sandbox);
    assert_eq!(client.key(), "key-1");
    let notes = || sandbox.runtime_files().into_iter().filter(|file| kind(file) == "caller").collect::<Vec<_>>();
    let [note] = notes().try_into().expect("one note");
    fs::remove_file(&note).and_then(|()| fs::create_dir(&note)).expect("a folder in its place");
    fs::write(note.join("file"), "").expect("a file in it");
    client.idle(Duration::from_millis(1_050));
    assert_eq!(client.key(), "key-2", "it may have been refused");
    assert_eq!(fake.runs(), 2);
}

#[test]
fn a_full_disk_is_a_miss() {
    let script = "fill; claude-credential print && claude-credential print && exec claude-credential api-key-helper";
    let Some((output, runs)) = on_a_small_disk("a full disk", script) else { return };
    assert_eq!(output.exits(0).stdout.lines().count(), 3, "{output:#?}");
    assert!(output.stderr.lines().count() <= 2, "more than once for each print: {output:#?}");
    assert!(runs >= 1);
}

#[test]
fn a_refused_key_does_not_come_back_because_the_disk_is_full() {
    let script = "claude-credential print && fill; claude-credential print --rejected && claude-credential print";
    let Some((output, _)) = on_a_small_disk("a refusal on a full disk", script) else { return };
    let keys: Vec<String> = output.exits(0).stdout.lines().map(label).collect();
    assert_eq!(keys, ["key-1", "key-2", "key-3"], "{output:#?}");
    // The client says nothing of a refusal but that it asks again after a second.
    let script = "export AI_AGENT=claude-code_x_harness CLAUDE_CODE_MESSAGING_TOKEN=one\n\
                  claude-credential api-key-helper && fill; sleep 1.1; claude-credential api-key-helper || exit\n\
                  CLAUDE_CODE_MESSAGING_TOKEN=two claude-credential api-key-helper";
    let (output, _) = on_a_small_disk("a refusal on a full disk", script).expect("it was there a moment ago");
    let keys: Vec<String> = output.exits(0).stdout.lines().map(label).collect();
    assert_eq!(keys, ["key-1", "key-2", "key-3"], "{output:#?}");
}

#[test]
fn without_a_runtime_folder_the_cache_is_in_the_user_s_cache_folder() {
    let (mut sandbox, fake) = fixture(2);
    sandbox.unset("XDG_RUNTIME_DIR");
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!(sandbox.print().run().key(), "key-1");
    assert_eq!(fake.runs(), 1);
    let cache = sandbox.home().join(".cache/claude-credential");
    assert!(sandbox.files_with_secrets().iter().all(|file| file.starts_with(&cache)));
    assert_eq!(fs::metadata(cache).expect("a folder").permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_config_that_others_can_change_is_refused_by_name() {
    let (sandbox, fake) = fixture(1);
    // The group of the user's own number may write: where users have such groups, editors make files of mode 0664.
    for mode in [0o666, 0o602] {
        fs::set_permissions(sandbox.config_file(), Permissions::from_mode(mode)).expect("a mode");
        refused_by_name(&sandbox);
    }
    assert_eq!(fake.runs(), 0);
}

#[test]
fn a_config_of_another_owner_is_refused_by_name() {
    if !root("a config of another owner") {
        return;
    }
    let (sandbox, fake) = fixture(1);
    chown(sandbox.config_file(), Some(NOBODY), Some(NOBODY)).expect("root gives files away");
    refused_by_name(&sandbox);
    assert_eq!(fake.runs(), 0);
}

#[test]
fn a_config_that_is_a_folder_is_refused_by_name() {
    let (sandbox, fake) = fixture(1);
    fs::remove_file(sandbox.config_file()).expect("the file goes");
    fs::create_dir(sandbox.config_file()).expect("a folder");
    refused_by_name(&sandbox);
    assert_eq!(fake.runs(), 0);
}

/// The files that calls leave behind are spoilt, each kind in turn; a key comes out all the same, and the client hears
/// nothing.
#[track_caller]
fn survives(spoil: impl Fn(&Path)) {
    let (sandbox, _fake) = used_house();
    let kinds: BTreeSet<String> = sandbox.runtime_files().iter().map(|file| kind(file)).collect();
    assert!(kinds.contains("cache") && kinds.contains("lock") && kinds.contains("state"), "{kinds:?}");
    for kind_spoilt in kinds {
        let (sandbox, _fake) = used_house();
        let spoil_all = || {
            let files = sandbox.runtime_files().into_iter().filter(|file| kind(file) == kind_spoilt);
            // Not those that are spoilt already and were left so.
            files
                .filter(|file| fs::symlink_metadata(file).is_ok_and(|found| found.is_file()))
                .for_each(|file| spoil(&file));
        };
        spoil_all();
        let client = Client::usual(&sandbox).call();
        assert!(client.key().starts_with("key-"), "{kind_spoilt}: {client:#?}");
        spoil_all();
        let print = sandbox.print().run();
        assert!(print.printed_key().starts_with("key-"), "{kind_spoilt}: {print:#?}");
        assert!(print.stderr.lines().count() <= 1, "{kind_spoilt}: {print:#?}");
        assert!(print.stderr.is_empty() || print.stderr.starts_with("claude-credential: "), "{print:#?}");
        // What could be mended is; nothing is worse than before.
        assert!(sandbox.print().run().printed_key().starts_with("key-"), "{kind_spoilt}");
        assert!(Client::usual(&sandbox).key().starts_with("key-"), "{kind_spoilt}");
        let victim = fs::read_to_string(victim(&sandbox));
        assert!(victim.is_err() || victim.is_ok_and(|text| text == VICTIM), "a link was followed");
    }
}

/// What a link in the place of one of our files leads to.
fn victim(sandbox: &Sandbox) -> PathBuf {
    sandbox.root().join("run/victim")
}

/// Its ending, or its name.
fn kind(file: &Path) -> String {
    let part = file.extension().or(file.file_name()).expect("a file has a name");
    part.to_string_lossy().into_owned()
}

fn used_house() -> (Sandbox, Fake) {
    let (sandbox, fake) = fixture(9);
    // Each has an answer of its own: the client's chain may go on where a script's ends.
    assert!(Client::usual(&sandbox).key().starts_with("key-"));
    assert!(sandbox.print().run().key().starts_with("key-"));
    (sandbox, fake)
}

/// Every call runs the helper and gets its answer.
#[track_caller]
fn works_without_cache(sandbox: &Sandbox, fake: &Fake) {
    let before = fake.runs();
    let print = sandbox.print().run();
    assert!(print.printed_key().starts_with("key-"));
    print.error_line();
    assert!(Client::usual(sandbox).key().starts_with("key-"));
    assert_eq!(fake.runs(), before + 2);
}

#[track_caller]
fn refused_by_name(sandbox: &Sandbox) {
    let config = sandbox.config_file().display().to_string();
    let check = |output: &Output| assert!(output.fails(78).contains(&config), "{output:#?}");
    check(&sandbox.dispatcher(&["print"]).run());
    check(&Client::usual(sandbox).call());
}

/// Runs a script with a runtime folder of 16 kB, which its command `fill` fills; the output, and how often the source
/// was asked.
fn on_a_small_disk(what: &str, script: &str) -> Option<(Output, usize)> {
    if !root(what) {
        return None;
    }
    let Some(unshare) = tool("unshare") else {
        skip(what, "no unshare");
        return None;
    };
    let (sandbox, fake) = fixture(3);
    let run = sandbox.root().join("run");
    let mount = format!("mount -t tmpfs -o size=16k,mode=700 tmpfs '{}'", run.display());
    if sandbox.call(&unshare, &["-m", "/bin/sh", "-c", &mount]).run().code() != Some(0) {
        skip(what, "no mount in a namespace of our own");
        return None;
    }
    let fill = format!("fill() {{ head -c 1m /dev/zero >'{}/full' 2>/dev/null; true; }}", run.display());
    let script = format!("{mount} || exit 99\n{fill}\n{script}");
    let output = sandbox.call(unshare, &["-m", "/bin/sh", "-c", &script]).shows_secret().run();
    Some((output, fake.runs()))
}

fn as_nobody<'a>(sandbox: &'a Sandbox, args: &[&str]) -> Call<'a> {
    let setpriv = tool("setpriv").expect("setpriv is part of util-linux");
    let nobody = NOBODY.to_string();
    let call = sandbox.call(setpriv, &["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
    call.arg(sandbox.bin("claude-credential")).args(args).shows_secret()
}

/// A chain of one helper that mints a new key at every run.
fn fixture(keys: usize) -> (Sandbox, Fake) {
    let sandbox = Sandbox::new();
    let fake = sandbox.fake("acme", &Script::secrets(sandbox.keys(keys)));
    sandbox.chain(&[&fake]);
    (sandbox, fake)
}

fn root(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip(what, "not root");
    }
    root
}
