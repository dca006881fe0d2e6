//! The 401 rule, as arithmetic: no clock, no files.
//!
//! On 401 or 403, Claude Code runs its helper again after about a second, without giving the reason. A plain TTL cache
//! would answer with the very key that was refused. So the cache records what each caller was handed: if the same
//! caller comes back too soon for the same credential, that credential was refused.

use claude_credential_protocol::Millis;
use serde::{Deserialize, Serialize};

use crate::cache::hash::Fingerprint;

/// Less than Claude Code's pause after a refusal; calls closer together have another reason.
const MIN_GAP: Millis = 900;

/// Claude Code renews its key no earlier than after its TTL; its clock and ours may differ by this much.
const CLOCK_MARGIN: Millis = 50;

/// After idling, Claude Code sends its old key, gets a new one in the background, and only then learns that the old one
/// was refused; several agents of one process learn it seconds apart. For this time, and this often, a new credential
/// has the benefit of the doubt.
const DOUBT_PERIOD: Millis = 60_000;
const MAX_DOUBTS: u8 = 2;

/// So often in a row, with less than [`DOUBT_PERIOD`] between two calls, a settings file that was rewritten is taken for
/// the reason of a call. Claude Code asks for a refused key more often than that, and something may rewrite a file each
/// time.
const MAX_REWRITES: u8 = 5;

/// The least time between two runs for one refused credential.
const MIN_RUN_INTERVAL: Millis = 5_000;

/// The most runs for one key in [`WINDOW`].
const MAX_RUNS_IN_WINDOW: usize = 3;
const WINDOW: Millis = 60_000;

/// The back-off after a run that changed nothing; each further one doubles it, up to the maximum.
const FIRST_BACK_OFF: Millis = 10_000;
const MAX_BACK_OFF: Millis = 300_000;

/// A run this long ago has nothing to do with a refusal now.
const FORGOTTEN: Millis = 2 * MAX_BACK_OFF;

/// What one caller was handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HandOut {
    pub(crate) given: Fingerprint,
    /// When it was last handed out.
    pub(crate) at: Millis,
    /// When it was first handed out.
    pub(crate) since: Millis,
    /// Whether the caller had another one before.
    pub(crate) differed: bool,
    /// How often in a row the credential had the benefit of the doubt.
    pub(crate) doubts: u8,
}

/// What to do with the credential that a caller would get now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Hand it out.
    Serve,
    /// Hand it out: the earlier credential was probably the refused one, or the caller has another reason to ask.
    Doubt,
    /// It was refused: ask the entries for another.
    Refused,
}

impl HandOut {
    /// The verdict on `would_get`, which the caller that was handed this would get now.
    pub(crate) fn judge(&self, would_get: Fingerprint, now: Millis, client_ttl: Millis) -> Verdict {
        let age = now.saturating_sub(self.at);
        let came_back = age >= MIN_GAP && age < client_ttl.saturating_sub(CLOCK_MARGIN);
        // A caller that has an older credential gets this one: another call has already renewed it.
        if would_get != self.given || !came_back {
            return Verdict::Serve;
        }
        let is_new = self.differed && now.saturating_sub(self.since) < DOUBT_PERIOD;
        if is_new && self.doubts < MAX_DOUBTS { Verdict::Doubt } else { Verdict::Refused }
    }

    /// Whether the caller may ask because its settings changed at this time.
    pub(crate) fn may_ask_because_of(&self, changed: Millis, now: Millis) -> bool {
        self.at < changed && self.doubts_in_a_row(now) < MAX_REWRITES
    }

    fn doubts_in_a_row(&self, now: Millis) -> u8 {
        if now.saturating_sub(self.at) < DOUBT_PERIOD { self.doubts } else { 0 }
    }

    /// The hand-out of `given` now, after `before`.
    pub(crate) fn after(before: Option<&Self>, given: Fingerprint, now: Millis, verdict: Verdict) -> Self {
        match before {
            Some(before) if before.given == given => {
                let doubts = before.doubts_in_a_row(now).saturating_add(u8::from(verdict == Verdict::Doubt));
                Self { at: now, doubts, ..*before }
            }
            before => Self { given, at: now, since: now, differed: before.is_some(), doubts: 0 },
        }
    }
}

/// The runs that refusals caused, for one key. All callers share them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refusals {
    /// The time of each of the last few runs, and the credential that was refused.
    pub(crate) runs: Vec<(Millis, Fingerprint)>,
    /// The credential that the last run gave.
    pub(crate) gave: Option<Fingerprint>,
    /// How many runs in a row changed nothing: they gave the same credential, or another that was refused too.
    pub(crate) fruitless: u32,
}

impl Refusals {
    /// Whether a refusal of `refused` may cause a run now.
    pub(crate) fn may_run(&self, refused: Fingerprint, now: Millis) -> bool {
        // A run in the future means that the clock was set back, so it does not count.
        let within = |at: Millis, span: Millis| at <= now && now - at < span;
        let is_too_soon = self.runs.iter().any(|(at, which)| *which == refused && within(*at, MIN_RUN_INTERVAL));
        let in_window = self.runs.iter().filter(|(at, _)| within(*at, WINDOW)).count();
        let backs_off = self.last().is_some_and(|at| within(at, self.back_off(refused)));
        !is_too_soon && in_window < MAX_RUNS_IN_WINDOW && !backs_off
    }

    /// Notes a run for `refused`, and the credential that it gave; `None` if it failed.
    pub(crate) fn note(&mut self, refused: Fingerprint, gave: Option<Fingerprint>, now: Millis) {
        let recent = self.last().is_some_and(|at| now.saturating_sub(at) < FORGOTTEN);
        self.fruitless = if recent && self.gave == Some(refused) { self.fruitless + 1 } else { 0 };
        self.gave = gave.or(Some(refused));
        self.runs.push((now, refused));
        let excess = self.runs.len().saturating_sub(MAX_RUNS_IN_WINDOW);
        self.runs.drain(..excess);
    }

    fn last(&self) -> Option<Millis> {
        self.runs.last().map(|(at, _)| *at)
    }

    fn back_off(&self, refused: Fingerprint) -> Millis {
        // The last run changed nothing only if the credential that it gave is refused.
        if self.gave != Some(refused) {
            return 0;
        }
        FIRST_BACK_OFF.saturating_mul(1 << self.fruitless.min(8)).min(MAX_BACK_OFF)
    }
}

#[cfg(test)]
mod tests {
    use super::{HandOut, Refusals, Verdict};
    use crate::cache::hash::Fingerprint;

    const TTL: u64 = 300_000;

    fn key(number: u8) -> Fingerprint {
        Fingerprint([number; 16])
    }

    /// A source, the shared state, and one caller: what `api-key-helper` does, without the files.
    struct Simulation {
        source: Box<dyn FnMut(u32) -> u8>,
        current: u8,
        runs: u32,
        refusals: Refusals,
        last: Option<HandOut>,
    }

    impl Simulation {
        fn new(mut source: impl FnMut(u32) -> u8 + 'static) -> Self {
            let current = source(1);
            Self { source: Box::new(source), current, runs: 1, refusals: Refusals::default(), last: None }
        }

        fn call(&mut self, now: u64) -> u8 {
            let verdict = self.last.map_or(Verdict::Serve, |last| last.judge(key(self.current), now, TTL));
            let refused = key(self.current);
            if verdict == Verdict::Refused && self.refusals.may_run(refused, now) {
                self.runs += 1;
                self.current = (self.source)(self.runs);
                self.refusals.note(refused, Some(key(self.current)), now);
            }
            self.last = Some(HandOut::after(self.last.as_ref(), key(self.current), now, verdict));
            self.current
        }
    }

    #[test]
    fn a_refused_key_is_asked_for_again_once() {
        let mut simulation = Simulation::new(|run| u8::try_from(run).unwrap());
        assert_eq!([simulation.call(0), simulation.call(1_000)], [1, 2]);
        assert_eq!(simulation.runs, 2);
    }

    #[test]
    fn three_late_reports_of_the_first_refusal_leave_the_second_key() {
        let mut simulation = Simulation::new(|run| u8::try_from(run).unwrap());
        assert_eq!(
            [simulation.call(0), simulation.call(2_500), simulation.call(5_000), simulation.call(7_500)],
            [1, 2, 2, 2]
        );
        assert_eq!(simulation.runs, 2);
        assert_eq!(simulation.call(13_000), 3, "a fourth is about the second key");
    }

    #[test]
    fn after_idling_the_refusal_of_the_old_key_leaves_the_new_one() {
        let mut simulation = Simulation::new(|_| 1);
        simulation.call(0);
        simulation.current = 2;
        assert_eq!([simulation.call(400_000), simulation.call(401_000)], [2, 2]);
        assert_eq!(simulation.runs, 1);
    }

    /// Claude Code's gaps between calls while every key is refused: 1, 1, 2, 4.6, 8, 16 s, then 32 to 40.
    #[test]
    fn a_key_that_is_refused_for_ever_costs_at_most_six_runs_in_250_seconds() {
        for late in [32_000, 36_000, 40_000] {
            let mut simulation = Simulation::new(|_| 1);
            let mut now = 0;
            for gap in [0, 1_000, 1_000, 2_000, 4_600, 8_000, 16_000].into_iter().chain(std::iter::repeat(late)) {
                now += gap + 100;
                if now > 250_000 {
                    break;
                }
                simulation.call(now);
            }
            assert!((3..=6).contains(&simulation.runs), "{} runs", simulation.runs);
        }
    }

    #[test]
    fn a_source_whose_every_key_is_refused_is_not_stormed() {
        let mut simulation = Simulation::new(|run| u8::try_from(run).unwrap());
        for call in 0..250 {
            simulation.call(call * 1_000);
        }
        assert!(simulation.runs <= 7, "{} runs", simulation.runs);
    }

    #[test]
    fn calls_at_once_and_calls_after_the_ttl_are_no_refusals() {
        let last = HandOut { given: key(1), at: 1_000_000, since: 0, differed: false, doubts: 0 };
        for (later, verdict) in [
            (0, Verdict::Serve),
            (899, Verdict::Serve),
            (900, Verdict::Refused),
            (TTL - 51, Verdict::Refused),
            (TTL - 50, Verdict::Serve),
        ] {
            assert_eq!(last.judge(key(1), last.at + later, TTL), verdict, "{later} ms");
        }
        assert_eq!(last.judge(key(1), last.at + 1_000, 0), Verdict::Serve, "a TTL of 0 turns the rule off");
        assert_eq!(last.judge(key(1), 0, TTL), Verdict::Serve, "the clock was set back");
        let mut refusals = Refusals::default();
        refusals.note(key(1), None, 9_000_000);
        assert!(!refusals.may_run(key(1), 9_001_000));
        assert!(refusals.may_run(key(1), 5_000_000), "the clock was set back");
    }
}
