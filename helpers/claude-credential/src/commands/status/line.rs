//! What one profile has, as far as it can be told without asking anybody: by variables, the cache, and the indexes of
//! keys and sign-ins.

use std::path::PathBuf;

use claude_credential_config::kept::{self, Place};
use claude_credential_config::{Profile, Program, claude, logins};
use claude_credential_protocol::{Error, Origin, Seconds, now};

use crate::cache::{Cache, Cached};
use crate::chain::program;
use crate::chain::{Link, Standing};
use crate::context::Context;
use crate::lookup::key;
use crate::query::Ask;

/// A profile.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) profile: String,
    /// It is the one that is meant here.
    pub(crate) here: bool,
    pub(crate) state: State,
    pub(crate) entry: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) account: Option<String>,
    pub(crate) place: Option<&'static str>,
    pub(crate) expires_at: Option<Seconds>,
    pub(crate) hosts: Vec<String>,
    pub(crate) directories: Vec<PathBuf>,
    pub(crate) problem: Option<String>,
}

/// How things stand with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It would answer at once.
    Answers,
    /// An entry would be asked.
    Asked,
    /// There is nothing to ask.
    Nothing,
    /// Something has to be mended first.
    Problem,
}

impl Line {
    pub(crate) fn of(context: &Context, profile: Profile, here: bool) -> Self {
        let mut line = Self {
            profile: profile.name.clone(),
            here,
            state: State::Nothing,
            entry: None,
            source: None,
            account: None,
            place: None,
            expires_at: None,
            hosts: profile.hosts.iter().map(Origin::as_listed).collect(),
            directories: profile.directories.clone(),
            problem: None,
        };
        let origin = profile.hosts[0].clone();
        match Ask::new(context, profile, &origin).and_then(|ask| line.look(context, &ask, &origin)) {
            Ok(()) => line,
            Err(error) => Self { state: State::Problem, problem: Some(error.to_string()), ..line },
        }
    }

    fn look(&mut self, context: &Context, ask: &Ask, origin: &Origin) -> Result<(), Error> {
        let (variables, links) = ask.leading_variables();
        let is_there = |link: &&Link| link.is_live() && !is_missing(context, link);
        if let Some(link) = variables.iter().find(is_there) {
            self.entry(link, State::Answers);
            self.variable(context);
            return Ok(());
        }
        let cached = Cache::of(context)
            .and_then(|cache| Cache::read(&cache.file(&key::of_query(&cache.keyed, ask, context), "cache"), context));
        if let Some(cached) = &cached
            && let Some(link) = links.iter().find(|link| link.entry.name == cached.entry)
            && cached.fault(ask.ttl(&cached.entry, &cached.credential), 0, now()).is_none()
        {
            self.entry(link, State::Answers);
            self.stored(context, link, origin)?;
            self.last(cached);
            return Ok(());
        }
        for link in links.iter().filter(is_there) {
            if let Standing::Broken(error) = &link.standing {
                self.entry(link, State::Problem);
                return Err(error.clone());
            }
            self.entry(link, State::Asked);
            if matches!(link.standing, Standing::Variable) {
                self.variable(context);
                return Ok(());
            }
            if !self.stored(context, link, origin)? {
                continue;
            }
            if let Some(cached) = cached.as_ref().filter(|cached| cached.entry == link.entry.name) {
                self.last(cached);
            }
            return Ok(());
        }
        (self.state, self.entry, self.source) = (State::Nothing, None, None);
        Ok(())
    }

    fn entry(&mut self, link: &Link, state: State) {
        self.state = state;
        self.entry = Some(link.entry.name.clone());
        self.source = Some(match &link.entry.program {
            Program::Command(_) | Program::Shell(_) => "command".to_owned(),
            Program::Helper { name, .. } => format!("helper {}", program::short_name(name)),
        });
    }

    fn variable(&mut self, context: &Context) {
        let names: &[&str] = match self.entry.as_deref() {
            Some("auth-token") => &["ANTHROPIC_AUTH_TOKEN"],
            Some("oauth-token") => &["CLAUDE_CODE_OAUTH_TOKEN"],
            Some("oauth-fd") => &["CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"],
            _ => &["ANTHROPIC_API_KEY", "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"],
        };
        let set = names.iter().find(|name| context.environment.get_os(name).is_some());
        self.source = set.map(|name| format!("env:{name}"));
        self.place = Some("variable");
    }

    /// What the entry last gave.
    fn last(&mut self, cached: &Cached) {
        self.source = cached.credential.source.clone().or(self.source.take());
        let whose = cached.credential.account.clone().or(cached.credential.username.clone());
        self.account = whose.or(self.account.take());
        self.expires_at = cached.credential.expires_at;
    }

    /// What an entry of ours has in its keeping; false where that is nothing, and the next entry would be asked.
    fn stored(&mut self, context: &Context, link: &Link, origin: &Origin) -> Result<bool, Error> {
        let Program::Helper { name, args } = &link.entry.program else { return Ok(true) };
        let has = |option: &str, value: &str| args.windows(2).any(|pair| pair[0] == option && pair[1] == value);
        match program::short_name(name) {
            "apikey" if has("--source", "kept") => {
                let keys = kept::list(&context.folders)?;
                let here = |key: &&kept::Kept| {
                    (key.protocol.as_str(), key.host.as_str()) == (origin.protocol(), origin.host())
                };
                let Some(key) = keys.iter().filter(here).find(|key| key.username.is_none()) else { return Ok(false) };
                (self.source, self.place) = (Some("kept key".to_owned()), Some(place(key.place)));
            }
            "apikey" if has("--source", "api-key-helper") => {
                self.source = Some(format!("{} of Claude Code's settings", claude::API_KEY_HELPER));
            }
            "oauth" if has("--source", "claude") => {
                let login = claude::stored_login(link.claude_config_dir.as_ref().unwrap_or(&context.folders.claude))?;
                let Some(login) = login.filter(|login| login.expires_at.is_none_or(|at| at > now() / 1000)) else {
                    return Ok(false);
                };
                (self.source, self.place) = (Some("Claude Code's login".to_owned()), Some("file"));
                (self.account, self.expires_at) = (login.subscription, login.expires_at);
            }
            "oauth" => return self.provider(context, args),
            _ => {}
        }
        Ok(true)
    }

    fn provider(&mut self, context: &Context, args: &[String]) -> Result<bool, Error> {
        let named = args
            .windows(2)
            .find(|pair| pair[0] == "--provider")
            .and_then(|pair| context.config.providers.get(&pair[1]));
        let Some(provider) = named.or_else(|| context.config.default_provider()) else { return Ok(true) };
        self.source = Some(format!("provider {}", provider.name));
        match logins::find(&context.folders, &provider.name, None)? {
            Some(login) => (self.account, self.place) = (login.account, Some(place(login.place))),
            None if provider.flow.is_for_people() => {
                let name = &provider.name;
                let line = format!("nobody is signed in to {name}; run: claude-credential login {name}");
                return Err(Error::sign_in(line));
            }
            None => {}
        }
        Ok(true)
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Keychain => "keychain",
        Place::File => "file",
    }
}

fn is_missing(context: &Context, link: &Link) -> bool {
    let Program::Helper { name, .. } = &link.entry.program else { return false };
    link.built_in && program::locate(context, name).is_none()
}
