//! How a child may end, and what is left of each.

use std::process::Command;
use std::time::{Duration, Instant};

use claude_credential_process::{Active, Ended, Finished, KeyCommand, Relay, RunError, StderrRule, Task};
use claude_credential_protocol::Class;
use zeroize::Zeroizing;

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(script);
    command
}

fn run(script: &str, input: &[u8], patience: Duration) -> Result<Finished, RunError> {
    let task = Task {
        command: shell(script),
        input: Zeroizing::new(input.to_vec()),
        max_stdout: 1 << 20,
        deadline: Instant::now() + patience,
        own_group: true,
    };
    task.run()
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn streams_are_joined_in_both_directions_beyond_the_size_of_a_pipe() {
    let input = vec![b'x'; 900_000];
    let finished = run("cat; echo done >&2; exit 3", &input, LONG).unwrap();
    assert_eq!(finished.ended, Ended::Exit(3));
    assert_eq!(finished.stdout.as_slice(), input);
    assert_eq!(finished.stderr.as_slice(), b"done\n");
}

#[test]
fn a_child_need_not_read_what_it_is_given() {
    let finished = run("exec 0<&-; echo answer", &vec![b'x'; 900_000], LONG).unwrap();
    assert_eq!((finished.ended, finished.stdout.as_slice()), (Ended::Exit(0), &b"answer\n"[..]));
}

#[test]
fn a_signal_is_told_from_an_exit() {
    assert_eq!(run("kill -9 $$", b"", LONG).unwrap().ended, Ended::Signal(9));
}

#[test]
fn a_child_that_hangs_is_stopped_with_its_own_children() {
    let folder = tempfile::tempdir().unwrap();
    let pid = folder.path().join("pid");
    let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
    assert!(matches!(run(&script, b"", Duration::from_millis(300)), Err(RunError::TimedOut)));
    let grandchild: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    let until = Instant::now() + LONG;
    while is_alive() {
        assert!(Instant::now() < until, "the grandchild still runs");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_child_that_ignores_sigterm_is_killed() {
    let started = "trap '' TERM; while :; do sleep 0.1; done";
    assert!(matches!(run(started, b"", Duration::from_millis(200)), Err(RunError::TimedOut)));
}

#[test]
fn a_flood_is_stopped_and_a_stream_held_open_is_not_waited_for() {
    assert!(matches!(run("yes", b"", LONG), Err(RunError::TooMuch(_))));
    assert!(matches!(run("sleep 1000 & echo answer", b"", LONG), Err(RunError::HeldOpen)));
    let finished = run("yes >&2 & yes=$!; sleep 0.1; kill $yes; echo answer", b"", LONG).unwrap();
    assert_eq!(finished.stdout.as_slice(), b"answer\n");
}

#[test]
fn what_a_relayed_program_leaves_behind_is_neither_waited_for_nor_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (at, pid) = (folder.path().display(), folder.path().join("pid"));
    // It ends with the folder.
    let script = format!("(while [ -d {at} ]; do sleep 0.05; done) & echo $! > {at}/pid; exit 3");
    let relay = Relay { command: shell(&script), deadline: Instant::now() + LONG, at_terminal: false };
    assert_eq!(relay.run().unwrap().ended, Ended::Exit(3));
    let left_behind: i32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    assert!(std::path::Path::new(&format!("/proc/{left_behind}")).exists());
}

#[test]
fn a_relayed_program_is_stopped_at_its_deadline() {
    let started = "trap '' TERM; while :; do sleep 0.1; done";
    let deadline = Instant::now() + Duration::from_millis(200);
    let relay = Relay { command: shell(started), deadline, at_terminal: false };
    assert!(matches!(relay.run(), Err(RunError::TimedOut)));
}

#[test]
fn a_command_is_held_to_the_contract_of_a_key_helper() {
    let judge = |script: &str, none_exit: &[i32], stderr| {
        let active = Active::from_value(None);
        let command = KeyCommand {
            command: shell(script),
            folder: std::path::Path::new("/"),
            active: &active,
            deadline: Instant::now() + LONG,
            own_group: true,
            none_exit,
            stderr,
        };
        match command.run().unwrap() {
            Ok(key) => Ok(key.map(|key| key.expose().to_owned())),
            Err(error) => {
                assert!(!error.to_string().contains("CANARY"), "{error}");
                Err(error.class())
            }
        }
    };
    let accept = StderrRule::Accept;
    assert_eq!(judge("echo ' key '", &[], accept), Ok(Some("key".to_owned())));
    assert_eq!(judge("echo key; echo CANARY >&2", &[], accept), Ok(Some("key".to_owned())));
    assert_eq!(judge("echo key; echo CANARY >&2", &[], StderrRule::Refuse), Err(Class::Broke));
    assert_eq!(judge("exit 1", &[1], accept), Ok(None));
    for broken in ["true", "echo null", "echo CANARY b", "printf 'CANARY\\nb'", "echo CANARY; exit 1"] {
        assert_eq!(judge(broken, &[], accept), Err(Class::Broke), "{broken}");
    }
    for missing in ["/nonexistent/CANARY", "exec /etc/passwd"] {
        assert_eq!(judge(missing, &[], accept), Err(Class::Config), "{missing}");
    }
}

#[test]
fn children_learn_what_is_asked_and_get_no_secret_of_the_clients() {
    let mut command = shell("echo \"$CLAUDE_CREDENTIAL_ACTIVE|$CLAUDE_CODE_MESSAGING_TOKEN\"");
    command.env("CLAUDE_CODE_MESSAGING_TOKEN", "CANARY");
    Active::from_value(None).with("apiKeyHelper").hand_down(&mut command);
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(output.trim_end().ends_with(&" apiKeyHelper|"), "{output}");
}
