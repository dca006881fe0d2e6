//! A program that prints a token:
//! <https://google.aip.dev/auth/4117#determining-the-subject-token-in-executable-sourced-credentials>

use claude_credential_config::SourceContext;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use claude_credential_files::{Trust, read};
use claude_credential_process::{Ended, Finished, RunError, Task, find_on_path};
use claude_credential_protocol::{Error, Interactive, Seconds, Secret, is_past, now};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::format::MAX_SUBJECT;
use crate::fields::{self, Fields};
use crate::sources::AdcFile;

/// Programs of a credentials file run only if this variable is 1.
const ALLOW: &str = "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES";

/// In milliseconds, as documented.
const TIMEOUT: u64 = 30_000;
const TIMEOUTS: std::ops::RangeInclusive<u64> = 5_000..=120_000;

/// The time that a program gets to end after its deadline.
const GRACE: Duration = Duration::from_secs(3);

/// The supported version of the output.
const VERSION: u64 = 1;

#[derive(Deserialize)]
struct ExecutableResponse {
    version: u64,
    success: bool,
    #[serde(default)]
    token_type: String,
    id_token: Option<Secret>,
    saml_response: Option<Secret>,
    expiration_time: Option<Seconds>,
}

pub(crate) fn subject(
    context: &SourceContext<'_>,
    file: &AdcFile,
    fields: &Fields,
    executable: &fields::Executable,
) -> Result<Secret, Error> {
    let shown = &file.shown;
    if context.environment.get(ALLOW)? != Some("1") {
        return Err(Error::config(format!("{shown} names a program to run; to allow that, run: export {ALLOW}=1")));
    }
    let output = executable.output_file.as_deref().map(Path::new);
    if output.is_some_and(|output| !output.is_absolute()) {
        // Google's libraries resolve it in the working directory, which may be a cloned repository.
        return Err(file.error("its `output_file` is not an absolute path; mend it there"));
    }
    if let Some(output) = output.filter(|_| context.request.rejected.is_none())
        && let Some(kept) = kept(output)?.filter(|printed| printed.lasts(context.request.min_ttl))
        && let Ok(secret) = kept.secret()
    {
        return Ok(secret);
    }
    let wrong = |what: &str| Error::broke(format!("{shown}: the program of its credential source {what}"));
    let stdout = run(context, file, fields, executable)?;
    let printed = if stdout.trim_ascii().is_empty() {
        output.map(kept).transpose()?.flatten().ok_or_else(|| wrong("printed nothing"))?
    } else {
        ExecutableResponse::parse(&stdout).ok_or_else(|| wrong("printed no JSON in the documented form"))?
    };
    if is_past(printed.expiration_time) {
        return Err(wrong("returned a token that has expired"));
    }
    printed.secret().map_err(wrong)
}

/// Runs the program and returns its output.
fn run(
    context: &SourceContext<'_>,
    file: &AdcFile,
    fields: &Fields,
    executable: &fields::Executable,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let timeout = executable.timeout_millis.unwrap_or(TIMEOUT);
    if !TIMEOUTS.contains(&timeout) {
        return Err(file.error("its `timeout_millis` is not between 5000 and 120000; mend it there"));
    }
    let line = file.require("command", executable.command.as_deref())?;
    let words = words(line).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| file.error("its `command` has an unclosed quote; mend it there"))?;
    let mut command = Command::new(resolve(context, file, &words[0])?);
    command.args(&words[1..]).current_dir(&context.folders.home);
    context.active.hand_down(&mut command);
    let or_nothing = |value: &Option<String>| value.clone().unwrap_or_default();
    command
        .env("GOOGLE_EXTERNAL_ACCOUNT_AUDIENCE", or_nothing(&fields.audience))
        .env("GOOGLE_EXTERNAL_ACCOUNT_TOKEN_TYPE", or_nothing(&fields.subject_token_type))
        .env("GOOGLE_EXTERNAL_ACCOUNT_INTERACTIVE", "0")
        .env("GOOGLE_EXTERNAL_ACCOUNT_REVOKE", "0");
    if let Some(email) = fields.impersonated() {
        command.env("GOOGLE_EXTERNAL_ACCOUNT_IMPERSONATED_EMAIL", email);
    }
    if let Some(output) = &executable.output_file {
        command.env("GOOGLE_EXTERNAL_ACCOUNT_OUTPUT_FILE", output);
    }
    let timeout = Duration::from_millis(timeout);
    // The time to stop a program that hangs also counts against the caller's deadline.
    let left = context.left();
    let patience = left.saturating_sub(GRACE).max(left / 2);
    let finished = Task {
        command,
        input: Zeroizing::default(),
        max_stdout: usize::try_from(MAX_SUBJECT).unwrap_or(usize::MAX),
        deadline: Instant::now() + patience.min(timeout),
        own_group: context.request.interactive == Interactive::Never,
    };
    // Nothing of its stderr is repeated, since it may contain secrets.
    let whose = format!("{}: the program of its credential source", file.shown);
    Err(match finished.run() {
        Ok(Finished { ended: Ended::Exit(0), stdout, .. }) => return Ok(stdout),
        Ok(finished) => match finished.ended {
            ended if ended.is_not_runnable() => {
                Error::config(format!("{whose} {ended}: not executable, or not found; mend `command` there"))
            }
            ended @ Ended::Exit(_) => Error::broke(format!("{whose} {ended}; run its `command` by hand to see why")),
            ended @ Ended::Signal(_) => Error::broke(format!("{whose} {ended}")),
        },
        Err(RunError::Start(error)) => {
            Error::config(format!("{whose} can't be started: {error}; mend `command` there"))
        }
        Err(RunError::TimedOut) if timeout <= patience => Error::unavailable(format!(
            "{whose} did not answer in the {} ms of `timeout_millis`; run its `command` by hand, or mend that there",
            timeout.as_millis()
        )),
        Err(RunError::TimedOut) => Error::unavailable(format!(
            "{whose} did not answer while there was time, which is less than its `timeout_millis`; run its `command` by \
             hand to see why"
        )),
        Err(failure) => Error::broke(format!("{whose} {failure}")),
    })
}

/// The program's path: an absolute one, or a name on PATH, and never one in the working directory.
fn resolve(context: &SourceContext<'_>, file: &AdcFile, word: &str) -> Result<PathBuf, Error> {
    let path = Path::new(word);
    let found = if path.is_absolute() {
        Some(path.to_owned()).filter(|path| path.is_file())
    } else if word.contains('/') {
        None
    } else {
        find_on_path(word, context.environment.get_os("PATH").unwrap_or_default())
    };
    found.ok_or_else(|| file.error("the program that its `command` names is not there; write its whole path"))
}

/// The output of an earlier run; `None` if the file is incomplete or malformed, since another process may be writing
/// it.
fn kept(output: &Path) -> Result<Option<ExecutableResponse>, Error> {
    Ok(read(output, Trust::Settings, MAX_SUBJECT)?.and_then(|bytes| ExecutableResponse::parse(&bytes)))
}

impl ExecutableResponse {
    fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// Whether the token is valid for longer than `span`.
    fn lasts(&self, span: Seconds) -> bool {
        self.expiration_time.is_some_and(|at| at > (now() / 1000).saturating_add(span))
    }

    fn secret(&self) -> Result<Secret, &'static str> {
        let secret = match self.token_type.as_str() {
            _ if self.version != VERSION => return Err("uses an unknown version"),
            _ if !self.success => return Err("says that it has no token; run it by hand to see why"),
            "urn:ietf:params:oauth:token-type:jwt" | "urn:ietf:params:oauth:token-type:id_token" => &self.id_token,
            "urn:ietf:params:oauth:token-type:saml2" => &self.saml_response,
            _ => return Err("returned a token of an unknown type"),
        };
        secret.clone().filter(|secret| !secret.expose().is_empty()).ok_or("returned an empty token")
    }
}

/// Splits a command line into words. Quotes and backslashes work as in a shell, and nothing else does. `None` if a
/// quote is not closed.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quotation = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match (quotation, c) {
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quotation = Some(c);
                word.get_or_insert_default();
            }
            (Some(quote), _) if c == quote => quotation = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().push(rest.next()?),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quotation.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_command_line_is_words_and_nothing_else_of_a_shell() {
        let split = |line| words(line).unwrap();
        assert_eq!(split("/a/b --x=1  two"), ["/a/b", "--x=1", "two"]);
        assert_eq!(split(r#"'/a b/c' "d \"e" f\ g '' $HOME;x"#), ["/a b/c", "d \"e", "f g", "", "$HOME;x"]);
        assert_eq!(words("/a 'b"), None);
        assert_eq!(words("/a \\"), None);
    }
}
