//! Entries in priority order; the first that answers wins.

pub(crate) mod builtin;
pub(crate) mod cloud;
pub(crate) mod program;

use std::path::PathBuf;
use std::time::Instant;

use claude_credential_config::{Entry, Profile, Program, claude};
use claude_credential_protocol::{Credential, Error, Kind, Request, Secret, now};

use crate::chain::cloud::Cloud;
use crate::context::Context;
use crate::failure::Failure;

/// One entry of a chain, as things stand for this call.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) entry: Entry,
    pub(crate) standing: Standing,
    pub(crate) depends: Vec<Depends>,
    /// The files that decided how it stands, beside those.
    pub(crate) seen: Vec<PathBuf>,
    pub(crate) built_in: bool,
    /// What it answers may be something that the client can't send as a key: known only once it has answered.
    pub(crate) opaque: bool,
    /// The one of Claude Code's settings whose command it runs.
    pub(crate) runs_setting: Option<&'static str>,
    /// Claude Code's own folder for its helper, where the profile has one of its own.
    pub(crate) claude_config_dir: Option<PathBuf>,
}

/// Whether there is anything to ask.
#[derive(Debug)]
pub(crate) enum Standing {
    /// Its helper or command is run.
    Ready,
    /// The same, and what it answers stands in a variable or comes from a descriptor: never cached, never queued for,
    /// and asking again gives the same.
    Variable,
    /// What it needs is not there.
    Absent(String),
    /// There is something, and the client can't use it.
    PassedOver(String),
    /// What it needs is there and can't be used.
    Broken(Error),
}

/// On what an entry's answer depends, beside its own definition.
#[derive(Debug, Clone)]
pub(crate) enum Depends {
    Variable(&'static str),
    /// The variables that match: `NAME`, or `PREFIX*`.
    Vary(Vec<String>),
    /// Every variable that is not one of a terminal or a process.
    Everything,
    File(PathBuf),
    Text(String),
}

/// What a walk came to.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) credential: Credential,
    /// The entry that gave it.
    pub(crate) entry: String,
    /// It stands in a variable or came from a descriptor: asking again gives the same.
    pub(crate) from_variable: bool,
}

/// What an entry says, and so what becomes of the walk.
#[derive(Debug)]
pub(crate) enum Turn {
    /// The walk is over.
    Answers(Box<Answer>),
    /// The next entry is asked.
    GoesOn(Nothing),
    /// It failed, and nobody else is asked.
    Stops(Error),
}

/// Why an entry gives nothing.
#[derive(Debug, Default)]
pub(crate) struct Nothing {
    pub(crate) why: String,
    /// It failed, and the user said to go on.
    pub(crate) failed: Option<Error>,
    passed_over: bool,
    aws: bool,
}

/// What the entries said that had nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    lines: Vec<String>,
    passed_over: bool,
    aws_passed_over: bool,
}

impl Link {
    pub(crate) fn new(entry: Entry, standing: Standing, depends: Vec<Depends>) -> Self {
        Self {
            entry,
            standing,
            depends,
            seen: Vec::new(),
            built_in: false,
            opaque: false,
            runs_setting: None,
            claude_config_dir: None,
        }
    }

    /// The entry of that name in a profile's chain: the user's, else the built-in one.
    pub(crate) fn resolve(name: &str, profile: &Profile, context: &Context) -> Option<Self> {
        let link = match context.config.entries.get(name) {
            Some(entry) => Self::of_user(entry, context),
            None => builtin::link(name, profile, context)?,
        };
        // It alone hands out what Claude Code stored there, and another account's would be another payer's.
        let is_oauth = matches!(&link.entry.program, Program::Helper { name, .. } if name == "oauth");
        let claude_config_dir = profile.claude_config_dir.clone().filter(|_| is_oauth);
        let of_setting = link.runs_setting.map(|_| claude::settings_places(&context.folders));
        let seen = link.seen.into_iter().chain(of_setting.into_iter().flatten()).collect();
        Some(Self { seen, claude_config_dir, ..link })
    }

    fn of_user(entry: &Entry, context: &Context) -> Self {
        let cloud = Cloud::of_program(&entry.program);
        let depends = match (&entry.vary, cloud) {
            (Some(vary), _) => vec![Depends::Vary(vary.clone())],
            (None, Some(cloud)) => cloud.depends(context),
            (None, None) => vec![Depends::Everything],
        };
        let opaque = matches!(entry.program, Program::Helper { .. });
        // A provider's section is the helper's to read: whoever edits it wants to see what comes of it.
        let provider = context.config.providers.get(&entry.name);
        let section = provider.and_then(|_| context.config.file.clone());
        let files = section.into_iter().chain(provider.and_then(builtin::assertion_file));
        let depends = depends.into_iter().chain(files.map(Depends::File)).collect();
        let runs_setting = cloud.and_then(Cloud::runs_setting);
        Self { opaque, runs_setting, ..Self::new(entry.clone(), Standing::Ready, depends) }
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self.standing, Standing::Ready | Standing::Variable | Standing::Broken(_))
    }
}

/// Walks `links`:
///
/// - an answer ends it;
/// - "none" goes on;
/// - any failure stops it, because going on silently from a broken sign-in to a metered key bills somebody, unless the
///   entry says `on_error = "next"`.
///
/// `refused` is the secret that was refused and the entry that gave it: that entry alone is told.
pub(crate) fn walk(
    context: &Context,
    links: &[Link],
    request: &Request,
    key: &str,
    refused: Option<(&str, &Secret)>,
    said: &mut Said,
) -> Result<Option<Answer>, Failure> {
    for link in links {
        match consult(context, link, request, key, refused)? {
            Turn::Answers(answer) => return Ok(Some(*answer)),
            Turn::Stops(error) => return Err(Failure::Entry(link.entry.name.clone(), error)),
            Turn::GoesOn(none) => {
                context.log.entry_skipped(&link.entry.name, &none.why);
                said.note(&link.entry.name, &none);
            }
        }
    }
    Ok(None)
}

/// What one entry says to `request`. An error is no word of the entry's: we were asked to end.
pub(crate) fn consult(
    context: &Context,
    link: &Link,
    request: &Request,
    key: &str,
    refused: Option<(&str, &Secret)>,
) -> Result<Turn, Failure> {
    let name = &link.entry.name;
    match &link.standing {
        Standing::Absent(why) => return Ok(Turn::GoesOn(Nothing::because(why))),
        Standing::PassedOver(why) => return Ok(Turn::GoesOn(Nothing { passed_over: true, ..Nothing::because(why) })),
        Standing::Broken(error) => return Ok(failed(link, error.clone())),
        Standing::Ready | Standing::Variable => {}
    }
    let mine = refused.filter(|(entry, _)| entry == name).map(|(_, secret)| secret.clone());
    let request = Request { rejected: mine, interactive: context.interactive(), ..request.clone() };
    let started = Instant::now();
    let answer = match program::ask(context, link, &request, key) {
        Ok(found) => Ok(found),
        Err(failure) => Err(failure.to_error().ok_or(failure)?),
    };
    context.log.entry_answered(name, &answer, started.elapsed());
    Ok(match answer {
        Err(error) => failed(link, error),
        Ok(None) => Turn::GoesOn(Nothing::because("none")),
        Ok(Some(credential)) if is_over(&credential) => Turn::GoesOn(Nothing::because("what it gave has expired")),
        Ok(Some(credential)) if context.for_client && !is_a_key(&credential) => {
            let kind = credential.auth.kind();
            let why = format!("a credential of kind {kind} can't be sent as a key");
            Turn::GoesOn(Nothing { passed_over: true, aws: kind == Kind::Aws, ..Nothing::because(&why) })
        }
        Ok(Some(credential)) => {
            let from_variable = credential.ephemeral && matches!(link.standing, Standing::Variable);
            Turn::Answers(Box::new(Answer { credential, entry: name.clone(), from_variable }))
        }
    })
}

/// What becomes of the walk where an entry failed: it ends, unless the user said to go on.
fn failed(link: &Link, error: Error) -> Turn {
    if link.entry.on_error_next {
        Turn::GoesOn(Nothing { failed: Some(error.clone()), ..Nothing::because(&error.to_string()) })
    } else {
        Turn::Stops(error)
    }
}

pub(crate) fn is_over(credential: &Credential) -> bool {
    credential.expires_at.is_some_and(|at| at <= now() / 1000)
}

/// Whether the client can send it: it takes one key, and adds no header.
pub(crate) fn is_a_key(credential: &Credential) -> bool {
    credential.auth.kind() != Kind::Aws && credential.headers.is_empty()
}

impl Nothing {
    fn because(why: &str) -> Self {
        Self { why: why.to_owned(), ..Self::default() }
    }
}

impl Said {
    pub(crate) fn note(&mut self, entry: &str, nothing: &Nothing) {
        self.passed_over |= nothing.passed_over;
        self.aws_passed_over |= nothing.aws;
        self.lines.push(format!("{entry}: {}", nothing.why));
    }

    /// The error that says all of it, and what mends it.
    pub(crate) fn nothing(&self, request: &Request, profile: &str) -> Error {
        let said = self.lines.join("; ");
        if self.passed_over {
            // AWS credentials sign requests, and the client takes them by another setting than a key.
            let mends = if self.aws_passed_over {
                "for its awsCredentialExport, use: claude-credential print --format sts"
            } else {
                "for scripts, use: claude-credential print"
            };
            return Error::config(format!("nothing that Claude Code can send as a key ({said}); {mends}"));
        }
        let origin = request.origin();
        let mend = match Cloud::named(profile) {
            Some(cloud) => cloud.usual_sign_in().to_owned(),
            None if profile == "default" => "claude-credential login api-key".to_owned(),
            None => format!("claude-credential --profile {profile} login api-key"),
        };
        Error::not_found(format!("no credential for {origin} ({said}); run: {mend}"))
    }
}
