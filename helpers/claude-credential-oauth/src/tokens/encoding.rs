//! A token set as it is kept: in the wire format.

use claude_credential_protocol::{MAX_EXPIRY, Malformed, Message, Secret};
use zeroize::Zeroizing;

use super::TokenSet;

impl TokenSet {
    /// As it is kept, with its name in it: what was moved under another name is not answered with.
    pub(crate) fn to_bytes(&self, provider: &str, account: Option<&str>) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        // Named one by one: a field forgotten here is lost with the next sign-in.
        let Self {
            access,
            expires_at,
            obtained,
            refresh,
            scope,
            who,
            binding,
            refused,
            doubted,
            superseded,
            complaint: _,
            id: _,
        } = self;
        let mut message = Message::default();
        message.push("provider", provider)?;
        message.push_some("username", account)?;
        message.push_some("password", access.as_ref().map(Secret::expose))?;
        message.push_some("password_expiry_utc", expires_at.map(|at| at.to_string()).as_deref())?;
        message.push("obtained", &obtained.to_string())?;
        message.push_some("oauth_refresh_token", refresh.as_ref().map(Secret::expose))?;
        message.push_some("scope", scope.as_deref())?;
        message.push_some("claude.account", who.as_deref())?;
        message.push("binding", binding)?;
        if *refused {
            message.push("refused", "1")?;
        }
        message.push_some("doubted", doubted.map(|at| at.to_string()).as_deref())?;
        for hash in superseded {
            message.push("superseded[]", hash)?;
        }
        Ok(message.to_bytes())
    }

    pub(crate) fn parse(bytes: &[u8], provider: &str, account: Option<&str>) -> Option<Self> {
        let message = Message::parse(bytes).ok()?;
        let same = message.get("provider") == Some(provider) && message.get("username") == account;
        if !same || !message.ended() {
            return None;
        }
        let text = |key: &str| message.get(key).map(str::to_owned);
        Some(Self {
            access: message.get("password").map(Secret::from),
            expires_at: message.number("password_expiry_utc", 0..=MAX_EXPIRY).ok()?,
            obtained: message.number("obtained", 0..=MAX_EXPIRY).ok()??,
            refresh: message.get("oauth_refresh_token").map(Secret::from),
            scope: text("scope"),
            who: text("claude.account"),
            binding: text("binding")?,
            refused: message.flag("refused"),
            doubted: message.number("doubted", 0..=MAX_EXPIRY).ok()?,
            superseded: message.list("superseded[]").into_iter().map(str::to_owned).collect(),
            complaint: None,
            id: None,
        })
    }
}
