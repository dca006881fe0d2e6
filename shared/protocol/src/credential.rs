use crate::account::NO_ACCOUNT;
use crate::auth::{Auth, Kind};
use crate::header::may_accompany;
use crate::request::Request;
use crate::time::{MAX_EXPIRY, is_past};
use crate::wire::{Malformed, Message, Problem};
use crate::{Error, Seconds, Secret};

/// The answer: something to authenticate with, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What authenticates.
    pub auth: Auth,
    /// The account that this secret is stored for, if any.
    pub username: Option<String>,
    /// When it expires.
    pub expires_at: Option<Seconds>,
    /// What a new one can be had with; goes only where the user said that it may.
    pub refresh_token: Option<Secret>,
    /// Not to be cached or stored.
    pub ephemeral: bool,
    /// Where the helper has it from: `env:ANTHROPIC_API_KEY`, `keychain`.
    pub source: Option<String>,
    /// Whose it is, to be shown to people.
    pub account: Option<String>,
    /// The cloud project that pays.
    pub project: Option<String>,
    /// The project whose quota is used, where the source names one: sent to Google as `x-goog-user-project`. No header
    /// of `headers`, since the credential is good without it.
    pub quota_project: Option<String>,
    /// Where the cloud is asked, if the source knows it. That of an AWS key stands in [`Auth::Aws`].
    pub region: Option<String>,
    /// Further headers, `Name: value`, without which the credential is refused.
    pub headers: Vec<String>,
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

    /// Whether it has expired. One without an expiry never has.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        is_past(self.expires_at)
    }

    /// Sets its source.
    #[must_use]
    pub fn from_source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Not to be cached or stored.
    #[must_use]
    pub fn ephemeral(mut self) -> Self {
        self.ephemeral = true;
        self
    }

    /// The credential in a helper's answer or in a `store`; `None` if the message has none.
    pub fn from_message(message: &Message) -> Result<Option<Self>, Malformed> {
        let expires_at = message.number("password_expiry_utc", 1..=MAX_EXPIRY)?;
        let Some(auth) = Auth::read(message)? else { return Ok(None) };
        // On the wire, these keys of an AWS credential are parts of the key itself.
        let own = |key| message.get(key).filter(|_| auth.kind() != Kind::Aws);
        let username = own("username").filter(|name| !name.is_empty() && !NO_ACCOUNT.contains(name));
        let region = own("claude.region").map(str::to_owned);
        let username = username.map(str::to_owned);
        Ok(Some(Self {
            auth,
            username,
            expires_at,
            refresh_token: message.get("oauth_refresh_token").map(Secret::from),
            ephemeral: message.flag("ephemeral"),
            source: message.get("claude.source").map(str::to_owned),
            account: message.get("claude.account").map(str::to_owned),
            project: message.get("claude.project").map(str::to_owned),
            quota_project: message.get("claude.quota_project").map(str::to_owned),
            region,
            headers: message.checked_list("claude.header[]", may_accompany)?.into_iter().map(str::to_owned).collect(),
        }))
    }

    /// The credential in a `store` or `erase`. git offers it to all of its helpers, so a scheme that we
    /// do not know is no error.
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
        self.auth.write(self.username.as_deref(), &mut message, caller)?;
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
}

#[cfg(test)]
mod tests {
    use super::{Auth, Credential};
    use crate::now;

    #[test]
    fn a_credential_is_expired_from_its_last_second_on() {
        let credential = |expires_at| Credential { expires_at, ..Credential::new(Auth::ApiKey("CANARY".into())) };
        let second = now() / 1000;
        assert!(credential(Some(second)).is_expired());
        assert!(!credential(Some(second + 3600)).is_expired());
        assert!(!credential(None).is_expired());
    }
}
