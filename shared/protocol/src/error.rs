use thiserror::Error;

use crate::{text, wire::Malformed};

/// Why there is no answer, by what the caller has to do about it. The class crosses a process boundary as the exit code
/// and the message as one line of stderr; the text is never compared.
///
/// "Not mine", "not found" and "not supported" are no errors: they are an empty answer and exit 0.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Error {
    class: Class,
    message: String,
}

/// What a failure asks of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Every source was asked and none has anything. Only commands for people fail with this; on the wire it is an
    /// empty answer.
    NotFound,
    /// A message on the wire is malformed; trying again gives the same. `EX_DATAERR` of sysexits.h.
    Malformed,
    /// The helper itself failed: a bug, a crash, a time-out, rubbish on its stdout. `EX_SOFTWARE`.
    Broke,
    /// Network, server or deadline; trying again later may help. `EX_TEMPFAIL`.
    Unavailable,
    /// A person has to sign in; the message ends with the command that does it. `EX_NOPERM`.
    SignIn,
    /// The user has to change a setting, which the message names. `EX_CONFIG`.
    Config,
}

impl Class {
    /// The exit code that says this class.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::NotFound => 1,
            Self::Malformed => 65,
            Self::Broke => 70,
            Self::Unavailable => 75,
            Self::SignIn => 77,
            Self::Config => 78,
        }
    }

    /// The class that a helper's exit code says, if the helper speaks `claude.v1`. 2 is what command-line parsers exit
    /// with for options that they don't know: the user has to correct the options.
    #[must_use]
    pub fn from_exit_code(code: i32) -> Self {
        match code {
            65 => Self::Malformed,
            75 => Self::Unavailable,
            77 => Self::SignIn,
            2 | 78 => Self::Config,
            _ => Self::Broke,
        }
    }
}

impl Error {
    /// An error of `class`. `message` is lower-case, without a full stop, holds no secret, and ends with the command
    /// or setting that mends it; what a terminal would act on is taken out of it here.
    pub fn new(class: Class, message: impl AsRef<str>) -> Self {
        Self { class, message: text::one_line(message.as_ref()) }
    }

    /// The user has to edit something.
    pub fn config(message: impl AsRef<str>) -> Self {
        Self::new(Class::Config, message)
    }

    /// A person has to sign in.
    pub fn sign_in(message: impl AsRef<str>) -> Self {
        Self::new(Class::SignIn, message)
    }

    /// Trying again later may help.
    pub fn unavailable(message: impl AsRef<str>) -> Self {
        Self::new(Class::Unavailable, message)
    }

    /// Every source was asked and none has anything.
    pub fn not_found(message: impl AsRef<str>) -> Self {
        Self::new(Class::NotFound, message)
    }

    /// The program failed.
    pub fn broke(message: impl AsRef<str>) -> Self {
        Self::new(Class::Broke, message)
    }

    /// What the caller has to do.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// The same error, with `whom: ` in front of its message.
    #[must_use]
    pub fn with_prefix(&self, whom: &str) -> Self {
        Self::new(self.class, format!("{whom}: {}", self.message))
    }
}

impl From<Malformed> for Error {
    fn from(malformed: Malformed) -> Self {
        Self::new(Class::Malformed, malformed.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Error};

    #[test]
    fn exit_codes_say_the_class_both_ways() {
        for class in [Class::Malformed, Class::Broke, Class::Unavailable, Class::SignIn, Class::Config] {
            assert_eq!(Class::from_exit_code(class.exit_code().into()), class);
        }
    }

    #[test]
    fn codes_that_say_nothing_are_a_helper_that_broke() {
        for code in [1, 70, 101, 126, 127, 255] {
            assert_eq!(Class::from_exit_code(code), Class::Broke, "{code}");
        }
        assert_eq!(Class::from_exit_code(2), Class::Config);
    }

    #[test]
    fn a_message_is_one_line_and_harmless() {
        assert_eq!(Error::config("a\nb\x1b[2J").to_string(), "a?b?[2J");
    }
}
