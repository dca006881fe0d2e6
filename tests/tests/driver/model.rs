//! Which answers a call may give. The model knows nothing of files, locks and keys; its rules are:
//!
//! - an answer is a value that an entry of the profile's chain had at a moment before the call ended, under a
//!   configuration that was in force then and during the call, while no entry before it had one;
//! - that moment is not before a sign-in that had ended when the call began, nor before an `erase` of this very value for
//!   this host; where a call was under way when such an event began, not before that call;
//! - "none" needs that every entry of the chain was without a value at some moment of the call, or of one that it waited
//!   for.

use std::time::Instant;

use crate::world::{Event, KEPT, Outcome, PROFILES, SOURCES, Span};

#[derive(Debug, Default)]
pub(crate) struct Model {
    /// How much of the history has been checked.
    checked: usize,
}

/// From when until when something may have been so.
type Window = (Instant, Option<Instant>);

impl Model {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Checks what is new in `history`, of which nothing is under way; how many answers there were.
    pub(crate) fn check(&mut self, history: &[(Span, Event)]) -> Result<usize, String> {
        let mut answers = 0;
        for (span, event) in &history[self.checked..] {
            let Event::Call(profile, outcome) = event else { continue };
            let is_allowed = match outcome {
                Outcome::Unknown => true,
                Outcome::Failed(output) => return Err(format!("a lookup failed: {output}")),
                Outcome::None => may_be_none(history, *span, *profile),
                Outcome::Answer(value) => {
                    answers += 1;
                    may_be(history, *span, *profile, value)
                }
            };
            if !is_allowed {
                let since = history.first().map_or(span.start, |(first, _)| first.start);
                let lines = history
                    .iter()
                    .map(|(span, event)| format!("{:9.3?} {:9.3?} {event:?}", span.start - since, span.end - since));
                let lines: Vec<String> = lines.collect();
                return Err(format!(
                    "profile {} must not answer {outcome:?} at {:.3?}; what happened:\n{}",
                    PROFILES[*profile],
                    span.start - since,
                    lines[lines.len().saturating_sub(150)..].join("\n")
                ));
            }
        }
        self.checked = history.len();
        Ok(answers)
    }
}

fn may_be(history: &[(Span, Event)], call: Span, profile: usize, value: &str) -> bool {
    let least = not_before(history, call, profile, value);
    let entry = match value.split_once('-').map(|(entry, _)| entry) {
        Some(entry) if SOURCES.contains(&entry) => entry,
        Some(entry) if entry == format!("k{}", PROFILES[profile]) => KEPT,
        _ => return false,
    };
    let values = windows(history, |event| value_of(event, entry, profile));
    let had: Vec<Window> =
        values.into_iter().filter(|(_, had)| had.as_deref() == Some(value)).map(|(at, _)| at).collect();
    // The whole file decides under which key an answer is cached; chains of the other profile make it another one.
    let configs = windows(history, |event| match event {
        Event::Config(chains) => Some(chains.clone()),
        _ => None,
    });
    let now = configs.iter().filter(|(at, _)| overlap(*at, (call.start, Some(call.end))).is_some());
    now.into_iter().any(|(_, config)| {
        let chain = &config[profile];
        let Some(position) = chain.iter().position(|name| name == entry) else { return false };
        let same = configs.iter().filter(|(_, other)| other == config);
        same.into_iter().any(|((from, to), _)| {
            // A call that has read the file works on with it after the next one is there.
            let of_config = (*from, to.map(|to| end_of_runs(history, to)));
            had.iter().any(|of_value| {
                let Some(both) = overlap(of_config, *of_value) else { return false };
                let Some(window) = overlap(both, (least, Some(call.end))) else { return false };
                // An entry before it may have been asked a little earlier, in the same run.
                let begin = begin_of_runs(history, window.0);
                let run = (begin, window.1);
                chain[..position].iter().all(|before| was_absent(history, before, profile, run))
            })
        })
    })
}

fn may_be_none(history: &[(Span, Event)], call: Span, profile: usize) -> bool {
    let begin = begin_of_runs(history, call.start);
    let configs = windows(history, |event| match event {
        Event::Config(chains) => Some(chains[profile].clone()),
        _ => None,
    });
    let mut now = configs.iter().filter(|(at, _)| overlap(*at, (call.start, Some(call.end))).is_some());
    now.any(|(_, chain)| chain.iter().all(|entry| was_absent(history, entry, profile, (begin, Some(call.end)))))
}

fn was_absent(history: &[(Span, Event)], entry: &str, profile: usize, during: Window) -> bool {
    let values = windows(history, |event| value_of(event, entry, profile));
    // Before its first value, an entry has none.
    let first = values.first().map(|(at, _)| at.0);
    let before = first.is_none_or(|first| during.0 <= first);
    before || values.iter().any(|(at, value)| value.is_none() && overlap(*at, during).is_some())
}

#[expect(clippy::option_option, reason = "whether the event is about the entry, and whether that has a value then")]
fn value_of(event: &Event, entry: &str, profile: usize) -> Option<Option<String>> {
    match event {
        Event::Source(name, value) if *name == entry => Some(value.clone()),
        Event::Kept(of, value) if entry == KEPT && *of == profile => Some(Some(value.clone())),
        _ => None,
    }
}

/// The moment before which no answer may be that is given by `call`.
fn not_before(history: &[(Span, Event)], call: Span, profile: usize, value: &str) -> Instant {
    let ends_answers = |event: &Event| match event {
        Event::Kept(..) => true,
        Event::Erased(of, erased) => *of == profile && erased == value,
        _ => false,
    };
    let ended = history.iter().filter(|(span, event)| ends_answers(event) && span.end <= call.start);
    let last = ended.map(|(span, _)| begin_of_runs(history, span.start)).max();
    last.unwrap_or_else(|| history[0].0.start)
}

/// When the first of the calls began that were under way at `moment`.
fn begin_of_runs(history: &[(Span, Event)], moment: Instant) -> Instant {
    let calls = history.iter().filter(|(_, event)| matches!(event, Event::Call(..)));
    let under_way = calls.filter(|(span, _)| span.start <= moment && moment <= span.end).map(|(span, _)| span.start);
    under_way.min().unwrap_or(moment).min(moment)
}

/// When the last of the calls ended that were under way at `moment`.
fn end_of_runs(history: &[(Span, Event)], moment: Instant) -> Instant {
    let calls = history.iter().filter(|(_, event)| matches!(event, Event::Call(..)));
    let under_way = calls.filter(|(span, _)| span.start <= moment && moment <= span.end).map(|(span, _)| span.end);
    under_way.max().unwrap_or(moment).max(moment)
}

/// The states that the events of one kind lead to, each with the time in which it may have been in force.
fn windows<T>(history: &[(Span, Event)], state: impl Fn(&Event) -> Option<T>) -> Vec<(Window, T)> {
    let mut states: Vec<(Span, T)> = history.iter().filter_map(|(span, event)| Some((*span, state(event)?))).collect();
    states.sort_by_key(|(span, _)| span.start);
    let ends: Vec<Option<Instant>> =
        (1..=states.len()).map(|next| states.get(next).map(|(span, _)| span.end)).collect();
    states.into_iter().zip(ends).map(|((span, state), end)| ((span.start, end), state)).collect()
}

fn overlap(one: Window, other: Window) -> Option<Window> {
    let start = one.0.max(other.0);
    let end = match (one.1, other.1) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (end, None) | (None, end) => end,
    };
    end.is_none_or(|end| start <= end).then_some((start, end))
}
