use std::path::PathBuf;

use claude_credential_config::{Entry, Program};
use claude_credential_protocol::{Credential, Error, Kind};

/// An entry of a chain, with everything that decides its answer in this call.
#[derive(Debug)]
pub(crate) struct ResolvedEntry {
    pub(crate) definition: Entry,
    pub(crate) availability: Availability,
    /// What the answer depends on, beside the definition.
    pub(crate) dependencies: Vec<Dependency>,
    /// Further files that decided the availability.
    pub(crate) watched: Vec<PathBuf>,
    pub(crate) built_in: bool,
    /// Whether Claude Code may be unable to send the answer as a key, which only the answer itself shows.
    pub(crate) opaque: bool,
    /// The setting of Claude Code's whose command this entry runs.
    pub(crate) runs_setting: Option<&'static str>,
    /// The `CLAUDE_CONFIG_DIR` for the helper, if the profile has its own.
    pub(crate) claude_config_dir: Option<PathBuf>,
}

/// Whether the entry can be asked.
#[derive(Debug)]
pub(crate) enum Availability {
    /// The helper or command is run.
    Ready,
    /// Like `Ready`, but the answer comes from a variable or a descriptor. It is never cached, nothing waits for it,
    /// and asking again gives the same.
    Variable,
    /// Something that the entry needs is missing, for this reason.
    Absent(String),
    /// There is a credential, but Claude Code can't use it, for this reason.
    Unusable(String),
    /// Something that the entry needs is there but damaged or forbidden.
    Broken(Error),
}

/// Something that an entry's answer depends on, beside the entry's definition.
#[derive(Debug, Clone)]
pub(crate) enum Dependency {
    Variable(&'static str),
    /// The variables that match: `NAME`, or `PREFIX*`.
    Vary(Vec<String>),
    /// Every variable but those of one terminal or process, and those that Claude Code sets.
    Everything,
    File(PathBuf),
    Text(String),
}

/// The answer of a lookup.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) credential: Credential,
    /// The name of the entry that gave it.
    pub(crate) entry: String,
    pub(crate) origin: AnswerOrigin,
}

/// Where the answer of a lookup comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerOrigin {
    /// The entry was asked.
    Asked,
    /// The entry was asked, and passed on a variable or a descriptor: asking again gives the same.
    Variable,
    /// An earlier call asked.
    Cache,
}

/// What an entry gave, which decides whether the next one is asked.
#[derive(Debug)]
pub(crate) enum EntryOutcome {
    /// An answer: the lookup ends.
    Found(Box<Resolved>),
    /// Nothing: the next entry is asked.
    Skipped(Skip),
    /// A failure: the lookup ends.
    Failed(Error),
}

/// Why an entry gives nothing.
#[derive(Debug, Default)]
pub(crate) struct Skip {
    pub(crate) reason: String,
    /// The failure, if the entry failed and says `on_error = "next"`.
    pub(crate) failed: Option<Error>,
    /// The kind of credential that the entry has but Claude Code can't send; `None` if the entry has none.
    pub(crate) unusable: Option<Unusable>,
}

/// A credential that Claude Code can't send as a key. The greater one decides the advice: AWS's keys have a setting of
/// their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unusable {
    Other,
    Aws,
}

impl ResolvedEntry {
    pub(crate) fn new(definition: Entry, availability: Availability, dependencies: Vec<Dependency>) -> Self {
        Self {
            definition,
            availability,
            dependencies,
            watched: Vec::new(),
            built_in: false,
            opaque: false,
            runs_setting: None,
            claude_config_dir: None,
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.definition.name
    }

    pub(crate) fn program(&self) -> &Program {
        &self.definition.program
    }

    /// The files on which the answer depends.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.dependencies.iter().filter_map(|dependency| match dependency {
            Dependency::File(file) => Some(file),
            _ => None,
        })
    }

    /// Whether a lookup has to ask this entry.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.availability, Availability::Ready | Availability::Variable | Availability::Broken(_))
    }

    /// The outcome of a failure: the lookup ends, unless the user wrote `on_error = "next"`.
    pub(crate) fn failed(&self, error: Error) -> EntryOutcome {
        if self.definition.on_error_next {
            EntryOutcome::Skipped(Skip { reason: error.to_string(), failed: Some(error), unusable: None })
        } else {
            EntryOutcome::Failed(error)
        }
    }
}

impl Skip {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// A skip because Claude Code can't send the credential. `kind` is `None` if it is not known.
    pub(crate) fn unusable(reason: impl Into<String>, kind: Option<Kind>) -> Self {
        let unusable = if kind == Some(Kind::Aws) { Unusable::Aws } else { Unusable::Other };
        Self { unusable: Some(unusable), ..Self::new(reason) }
    }
}
