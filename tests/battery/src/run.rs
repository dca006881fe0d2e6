use std::fmt;
use std::panic::{self, AssertUnwindSafe};

use crate::{Candidate, Case, Group};

/// What came of the battery for one helper.
#[derive(Debug)]
pub struct Report {
    /// The groups that ran.
    pub groups: Vec<Group>,
    /// Whether they are those that fit what the helper announces.
    pub by_announcement: bool,
    /// Each case of them, in order.
    pub results: Vec<(&'static Case, Outcome)>,
}

/// What came of one case.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The helper does it.
    Passed,
    /// It does not, and this was sent and came back.
    Failed(String),
    /// The case needs options with which the helper fails, and there are none.
    NotRun,
}

/// Runs the battery against a helper: the given groups, or those that fit what it announces. `candidate` makes a sandbox
/// for each case.
///
/// # Errors
/// What the helper did when it could not be asked what it announces.
pub fn run(candidate: &dyn Fn() -> Candidate, groups: Option<&[Group]>) -> Result<Report, String> {
    let announced = || Group::of_announcement(candidate().operation("capability", "").stdout());
    let by_announcement = groups.is_none();
    let groups = groups.map_or_else(|| caught(announced), Ok)?.to_vec();
    let cases = groups.iter().flat_map(|group| group.cases());
    let results = cases.map(|case| (case, outcome(case, candidate))).collect();
    Ok(Report { groups, by_announcement, results })
}

/// Fails unless the helper announces what leads to exactly these groups and passes all their cases.
#[track_caller]
pub fn assert_passes(candidate: impl Fn() -> Candidate, groups: &[Group]) {
    let report = run(&candidate, None).unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(report.groups, groups, "the groups that the helper announces");
    assert!(report.failures().next().is_none(), "{report}");
}

fn outcome(case: &Case, candidate: &dyn Fn() -> Candidate) -> Outcome {
    let checked = caught(|| {
        let candidate = candidate();
        let runs = !case.needs_failure || candidate.can_fail();
        if runs {
            (case.check)(&candidate);
        }
        runs
    });
    match checked {
        Ok(true) => Outcome::Passed,
        Ok(false) => Outcome::NotRun,
        Err(failure) => Outcome::Failed(failure),
    }
}

/// The message of a panic, as the error.
fn caught<T>(check: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(check)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_owned()
    })
}

impl Report {
    /// The cases that the helper does not pass.
    pub fn failures(&self) -> impl Iterator<Item = &'static Case> {
        self.results.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Failed(_))).map(|(case, _)| *case)
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.results.iter().filter(|(_, outcome)| wanted(outcome)).count()
    }
}

/// Which groups ran and why, each case with what came of it, and the totals.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for group in Group::ALL {
            if !self.groups.contains(&group) {
                let reason =
                    if self.by_announcement { "the helper does not announce claude.v1" } else { "not asked for" };
                writeln!(f, "{}: not run ({reason})", group.name())?;
                continue;
            }
            writeln!(f, "{}:", group.name())?;
            for (case, outcome) in self.results.iter().filter(|(case, _)| case.group == group) {
                let name = case.name.replace('_', " ");
                match outcome {
                    Outcome::Passed => writeln!(f, "  ok      {name}")?,
                    Outcome::NotRun => writeln!(f, "  not run {name} (--failing is not given)")?,
                    Outcome::Failed(failure) => {
                        writeln!(f, "  FAILED  {name}\n          {}", failure.replace('\n', "\n          "))?;
                    }
                }
            }
        }
        let passed = self.count(|outcome| *outcome == Outcome::Passed);
        let not_run = self.count(|outcome| *outcome == Outcome::NotRun);
        write!(f, "{passed} passed, {} failed, {not_run} not run", self.failures().count())
    }
}
