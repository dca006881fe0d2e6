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

use claude_credential_tests::oauth::{Authority, House, now, token};
use claude_credential_tests::{Call, Output};
use rustix::process::Signal;

const MOMENTS: u32 = 50;

#[test]
fn killed_at_any_moment_the_old_or_the_new_set_is_whole() {
    let moments = Moments::measure();
    let mut house = Watched::new();
    let (mut old, mut new, mut lost) = (0, 0, 0);
    for moment in moments.all() {
        let before = house.number();
        let running = house.refresh().start();
        thread::sleep(moment);
        running.signal(Signal::KILL);
        running.finish();
        // It is dead, but what it asked may still be decided.
        house.authority.server().settle();
        let after = house.authority.newest(house.grant);
        assert!(after == before || after == before + 1, "one refresh at most");
        // Whatever is stored is whole, and answers without a word to the provider.
        let stored = house.stored();
        assert!(stored == before || stored == after, "{stored} after {before} and {after}");
        match (stored == after, after == before) {
            (true, true) => old += 1,
            (true, false) => new += 1,
            // The provider rotated, and its answer had not been stored: no client can close that.
            (false, _) => lost += 1,
        }
        // The lock is free, and what is stored works: but for the one window, in which the provider says so.
        let next = house.house.get_after_refusal(&house.name(stored)).run();
        if stored == after {
            assert_eq!(token(&next), house.name(after + 1), "{:?}", house.authority.log());
        } else {
            assert!(next.exits(77).error_line().contains("claude-credential login "), "{next:#?}");
            house.sign_in_again();
        }
    }
    say(&format!("kill -9: {old} old, {new} new, {lost} in the window"));
    assert!(old > 0 && new > 0, "the moments were not spread over the refresh: {old} old, {new} new, {lost} lost");
    house.leaves_nothing_behind();
}

#[test]
fn ended_at_any_moment_by_sigterm_nothing_is_lost_at_all() {
    for signal in [Signal::TERM, Signal::INT] {
        let moments = Moments::measure();
        let house = Watched::new();
        let (mut done, mut not_done) = (0, 0);
        for moment in moments.all() {
            let before = house.number();
            let running = house.refresh().start();
            thread::sleep(moment);
            running.signal(signal);
            let ended = running.finish();
            whole_or_nothing(&ended);
            house.authority.server().settle();
            let after = house.authority.newest(house.grant);
            assert_eq!(house.stored(), after, "what the provider rotated is stored: {:?}", house.authority.log());
            *if after == before { &mut not_done } else { &mut done } += 1;
            assert_eq!(token(&house.refresh().run()), house.name(after + 1));
        }
        say(&format!("{signal:?}: {done} done, {not_done} not"));
        assert!(done > 0, "the moments were not spread over the refresh");
        assert!(house.authority.is_alive(1) && house.authority.count("reuse") == 0);
        house.leaves_nothing_behind();
    }
}

#[test]
fn the_dispatcher_ended_at_any_moment_loses_nothing_either() {
    let moments = Moments::measure();
    let house = Watched::new();
    for moment in moments.all().take(25) {
        house.house.print().run().exits(0);
        let running = house.house.print().arg("--rejected").start();
        thread::sleep(moment * 2);
        running.signal(Signal::TERM);
        let ended = running.finish();
        house.authority.server().settle();
        assert!(ended.stdout.is_empty() || ended.stdout.ends_with('\n'), "half a token: {ended:#?}");
        assert_eq!(house.stored(), house.authority.newest(house.grant), "{:?}", house.authority.log());
        assert!(house.authority.is_alive(house.grant));
    }
}

#[test]
fn when_the_dispatcher_is_killed_its_helper_still_stores_what_it_gets() {
    let house = Watched::new();
    house.authority.thinks(Duration::from_millis(500), Duration::from_millis(500));
    for round in 1..=5 {
        house.house.print().run().exits(0);
        let asked = house.authority.server().asked().len();
        let running = house.house.print().arg("--rejected").start();
        claude_credential_tests::wait_until(|| house.authority.server().asked().len() > asked);
        running.signal(Signal::KILL);
        running.finish();
        claude_credential_tests::wait_until(|| house.house.token() == house.name(round + 1));
        // The cache still has the one that was refused; whoever says so again gets what has been had meanwhile.
        assert_eq!(house.house.print().arg("--rejected").run().key(), house.name(round + 1));
        assert_eq!(house.authority.count("refresh"), round);
    }
    assert!(house.authority.is_alive(house.grant));
}

#[test]
fn a_waiter_that_is_killed_leaves_the_others_waiting() {
    let house = Watched::new();
    house.authority.thinks(Duration::from_secs(1), Duration::ZERO);
    let running: Vec<_> = (0..10).map(|_| house.refresh().start()).collect();
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
    assert_eq!(house.authority.log(), ["refresh 1-1"]);
}

/// A house whose provider says what became of every set.
struct Watched {
    house: House,
    authority: Authority,
    grant: usize,
}

impl Watched {
    fn new() -> Self {
        let house = house();
        let authority = Authority::start(&house.sandbox);
        // Before and after it decides, so that there are moments of each kind.
        authority.thinks(Duration::from_millis(10), Duration::from_millis(3));
        house.people(&authority.issuer(), store());
        let mut watched = Self { house, authority, grant: 0 };
        watched.sign_in_again();
        watched
    }

    fn sign_in_again(&mut self) {
        self.grant = self.authority.grants();
        self.house.store_grant(self.grant);
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
        let token = self.house.token();
        let number = token.strip_prefix(&format!("access-{}-", self.grant)).and_then(|number| number.parse().ok());
        number.unwrap_or_else(|| panic!("{token} is of another grant than {}", self.grant))
    }

    /// A refusal of the newest token: whatever the clock says, it has to be refreshed.
    fn refresh(&self) -> Call<'_> {
        self.house.get_after_refusal(&self.name(self.authority.newest(self.grant)))
    }

    /// Nothing but what belongs there: as many files as after the first set.
    fn leaves_nothing_behind(&self) {
        let fresh = house();
        fresh.people(&self.authority.issuer(), store());
        fresh.store_grant(self.authority.grants());
        let _ = fresh.get_after_refusal("access-0-0").run();
        let (ours, usual) = (files(&self.house), files(&fresh));
        let secrets = |house: &House| house.sandbox.files_with_secrets().len();
        // One set may be kept aside.
        assert!(secrets(&self.house) <= secrets(&fresh) + 1, "{ours:#?} beside {usual:#?}");
        assert!(ours.len() <= usual.len() + 3, "{ours:#?} beside {usual:#?}");
    }
}

/// With a provider of its own name: all tests of a run share the keychain.
fn house() -> House {
    static NUMBER: AtomicUsize = AtomicUsize::new(1);
    let mut house = House::named(&format!("killed-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
    if let Some(bus) = env::var_os("DBUS_SESSION_BUS_ADDRESS").filter(|_| in_keychain()) {
        house.sandbox.set("DBUS_SESSION_BUS_ADDRESS", bus);
    }
    house
}

fn store() -> &'static str {
    if in_keychain() { "store = \"keychain\"" } else { "store = \"file\"" }
}

fn in_keychain() -> bool {
    env::var_os("CLAUDE_CREDENTIAL_TEST_KEYRING").is_some()
}

fn files(house: &House) -> Vec<PathBuf> {
    fn below(folder: PathBuf) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        entries.flat_map(|path| if path.is_dir() { below(path) } else { vec![path] }).collect()
    }
    below(house.sandbox.home().join(".local/share/claude-credential"))
}

/// From before the first line of main to after the last, in an order that does not follow time.
struct Moments {
    whole: Duration,
}

impl Moments {
    fn measure() -> Self {
        let house = Watched::new();
        let mut took: Vec<Duration> = (0..5).map(|_| house.refresh().run().took).collect();
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
