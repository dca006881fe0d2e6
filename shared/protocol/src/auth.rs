use std::fmt;
use std::str::FromStr;

use crate::Secret;
use crate::request::Capabilities;
use crate::wire::{Malformed, Message, Problem};

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

    /// By `claude.kind` where there is one; else as git's own helpers say it.
    pub(crate) fn read(message: &Message) -> Result<Option<Self>, Malformed> {
        let form = |key: &'static str| Problem::Form(key).at(message.line_of(key));
        let secret = |key: &'static str| match message.get(key) {
            Some("") => Err(form(key)),
            value => Ok(value.map(Secret::from)),
        };
        let kind = message.get("claude.kind").map(Kind::from_str).transpose().map_err(|()| form("claude.kind"))?;
        if kind == Some(Kind::Aws) {
            let missing = |key| Problem::Missing(key).at(message.line_of(key));
            return Ok(Some(Self::Aws {
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
                Ok(Some(Self::ApiKey(token)))
            } else if scheme.eq_ignore_ascii_case("bearer") {
                Ok(Some(Self::Bearer(token)))
            } else {
                Err(form("authtype"))
            };
        }
        let Some(token) = secret("password")? else { return Ok(None) };
        let bearer = kind == Some(Kind::Bearer) || (kind.is_none() && message.get("username") == Some("oauth2"));
        Ok(Some(if bearer { Self::Bearer(token) } else { Self::ApiKey(token) }))
    }

    /// Writes it in the form that a caller with these capabilities can read, for the account `username`.
    pub(crate) fn write(
        &self,
        username: Option<&str>,
        message: &mut Message,
        caller: Capabilities,
    ) -> Result<(), Malformed> {
        let (authtype, no_account, secret) = match self {
            Self::ApiKey(key) => ("x-api-key", "x-api-key", key),
            Self::Bearer(token) => ("Bearer", "oauth2", token),
            Self::Aws { access_key_id, secret_access_key, session_token, region } => {
                message.push("claude.kind", Kind::Aws.name())?;
                message.push("username", access_key_id)?;
                message.push("password", secret_access_key.expose())?;
                message.push_some("claude.session_token", session_token.as_ref().map(Secret::expose))?;
                return message.push_some("claude.region", region.as_deref());
            }
        };
        if caller.claude_v1 {
            message.push("claude.kind", self.kind().name())?;
        }
        if caller.authtype || caller.claude_v1 {
            message.push_some("username", username)?;
            message.push("authtype", authtype)?;
            message.push("credential", secret.expose())
        } else {
            message.push("username", username.unwrap_or(no_account))?;
            message.push("password", secret.expose())
        }
    }
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
