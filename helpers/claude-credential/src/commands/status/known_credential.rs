use claude_credential_config::kept::{self, Kept, Place};
use claude_credential_config::{Program, claude, logins};
use claude_credential_protocol::{BaseUrl, Error, Seconds, is_past};

use crate::chain::{Availability, ResolvedEntry};
use crate::context::Context;

/// What is known of an entry's credential without asking the entry.
#[derive(Default)]
pub(super) struct KnownCredential {
    pub(super) source: Option<String>,
    pub(super) account: Option<String>,
    /// Where it is kept.
    pub(super) place: Option<&'static str>,
    pub(super) expires_at: Option<Seconds>,
    /// Why the entry would fail.
    pub(super) problem: Option<Error>,
}

impl KnownCredential {
    /// `None` if the entry has no credential, so that a lookup would ask the next entry.
    pub(super) fn of(context: &Context, entry: &ResolvedEntry, host: &BaseUrl) -> Result<Option<Self>, Error> {
        if matches!(entry.availability, Availability::Variable) {
            return Ok(Some(Self::variable(context, entry.name())));
        }
        let Program::Helper { args, .. } = entry.program() else { return Ok(Some(Self::default())) };
        let has = |option: &str, value: &str| args.windows(2).any(|pair| pair[0] == option && pair[1] == value);
        match entry.program().short_name() {
            Some("apikey") if has("--source", "kept") => Self::kept_key(context, host),
            Some("apikey") if has("--source", "api-key-helper") => {
                let source = Some(format!("{} of Claude Code's settings", claude::API_KEY_HELPER));
                Ok(Some(Self { source, ..Self::default() }))
            }
            Some("oauth") if has("--source", "claude") => Self::client_login(context, entry),
            Some("oauth") => Self::provider(context, args),
            _ => Ok(Some(Self::default())),
        }
    }

    fn variable(context: &Context, entry: &str) -> Self {
        let names: &[&str] = match entry {
            "auth-token" => &["ANTHROPIC_AUTH_TOKEN"],
            "oauth-token" => &["CLAUDE_CODE_OAUTH_TOKEN"],
            "oauth-fd" => &["CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"],
            _ => &["ANTHROPIC_API_KEY", "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"],
        };
        let set = names.iter().find(|name| context.environment.get_os(name).is_some());
        Self { source: set.map(|name| format!("env:{name}")), place: Some("variable"), ..Self::default() }
    }

    fn kept_key(context: &Context, host: &BaseUrl) -> Result<Option<Self>, Error> {
        let keys = kept::list(&context.folders)?;
        let covers = |key: &Kept| key.base_url().is_ok_and(|of_key| of_key.contains(host));
        let own = keys.iter().filter(|key| key.username.is_none() && covers(key));
        Ok(own.max_by_key(|key| key.path.as_ref().map(String::len)).map(|key| Self {
            source: Some("kept key".to_owned()),
            place: Some(place(key.place)),
            ..Self::default()
        }))
    }

    fn client_login(context: &Context, entry: &ResolvedEntry) -> Result<Option<Self>, Error> {
        let login = claude::stored_login(entry.claude_config_dir.as_ref().unwrap_or(&context.folders.claude))?;
        let login = login.filter(|login| !is_past(login.expires_at));
        Ok(login.map(|login| Self {
            source: Some("Claude Code's login".to_owned()),
            account: login.subscription,
            place: Some("file"),
            expires_at: login.expires_at,
            problem: None,
        }))
    }

    fn provider(context: &Context, args: &[String]) -> Result<Option<Self>, Error> {
        let named = args
            .windows(2)
            .find(|pair| pair[0] == "--provider")
            .and_then(|pair| context.config.providers.get(&pair[1]));
        let Some(provider) = named.or_else(|| context.config.default_provider()) else {
            return Ok(Some(Self::default()));
        };
        let name = &provider.name;
        let known = Self { source: Some(format!("provider {name}")), ..Self::default() };
        match logins::find(&context.folders, name, None)? {
            Some(login) => Ok(Some(Self { account: login.account, place: Some(place(login.place)), ..known })),
            None if provider.flow.is_for_people() => {
                let problem = Error::sign_in(format!("not signed in to {name}; run: claude-credential login {name}"));
                Ok(Some(Self { problem: Some(problem), ..known }))
            }
            None => Ok(Some(known)),
        }
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Keychain => "keychain",
        Place::File => "file",
    }
}
