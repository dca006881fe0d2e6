//! A helper that does as a script says and writes down what it heard: `claude-credential-fake --script FILE OPERATION`.
//! With the operation `key` it is a command that prints a key.

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{env, thread};

use claude_credential_tests::script::{Does, Heard, Script, Step};
use claude_credential_tests::{Answer, label, log_of, process};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Signal, getpid, kill_process};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let (script, operation) = match args.as_slice() {
        [operation] if operation == "capability" => return Ok(capability()?),
        [option, script, operation, ..] if option == "--script" => (script, operation),
        _ => return Err("usage: claude-credential-fake --script FILE OPERATION".into()),
    };
    let path = PathBuf::from(script);
    let script = Script::load(&path);
    match operation.as_str() {
        "capability" => return Ok(capability()?),
        "login" | "logout" => {
            log(&path, operation, args[3..].iter().map(|option| (option.clone(), String::new())).collect())?;
        }
        "store" | "erase" => {
            log(&path, operation, message()?.fields)?;
        }
        "get" | "key" => {
            let message = if operation == "get" { Some(message()?) } else { None };
            let fields = message.map_or_else(Vec::new, |message| message.fields);
            let live = fields.contains(&("claude.check".to_owned(), "live".to_owned()));
            let number = log(&path, operation, fields)?;
            let step = script.steps.get(number).or(script.steps.last()).ok_or("a script without steps")?;
            let voice = Voice { key_alone: operation == "key", capabilities: capabilities(&script), live };
            return step_of(step, &voice, &path);
        }
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn capability() -> io::Result<ExitCode> {
    say("version 0\ncapability authtype\ncapability claude.v1\ncapability claude.login\ncapability claude.logout\n")?;
    Ok(ExitCode::SUCCESS)
}

fn capabilities(script: &Script) -> Vec<&'static str> {
    if script.plain { Vec::new() } else { vec!["authtype", "state", "claude.v1"] }
}

/// The form of an answer.
struct Voice {
    key_alone: bool,
    /// It is to be proved; a command always is, since nobody can tell it.
    live: bool,
    capabilities: Vec<&'static str>,
}

impl Voice {
    fn answer(&self, secret: &str, expires_in: Option<i64>, lines: &[String]) -> String {
        if self.key_alone {
            return format!("{secret}\n");
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs().cast_signed());
        // As git's own helpers do, where nothing newer is announced.
        let keys = if self.capabilities.is_empty() {
            ["username=x-api-key", "password"]
        } else {
            ["authtype=x-api-key", "credential"]
        };
        let own = [format!("{}={secret}", keys.join("\n"))];
        let expiry = expires_in.map(|seconds| format!("password_expiry_utc={}", now + seconds));
        let lines: Vec<String> = own.into_iter().chain(expiry).chain(lines.iter().cloned()).collect();
        format!("{}{}\n\n", self.announcement(), lines.join("\n"))
    }

    fn announcement(&self) -> String {
        self.capabilities.iter().flat_map(|name| ["capability[]=", name, "\n"]).collect()
    }
}

fn step_of(step: &Step, voice: &Voice, script: &Path) -> Result<ExitCode, Box<dyn Error>> {
    thread::sleep(Duration::from_millis(step.delay_ms));
    while step.gate.as_ref().is_some_and(|gate| !gate.exists()) {
        thread::sleep(Duration::from_millis(2));
    }
    match &step.does {
        Does::Answers { secret, expires_in, lines } => say(&voice.answer(secret, *expires_in, lines))?,
        Does::HasNone => say(if voice.key_alone { "" } else { "\n" })?,
        Does::Fails { code, stderr, secret } => {
            let Some(secret) = secret else { return fail(*code, stderr, voice) };
            say(&voice.answer(secret, None, &[]))?;
            writeln!(io::stderr(), "{stderr}")?;
            return Ok(ExitCode::from(*code));
        }
        Does::AnswersOnceProved { file, .. } if (voice.live || voice.key_alone) && !file.exists() => {
            return fail(77, "the session is over; run: sign-in", voice);
        }
        Does::AnswersOnceProved { secret, .. } => say(&voice.answer(secret, None, &[]))?,
        Does::Prints(text) => say(text)?,
        Does::Floods(mebibytes) => {
            let chunk = vec![b'x'; 1 << 20];
            (0..*mebibytes).try_for_each(|_| io::stdout().write_all(&chunk))?;
        }
        Does::Truncates(secret) => {
            let answer = voice.answer(secret, None, &[]);
            say(&answer[..answer.len() - 2])?;
        }
        Does::ClosesStdout => {
            say(&voice.announcement())?;
            close_stdout()?;
            thread::sleep(Duration::from_millis(200));
        }
        Does::Hangs { deaf } => hang(*deaf, script)?,
        Does::LeavesChild(secret) => {
            say(&voice.answer(secret, None, &[]))?;
            // Longer than anybody should wait for it, and an end nevertheless.
            Command::new("sleep").arg("20").stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
        }
        Does::Dies(signal) => {
            kill_process(getpid(), Signal::from_named_raw(*signal).ok_or("a signal without a name")?)?;
            thread::sleep(Duration::from_mins(1));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn fail(code: u8, stderr: &str, voice: &Voice) -> Result<ExitCode, Box<dyn Error>> {
    if !voice.key_alone {
        say(&format!("{}quit=1\n\n", voice.announcement()))?;
    }
    writeln!(io::stderr(), "{stderr}")?;
    Ok(ExitCode::from(code))
}

fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// In place of the pipe there is `/dev/null` then: whoever reads the pipe meets its end while we still run.
fn close_stdout() -> io::Result<()> {
    let null: OwnedFd = File::create("/dev/null")?.into();
    rustix::stdio::dup2_stdout(&null)?;
    Ok(())
}

/// Notes a SIGTERM, and goes on all the same if it is to be deaf.
fn hang(deaf: bool, script: &Path) -> io::Result<()> {
    let asked = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGTERM, Arc::clone(&asked))?;
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&asked))?;
    // Ends at some time: a test that fails leaves nothing behind.
    for _ in 0..12_000 {
        thread::sleep(Duration::from_millis(5));
        if asked.swap(false, Ordering::Relaxed) {
            log(script, "signal", Vec::new())?;
            if !deaf {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn message() -> io::Result<Answer> {
    let mut text = String::new();
    let mut stdin = BufReader::new(io::stdin().lock());
    loop {
        let start = text.len();
        if stdin.read_line(&mut text)? == 0 || &text[start..] == "\n" {
            return Ok(Answer::parse(&text));
        }
    }
}

/// Writes down one call; how many of this kind there were before it.
fn log(script: &Path, operation: &str, fields: Vec<(String, String)>) -> io::Result<usize> {
    let parent = process::parent(std::process::id()).unwrap_or_default();
    let secret = |key: &str| matches!(key, "credential" | "password" | "oauth_refresh_token");
    let fields = fields.into_iter().map(|(key, value)| if secret(&key) { (key, label(&value)) } else { (key, value) });
    let heard = Heard {
        operation: operation.to_owned(),
        pid: std::process::id(),
        parent,
        fields: fields.collect(),
        variables: env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned()).collect(),
        folder: env::current_dir()?,
    };
    note_command_lines(script, parent)?;
    // One at a time: the number is what the scripts count by.
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(log_of(script))?;
    flock(&file, FlockOperation::LockExclusive)?;
    let mut before = String::new();
    file.rewind()?;
    file.read_to_string(&mut before)?;
    // In one piece: other runs append to it at the same time, and some are killed.
    file.write_all((serde_json::to_string(&heard)? + "\n").as_bytes())?;
    let same_kind = |line: &&str| serde_json::from_str::<Heard>(line).is_ok_and(|heard| heard.operation == operation);
    Ok(before.lines().filter(same_kind).count())
}

/// Our command line and those above us, as they stand: the sandbox looks for secrets in them when it ends.
fn note_command_lines(script: &Path, parent: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(script.with_extension("cmdlines"))?;
    let mut pid = Some(parent);
    let mut lines = process::command_line(std::process::id());
    for _ in 0..4 {
        let Some(above) = pid.filter(|pid| *pid > 1) else { break };
        lines.extend(process::command_line(above));
        pid = process::parent(above);
    }
    file.write_all(&lines)
}
