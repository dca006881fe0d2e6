//! What counts as a private file, and what becomes of one under crowds and accidents.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use claude_credential_files::{
    FileError, Lock, LockError, Trust, Waiting, create_new, ensure_folder, read, remove_older, replace,
    replace_durably, write_in_place,
};

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    (folder, file)
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).expect("the file is there").permissions().mode() & 0o777
}

#[test]
fn what_is_written_is_for_its_owner_alone() {
    let (_folder, file) = folder();
    for write in [replace, replace_durably, write_in_place] {
        write(&file, b"CANARY").unwrap();
        assert_eq!(mode(&file), 0o600);
        assert_eq!(read(&file, Trust::Private, 100).unwrap().unwrap().as_slice(), b"CANARY");
        fs::remove_file(&file).unwrap();
    }
    assert!(read(&file, Trust::Private, 100).unwrap().is_none());
}

#[test]
fn a_link_a_folder_a_pipe_and_an_open_file_are_refused() {
    let (folder, file) = folder();
    fs::write(&file, "x").unwrap();
    assert!(matches!(read(&file, Trust::Private, 100), Err(FileError::Readable(_))));
    assert!(matches!(read(&file, Trust::Secret, 100), Err(FileError::Readable(_))));
    assert!(read(&file, Trust::Settings, 100).unwrap().is_some());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(matches!(read(&file, Trust::Settings, 100), Err(FileError::Writable(_))));
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(read(&file, Trust::Private, 0), Err(FileError::TooLarge(_, 0))));

    let link = folder.path().join("link");
    symlink(&file, &link).unwrap();
    assert!(matches!(read(&link, Trust::Private, 100), Err(FileError::Link(_))));
    assert!(read(&link, Trust::Secret, 100).unwrap().is_some());
    assert!(matches!(write_in_place(&link, b"y"), Err(FileError::Link(_))));
    assert!(matches!(read(folder.path(), Trust::Private, 100), Err(FileError::Folder(_))));

    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(matches!(read(&pipe, Trust::Private, 100), Err(FileError::Pipe(_))));
    assert!(matches!(read("/dev/null".as_ref(), Trust::Private, 100), Err(FileError::NotRegular(_))));
    assert!(read("/dev/null".as_ref(), Trust::Settings, 100).unwrap().unwrap().is_empty());
    assert!(matches!(read("/dev/zero".as_ref(), Trust::Settings, 100), Err(FileError::NotRegular(_))));
}

#[test]
fn a_replaced_link_is_replaced_and_its_target_left_alone() {
    let (folder, file) = folder();
    let target = folder.path().join("target");
    fs::write(&target, "theirs").unwrap();
    symlink(&target, &file).unwrap();
    replace(&file, b"ours").unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "theirs");
    assert_eq!(read(&file, Trust::Private, 100).unwrap().unwrap().as_slice(), b"ours");
}

#[test]
fn nothing_is_left_of_a_write_that_failed() {
    let (folder, file) = folder();
    fs::create_dir(&file).unwrap();
    fs::write(file.join("inside"), "x").unwrap();
    assert!(replace(&file, b"CANARY").is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn of_many_that_make_a_file_one_does() {
    let (folder, file) = folder();
    let makers: Vec<_> = (0..16u8)
        .map(|number| {
            let file = file.clone();
            thread::spawn(move || create_new(&file, &[number]).unwrap())
        })
        .collect();
    for maker in makers {
        maker.join().unwrap();
    }
    let made = read(&file, Trust::Private, 100).unwrap().unwrap().to_vec();
    create_new(&file, b"late").unwrap();
    assert_eq!(read(&file, Trust::Private, 100).unwrap().unwrap().to_vec(), made);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_is_made_or_closed_for_its_owner_and_a_link_to_one_is_refused() {
    let (folder, _) = folder();
    let ours = folder.path().join("a/b");
    ensure_folder(&ours).unwrap();
    assert_eq!(mode(&ours), 0o700);
    fs::set_permissions(&ours, fs::Permissions::from_mode(0o755)).unwrap();
    ensure_folder(&ours).unwrap();
    assert_eq!(mode(&ours), 0o700);
    let link = folder.path().join("link");
    symlink(&ours, &link).unwrap();
    assert!(matches!(ensure_folder(&link), Err(FileError::Link(_))));
    fs::write(ours.join("file"), "").unwrap();
    assert!(matches!(ensure_folder(&ours.join("file")), Err(FileError::NotFolder(_))));
}

#[test]
fn a_lock_is_waited_for_and_given_up_at_the_deadline() {
    let (_folder, file) = folder();
    let first = Lock::acquire(&file, Duration::ZERO).unwrap();
    assert!(Lock::try_acquire(&file).unwrap().is_none());
    assert!(matches!(Lock::acquire(&file, Duration::from_millis(20)), Err(LockError::Timeout(..))));
    let freed = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _second = Lock::acquire(&file, Duration::from_secs(30)).unwrap();
            assert!(freed.load(Ordering::SeqCst));
        });
        freed.store(true, Ordering::SeqCst);
        drop(first);
    });
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn the_last_one_who_waits_tidies_up() {
    let (_folder, file) = folder();
    assert!(!Waiting::is_any(&file).unwrap());
    let leftover = file.with_extension("leftover");
    fs::write(&leftover, "").unwrap();
    let announce = || Waiting::announce(&file, leftover.clone()).unwrap();
    let (one, other) = (announce(), announce());
    assert!(Waiting::is_any(&file).unwrap());
    drop(one);
    assert!(leftover.exists());
    drop(other);
    assert!(!leftover.exists());
    assert!(!Waiting::is_any(&file).unwrap());
}

#[test]
fn housekeeping_removes_no_more_than_it_may() {
    let (folder, _) = folder();
    for number in 0..10 {
        fs::write(folder.path().join(format!("{number}.old")), "").unwrap();
    }
    fs::write(folder.path().join("kept"), "").unwrap();
    let is_old = |path: &std::path::Path, _: Duration| path.extension().is_some();
    remove_older(folder.path(), 4, is_old);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7);
    remove_older(folder.path(), 64, is_old);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_a_killed_process_left_on_its_way_is_removed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    for name in [".file.0123.new", ".other.0123.new", ".file.new", "file", "file.new"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    claude_credential_files::remove_unfinished(&path);
    let mut left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, [".file.new", ".other.0123.new", "file", "file.new"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_lock_that_a_stopped_process_holds_names_the_process_and_what_lets_it_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::canonicalize(folder.path()).unwrap().join("a.lock");
    drop(Lock::acquire(&file, Duration::from_secs(20)).unwrap());
    let flock = Command::new("flock").arg("--no-fork").arg(&file).args(["sleep", "600"]).spawn();
    let Ok(mut holder) = flock else { return eprintln!("SKIPPED: there is no flock") };
    let pid = holder.id();
    let is_held = || Lock::try_acquire(&file).unwrap().is_none();
    while !is_held() {
        std::thread::yield_now();
    }
    let signal = |name: &str| assert!(Command::new("kill").args([name, &pid.to_string()]).status().unwrap().success());
    signal("-STOP");
    let state = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    while !state().contains(") T ") {
        std::thread::yield_now();
    }
    let said = Lock::acquire(&file, Duration::from_millis(20)).unwrap_err().to_string();
    signal("-KILL");
    holder.wait().unwrap();
    let wanted = format!("a.lock was held all the time by process {pid}, which is stopped; run: kill -CONT {pid}");
    assert!(said.ends_with(&wanted), "{said}");
}
