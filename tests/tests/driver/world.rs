//! The processes, and what they did when.

use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_tests::{Answer, Output, Sandbox, label, request};
use rustix::process::Signal;

/// The profiles; each lists a host of its own.
pub(crate) const PROFILES: [&str; 2] = ["p", "q"];

/// The sources, each a file that a command prints; `api-key` is the kept key of the profile's host.
pub(crate) const SOURCES: [&str; 3] = ["a", "b", "c"];
pub(crate) const KEPT: &str = "api-key";

/// When something happened: not before the one, not after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

/// What a call came to.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Answer(String),
    None,
    /// It was killed, or is no lookup: it counts only for what it may have left behind.
    Unknown,
    Failed(String),
}

#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// The chains of the profiles, in the order of `PROFILES`.
    Config(Vec<Vec<String>>),
    /// A source has another value.
    Source(&'static str, Option<String>),
    /// A key is kept for the host of a profile.
    Kept(usize, String),
    /// A secret was erased for the host of a profile.
    Erased(usize, String),
    Call(usize, Outcome),
}

#[derive(Debug)]
pub(crate) struct World {
    sandbox: Sandbox,
    history: Mutex<Vec<(Span, Event)>>,
    /// Edits of one kind are made one after the other, so that their order is known. Also the number of the last value.
    edits: Mutex<u64>,
    logins: Mutex<()>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { sandbox: Sandbox::new(), history: Mutex::default(), edits: Mutex::default(), logins: Mutex::default() }
    }

    /// Every source has a value, and every profile a chain.
    pub(crate) fn begin(&self, random: &mut Random) {
        for name in SOURCES {
            // Known to the sandbox as a file that holds secrets.
            self.sandbox.write(self.source(name), "");
            self.edit_source(name, true);
        }
        self.edit_config(random);
    }

    pub(crate) fn history(&self) -> Vec<(Span, Event)> {
        self.history.lock().expect("no driver panicked").clone()
    }

    /// One random thing.
    pub(crate) fn act(&self, random: &mut Random) {
        let profile = random.below(PROFILES.len());
        // Sign-ins and other settings make every answer one of its own, so they are rare.
        match random.below(40) {
            0 => self.edit_config(random),
            1 => self.login(profile),
            2 | 3 => self.edit_source(random.one_of::<&str>(&SOURCES), false),
            4..=11 => self.edit_source(random.one_of::<&str>(&SOURCES), true),
            12..=17 => self.erase(profile, random),
            18 | 19 => self.kill(profile, random),
            20 | 21 => self.print(profile, &["--rejected"]),
            22..=28 => self.get(profile),
            _ => self.print(profile, &[]),
        }
    }

    fn note(&self, start: Instant, event: Event) {
        let span = Span { start, end: Instant::now() };
        self.history.lock().expect("no driver panicked").push((span, event));
    }

    fn edit_source(&self, name: &'static str, has_value: bool) {
        let mut number = self.edits.lock().expect("no driver panicked");
        *number += 1;
        let value = format!("{name}-{number}");
        let (file, start) = (self.source(name), Instant::now());
        if has_value {
            let new = self.sandbox.write(format!("sources/{value}.new"), self.sandbox.secret(&value));
            fs::rename(new, file).expect("the source is replaced");
        } else {
            let _ = fs::remove_file(file);
        }
        self.note(start, Event::Source(name, has_value.then_some(value)));
    }

    fn source(&self, name: &str) -> std::path::PathBuf {
        self.sandbox.home().join("sources").join(name)
    }

    fn edit_config(&self, random: &mut Random) {
        let _one = self.edits.lock().expect("no driver panicked");
        let chains: Vec<Vec<String>> = PROFILES.iter().map(|_| random.chain()).collect();
        let mut text = "key_store = \"file\"\nttl = \"1h\"\n".to_owned();
        for (profile, chain) in PROFILES.iter().zip(&chains) {
            let _ = write!(text, "[profile.{profile}]\nhosts = [\"{profile}.example\"]\nchain = {chain:?}\n");
        }
        for name in SOURCES {
            let file = self.source(name);
            let _ = write!(
                text,
                "[entry.{name}]\nshell = \"sleep 0.02; cat {}\"\nnone_exit = [1]\nvary = []\n",
                file.display()
            );
        }
        let start = Instant::now();
        let new = self.sandbox.write("config.new", text);
        fs::create_dir_all(self.sandbox.config_file().parent().expect("a folder")).expect("the folder");
        fs::rename(new, self.sandbox.config_file()).expect("config.toml is replaced");
        self.note(start, Event::Config(chains));
    }

    /// As git does after a 401: whatever it last got for the host.
    fn erase(&self, profile: usize, random: &mut Random) {
        let seen: Vec<String> = self
            .history()
            .into_iter()
            .filter_map(|(_, event)| match event {
                Event::Call(of, Outcome::Answer(value)) if of == profile && !value.starts_with('k') => Some(value),
                _ => None,
            })
            .collect();
        let Some(value) =
            seen.last().map(|last| if random.below(4) == 0 { random.one_of(&seen).clone() } else { last.clone() })
        else {
            return;
        };
        let line = format!("password={}", self.sandbox.secret(&value));
        let message = request(&format!("{}.example", PROFILES[profile]), &["username=x-api-key", &line]);
        let start = Instant::now();
        self.sandbox.dispatcher(&["erase"]).says(message).run().exits(0);
        self.note(start, Event::Erased(profile, value));
    }

    fn login(&self, profile: usize) {
        let _one = self.logins.lock().expect("no driver panicked");
        let number = {
            let mut number = self.edits.lock().expect("no driver panicked");
            *number += 1;
            *number
        };
        let (name, value) = (PROFILES[profile], format!("k{}-{number}", PROFILES[profile]));
        let start = Instant::now();
        let call = self.sandbox.dispatcher(&["--profile", name, "login", "api-key", "--stdin"]);
        call.says(self.sandbox.secret(&value)).run().exits(0);
        self.note(start, Event::Kept(profile, value));
    }

    fn kill(&self, profile: usize, random: &mut Random) {
        let start = Instant::now();
        let running = self.sandbox.dispatcher(&["--profile", PROFILES[profile], "print"]).shows_secret().start();
        thread::sleep(Duration::from_millis(random.below(40) as u64));
        running.signal(Signal::KILL);
        running.finish();
        self.note(start, Event::Call(profile, Outcome::Unknown));
    }

    fn print(&self, profile: usize, words: &[&str]) {
        let start = Instant::now();
        let output =
            self.sandbox.dispatcher(&["--profile", PROFILES[profile], "print"]).args(words).shows_secret().run();
        let value = output.stdout.trim().to_owned();
        self.note(start, Event::Call(profile, outcome(&output, Some(value).filter(|value| !value.is_empty()))));
    }

    fn get(&self, profile: usize) {
        let message = request(&format!("{}.example", PROFILES[profile]), &[]);
        let start = Instant::now();
        let output = self.sandbox.dispatcher(&["get"]).says(message).shows_secret().run();
        let value = Answer::parse(&output.stdout).get("password").map(str::to_owned);
        self.note(start, Event::Call(profile, outcome(&output, value)));
    }
}

fn outcome(output: &Output, value: Option<String>) -> Outcome {
    match (output.code(), value) {
        (Some(0), Some(value)) => Outcome::Answer(label(&value)),
        (Some(0 | 1), None) => Outcome::None,
        _ => Outcome::Failed(format!("{output:#?}")),
    }
}

/// `SplitMix64`: <https://prng.di.unimi.it/splitmix64.c>
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).expect("less than the limit")
    }

    pub(crate) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// Some of the entries in some order; few chains, so that an earlier one comes back.
    fn chain(&mut self) -> Vec<String> {
        let mut left = [SOURCES[0], SOURCES[1], SOURCES[2], KEPT].to_vec();
        (0..=self.below(2)).map(|_| left.swap_remove(self.below(left.len())).to_owned()).collect()
    }
}
