use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// Where a row stands in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Reference,
    Warm,
    Cold,
    Helper,
    Peer,
    Growth,
    Crowd,
}

impl Group {
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Reference => "to compare with",
            Self::Warm => "warm",
            Self::Cold => "cold",
            Self::Helper => "helpers alone",
            Self::Peer => "what people use instead",
            Self::Growth => "growth: a warm print with",
            Self::Crowd => "200 at once",
        }
    }
}

/// What a program finds on stdin.
#[derive(Debug)]
pub(crate) enum Stdin {
    Null,
    /// A file, read from its start each time.
    File(PathBuf),
    /// A socket that gives nothing and never ends, as Claude Code's.
    Socket(UnixStream),
}

/// One command that is measured.
#[derive(Debug)]
pub(crate) struct Subject {
    /// How budgets name it.
    pub(crate) id: &'static str,
    pub(crate) name: String,
    pub(crate) group: Group,
    pub(crate) command: Command,
    pub(crate) stdin: Stdin,
    /// Run before each call, and not measured.
    pub(crate) before: Option<Command>,
    /// A new client for every sample: to one that comes back after a second, the key that it has was refused.
    pub(crate) is_client: bool,
    /// The other end of its stdin, held open.
    held: Option<UnixStream>,
    /// Is in what it prints, once; nothing where it prints nothing.
    pub(crate) secret: String,
}

impl Subject {
    pub(crate) fn new(group: Group, id: &'static str, name: impl Into<String>, command: Command, secret: &str) -> Self {
        Self {
            id,
            name: name.into(),
            group,
            command,
            stdin: Stdin::Null,
            before: None,
            is_client: false,
            held: None,
            secret: secret.to_owned(),
        }
    }

    pub(crate) fn reads(mut self, file: PathBuf) -> Self {
        self.stdin = Stdin::File(file);
        self
    }

    /// Called as the client calls it: with a socket on stdin, and who it is in its variables.
    pub(crate) fn of_client(mut self) -> io::Result<Self> {
        let (theirs, ours) = UnixStream::pair()?;
        (self.stdin, self.held) = (Stdin::Socket(theirs), Some(ours));
        self.command.env("AI_AGENT", "claude-code_2-1-330_harness").env("CLAUDE_CODE_ENTRYPOINT", "cli");
        self.is_client = true;
        Ok(self)
    }

    pub(crate) fn after(mut self, before: Command) -> Self {
        self.before = Some(before);
        self
    }

    /// From now on it is another client.
    pub(crate) fn is_now_client(&mut self, number: usize) {
        if self.is_client {
            self.command.env("CLAUDE_CODE_MESSAGING_TOKEN", format!("made-up-client-{number}"));
        }
    }

    /// Makes stdin ready for one call.
    pub(crate) fn prepare(&mut self) -> io::Result<()> {
        let stdin = match &self.stdin {
            Stdin::Null => Stdio::null(),
            Stdin::File(file) => File::open(file)?.into(),
            Stdin::Socket(theirs) => OwnedFd::from(theirs.try_clone()?).into(),
        };
        self.command.stdin(stdin);
        Ok(())
    }
}
