use std::io::Write;
use std::thread;

use serde_json::Value;

use super::Fixture;
use super::fixture::{HOST, Question, token_of};
use crate::{Answer, Output};

/// One line of the matrix: credentials, and what comes of them. Google's libraries, given the same, have to send the same
/// and to get the same.
#[derive(Debug)]
pub struct Case {
    name: &'static str,
    set_up: fn(&mut Fixture),
    asks: &'static [&'static str],
    refused: Option<(i32, &'static str)>,
    quota_project: Option<&'static str>,
    python_pays: bool,
    python: Oracle,
    rust: Oracle,
}

/// What is to be heard of an oracle.
#[derive(Debug, Clone, Copy)]
enum Oracle {
    /// The same.
    Agrees,
    /// Something else, for that reason. That he agrees after all is a failure: then the reason is gone.
    Differs(&'static str),
}

/// A token comes of it, by requests of these names.
#[must_use]
pub fn token(name: &'static str, set_up: fn(&mut Fixture), asks: &'static [&'static str]) -> Case {
    Case {
        name,
        set_up,
        asks,
        refused: None,
        quota_project: None,
        python_pays: true,
        python: Oracle::Agrees,
        rust: Oracle::Agrees,
    }
}

/// Nothing comes of it, by requests of these names: the exit code, and words of what is said.
#[must_use]
pub fn refused(
    name: &'static str,
    set_up: fn(&mut Fixture),
    asks: &'static [&'static str],
    code: i32,
    says: &'static str,
) -> Case {
    Case { refused: Some((code, says)), ..token(name, set_up, asks) }
}

impl Case {
    /// And the quota of that project is used.
    #[must_use]
    pub fn pays(mut self, project: &'static str) -> Self {
        self.quota_project = Some(project);
        self
    }

    /// Google's library for Python does not read that there.
    #[must_use]
    pub fn python_pays_not(mut self) -> Self {
        self.python_pays = false;
        self
    }

    /// Google's library for Python does otherwise, for that reason.
    #[must_use]
    pub fn python_differs(mut self, reason: &'static str) -> Self {
        self.python = Oracle::Differs(reason);
        self
    }

    /// Google's library for Rust does otherwise, for that reason.
    #[must_use]
    pub fn rust_differs(mut self, reason: &'static str) -> Self {
        self.rust = Oracle::Differs(reason);
        self
    }

    fn check(&self) {
        let mut fixture = Fixture::new();
        (self.set_up)(&mut fixture);
        let get = fixture.get(HOST, &[]).run();
        let ours = fixture.questions(0);
        let names: Vec<&str> = ours.iter().map(|question| question.name.as_str()).collect();
        assert_eq!(names, self.asks, "{get:#?}");
        let got = match self.refused {
            None => Some(token_of(&get)),
            Some((code, says)) => {
                let said = get.exits(code).error_line();
                assert!(said.contains(says), "{said}");
                None
            }
        };
        let answer = Answer::parse(&get.stdout);
        assert_eq!(answer.get("claude.quota_project"), self.quota_project);

        let before = fixture.cloud.asked().len();
        let python = fixture.python().run();
        self.judge(
            "google-auth",
            self.python,
            (&ours, got.as_deref()),
            (&fixture.questions(before), told(&python, "token")),
        );
        if python.code() == Some(0) {
            let pays = self.quota_project.filter(|_| self.python_pays);
            assert_eq!(told(&python, "quota_project").as_deref(), pays, "google-auth's quota project");
        }
        let before = fixture.cloud.asked().len();
        let rust = fixture.rust().run();
        let printed = (rust.code() == Some(0)).then(|| rust.stdout.trim_end().to_owned());
        self.judge("google-cloud-auth", self.rust, (&ours, got.as_deref()), (&fixture.questions(before), printed));
    }

    fn judge(
        &self,
        who: &str,
        oracle: Oracle,
        (ours, got): (&[Question], Option<&str>),
        (theirs, got_by_them): (&[Question], Option<String>),
    ) {
        let essence = |questions: &[Question]| {
            let essence = questions.iter().map(|question| (question.name.clone(), question.asks.clone()));
            essence.collect::<Vec<_>>()
        };
        let (ours, theirs) = (essence(ours), essence(theirs));
        let agrees = ours == theirs && got == got_by_them.as_deref();
        match oracle {
            Oracle::Agrees => assert!(agrees, "{who} differs in {}\nours:   {ours:#?}\ntheirs: {theirs:#?}", self.name),
            Oracle::Differs(reason) => assert!(!agrees, "{who} agrees in {}, though {reason}", self.name),
        }
    }
}

fn told(output: &Output, name: &str) -> Option<String> {
    let printed: Value = serde_json::from_str(&output.stdout).unwrap_or_default();
    printed[name].as_str().map(str::to_owned)
}

/// Runs all of them. Fails with the names of those that failed.
pub fn run(cases: &[Case]) {
    let mut failed = Vec::new();
    for case in cases {
        // A thread of its own, so that the others go on; its name is in what it says when it fails.
        let one = thread::Builder::new().name(case.name.to_owned());
        let ended = thread::scope(|scope| one.spawn_scoped(scope, || case.check()).expect("a thread").join());
        let word = if ended.is_ok() { "as Google's libraries" } else { "FAILED" };
        // Not by a macro: the test runner swallows what those print.
        let _ = writeln!(std::io::stderr(), "{word}: {}", case.name);
        if ended.is_err() {
            failed.push(case.name);
        }
    }
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), cases.len());
}
