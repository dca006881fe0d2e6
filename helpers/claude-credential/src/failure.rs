use std::fmt;

use claude_credential_process::Interrupted;
use claude_credential_protocol::{Class, Error, Malformed};

/// Why a command failed.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// An error, which is printed in one line and has an exit code.
    Error(Error),
    /// An error of an entry of the chain.
    Entry(String, Error),
    /// A signal asked this process to end.
    Interrupted(Interrupted),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Error(error) | Self::Entry(_, error) => error.class().exit_code(),
            Self::Interrupted(signal) => signal.exit_code(),
        }
    }

    pub(crate) fn class(&self) -> Option<Class> {
        match self {
            Self::Error(error) | Self::Entry(_, error) => Some(error.class()),
            Self::Interrupted(_) => None,
        }
    }

    /// The error that other processes with the same key may share; `None` if a signal ended this one.
    pub(crate) fn to_error(&self) -> Option<Error> {
        match self {
            Self::Error(error) => Some(error.clone()),
            Self::Entry(entry, error) => Some(error.with_prefix(&format!("entry {entry}"))),
            Self::Interrupted(_) => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::Error(malformed.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::Entry(entry, error) => write!(f, "entry {entry}: {error}"),
            Self::Interrupted(_) => f.write_str("interrupted"),
        }
    }
}
