//! Ended at any moment of a refresh, at a provider that rotates and revokes the grant of whoever comes twice.
//!
//! The tokens are in a file; where `CLAUDE_CREDENTIAL_TEST_KEYRING` is set, as by `tests/run.sh`, in the keychain.

use std::env;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use claude_credential_tests::oauth::{Authority, Fixture, now, token};
use claude_credential_tests::{Call, Output};
use rustix::process::Signal;

const MOMENTS: u32 = 50;

#[test]
fn killed_at_any_moment_the_old_or_the_new_set_is_whole() {
    let moments = Moments::measure();
    let mut fixture = Watched::new();
    let (mut old, mut new, mut lost) = (0, 0, 0);
    for moment in moments.all() {
        let before = fixture.number();
        let running = fixture.refresh().start();
        thread::sleep(moment);
        running.signal(Signal::KILL);
        running.finish();
        // It is dead, but what it asked may still be decided.
        fixture.authority.server().settle();
        let after = fixture.authority.newest(fixture.grant);
        assert!(after == before || after == before + 1, "one refresh at most");
        // Whatever is stored is whole, and answers without a word to the provider.
        let stored = fixture.stored();
        assert!(stored == before || stored == after, "{stored} after {before} and {after}");
        match (stored == after, after == before) {
            (true, true) => old += 1,
            (true, false) => new += 1,
            // The provider rotated, and its answer had not been stored: no client can close that.
            (false, _) => lost += 1,
        }
        // The lock is free, and what is stored works: but for the one window, in which the provider says so.
        let next = fixture.fixture.get_after_refusal(&fixture.name(stored)).run();
        if stored == after {
            assert_eq!(token(&next), fixture.name(after + 1), "{:?}", fixture.authority.log());
        } else {
            assert!(next.exits(77).error_line().contains("claude-credential login "), "{next:#?}");
            fixture.sign_in_again();
        }
    }
    say(&format!("kill -9: {old} old, {new} new, {lost} in the window"));
    assert!(old > 0 && new > 0, "the moments were not spread over the refresh: {old} old, {new} new, {lost} lost");
    fixture.leaves_nothing_behind();
}

#[test]
fn ended_at_any_moment_by_sigterm_nothing_is_lost_at_all() {
    for signal in [Signal::TERM, Signal::INT] {
        let moments = Moments::measure();
        let fixture = Watched::new();
        let (mut done, mut not_done) = (0, 0);
        for moment in moments.all() {
            let before = fixture.number();
            let running = fixture.refresh().start();
            thread::sleep(moment);
            running.signal(signal);
            let ended = running.finish();
            whole_or_nothing(&ended);
            fixture.authority.server().settle();
            let after = fixture.authority.newest(fixture.grant);
            assert_eq!(fixture.stored(), after, "what the provider rotated is stored: {:?}", fixture.authority.log());
            *if after == before { &mut not_done } else { &mut done } += 1;
            assert_eq!(token(&fixture.refresh().run()), fixture.name(after + 1));
        }
        say(&format!("{signal:?}: {done} done, {not_done} not"));
        assert!(done > 0, "the moments were not spread over the refresh");
        assert!(fixture.authority.is_alive(1) && fixture.authority.count("reuse") == 0);
        fixture.leaves_nothing_behind();
    }
}

#[test]
fn the_dispatcher_ended_at_any_moment_loses_nothing_either() {
    let moments = Moments::measure();
    let fixture = Watched::new();
    for moment in moments.all().take(25) {
        fixture.fixture.print().run().exits(0);
        let running = fixture.fixture.print().arg("--rejected").start();
        thread::sleep(moment * 2);
        running.signal(Signal::TERM);
        let ended = running.finish();
        fixture.authority.server().settle();
        assert!(ended.stdout.is_empty() || ended.stdout.ends_with('\n'), "half a token: {ended:#?}");
        assert_eq!(fixture.stored(), fixture.authority.newest(fixture.grant), "{:?}", fixture.authority.log());
        assert!(fixture.authority.is_alive(fixture.grant));
    }
}

#[test]
fn when_the_dispatcher_is_killed_its_helper_still_stores_what_it_gets() {
    let fixture = Watched::new();
    fixture.authority.thinks(Duration::from_millis(500), Duration::from_millis(500));
    for round in 1..=5 {
        fixture.fixture.print().run().exits(0);
        let asked = fixture.authority.server().asked().len();
        let running = fixture.fixture.print().arg("--rejected").start();
        claude_credential_tests::wait_until(|| fixture.authority.server().asked().len() > asked);
        running.signal(Signal::KILL);
        running.finish();
        claude_credential_tests::wait_until(|| fixture.fixture.token() == fixture.name(round + 1));
        // The cache still has the one that was refused; whoever says so again gets what has been had meanwhile.
        assert_eq!(fixture.fixture.print().arg("--rejected").run().key(), fixture.name(round + 1));
        assert_eq!(fixture.authority.count("refresh"), round);
    }
    assert!(fixture.authority.is_alive(fixture.grant));
}

#[test]
fn a_waiter_that_is_killed_leaves_the_others_waiting() {
    let fixture = Watched::new();
    // Long enough for ten processes to begin on a busy machine.
    fixture.authority.thinks(Duration::from_secs(4), Duration::ZERO);
    let running: Vec<_> = (0..10).map(|_| fixture.refresh().start()).collect();
    let pids: Vec<u32> = running.iter().map(claude_credential_tests::Running::pid).collect();
    claude_credential_tests::wait_until(|| claude_credential_tests::process::waiting_for_locks(&pids) == 9);
    let holds = |pid| claude_credential_tests::process::waiting_for_locks(&[pid]) == 0;
    let victim = running.iter().find(|one| !holds(one.pid())).expect("one that waits").pid();
    for one in running {
        if one.pid() == victim {
            one.signal(Signal::KILL);
            one.finish();
        } else {
            assert_eq!(token(&one.finish()), "access-1-2");
        }
    }
    assert_eq!(fixture.authority.log(), ["refresh 1-1"]);
}

/// A fixture whose provider says what became of every set.
struct Watched {
    fixture: Fixture,
    authority: Authority,
    grant: usize,
}

impl Watched {
    fn new() -> Self {
        let fixture = fixture();
        let authority = Authority::start(&fixture.sandbox);
        // Before and after it decides, so that there are moments of each kind.
        authority.thinks(Duration::from_millis(10), Duration::from_millis(3));
        fixture.people(&authority.issuer(), store());
        let mut watched = Self { fixture, authority, grant: 0 };
        watched.sign_in_again();
        watched
    }

    fn sign_in_again(&mut self) {
        self.grant = self.authority.grants();
        self.fixture.store_grant(self.grant);
    }

    fn name(&self, number: usize) -> String {
        format!("access-{}-{number}", self.grant)
    }

    /// Which set the provider gave out last.
    fn number(&self) -> usize {
        let number = self.authority.newest(self.grant);
        assert_eq!(self.stored(), number);
        number
    }

    /// Which set is stored.
    #[track_caller]
    fn stored(&self) -> usize {
        let token = self.fixture.token();
        let number = token.strip_prefix(&format!("access-{}-", self.grant)).and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("{token} is of another grant than {}", self.grant))
    }

    /// A refusal of the newest token: whatever the clock says, it has to be refreshed.
    fn refresh(&self) -> Call<'_> {
        self.fixture.get_after_refusal(&self.name(self.authority.newest(self.grant)))
    }

    /// Nothing but what belongs there: as many files as after the first set.
    fn leaves_nothing_behind(&self) {
        let fresh = fixture();
        fresh.people(&self.authority.issuer(), store());
        fresh.store_grant(self.authority.grants());
        let _ = fresh.get_after_refusal("access-0-0").run();
        let (ours, usual) = (files(&self.fixture), files(&fresh));
        let secrets = |fixture: &Fixture| fixture.sandbox.files_with_secrets().len();
        // One set may be kept aside.
        assert!(secrets(&self.fixture) <= secrets(&fresh) + 1, "{ours:#?} beside {usual:#?}");
        assert!(ours.len() <= usual.len() + 3, "{ours:#?} beside {usual:#?}");
    }
}

/// With a provider of its own name: all tests of a run share the keychain.
fn fixture() -> Fixture {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    let mut fixture = Fixture::named(&format!("killed-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    if let Some(bus) = env::var_os("DBUS_SESSION_BUS_ADDRESS").filter(|_| in_keychain()) {
        fixture.sandbox.set("DBUS_SESSION_BUS_ADDRESS", bus);
    }
    fixture
}

fn store() -> &'static str {
    if in_keychain() { "store = \"keychain\"" } else { "store = \"file\"" }
}

fn in_keychain() -> bool {
    env::var_os("CLAUDE_CREDENTIAL_TEST_KEYRING").is_some()
}

fn files(fixture: &Fixture) -> Vec<PathBuf> {
    fn below(folder: PathBuf) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.flat_map(|path| if path.is_dir() { below(path) } else { vec![path] }).collect()
    }
    below(fixture.sandbox.home().join(".local/share/claude-credential"))
}

/// From before the first line of main to after the last, in an order that does not follow time.
struct Moments {
    whole: Duration,
}

impl Moments {
    fn measure() -> Self {
        let fixture = Watched::new();
        let mut took: Vec<Duration> = (0..5).map(|_| fixture.refresh().run().took).collect();
        took.sort();
        Self { whole: took[2] }
    }

    fn all(&self) -> impl Iterator<Item = Duration> {
        let step = self.whole * 11 / 10 / MOMENTS;
        // 50 and 17 have no common divisor: each moment comes once.
        (0..MOMENTS).map(move |round| step * (round * 17 % MOMENTS))
    }
}

/// An answer or none, and never a part of one.
fn whole_or_nothing(output: &Output) {
    if output.stdout.contains("credential=") {
        assert!(output.stdout.ends_with("\n\n"), "half an answer: {output:#?}");
    }
}

fn say(what: &str) {
    // Not by a macro: the test runner swallows what those print.
    let _ = writeln!(std::io::stderr(), "{what}, at {}", now());
}
