use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::aws::{Answered, Fixture, HOST};
use crate::cloud::Asked;
use crate::{Answer, label};

/// What the caller of a source that does not answer waits at most.
const PATIENCE_MS: u128 = 6000;

/// One line of the table: a fixture, how it is asked, and what comes of it.
#[derive(Debug)]
pub struct Case {
    name: &'static str,
    set_up: fn(&mut Fixture),
    options: Vec<&'static str>,
    host: &'static str,
    expected: Expected,
    counts: Vec<(&'static str, usize)>,
    waits: bool,
}

#[derive(Debug)]
enum Expected {
    Aws { secret: &'static str, token: Option<&'static str>, until: Until, region: Option<&'static str> },
    Bearer(&'static str),
    Nothing,
    Fails { code: i32, words: &'static [&'static str], mends: &'static str },
}

/// Until when credentials have to be good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// They don't end.
    Never,
    /// Exactly as the cloud said with its last credentials.
    Given,
    /// Then.
    At(u64),
    /// Some time after now.
    Later,
}

/// AWS credentials come of it.
#[must_use]
pub fn aws(
    name: &'static str,
    set_up: fn(&mut Fixture),
    secret: &'static str,
    token: Option<&'static str>,
    until: Until,
) -> Case {
    Case::new(name, set_up, Expected::Aws { secret, token, until, region: None })
}

/// A bearer token comes of it.
#[must_use]
pub fn bearer(name: &'static str, set_up: fn(&mut Fixture), token: &'static str) -> Case {
    Case::new(name, set_up, Expected::Bearer(token))
}

/// There is nothing.
#[must_use]
pub fn nothing(name: &'static str, set_up: fn(&mut Fixture)) -> Case {
    Case::new(name, set_up, Expected::Nothing)
}

/// It fails, and says these words.
#[must_use]
pub fn fails(name: &'static str, set_up: fn(&mut Fixture), code: i32, words: &'static [&'static str]) -> Case {
    Case::new(name, set_up, Expected::Fails { code, words, mends: "" })
}

impl Case {
    fn new(name: &'static str, set_up: fn(&mut Fixture), expected: Expected) -> Self {
        Self { name, set_up, options: Vec::new(), host: HOST, expected, counts: Vec::new(), waits: false }
    }

    /// With options of the helper.
    #[must_use]
    pub fn with(mut self, options: &[&'static str]) -> Self {
        self.options.extend_from_slice(options);
        self
    }

    /// For another host.
    #[must_use]
    pub fn for_host(mut self, host: &'static str) -> Self {
        self.host = host;
        self
    }

    /// And they are for that region.
    #[must_use]
    pub fn in_region(mut self, name: &'static str) -> Self {
        let Expected::Aws { region, .. } = &mut self.expected else { panic!("{}: only keys have a region", self.name) };
        *region = Some(name);
        self
    }

    /// And its line ends with the command that mends it.
    #[must_use]
    pub fn mended_by(mut self, command: &'static str) -> Self {
        let Expected::Fails { mends, .. } = &mut self.expected else { panic!("{} needs no mending", self.name) };
        *mends = command;
        self
    }

    /// The first `get` asks the cloud that often for what has a name that begins so.
    #[must_use]
    pub fn asks(mut self, name: &'static str, times: usize) -> Self {
        self.counts.push((name, times));
        self
    }

    /// Its source never answers, and the caller does not wait as long as he usually would.
    #[must_use]
    pub fn in_vain(mut self) -> Self {
        self.waits = true;
        self
    }

    fn check(&self) {
        let mut fixture = Fixture::new();
        (self.set_up)(&mut fixture);
        let deadline = format!("claude.deadline={}", now_ms() + PATIENCE_MS);
        let lines: &[&str] = if self.waits { &[&deadline] } else { &[] };
        let get = fixture.get_for(self.host, &self.options, lines).run();
        // Not by a macro: the test runner swallows what those print.
        let _ = writeln!(std::io::stderr(), "{:>6} ms  exit {:?}  {}", get.took.as_millis(), get.code(), self.name);
        for (name, times) in &self.counts {
            assert_eq!(fixture.cloud.count(name), *times, "requests for {name}: {:?}", names(&fixture));
        }
        match &self.expected {
            Expected::Aws { secret, token, until, region } => {
                let answered = Answered::of(&get);
                assert_eq!(answered.secret, *secret);
                assert_eq!(answered.token.as_deref(), *token);
                until.check(answered.until, &fixture);
                assert!(region.is_none() || answered.region.as_deref() == *region, "{answered:?}");
                self.git_hears_nothing(&fixture);
            }
            Expected::Bearer(token) => {
                let answer = Answer::parse(&get.succeeds().stdout);
                assert_eq!(answer.get("claude.kind"), Some("bearer"));
                assert_eq!(answer.get("authtype"), Some("Bearer"));
                assert_eq!(answer.get("credential").map(label).as_deref(), Some(*token));
                assert_eq!(answer.get("ephemeral"), Some("1"), "what is in a variable is kept nowhere else");
            }
            Expected::Nothing => {
                let answer = Answer::parse(&get.succeeds().stdout);
                assert!(answer.get("password").is_none() && answer.get("credential").is_none(), "{:?}", answer.keys());
                assert!(answer.get("quit").is_none(), "it ends the search");
            }
            Expected::Fails { code, words, mends } => {
                let said = get.exits(*code).error_line();
                assert!(words.iter().all(|word| said.contains(word)), "{said}");
                assert!(said.ends_with(mends), "{said}");
                assert_eq!(Answer::parse(&get.stdout).get("quit"), Some("1"), "git would ask the next");
                if !self.waits && self.host == HOST {
                    let print = fixture.print(&self.options, "json").run();
                    assert_eq!(print.fails(*code), said, "`print` says what `get` says");
                }
            }
        }
        assert!(
            self.counts.iter().all(|(name, times)| *times > 0 || fixture.cloud.count(name) == 0),
            "{:?}",
            names(&fixture)
        );
    }

    /// A triple without its third part is a broken one.
    fn git_hears_nothing(&self, fixture: &Fixture) {
        let git = fixture.git_get(self.host, &self.options).run();
        assert_eq!(git.succeeds().stdout.trim_end(), "", "a caller without claude.v1 gets no AWS credential");
    }
}

impl Until {
    #[track_caller]
    fn check(self, until: Option<u64>, fixture: &Fixture) {
        let now = crate::oauth::now();
        match self {
            Self::Never => assert_eq!(until, None),
            Self::Given => {
                let given = fixture.cloud.asked().iter().rev().find_map(Asked::until);
                assert!(given.is_some() && until == given, "{until:?}, and the cloud said {given:?}");
            }
            Self::At(at) => assert_eq!(until, Some(at)),
            Self::Later => assert!(until.is_some_and(|until| until > now), "{until:?} at {now}"),
        }
    }
}

/// Runs all of them, a few at a time: some wait most of the time. Fails with the names of those that failed.
pub fn run(cases: &[Case]) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            // A thread of its own, so that the others go on; its name is in what it says when it fails.
            let one = || thread::Builder::new().name(case.name.to_owned());
            let ended = thread::scope(|scope| one().spawn_scoped(scope, || case.check()).expect("a thread").join());
            if ended.is_err() {
                failed.lock().expect("no thread panics with it").push(case.name);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let failed = failed.into_inner().expect("no thread panics with it");
    assert!(failed.is_empty(), "{} of {} failed: {failed:#?}", failed.len(), cases.len());
}

fn names(fixture: &Fixture) -> Vec<String> {
    fixture.cloud.asked().iter().map(|asked| asked.name().to_owned()).collect()
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis()
}
