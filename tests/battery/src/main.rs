//! Runs the battery against a helper.

use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use claude_credential_battery::{Candidate, Group, Sandbox, run};

const USAGE: &str = "\
usage: claude-credential-battery [--host HOST] [--failing OPTIONS] [--group NAME]... HELPER [OPTION]...
  HELPER OPTION...   the helper, with options with which it has a credential for HOST
  --host HOST        the host [default: api.anthropic.com]
  --failing OPTIONS  options with which the helper's `get` fails, separated by blanks
  --group NAME       core, strict or claude-v1 [default: those that fit what the helper announces]
";

/// What the command line asks for.
struct Arguments {
    host: String,
    failing: Option<String>,
    groups: Vec<Group>,
    program: String,
    options: Vec<String>,
}

fn main() -> ExitCode {
    let Some(arguments) = Arguments::read(std::env::args().skip(1)) else {
        let _ = io::stderr().write_all(USAGE.as_bytes());
        return ExitCode::from(2);
    };
    if cfg!(panic = "abort") {
        let _ = writeln!(io::stderr(), "the battery can't report a failure in this build; run it without --release");
        return ExitCode::from(2);
    }
    // A case fails by a panic, and the report says what it has to say.
    panic::set_hook(Box::new(|_| {}));
    let groups = (!arguments.groups.is_empty()).then_some(arguments.groups.as_slice());
    match run(&|| arguments.candidate(), groups) {
        Ok(report) => {
            let _ = writeln!(io::stdout(), "{report}");
            ExitCode::from(u8::from(report.failures().next().is_some()))
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{failure}");
            ExitCode::from(2)
        }
    }
}

impl Arguments {
    /// `None` if they are not as the usage says.
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let (mut host, mut failing, mut groups) = ("api.anthropic.com".to_owned(), None, Vec::new());
        loop {
            let word = words.next()?;
            match word.as_str() {
                "--host" => host = words.next()?,
                "--failing" => failing = Some(words.next()?),
                "--group" => {
                    let name = words.next()?;
                    groups.push(Group::ALL.into_iter().find(|group| group.name() == name)?);
                }
                _ if word.starts_with('-') => return None,
                _ => return Some(Self { host, failing, groups, program: absolute(word), options: words.collect() }),
            }
        }
    }

    fn candidate(&self) -> Candidate {
        let options: Vec<&str> = self.options.iter().map(String::as_str).collect();
        let candidate = Candidate::new(Sandbox::new(), &self.program, &options).for_host(&self.host);
        let candidate = candidate.with_own_environment();
        match &self.failing {
            Some(failing) => candidate.failing_with(&failing.split_whitespace().collect::<Vec<_>>()),
            None => candidate,
        }
    }
}

/// Helpers are started in another folder than this one. A name without `/` is looked for in PATH.
fn absolute(program: String) -> String {
    match std::path::absolute(&program) {
        Ok(path) if program.contains('/') => path.display().to_string(),
        _ => program,
    }
}
