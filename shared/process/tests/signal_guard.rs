//! A renewal that a signal meets, in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use claude_credential_process::{SignalGuard, Task};
use rustix::process::{Pid, Signal, kill_process};
use zeroize::Zeroizing;

#[test]
fn what_is_held_comes_to_its_end_whether_a_child_ran_before_or_not() {
    for child in ["no-child", "child-before", "child-after"] {
        let program = std::env::current_exe().expect("this test");
        let mut process = Command::new(program)
            .args(["--ignored", "--exact", "--nocapture", "a_renewal"])
            .env("CHILD", child)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the same test once more");
        let mut lines = BufReader::new(process.stdout.take().expect("its stdout")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.ends_with("held")), "{child}");
        kill_process(Pid::from_child(&process), Signal::TERM).expect("it runs");
        // It goes on only when it is told to, and by then the signal has come.
        process.stdin.take().expect("its stdin").write_all(b"go on\n").expect("it still listens");
        assert!(lines.any(|line| line.ends_with("come to its end")), "{child}: the signal ended it");
        // Noted while it was held, or met only when it was not any more.
        let status = process.wait().expect("its end");
        assert!(status.code() == Some(128 + 15) || status.signal() == Some(15), "{child}: {status}");
    }
}

#[test]
#[ignore = "the other test starts it"]
fn a_renewal() {
    let child = std::env::var("CHILD").unwrap_or_default();
    if child == "child-before" {
        run_a_child();
    }
    let held = SignalGuard::begin();
    if child == "child-after" {
        run_a_child();
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "held").expect("somebody listens");
    let mut line = String::new();
    while line.is_empty() {
        // A signal may wake us before there is a line.
        let _ = std::io::stdin().read_line(&mut line);
    }
    writeln!(stdout, "come to its end").expect("somebody listens");
    drop(held);
}

fn run_a_child() {
    let task = Task {
        command: Command::new("true"),
        input: Zeroizing::default(),
        max_stdout: 1,
        deadline: Instant::now() + Duration::from_secs(10),
        own_group: true,
    };
    task.run().expect("true runs");
}
