//! Random work by many processes at once, beside a model of it: whose key comes out, from which run, and that a refused
//! key never comes again. `tests/run.sh --long` runs it for five minutes.

#![expect(clippy::print_stdout, reason = "what the test runner shows of a test that fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_tests::{Running, Sandbox, label, long_tests};
use fastrand::Rng;
use rustix::process::Signal;
use serde_json::json;

/// Each with an entry of its own, whose command the driver rewrites.
const WITH_ENTRY: [&str; 3] = ["personal", "work", "shared"];

/// The profile whose account Claude Code's settings name.
const WITH_SETTINGS: &str = "settings";

/// The profile whose key the user stores.
const WITH_KEPT: &str = "kept";

/// Few, so that a setting often returns to what it was.
const ACCOUNTS: [&str; 3] = ["acme", "umbrella", "initech"];

/// What a profile answers while nothing is stored for it.
const NO_KEY: &str = "no key";

#[test]
fn random_work_of_many_processes_agrees_with_the_model() {
    let seed = std::env::var("CLAUDE_CREDENTIAL_TEST_SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("a number in CLAUDE_CREDENTIAL_TEST_SEED"));
    println!("CLAUDE_CREDENTIAL_TEST_SEED={seed}");
    let span = Duration::from_secs(if long_tests() { 300 } else { 8 });
    let mut driver = Driver::new(seed);
    let started = Instant::now();
    let mut rounds = 0;
    while started.elapsed() < span {
        driver.round();
        rounds += 1;
    }
    println!("{rounds} rounds, {} answers, {} runs of a source", driver.answers, driver.runs());
    assert!(driver.answers > rounds);
}

/// The accounts that a profile may answer from, and when: from the beginning of the edit that chose one to the end of the
/// edit that chose the next.
struct Assignment {
    account: String,
    from: Instant,
    until: Option<Instant>,
}

struct Driver {
    sandbox: Rc<Sandbox>,
    random: Rng,
    assignments: BTreeMap<&'static str, Vec<Assignment>>,
    /// The key that a profile has to answer, where that is certain.
    known: BTreeMap<&'static str, String>,
    refused: BTreeSet<String>,
    /// A killed call leaves the source that it started behind, which may be about to begin.
    has_orphans: bool,
    stored: usize,
    answers: usize,
}

/// One call under way.
struct Asked<'a> {
    profile: &'static str,
    at: Instant,
    running: Running<'a>,
    is_killed: bool,
}

impl Driver {
    fn new(seed: u64) -> Self {
        let mut sandbox = Sandbox::new();
        // Several times the tick from which the kernel takes the times of files.
        sandbox.set("CLAUDE_CREDENTIAL_TEST_SETTLED", "30");
        let secret = sandbox.secret("");
        let runs = sandbox.root().join("fakes/runs");
        // Slow enough that others come while it runs. Two runs never give the same key.
        let text = format!(
            "echo $1 >>'{}'\nsleep 0.0$(($$ % 7))\nprintf '%s\\n' \"{secret}$1-$$-$(date +%N)\"",
            runs.display()
        );
        sandbox.script("source", &text);
        let mut driver = Self {
            sandbox: Rc::new(sandbox),
            random: Rng::with_seed(seed),
            assignments: BTreeMap::new(),
            known: BTreeMap::new(),
            refused: BTreeSet::new(),
            has_orphans: false,
            stored: 0,
            answers: 0,
        };
        for profile in WITH_ENTRY.into_iter().chain([WITH_SETTINGS]) {
            driver.assign(profile, ACCOUNTS[0]);
        }
        driver.begin(WITH_KEPT, NO_KEY, Instant::now());
        driver
    }

    fn round(&mut self) {
        let (name, work): (&str, fn(&mut Self)) = match self.random.u8(..100) {
            0..30 => ("a crowd", Self::ask_a_crowd),
            30..55 => ("an edit", Self::edit_under_way),
            55..65 => ("refused", Self::refuse),
            65..75 => ("erased", Self::erase),
            75..85 => ("killed", Self::kill),
            85..92 => ("stored or forgotten", Self::store_or_forget),
            92..96 => ("stored on the wire", Self::store_on_the_wire),
            _ => ("cache cleared", Self::clear_cache),
        };
        println!("{name}; known: {:?}", self.known);
        work(self);
    }

    /// From 1 to 16 calls of any profile. What is known is answered without a run, what is not by one run for all.
    fn ask_a_crowd(&mut self) {
        let before = self.runs();
        let profiles = self.some_profiles();
        let unknown: BTreeSet<_> = profiles.iter().filter(|profile| !self.known.contains_key(*profile)).collect();
        let most = unknown.into_iter().filter(|profile| **profile != WITH_KEPT).count();
        let sandbox = Rc::clone(&self.sandbox);
        let asked: Vec<_> = profiles.into_iter().map(|profile| self.ask(&sandbox, profile)).collect();
        self.settle(asked);
        let runs = self.runs() - before;
        assert!(self.has_orphans || runs <= most, "{runs} runs for {most} profiles whose answer was not known");
        self.has_orphans = false;
    }

    /// A setting changes, and perhaps changes back, while calls are under way.
    fn edit_under_way(&mut self) {
        let sandbox = Rc::clone(&self.sandbox);
        let mut asked = Vec::new();
        for _ in 0..self.random.usize(1..4) {
            for profile in self.some_profiles() {
                asked.push(self.ask(&sandbox, profile));
            }
            thread::sleep(Duration::from_millis(self.random.u64(..40)));
            let profile = self.random.choice([&WITH_ENTRY[..], &[WITH_SETTINGS; 2]].concat()).expect("one of them");
            let account = self.random.choice(ACCOUNTS).expect("one of them");
            self.assign(profile, account);
        }
        self.settle(asked);
        // An answer belongs to the configuration and settings that it was asked under.
        self.known.clear();
    }

    /// A script reports that the server refused a key, beside others that ask.
    fn refuse(&mut self) {
        let profile = self.random.choice(WITH_ENTRY).expect("one of them");
        let sandbox = Rc::clone(&self.sandbox);
        let old = self.ask_alone(&sandbox, profile);
        self.known.remove(profile);
        let asked: Vec<_> = (0..self.random.usize(..8)).map(|_| self.ask(&sandbox, profile)).collect();
        let (at, refused) = (Instant::now(), self.refused.insert(old.clone()));
        assert!(refused, "{old} was refused before");
        let rejecting = sandbox.print().args(["--profile", profile, "--rejected"]).start();
        self.refused.remove(&old);
        self.settle(asked);
        self.known.remove(profile);
        self.refused.insert(old);
        self.settle(vec![Asked { profile, at, running: rejecting, is_killed: false }]);
        self.known.remove(profile);
    }

    /// git, or another program on the wire, says that a key is no longer any good.
    fn erase(&mut self) {
        let profile = self.random.choice(WITH_ENTRY).expect("one of them");
        let sandbox = Rc::clone(&self.sandbox);
        let old = self.ask_alone(&sandbox, profile);
        self.known.remove(profile);
        let asked = (0..self.random.usize(..8)).map(|_| self.ask(&sandbox, profile)).collect();
        let message = format!(
            "protocol=https\nhost=api.anthropic.com\nusername=x-api-key\npassword={}\n\n",
            self.sandbox.secret(&old)
        );
        sandbox.dispatcher(&["erase", "--profile", profile]).says(message).run().succeeds();
        self.settle(asked);
        self.known.remove(profile);
        self.refused.insert(old);
    }

    /// Some of a crowd are killed; the others get their answer all the same.
    fn kill(&mut self) {
        let sandbox = Rc::clone(&self.sandbox);
        let mut asked: Vec<_> = self.some_profiles().into_iter().map(|profile| self.ask(&sandbox, profile)).collect();
        thread::sleep(Duration::from_millis(self.random.u64(..50)));
        for call in &mut asked {
            call.is_killed = self.random.bool();
            if call.is_killed {
                call.running.signal(Signal::KILL);
            }
        }
        self.has_orphans = true;
        self.settle(asked);
    }

    fn store_or_forget(&mut self) {
        let sandbox = Rc::clone(&self.sandbox);
        let asked = (0..self.random.usize(..4)).map(|_| self.ask(&sandbox, WITH_KEPT)).collect();
        let at = Instant::now();
        self.stored += 1;
        let name = format!("kept{}", self.stored);
        if self.random.bool() {
            let login = sandbox.dispatcher(&["login", "api-key", "--stdin"]);
            login.says(self.sandbox.secret(&name)).run().exits(0);
            self.begin(WITH_KEPT, &name, at);
        } else {
            sandbox.dispatcher(&["logout", "api-key"]).run();
            self.begin(WITH_KEPT, NO_KEY, at);
        }
        // Either ends all cached answers.
        self.known.clear();
        self.settle(asked);
        self.known.clear();
    }

    /// git offers a key that worked: one of ours, which is not copied to where the user's keys are, or one of the user's.
    fn store_on_the_wire(&mut self) {
        let sandbox = Rc::clone(&self.sandbox);
        let is_ours = self.random.bool();
        let name = if is_ours {
            let profile = self.random.choice(WITH_ENTRY).expect("one of them");
            self.ask_alone(&sandbox, profile)
        } else {
            self.stored += 1;
            format!("kept{}", self.stored)
        };
        let asked = (0..self.random.usize(..4)).map(|_| self.ask(&sandbox, WITH_KEPT)).collect();
        let at = Instant::now();
        let message = format!(
            "protocol=https\nhost=api.anthropic.com\nusername=x-api-key\npassword={}\n\n",
            self.sandbox.secret(&name)
        );
        sandbox.dispatcher(&["store", "--profile", WITH_KEPT]).says(message).run().succeeds();
        if !is_ours {
            self.begin(WITH_KEPT, &name, at);
            self.known.clear();
        }
        self.settle(asked);
        if !is_ours {
            self.known.clear();
        }
    }

    fn clear_cache(&mut self) {
        let sandbox = Rc::clone(&self.sandbox);
        let asked = self.some_profiles().into_iter().map(|profile| self.ask(&sandbox, profile)).collect();
        sandbox.dispatcher(&["cache", "clear"]).run().exits(0);
        self.known.clear();
        self.settle(asked);
        self.known.clear();
    }

    /// Writes who pays for `profile`: into the configuration, or into Claude Code's settings.
    fn assign(&mut self, profile: &'static str, account: &str) {
        println!("  {profile} = {account}");
        let at = Instant::now();
        self.known.clear();
        self.begin(profile, account, at);
        let (file, text) = if profile == WITH_SETTINGS {
            let settings = json!({ "apiKeyHelper": format!("source {account}") });
            (self.sandbox.home().join(".claude/settings.json"), settings.to_string())
        } else {
            (self.sandbox.config_file(), self.config())
        };
        // In one step, as editors do.
        let new = self.sandbox.write(file.with_extension("new"), text);
        fs::rename(new, file).expect("a file in its place");
        self.end_previous(profile);
    }

    fn config(&self) -> String {
        let mut config = format!("[profile.{WITH_SETTINGS}]\nchain = [\"api-key-helper\"]\n");
        let _ = writeln!(config, "[profile.{WITH_KEPT}]\nchain = [\"api-key\"]");
        for profile in WITH_ENTRY {
            let account = self.assignments.get(profile).and_then(|all| all.last()).map_or("", |last| &last.account);
            let _ = writeln!(config, "[profile.{profile}]\nchain = [\"{profile}\"]");
            let _ = writeln!(config, "[entry.{profile}]\nshell = \"source {account}\"\nvary = []");
        }
        config
    }

    fn begin(&mut self, profile: &'static str, account: &str, from: Instant) {
        let assignments = self.assignments.entry(profile).or_default();
        assignments.push(Assignment { account: account.to_owned(), from, until: None });
        if profile == WITH_KEPT {
            self.end_previous(profile);
        }
    }

    fn end_previous(&mut self, profile: &str) {
        if let Some([.., previous, _]) = self.assignments.get_mut(profile).map(Vec::as_mut_slice) {
            previous.until = Some(Instant::now());
        }
    }

    fn some_profiles(&mut self) -> Vec<&'static str> {
        let count = self.random.usize(1..=16);
        let all = [&WITH_ENTRY[..], &[WITH_SETTINGS, WITH_KEPT]].concat();
        (0..count).map(|_| all[self.random.usize(..all.len())]).collect()
    }

    /// By `print` or on the wire.
    fn ask<'a>(&mut self, sandbox: &'a Sandbox, profile: &'static str) -> Asked<'a> {
        let at = Instant::now();
        let call = if self.random.u8(..4) == 0 {
            let get = sandbox.dispatcher(&["get", "--profile", profile]).shows_secret();
            get.says("protocol=https\nhost=api.anthropic.com\n\n")
        } else {
            sandbox.print().args(["--profile", profile])
        };
        Asked { profile, at, running: call.start(), is_killed: false }
    }

    /// The key of a profile while nothing else is under way.
    fn ask_alone(&mut self, sandbox: &Sandbox, profile: &'static str) -> String {
        let asked = self.ask(sandbox, profile);
        self.settle(vec![asked]);
        self.known[profile].clone()
    }

    /// Waits for calls, and compares what they print with the model. What all calls of a profile agree on is known from
    /// here on, unless the caller knows better.
    fn settle(&mut self, asked: Vec<Asked<'_>>) {
        let mut answers: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
        for Asked { profile, at, running, is_killed } in asked {
            let output = running.finish();
            if is_killed && output.signal().is_some() {
                continue;
            }
            let secret = output.stdout.lines().map(|line| line.strip_prefix("password=").unwrap_or(line));
            let key = match (output.code(), secret.map(label).find(|label| label != "other")) {
                (Some(0), Some(key)) => key,
                // On the wire, to have none is a success.
                (Some(0 | 1), None) => NO_KEY.to_owned(),
                _ => panic!("{output:#?}"),
            };
            println!("  {profile}: {key}");
            self.answers += 1;
            assert!(!self.refused.contains(&key), "{key} was refused, and is the answer of {profile}: {output:#?}");
            let known = self.known.get(profile);
            assert!(known.is_none_or(|known| *known == key), "{profile} has {known:?}, and {key} is its answer");
            let account = key.split('-').next().unwrap_or_default();
            let mut may_be = self.assignments[profile].iter().filter(|assignment| {
                assignment.until.is_none_or(|until| until >= at) && assignment.from <= Instant::now()
            });
            let allowed: Vec<&str> = may_be.clone().map(|assignment| assignment.account.as_str()).collect();
            assert!(
                may_be.any(|assignment| assignment.account == account),
                "{key} for {profile}, which is {allowed:?}"
            );
            answers.entry(profile).or_default().insert(key);
        }
        for (profile, keys) in answers {
            if let (Some(key), 1) = (keys.first(), keys.len()) {
                self.known.insert(profile, key.clone());
            }
        }
    }

    fn runs(&self) -> usize {
        fs::read_to_string(self.sandbox.root().join("fakes/runs")).map_or(0, |runs| runs.lines().count())
    }
}
