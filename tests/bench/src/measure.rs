//! Samples, taken in turns.
//!
//! Every round takes one sample of each command, in an order that turns from round to round, so that whatever else the
//! machine does meanwhile meets all of them. A sample is several calls in a row, of which the one counts that a quarter
//! of them beat: the slower half says more about who else was busy. What is compared are ratios within one round, and
//! of those the median.

use std::error::Error;
use std::fs;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::subject::{Group, Subject};

/// How many calls make a sample of what takes no longer than that. Slower ones are called once, and in fewer rounds:
/// nobody waits minutes for one row.
const SAMPLES: [(Duration, u32); 2] = [(Duration::from_millis(20), 12), (Duration::from_millis(100), 4)];

/// What `/proc/self/stat` counts in. It is the same on every system on which Linux runs.
const TICK: Duration = Duration::from_millis(10);

pub(crate) struct Plan {
    rounds: usize,
    slow_rounds: usize,
    pub(crate) crowds: usize,
}

impl Plan {
    pub(crate) fn usual() -> Self {
        Self { rounds: 80, slow_rounds: 8, crowds: 9 }
    }

    pub(crate) fn quick() -> Self {
        Self { rounds: 12, slow_rounds: 2, crowds: 3 }
    }
}

/// What was measured of one command.
pub(crate) struct Measured {
    pub(crate) id: &'static str,
    pub(crate) name: String,
    pub(crate) group: Group,
    /// Of each round in which it took part.
    pub(crate) samples: Vec<Option<Duration>>,
    cpu: Duration,
    calls: u32,
}

impl Measured {
    /// Of rounds that are compared with no other.
    pub(crate) fn alone(id: &'static str, name: &str, group: Group, samples: Vec<Duration>) -> Self {
        let samples = samples.into_iter().map(Some).collect();
        Self { id, name: name.to_owned(), group, samples, cpu: Duration::ZERO, calls: 0 }
    }

    /// How long one call takes, in milliseconds.
    pub(crate) fn millis(&self) -> f64 {
        median(self.samples.iter().flatten().map(|sample| sample.as_secs_f64() * 1000.0).collect())
    }

    /// How long one call keeps a processor busy, in milliseconds; none where that was not measured.
    pub(crate) fn cpu_millis(&self) -> Option<f64> {
        (self.calls > 0).then(|| self.cpu.as_secs_f64() * 1000.0 / f64::from(self.calls))
    }

    /// The median of the ratios within each round.
    pub(crate) fn against(&self, other: &Self) -> f64 {
        let both = self.samples.iter().zip(&other.samples);
        median(both.filter_map(|(a, b)| Some((*a)?.as_secs_f64() / (*b)?.as_secs_f64())).collect())
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn side_by_side(subjects: Vec<Subject>, plan: &Plan) -> Result<Vec<Measured>, Box<dyn Error>> {
    let mut runners: Vec<Runner> =
        subjects.into_iter().map(|subject| Runner::new(subject, plan)).collect::<Result<_, _>>()?;
    for round in 0..plan.rounds {
        let count = runners.len();
        for place in 0..count {
            let turned = (place + round * 7) % count;
            // There and back: nobody comes always after the same one.
            let index = if round % 2 == 0 { turned } else { count - 1 - turned };
            runners[index].sample(round)?;
        }
    }
    Ok(runners.into_iter().map(|runner| runner.measured).collect())
}

struct Runner {
    subject: Subject,
    measured: Measured,
    calls: u32,
    rounds: usize,
}

impl Runner {
    /// The first call says how many make a sample.
    fn new(mut subject: Subject, plan: &Plan) -> Result<Self, Box<dyn Error>> {
        subject.is_now_client(usize::MAX);
        let took = call_all(&mut subject, 3)?[1];
        let fitting = SAMPLES.iter().find(|(time, _)| took < *time);
        let (calls, rounds) = fitting.map_or((1, plan.slow_rounds), |(_, calls)| (*calls, plan.rounds));
        let Subject { id, name, group, .. } = &subject;
        let measured =
            Measured { id, name: name.clone(), group: *group, samples: Vec::new(), cpu: Duration::ZERO, calls: 0 };
        Ok(Self { subject, measured, calls, rounds })
    }

    fn sample(&mut self, round: usize) -> Result<(), Box<dyn Error>> {
        if round >= self.rounds {
            self.measured.samples.push(None);
            return Ok(());
        }
        self.subject.is_now_client(round);
        // What comes before each call would be counted with it.
        if self.subject.before.is_none() && self.calls > 1 {
            call_all(&mut self.subject, 1)?;
        }
        let before = cpu_of_children()?;
        let mut took = call_all(&mut self.subject, self.calls)?;
        if self.subject.before.is_none() {
            self.measured.cpu += cpu_of_children()?.saturating_sub(before);
            self.measured.calls += self.calls;
        }
        took.sort_unstable();
        self.measured.samples.push(Some(took[took.len() / 4]));
        Ok(())
    }
}

/// Makes so many calls and checks what they printed.
fn call_all(subject: &mut Subject, calls: u32) -> Result<Vec<Duration>, Box<dyn Error>> {
    let (mut reader, writer) = io::pipe()?;
    subject.command.stdout(OwnedFd::from(writer)).stderr(Stdio::null());
    let mut took = Vec::new();
    for _ in 0..calls {
        if let Some(before) = &mut subject.before {
            before.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
        }
        subject.prepare()?;
        let started = Instant::now();
        let status = subject.command.spawn()?.wait()?;
        took.push(started.elapsed());
        if !status.success() {
            return Err(format!("{}: {status}", subject.name).into());
        }
    }
    // Closes the last end for writing that we have.
    subject.command.stdout(Stdio::null());
    let mut printed = String::new();
    reader.read_to_string(&mut printed)?;
    let found = if subject.secret.is_empty() { 0 } else { printed.matches(&subject.secret).count() };
    let expected = if subject.secret.is_empty() { 0 } else { calls as usize };
    if found != expected {
        return Err(format!("{}: {found} right answers in {expected} calls", subject.name).into());
    }
    Ok(took)
}

/// A command that gives the right answer. One that is installed and broken is no reason to measure nothing.
pub(crate) fn works(mut subject: Subject) -> Result<Subject, Box<dyn Error>> {
    call_all(&mut subject, 1)?;
    Ok(subject)
}

/// What all children that have ended used, theirs included.
fn cpu_of_children() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // After the name in parentheses: the fields from the third on; user and system time of children are 16 and 17.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at - 3).and_then(|field| field.parse::<u32>().ok()).unwrap_or_default();
    Ok(TICK * (ticks(16) + ticks(17)))
}

/// Starts all, then waits for all.
pub(crate) fn at_once(mut commands: Vec<Command>, secret: &str) -> Result<Duration, Box<dyn Error>> {
    let (mut reader, writer) = io::pipe()?;
    for command in &mut commands {
        command.stdin(Stdio::null()).stdout(OwnedFd::from(writer.try_clone()?)).stderr(Stdio::null());
    }
    drop(writer);
    let started = Instant::now();
    let mut running = Vec::new();
    for command in &mut commands {
        running.push(command.spawn()?);
    }
    for child in &mut running {
        if !child.wait()?.success() {
            return Err("one of many failed".into());
        }
    }
    let took = started.elapsed();
    let count = commands.len();
    drop(commands);
    let mut printed = String::new();
    reader.read_to_string(&mut printed)?;
    let found = printed.matches(secret).count();
    if found != count {
        return Err(format!("{found} right answers to {count} at once").into());
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Group, Measured};

    fn measured(samples: &[Option<u64>]) -> Measured {
        let samples = samples.iter().map(|millis| millis.map(Duration::from_millis)).collect();
        Measured { samples, ..Measured::alone("id", "name", Group::Warm, Vec::new()) }
    }

    #[test]
    fn what_is_compared_is_the_ratio_within_a_round() {
        // The machine is ten times as slow in the second round: for both.
        let (a, b) = (measured(&[Some(2), Some(20), Some(2)]), measured(&[Some(4), Some(40), Some(5)]));
        assert!((a.against(&b) - 0.5).abs() < 1e-9);
        assert!((b.millis() - 5.0).abs() < 1e-9);
    }

    #[test]
    fn rounds_in_which_one_of_both_took_no_part_do_not_count() {
        let (a, b) = (measured(&[Some(3), None, None]), measured(&[Some(1), Some(9), Some(9)]));
        assert!((a.against(&b) - 3.0).abs() < 1e-9);
        assert!(measured(&[None]).against(&b).is_nan());
    }
}
