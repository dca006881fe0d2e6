//! What one profile has, as far as it can be told without asking anybody: by variables, the cache, and the indexes of
//! keys and sign-ins.

use std::cell::RefCell;
use std::path::PathBuf;

use claude_credential_config::kept::{self, Place};
use claude_credential_config::{Profile, Program, claude, logins};
use claude_credential_protocol::{Class, Error, Origin, Seconds, now};

use crate::cache::Cached;
use crate::chain::entry::{Availability, ResolvedEntry};
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::observer::{CacheView, Observer};
use crate::lookup::{self, Found};
use crate::query::Query;
use crate::suite::short_name;

/// A profile.
#[derive(Debug)]
pub(crate) struct ProfileStatus {
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

impl ProfileStatus {
    pub(crate) fn of(context: &Context, profile: Profile, here: bool) -> Self {
        let mut status = Self {
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
        match Query::new(context, profile, &origin)
            .map_err(Failure::from)
            .and_then(|query| status.look(context, &query, &origin))
        {
            Ok(()) => status,
            Err(failure) => Self { state: State::Problem, problem: Some(failure.to_string()), ..status },
        }
    }

    /// Looks as far as a lookup gets without asking an entry.
    fn look(&mut self, context: &Context, query: &Query, origin: &Origin) -> Result<(), Failure> {
        let held = RefCell::new(Held::default());
        let has = |entry: &ResolvedEntry| {
            let looked = Held::of(context, entry, origin);
            looked.map(|looked| looked.map(|looked| held.replace(looked)).is_some())
        };
        let mut kept = LastAnswer(None);
        let found = lookup::peek(context, query, &has, &mut kept);
        let last = |entry: &str| kept.0.as_ref().filter(|cached| cached.entry == entry);
        match found {
            Ok(Found::WouldAsk(entry)) => {
                self.entry(entry, if is_variable(query, entry) { State::Answers } else { State::Asked });
                self.take(held.into_inner(), last(entry.name()));
            }
            Ok(Found::Answer(answer)) => {
                if let Some(entry) = query.entry(&answer.entry) {
                    self.entry(entry, State::Answers);
                    self.take(Held::of(context, entry, origin)?.unwrap_or_default(), last(&answer.entry));
                }
            }
            Err(Failure::Error(error)) if error.class() == Class::NotFound => {}
            Err(Failure::Entry(name, error)) => {
                if let Some(entry) = query.entry(&name) {
                    self.entry(entry, State::Problem);
                }
                return Err(error.into());
            }
            Err(failure) => return Err(failure),
        }
        Ok(())
    }

    fn entry(&mut self, entry: &ResolvedEntry, state: State) {
        self.state = state;
        self.entry = Some(entry.name().to_owned());
        self.source = Some(match entry.program() {
            Program::Command(_) | Program::Shell(_) => "command".to_owned(),
            Program::Helper { name, .. } => format!("helper {}", short_name(name)),
        });
    }

    /// Takes over what an entry holds, and what it last gave.
    fn take(&mut self, held: Held, last: Option<&Cached>) {
        self.source = held.source.or(self.source.take());
        (self.account, self.place, self.expires_at) = (held.account, held.place, held.expires_at);
        let Some(Cached { credential, .. }) = last else { return };
        self.source = credential.source.clone().or(self.source.take());
        self.account = credential.account.clone().or(credential.username.clone()).or(self.account.take());
        self.expires_at = credential.expires_at;
    }
}

/// The kept answer that a lookup saw, whether it serves or not.
struct LastAnswer(Option<Cached>);

impl Observer for LastAnswer {
    fn cache(&mut self, view: CacheView<'_>) {
        if let CacheView::Kept(cached, _) = view {
            self.0 = Some(cached.clone());
        }
    }
}

/// Whether an entry answers from a variable before anything else is looked at.
fn is_variable(query: &Query, entry: &ResolvedEntry) -> bool {
    query.leading_variables().0.iter().any(|leading| leading.name() == entry.name())
}

/// What an entry holds, as far as that can be told without asking it.
#[derive(Default)]
struct Held {
    source: Option<String>,
    account: Option<String>,
    place: Option<&'static str>,
    expires_at: Option<Seconds>,
}

impl Held {
    /// `None` if it holds nothing, so that the next entry would be asked.
    fn of(context: &Context, entry: &ResolvedEntry, origin: &Origin) -> Result<Option<Self>, Error> {
        if matches!(entry.availability, Availability::Variable) {
            return Ok(Some(Self::variable(context, entry.name())));
        }
        let Program::Helper { name, args } = entry.program() else { return Ok(Some(Self::default())) };
        let has = |option: &str, value: &str| args.windows(2).any(|pair| pair[0] == option && pair[1] == value);
        match short_name(name) {
            "apikey" if has("--source", "kept") => Self::kept_key(context, origin),
            "apikey" if has("--source", "api-key-helper") => {
                let source = Some(format!("{} of Claude Code's settings", claude::API_KEY_HELPER));
                Ok(Some(Self { source, ..Self::default() }))
            }
            "oauth" if has("--source", "claude") => Self::login_of_client(context, entry),
            "oauth" => Self::provider(context, args),
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

    fn kept_key(context: &Context, origin: &Origin) -> Result<Option<Self>, Error> {
        let keys = kept::list(&context.folders)?;
        let mut here = keys.iter().filter(|key| {
            (key.protocol.as_str(), key.host.as_str()) == (origin.protocol(), origin.host()) && key.username.is_none()
        });
        let held = |key: &kept::Kept| Self {
            source: Some("kept key".to_owned()),
            place: Some(place(key.place)),
            ..Self::default()
        };
        Ok(here.next().map(held))
    }

    fn login_of_client(context: &Context, entry: &ResolvedEntry) -> Result<Option<Self>, Error> {
        let login = claude::stored_login(entry.claude_config_dir.as_ref().unwrap_or(&context.folders.claude))?;
        let login = login.filter(|login| login.expires_at.is_none_or(|at| at > now() / 1000));
        Ok(login.map(|login| Self {
            source: Some("Claude Code's login".to_owned()),
            account: login.subscription,
            place: Some("file"),
            expires_at: login.expires_at,
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
        let held = Self { source: Some(format!("provider {name}")), ..Self::default() };
        match logins::find(&context.folders, name, None)? {
            Some(login) => Ok(Some(Self { account: login.account, place: Some(place(login.place)), ..held })),
            None if provider.flow.is_for_people() => {
                Err(Error::sign_in(format!("nobody is signed in to {name}; run: claude-credential login {name}")))
            }
            None => Ok(Some(held)),
        }
    }
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Keychain => "keychain",
        Place::File => "file",
    }
}
