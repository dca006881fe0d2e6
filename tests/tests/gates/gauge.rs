//! What a call costs, counted by what sees all of it: valgrind, strace, the kernel.

use std::fs;
use std::path::{Path, PathBuf};

use claude_credential_tests::{Call, Input, Sandbox, skip, static_executable, tool};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::budgets::Cost;

/// The least of so many counts: now and then somebody waits once more for a process, or looks into a folder twice.
const TIMES: usize = 5;

/// The programs that count, and a home with what is installed.
pub(crate) struct Gauge {
    pub(crate) sandbox: Sandbox,
    valgrind: PathBuf,
    strace: PathBuf,
}

/// One call that can be made again and again.
pub(crate) struct Measured<'a> {
    pub(crate) words: &'a [&'a str],
    pub(crate) input: Input,
    /// Every call of a client comes from another one: to one that is back after a second, its key was refused.
    pub(crate) is_client: bool,
    pub(crate) is_cold: bool,
}

impl Gauge {
    /// None, and said, where something is missing.
    pub(crate) fn new(what: &str, helpers: &[PathBuf]) -> Option<Self> {
        let Some(valgrind) = tool("valgrind") else { return skipped(what, "no valgrind") };
        let Some(strace) = tool("strace") else { return skipped(what, "no strace") };
        let dispatcher = match static_executable("claude-credential") {
            Ok(dispatcher) => dispatcher,
            Err(reason) => return skipped(what, &format!("no static executable: {reason}")),
        };
        let sandbox = Sandbox::with_executables(&[]);
        for file in helpers.iter().chain([&dispatcher]) {
            let name = file.file_name().expect("an executable has a name").to_str().expect("ours is ASCII");
            fs::copy(file, sandbox.bin(name)).expect("a copy of an executable");
        }
        Some(Self { sandbox, valgrind, strace })
    }

    pub(crate) fn cost(&self, measured: &Measured) -> Cost {
        let (system_calls, processes, threads) = self.traced(measured);
        Cost {
            instructions: self.instructions(measured),
            system_calls,
            page_faults: self.page_faults(measured),
            processes,
            threads,
        }
    }

    /// Of all processes.
    pub(crate) fn instructions(&self, measured: &Measured) -> u64 {
        let logs = self.sandbox.root().join("io/callgrind");
        let log = format!("--log-file={}", logs.join("%p").display());
        let options = ["--tool=callgrind", "--callgrind-out-file=/dev/null", "--trace-children=yes", log.as_str()];
        let empty = || {
            let _ = fs::remove_dir_all(&logs);
            fs::create_dir(&logs).expect("a folder");
        };
        let count = |number| {
            empty();
            self.call(Some((&self.valgrind, &options)), measured, number).run().succeeds();
            let logs = fs::read_dir(&logs).expect("its logs").flatten();
            logs.map(|log| collected(&fs::read_to_string(log.path()).expect("a log"))).sum()
        };
        let prime = |number| {
            empty();
            // What the entries run counts nowhere, and takes long there on a busy machine.
            let options =
                options.map(|option| if option == "--trace-children=yes" { "--trace-children=no" } else { option });
            self.prime(Some((&self.valgrind, &options)), measured, number);
        };
        least(count, measured, prime)
    }

    /// System calls, processes and threads.
    pub(crate) fn traced(&self, measured: &Measured) -> (u64, u64, u64) {
        let trace = self.sandbox.root().join("io/trace");
        let options = ["-f", "-qq", "-s", "0", "-o", trace.to_str().expect("a temporary path is UTF-8")];
        let count = |number| {
            self.call(Some((&self.strace, &options)), measured, number).run().succeeds();
            let trace = fs::read_to_string(&trace).expect("a trace");
            // One that others came between has two lines.
            let calls = || trace.lines().filter(|line| line.contains('(') && !line.contains(" resumed>"));
            let starts = |line: &&str| ["clone(", "clone3(", "fork("].iter().any(|name| line.contains(name));
            let (threads, processes): (Vec<&str>, Vec<&str>) =
                calls().filter(starts).partition(|line| line.contains("CLONE_THREAD"));
            (to_u64(calls().count()), 1 + to_u64(processes.len()), to_u64(threads.len()))
        };
        least(count, measured, |number| self.prime(None, measured, number))
    }

    /// Minor faults, those of processes that it waited for included.
    fn page_faults(&self, measured: &Measured) -> u64 {
        let count = |number| {
            let running = self.call(None, measured, number).start();
            let pid = Pid::from_raw(running.pid().cast_signed()).expect("a process has a number");
            // It stays to be looked at until somebody takes its status.
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).expect("its end");
            let stat = fs::read_to_string(format!("/proc/{}/stat", running.pid())).expect("it was not waited for");
            running.finish().succeeds();
            // After the name in parentheses come the fields from the third on; faults are the tenth and eleventh.
            let fields: Vec<&str> = stat.rsplit(')').next().expect("a name").split_whitespace().collect();
            let field = |at: usize| fields[at - 3].parse::<u64>().expect("a number");
            field(10) + field(11)
        };
        least(count, measured, |number| self.prime(None, measured, number))
    }

    /// Makes a warm call warm, in the very way in which it is counted: a program that runs ours may change what it
    /// depends on.
    fn prime(&self, by: Option<(&Path, &[&str])>, measured: &Measured, number: usize) {
        if measured.is_cold {
            self.sandbox.dispatcher(&["cache", "clear"]).run().exits(0);
        } else {
            self.call(by, measured, number).run().succeeds();
        }
    }

    fn call(&self, by: Option<(&Path, &[&str])>, measured: &Measured, number: usize) -> Call<'_> {
        let ours = self.sandbox.bin("claude-credential");
        let call = match by {
            Some((program, options)) => self.sandbox.call(program, options).arg(ours),
            None => self.sandbox.call(ours, &[]),
        };
        let call = call.args(measured.words).input(measured.input.clone()).shows_secret();
        if !measured.is_client {
            return call;
        }
        call.with("AI_AGENT", "claude-code_2-1-330_harness")
            .with("CLAUDE_CODE_MESSAGING_TOKEN", self.sandbox.secret(&format!("messaging-token-{number}")))
    }
}

fn least<T: Ord>(count: impl Fn(usize) -> T, measured: &Measured, prime: impl Fn(usize)) -> T {
    // Each way of counting has clients of its own.
    static CLIENTS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let counts = (0..TIMES).map(|_| {
        let number = CLIENTS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        prime(number);
        count(number)
    });
    counts.min().unwrap_or_else(|| panic!("{:?} was never counted", measured.words))
}

fn collected(log: &str) -> u64 {
    let line = log.lines().find_map(|line| line.split("Collected :").nth(1)).expect("callgrind says what it collected");
    line.trim().parse().expect("a number")
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).expect("a count")
}

fn skipped<T>(what: &str, reason: &str) -> Option<T> {
    skip(what, reason);
    None
}
