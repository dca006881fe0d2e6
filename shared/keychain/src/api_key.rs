use claude_credential_protocol::{Auth, Credential, Error, Malformed, Message, Seconds, Secret};
use zeroize::Zeroizing;

use crate::key_name::KeyName;

/// An API key that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key itself.
    pub secret: Secret,
    /// When it expires, if the caller that stored it said so.
    pub expires_at: Option<Seconds>,
}

impl ApiKey {
    /// In the wire format, in files and keychains alike. The name is part of it, so a key that was moved to another name
    /// is not answered.
    pub(crate) fn to_bytes(&self, name: &KeyName) -> Result<Zeroizing<Vec<u8>>, Malformed> {
        let mut message = Message::default();
        message.push("protocol", name.host.origin().protocol())?;
        message.push("host", name.host.origin().host())?;
        message.push_some("path", path(name))?;
        message.push_some("username", name.account.as_deref())?;
        message.push("password", self.secret.expose())?;
        message.push_some("password_expiry_utc", self.expires_at.map(|at| at.to_string()).as_deref())?;
        Ok(message.to_bytes())
    }

    pub(crate) fn parse(bytes: &[u8], name: &KeyName) -> Result<Self, Error> {
        let unknown = || Error::sign_in(format!("what is kept for {name} is no key; run: {}", name.login()));
        let message = Message::parse(bytes).map_err(|_| unknown())?;
        let named = [
            ("protocol", Some(name.host.origin().protocol())),
            ("host", Some(name.host.origin().host())),
            ("path", path(name)),
            ("username", name.account.as_deref()),
        ];
        let same = named.into_iter().all(|(key, value)| message.get(key) == value);
        match Credential::from_message(&message) {
            Ok(Some(Credential { auth: Auth::ApiKey(secret), expires_at, .. })) if same && message.ended() => {
                Ok(Self { secret, expires_at })
            }
            _ => Err(unknown()),
        }
    }
}

fn path(name: &KeyName) -> Option<&str> {
    Some(name.host.path()).filter(|path| !path.is_empty())
}

#[cfg(test)]
mod tests {
    use super::ApiKey;
    use crate::key_name::KeyName;
    use claude_credential_protocol::BaseUrl;

    #[test]
    fn a_value_counts_only_whole_and_under_its_own_name() {
        let name = |account: Option<&str>| KeyName {
            host: BaseUrl::listed("api.anthropic.com/v1").unwrap(),
            account: account.map(str::to_owned),
        };
        for expires_at in [None, Some(4_102_444_800)] {
            let value = ApiKey { secret: "CANARY".into(), expires_at };
            let bytes = value.to_bytes(&name(Some("me"))).unwrap();
            assert_eq!(ApiKey::parse(&bytes, &name(Some("me"))).unwrap(), value);
            assert!(ApiKey::parse(&bytes, &name(None)).is_err());
            assert!(ApiKey::parse(&bytes, &name(Some("you"))).is_err());
            for other in ["api.anthropic.com", "api.anthropic.com/v2"] {
                let elsewhere = KeyName { host: BaseUrl::listed(other).unwrap(), ..name(Some("me")) };
                assert!(ApiKey::parse(&bytes, &elsewhere).is_err(), "{other}");
            }
            let error = ApiKey::parse(&bytes[..bytes.len() - 1], &name(Some("me"))).unwrap_err().to_string();
            assert!(
                error.ends_with("run: claude-credential login api-key --host api.anthropic.com/v1 --account me"),
                "{error}"
            );
            assert!(!error.contains("CANARY"), "{error}");
        }
    }
}
