//! The 401 rule, as arithmetic: no clock, no files.
//!
//! On 401 or 403 the client runs its helper again after about a second and says nothing of the reason. A plain TTL cache
//! then answers with the very key that was refused. So what was handed to whom is remembered, and the same caller coming
//! back too soon for the same credential is taken as a refusal.

use claude_credential_protocol::Millis;

use crate::cache::hash::Fingerprint;

/// Sooner than the client's pause after a refusal; two calls closer together are something else.
const SOONEST: Millis = 900;

/// The client's own renewal comes no earlier than its TTL; its clock and ours may differ by this much.
const MARGIN: Millis = 50;

/// After idling the client sends its old key, gets a new one in the background, and only then learns that the old one
/// was refused; several agents of one client learn it seconds apart. So long a new credential has the benefit of the
/// doubt, and so often.
const DOUBT: Millis = 60_000;
const DOUBTS: u8 = 2;

/// Between two runs for one refused credential, and the most runs for one key in [`WINDOW`].
const PAUSE: Millis = 5_000;
const WINDOW: Millis = 60_000;
const MOST_IN_WINDOW: usize = 3;

/// The wait after a run that changed nothing, doubled with each, up to the last.
const FIRST_WAIT: Millis = 10_000;
const LAST_WAIT: Millis = 300_000;

/// A run so long ago has nothing to do with a refusal now.
const FORGOTTEN: Millis = 2 * LAST_WAIT;

/// What one caller was handed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) given: Fingerprint,
    /// When it was last handed out.
    pub(crate) at: Millis,
    /// When it was first handed out.
    pub(crate) since: Millis,
    /// It was another one than the caller had before.
    pub(crate) differed: bool,
    /// How often it had the benefit of the doubt.
    pub(crate) doubts: u8,
}

/// What to do with the credential that a caller would get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Hand it out.
    Serve,
    /// Hand it out: the refusal was probably of the one before.
    Doubt,
    /// It was refused: ask for another.
    Refused,
}

impl Record {
    /// What it means that the caller whose record this is would now get `would_get`.
    pub(crate) fn judge(&self, would_get: Fingerprint, now: Millis, client_ttl: Millis) -> Verdict {
        let age = now.saturating_sub(self.at);
        let came_back = age >= SOONEST && age < client_ttl.saturating_sub(MARGIN);
        // A caller that holds an older one gets this one: somebody has already done the work.
        if would_get != self.given || !came_back {
            return Verdict::Serve;
        }
        let is_new = self.differed && now.saturating_sub(self.since) < DOUBT;
        if is_new && self.doubts < DOUBTS { Verdict::Doubt } else { Verdict::Refused }
    }

    /// The record after `given` is handed out now.
    pub(crate) fn after(before: Option<&Self>, given: Fingerprint, now: Millis, verdict: Verdict) -> Self {
        match before {
            Some(before) if before.given == given => {
                let doubts = before.doubts + u8::from(verdict == Verdict::Doubt);
                Self { at: now, doubts, ..*before }
            }
            before => Self { given, at: now, since: now, differed: before.is_some(), doubts: 0 },
        }
    }
}

/// The runs that refusals made, for one key: shared by all callers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Refusals {
    /// When, and for which credential; the last few.
    pub(crate) runs: Vec<(Millis, Fingerprint)>,
    /// What the last one gave.
    pub(crate) gave: Option<Fingerprint>,
    /// How many in a row changed nothing: they gave the same one, or one that was refused too.
    pub(crate) fruitless: u32,
}

impl Refusals {
    /// Whether a refusal of `refused` may make a run now.
    pub(crate) fn may_run(&self, refused: Fingerprint, now: Millis) -> bool {
        // A run of the future is one from before the clock was set back: it says nothing of now.
        let within = |at: Millis, span: Millis| at <= now && now - at < span;
        let again_so_soon = self.runs.iter().any(|(at, which)| *which == refused && within(*at, PAUSE));
        let in_window = self.runs.iter().filter(|(at, _)| within(*at, WINDOW)).count();
        !again_so_soon && in_window < MOST_IN_WINDOW && !self.last().is_some_and(|at| within(at, self.wait(refused)))
    }

    /// Notes a run for `refused`, and what it gave: none where it failed.
    pub(crate) fn note(&mut self, refused: Fingerprint, gave: Option<Fingerprint>, now: Millis) {
        let recent = self.last().is_some_and(|at| now.saturating_sub(at) < FORGOTTEN);
        self.fruitless = if recent && self.gave == Some(refused) { self.fruitless + 1 } else { 0 };
        self.gave = gave.or(Some(refused));
        self.runs.push((now, refused));
        let excess = self.runs.len().saturating_sub(MOST_IN_WINDOW);
        self.runs.drain(..excess);
    }

    fn last(&self) -> Option<Millis> {
        self.runs.last().map(|(at, _)| *at)
    }

    fn wait(&self, refused: Fingerprint) -> Millis {
        // Only what the last run gave says that it was in vain.
        if self.gave != Some(refused) {
            return 0;
        }
        FIRST_WAIT.saturating_mul(1 << self.fruitless.min(8)).min(LAST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::{Record, Refusals, Verdict};
    use crate::cache::hash::Fingerprint;

    const TTL: u64 = 300_000;

    fn key(number: u8) -> Fingerprint {
        Fingerprint([number; 16])
    }

    /// A source, the shared state, and one client of it: what `api-key-helper` does, less the files.
    struct Play {
        source: Box<dyn FnMut(u32) -> u8>,
        current: u8,
        runs: u32,
        refusals: Refusals,
        record: Option<Record>,
    }

    impl Play {
        fn new(mut source: impl FnMut(u32) -> u8 + 'static) -> Self {
            let current = source(1);
            Self { source: Box::new(source), current, runs: 1, refusals: Refusals::default(), record: None }
        }

        fn call(&mut self, now: u64) -> u8 {
            let verdict = self.record.map_or(Verdict::Serve, |record| record.judge(key(self.current), now, TTL));
            let refused = key(self.current);
            if verdict == Verdict::Refused && self.refusals.may_run(refused, now) {
                self.runs += 1;
                self.current = (self.source)(self.runs);
                self.refusals.note(refused, Some(key(self.current)), now);
            }
            self.record = Some(Record::after(self.record.as_ref(), key(self.current), now, verdict));
            self.current
        }
    }

    #[test]
    fn a_refused_key_is_asked_for_again_once() {
        let mut play = Play::new(|run| u8::try_from(run).unwrap());
        assert_eq!([play.call(0), play.call(1_000)], [1, 2]);
        assert_eq!(play.runs, 2);
    }

    #[test]
    fn three_late_reports_of_the_first_refusal_leave_the_second_key() {
        let mut play = Play::new(|run| u8::try_from(run).unwrap());
        assert_eq!([play.call(0), play.call(2_500), play.call(5_000), play.call(7_500)], [1, 2, 2, 2]);
        assert_eq!(play.runs, 2);
        assert_eq!(play.call(13_000), 3, "a fourth is about the second key");
    }

    #[test]
    fn after_idling_the_refusal_of_the_old_key_leaves_the_new_one() {
        let mut play = Play::new(|_| 1);
        play.call(0);
        play.current = 2;
        assert_eq!([play.call(400_000), play.call(401_000)], [2, 2]);
        assert_eq!(play.runs, 1);
    }

    /// The client's own gaps between calls while every one is refused: 1, 1, 2, 4.6, 8, 16 s, then 32 to 40.
    #[test]
    fn a_key_that_is_refused_for_ever_costs_at_most_six_runs_in_250_seconds() {
        for late in [32_000, 36_000, 40_000] {
            let mut play = Play::new(|_| 1);
            let mut now = 0;
            for gap in [0, 1_000, 1_000, 2_000, 4_600, 8_000, 16_000].into_iter().chain(std::iter::repeat(late)) {
                now += gap + 100;
                if now > 250_000 {
                    break;
                }
                play.call(now);
            }
            assert!((3..=6).contains(&play.runs), "{} runs", play.runs);
        }
    }

    #[test]
    fn a_source_whose_every_key_is_refused_is_not_stormed() {
        let mut play = Play::new(|run| u8::try_from(run).unwrap());
        for call in 0..250 {
            play.call(call * 1_000);
        }
        assert!(play.runs <= 7, "{} runs", play.runs);
    }

    #[test]
    fn calls_at_once_and_calls_after_the_ttl_are_no_refusals() {
        let record = Record { given: key(1), at: 1_000_000, since: 0, differed: false, doubts: 0 };
        for (later, verdict) in [
            (0, Verdict::Serve),
            (899, Verdict::Serve),
            (900, Verdict::Refused),
            (TTL - 51, Verdict::Refused),
            (TTL - 50, Verdict::Serve),
        ] {
            assert_eq!(record.judge(key(1), record.at + later, TTL), verdict, "{later} ms");
        }
        assert_eq!(record.judge(key(1), record.at + 1_000, 0), Verdict::Serve, "a TTL of 0 turns the rule off");
        assert_eq!(record.judge(key(1), 0, TTL), Verdict::Serve, "the clock was set back");
        let mut refusals = Refusals::default();
        refusals.note(key(1), None, 9_000_000);
        assert!(!refusals.may_run(key(1), 9_001_000));
        assert!(refusals.may_run(key(1), 5_000_000), "the clock was set back");
    }
}
