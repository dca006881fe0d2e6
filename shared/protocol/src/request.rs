use std::time::Duration;

use crate::account::NO_ACCOUNT;
use crate::base_url::BaseUrl;
use crate::origin::{NotAnOrigin, Origin};
use crate::time::{Millis, now};
use crate::wire::{Malformed, Message, Problem};
use crate::{Seconds, Secret};

/// For a caller that sets no deadline.
const PATIENCE: Millis = 30_000;

/// A deadline beyond this is no deadline.
const MAX_PATIENCE: Millis = 3_600_000;

/// What a helper needs to write its answer and to end.
const HAND_BACK: Millis = 500;

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// `https`, or `http` where the user listed it.
    pub protocol: String,
    /// The host, with its port where it is not the protocol's own.
    pub host: String,
    /// The path, for services that tell accounts apart by it.
    pub path: Option<String>,
    /// The account; `None` if the caller sent one of the names that mean "no account".
    pub username: Option<String>,
    /// What the caller understands.
    pub capabilities: Capabilities,
    /// The server's challenges, as git passes them on.
    pub wwwauth: Vec<String>,
    /// What a helper left with git for itself.
    pub state: Vec<String>,
    /// Whether a person can be asked.
    pub interactive: Interactive,
    /// How long the credential should live yet; one that can't is better than none.
    pub min_ttl: Seconds,
    /// When the caller gives up.
    pub deadline: Option<Millis>,
    /// The helper proves the credential with its server before it answers.
    pub check_live: bool,
    /// This secret was refused: another one is wanted.
    pub rejected: Option<Secret>,
}

/// What the caller of a helper understands beyond git's first protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `authtype` and `credential` in place of `username` and `password`.
    pub authtype: bool,
    /// `state[]`.
    pub state: bool,
    /// The `claude.*` keys, and exit codes that say a class.
    pub claude_v1: bool,
}

/// Whether a helper may talk to a person.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Interactive {
    /// No user is present.
    #[default]
    Never,
    /// A person sits at the terminal.
    Auto,
}

/// The operations of the wire, by the word on a helper's command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Asks for a credential.
    Get,
    /// Offers one to be kept.
    Store,
    /// Says that one is not good.
    Erase,
}

impl Operation {
    /// The operation of that name, if this version knows it.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Get, Self::Store, Self::Erase].into_iter().find(|operation| operation.name() == name)
    }

    /// Its word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Store => "store",
            Self::Erase => "erase",
        }
    }
}

impl Capabilities {
    /// All that we know: what our own programs send.
    pub const ALL: Self = Self { authtype: true, state: true, claude_v1: true };

    /// Those that `message` announces.
    #[must_use]
    pub fn from_message(message: &Message) -> Self {
        let list = message.list("capability[]");
        let has = |name| list.contains(&name);
        Self { authtype: has("authtype"), state: has("state"), claude_v1: has("claude.v1") }
    }

    /// Writes them, before any key that depends on them.
    pub fn write(self, message: &mut Message) -> Result<(), Malformed> {
        self.names().try_for_each(|name| message.push("capability[]", name))
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [(self.authtype, "authtype"), (self.state, "state"), (self.claude_v1, "claude.v1")]
            .into_iter()
            .filter_map(|(has, name)| has.then_some(name))
    }
}

impl Request {
    /// A request of our own: everything understood, nothing special.
    #[must_use]
    pub fn new(protocol: impl Into<String>, host: impl Into<String>) -> Self {
        Self { protocol: protocol.into(), host: host.into(), capabilities: Capabilities::ALL, ..Self::default() }
    }

    /// A request of our own for what a line of `hosts` lists.
    #[must_use]
    pub fn at(host: &BaseUrl) -> Self {
        let path = Some(host.path()).filter(|path| !path.is_empty()).map(str::to_owned);
        Self { path, ..Self::new(host.origin().protocol(), host.origin().host()) }
    }

    /// The origin and the path that the credential is for; the path is empty without one.
    pub fn place(&self) -> Result<(Origin, &str), NotAnOrigin> {
        Ok((Origin::new(&self.protocol, &self.host)?, self.path.as_deref().unwrap_or_default()))
    }

    /// Whether it asks for what a line of `hosts` lists.
    #[must_use]
    pub fn is_for(&self, host: &BaseUrl) -> bool {
        self.place().is_ok_and(|(origin, path)| host.covers(&origin, path))
    }

    /// The request in a message. A missing host or protocol is never a wildcard (CVE-2020-11008).
    pub fn from_message(message: &Message) -> Result<Self, Malformed> {
        let required = |key: &'static str| {
            let value = message.get(key).filter(|value| !value.is_empty());
            value.map(str::to_owned).ok_or(Problem::Missing(key).at(message.line_of(key)))
        };
        let form = |key: &'static str| Problem::Form(key).at(message.line_of(key));
        let refused = || message.get("credential").or(message.get("password")).map(Secret::from);
        Ok(Self {
            protocol: required("protocol")?,
            host: required("host")?,
            path: message.get("path").filter(|path| !path.is_empty()).map(str::to_owned),
            username: message
                .get("username")
                .filter(|name| !name.is_empty() && !NO_ACCOUNT.contains(name))
                .map(str::to_owned),
            capabilities: Capabilities::from_message(message),
            wwwauth: message.list("wwwauth[]").into_iter().map(str::to_owned).collect(),
            state: message.list("state[]").into_iter().map(str::to_owned).collect(),
            interactive: match message.get("claude.interactive") {
                None | Some("never") => Interactive::Never,
                Some("auto") => Interactive::Auto,
                Some(_) => return Err(form("claude.interactive")),
            },
            min_ttl: message.number("claude.min_ttl", 0..=Seconds::MAX)?.unwrap_or(0),
            deadline: message.number("claude.deadline", 0..=Millis::MAX)?,
            check_live: match message.get("claude.check") {
                None => false,
                Some("live") => true,
                Some(_) => return Err(form("claude.check")),
            },
            rejected: match message.get("claude.reason") {
                None | Some("initial") => None,
                // Without the refused secret a helper can't tell whether it is its own.
                Some("rejected") => Some(refused().ok_or_else(|| form("claude.reason"))?),
                Some(_) => return Err(form("claude.reason")),
            },
        })
    }

    /// The request as a message to a helper that may speak `claude.v1`.
    pub fn to_message(&self) -> Result<Message, Malformed> {
        // Named one by one: a field forgotten here asks a helper for something else.
        let Self {
            protocol,
            host,
            path,
            username,
            capabilities,
            wwwauth,
            state,
            interactive,
            min_ttl,
            deadline,
            check_live,
            rejected,
        } = self;
        let mut message = Message::default();
        capabilities.write(&mut message)?;
        message.push("protocol", protocol)?;
        message.push("host", host)?;
        message.push_some("path", path.as_deref())?;
        message.push_some("username", username.as_deref())?;
        for (key, values) in [("wwwauth[]", wwwauth), ("state[]", state)] {
            for value in values {
                message.push(key, value)?;
            }
        }
        message.push("claude.interactive", if *interactive == Interactive::Auto { "auto" } else { "never" })?;
        if *min_ttl > 0 {
            message.push("claude.min_ttl", &min_ttl.to_string())?;
        }
        message.push_some("claude.deadline", deadline.map(|at| at.to_string()).as_deref())?;
        if *check_live {
            message.push("claude.check", "live")?;
        }
        message.push("claude.reason", if rejected.is_some() { "rejected" } else { "initial" })?;
        message.push_some("credential", rejected.as_ref().map(Secret::expose))?;
        Ok(message)
    }

    /// What in an answer speaks of something else than this request; such an answer is refused, never merged.
    #[must_use]
    pub fn contradicted_by(&self, answer: &Message) -> Option<&'static str> {
        // No request has a `url`.
        let mine = [
            ("url", None),
            ("protocol", Some(self.protocol.as_str())),
            ("host", Some(&self.host)),
            ("path", self.path.as_deref()),
        ];
        let other = |(key, mine): &(&str, Option<&str>)| answer.get(key).is_some_and(|theirs| Some(theirs) != *mine);
        mine.into_iter().find(other).map(|(key, _)| key)
    }

    /// How long a helper may take: until the caller gives up, less the time to hand the answer back; half a
    /// minute if it sets no deadline.
    #[must_use]
    pub fn patience(&self) -> Duration {
        let left = self.deadline.map(|deadline| deadline.saturating_sub(now() + HAND_BACK));
        Duration::from_millis(left.map_or(PATIENCE, |left| left.min(MAX_PATIENCE)))
    }

    /// The origin that is asked for, to be shown to people.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.protocol, self.host)
    }
}
