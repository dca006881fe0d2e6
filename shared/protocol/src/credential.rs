use std::fmt;
use std::str::FromStr;

use crate::request::{Capabilities, Request};
use crate::wire::{Malformed, Message, Problem};
use crate::{Error, Seconds, Secret};

/// The last second of the year 9999: what ISO 8601 and every calendar that we hand a time to can still write.
pub(crate) const MAX_EXPIRY: Seconds = 253_402_300_799;

/// The names that stand for "no account" where a git credential must have a username.
pub const NO_ACCOUNT: [&str; 2] = ["x-api-key", "oauth2"];

/// The name of an account, as a person gives it, if the wire can tell it.
pub fn parse_account(name: &str) -> Result<String, &'static str> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        Err("it is empty or has control characters in it")
    } else if NO_ACCOUNT.contains(&name) {
        Err("on the wire this name means no account")
    } else {
        Ok(name.to_owned())
    }
}

/// The answer: something to authenticate with, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What authenticates.
    pub auth: Auth,
    /// The account that this secret is kept for, where it is kept for one.
    pub username: Option<String>,
    /// When it ends.
    pub expires_at: Option<Seconds>,
    /// What a new one can be had with; goes only where the user said that it may.
    pub refresh_token: Option<Secret>,
    /// Not to be kept by anybody.
    pub ephemeral: bool,
    /// Where the helper has it from: `env:ANTHROPIC_API_KEY`, `keychain`.
    pub source: Option<String>,
    /// Whose it is, to be shown to people.
    pub account: Option<String>,
    /// The cloud project that pays.
    pub project: Option<String>,
    /// The project whose quota is used, where the source names one: sent to Google as `x-goog-user-project`. No header of
    /// `headers`, since the credential is good without it.
    pub quota_project: Option<String>,
    /// Where the cloud is asked, if the source knows it. That of an AWS key stands in [`Auth::Aws`].
    pub region: Option<String>,
    /// Further headers, `Name: value`, without which the credential is refused.
    pub headers: Vec<String>,
}

/// What authenticates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Sent as `x-api-key`.
    ApiKey(Secret),
    /// Sent as `Authorization: Bearer`: OAuth, gateways, Google.
    Bearer(Secret),
    /// Signs requests to Amazon Bedrock.
    Aws {
        /// Names the key; no secret.
        access_key_id: String,
        /// Signs.
        secret_access_key: Secret,
        /// Absent for long-lived keys.
        session_token: Option<Secret>,
        /// Where, if the source knows it.
        region: Option<String>,
    },
}

/// The kinds of [`Auth`], by their names on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `api-key`
    ApiKey,
    /// `bearer`
    Bearer,
    /// `aws`
    Aws,
}

impl Auth {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::ApiKey(_) => Kind::ApiKey,
            Self::Bearer(_) => Kind::Bearer,
            Self::Aws { .. } => Kind::Aws,
        }
    }

    /// The secret part by which two credentials are told apart, and with which one is reported as refused.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        match self {
            Self::ApiKey(secret) | Self::Bearer(secret) | Self::Aws { secret_access_key: secret, .. } => secret,
        }
    }
}

impl Credential {
    /// A credential of which nothing is known but itself.
    #[must_use]
    pub fn new(auth: Auth) -> Self {
        Self {
            auth,
            username: None,
            expires_at: None,
            refresh_token: None,
            ephemeral: false,
            source: None,
            account: None,
            project: None,
            quota_project: None,
            region: None,
            headers: Vec::new(),
        }
    }

    /// With where it is from.
    #[must_use]
    pub fn from_source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Not to be kept by anybody.
    #[must_use]
    pub fn ephemeral(mut self) -> Self {
        self.ephemeral = true;
        self
    }

    /// The credential in a helper's answer or in a `store`; none where the message has none.
    pub fn from_message(message: &Message) -> Result<Option<Self>, Malformed> {
        let expires_at = message.number("password_expiry_utc", 1..=MAX_EXPIRY)?;
        let Some(auth) = read_auth(message)? else { return Ok(None) };
        let username = match auth {
            Auth::Aws { .. } => None,
            _ => message.get("username").filter(|name| !name.is_empty() && !NO_ACCOUNT.contains(name)),
        };
        let region = match auth {
            Auth::Aws { .. } => None,
            _ => message.get("claude.region").map(str::to_owned),
        };
        Ok(Some(Self {
            auth,
            username: username.map(str::to_owned),
            expires_at,
            refresh_token: message.get("oauth_refresh_token").map(Secret::from),
            ephemeral: message.flag("ephemeral"),
            source: message.get("claude.source").map(str::to_owned),
            account: message.get("claude.account").map(str::to_owned),
            project: message.get("claude.project").map(str::to_owned),
            quota_project: message.get("claude.quota_project").map(str::to_owned),
            region,
            headers: message.list("claude.header[]").into_iter().map(str::to_owned).collect(),
        }))
    }

    /// The credential in a `store` or `erase`. Whoever offers it offers it to everybody, so one of a scheme that is none
    /// of ours is no mistake of his.
    pub fn offered(message: &Message) -> Result<Option<Self>, Malformed> {
        match Self::from_message(message) {
            Err(Malformed { problem: Problem::Form("authtype"), .. }) => Ok(None),
            offered => offered,
        }
    }

    /// The answer to `request`, as its caller can read it: nothing for a caller to whom this kind can't be told whole.
    pub fn answer(&self, request: &Request) -> Result<Message, Error> {
        let caller = request.capabilities;
        let mut message = Message::default();
        if self.auth.kind() == Kind::Aws && !caller.claude_v1 {
            return Ok(message);
        }
        caller.write(&mut message)?;
        self.write_auth(&mut message, caller)?;
        // Named one by one: a field forgotten here is lost without a word.
        let Self {
            auth,
            username: _,
            expires_at,
            refresh_token,
            ephemeral,
            source,
            account,
            project,
            quota_project,
            region,
            headers,
        } = self;
        message.push_some("password_expiry_utc", expires_at.map(|at| at.to_string()).as_deref())?;
        message.push_some("oauth_refresh_token", refresh_token.as_ref().map(Secret::expose))?;
        if *ephemeral && (caller.authtype || caller.claude_v1) {
            message.push("ephemeral", "1")?;
        }
        if caller.claude_v1 {
            message.push_some("claude.source", source.as_deref())?;
            message.push_some("claude.account", account.as_deref())?;
            message.push_some("claude.project", project.as_deref())?;
            message.push_some("claude.quota_project", quota_project.as_deref())?;
            if auth.kind() != Kind::Aws {
                message.push_some("claude.region", region.as_deref())?;
            }
            for header in headers {
                message.push("claude.header[]", header)?;
            }
        }
        Ok(message)
    }

    fn write_auth(&self, message: &mut Message, caller: Capabilities) -> Result<(), Malformed> {
        let (authtype, no_account, secret) = match &self.auth {
            Auth::ApiKey(key) => ("x-api-key", "x-api-key", key),
            Auth::Bearer(token) => ("Bearer", "oauth2", token),
            Auth::Aws { access_key_id, secret_access_key, session_token, region } => {
                message.push("claude.kind", Kind::Aws.name())?;
                message.push("username", access_key_id)?;
                message.push("password", secret_access_key.expose())?;
                message.push_some("claude.session_token", session_token.as_ref().map(Secret::expose))?;
                return message.push_some("claude.region", region.as_deref());
            }
        };
        if caller.claude_v1 {
            message.push("claude.kind", self.auth.kind().name())?;
        }
        if caller.authtype || caller.claude_v1 {
            message.push_some("username", self.username.as_deref())?;
            message.push("authtype", authtype)?;
            message.push("credential", secret.expose())
        } else {
            message.push("username", self.username.as_deref().unwrap_or(no_account))?;
            message.push("password", secret.expose())
        }
    }
}

/// By `claude.kind` where there is one; else as git's own helpers say it.
fn read_auth(message: &Message) -> Result<Option<Auth>, Malformed> {
    let form = |key: &'static str| Problem::Form(key).at(message.line_of(key));
    let secret = |key: &'static str| match message.get(key) {
        Some("") => Err(form(key)),
        value => Ok(value.map(Secret::from)),
    };
    let kind = message.get("claude.kind").map(Kind::from_str).transpose().map_err(|()| form("claude.kind"))?;
    if kind == Some(Kind::Aws) {
        let missing = |key| Problem::Missing(key).at(message.line_of(key));
        return Ok(Some(Auth::Aws {
            access_key_id: message.get("username").ok_or(missing("username"))?.to_owned(),
            secret_access_key: secret("password")?.ok_or(missing("password"))?,
            session_token: secret("claude.session_token")?,
            region: message.get("claude.region").map(str::to_owned),
        }));
    }
    if let Some(token) = secret("credential")? {
        // A scheme that we can't send is not an answer that we can use.
        let scheme = message.get("authtype").unwrap_or_default();
        return if scheme.eq_ignore_ascii_case("x-api-key") {
            Ok(Some(Auth::ApiKey(token)))
        } else if scheme.eq_ignore_ascii_case("bearer") {
            Ok(Some(Auth::Bearer(token)))
        } else {
            Err(form("authtype"))
        };
    }
    let Some(token) = secret("password")? else { return Ok(None) };
    let bearer = kind == Some(Kind::Bearer) || (kind.is_none() && message.get("username") == Some("oauth2"));
    Ok(Some(if bearer { Auth::Bearer(token) } else { Auth::ApiKey(token) }))
}

impl Kind {
    /// Its name on the wire and in `config.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiKey => "api-key",
            Self::Bearer => "bearer",
            Self::Aws => "aws",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::ApiKey, Self::Bearer, Self::Aws].into_iter().find(|kind| kind.name() == name).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::parse_account;

    #[test]
    fn an_account_has_a_name_that_the_wire_can_tell() {
        assert_eq!(parse_account("me@x.example").unwrap(), "me@x.example");
        for no_name in ["", " ", "a\nb", "\u{1b}[2J", "x-api-key", "oauth2"] {
            assert!(parse_account(no_name).is_err(), "{no_name:?}");
        }
    }
}
