use std::time::Duration;

use claude_credential_config::{Environment, Profile};
use claude_credential_protocol::{Credential, Error, Kind, Origin, Request, Seconds};

use crate::chain::{Link, Standing};
use crate::context::Context;

/// The client's own time between two runs of its helper, and ours.
pub(crate) const DEFAULT_TTL: Duration = Duration::from_mins(5);

pub(crate) const TTL_VARIABLE: &str = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS";

/// One question, with everything that its answer depends on.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) profile: Profile,
    pub(crate) request: Request,
    pub(crate) chain: Vec<Link>,
    /// What the variable says, which wins over every setting.
    variable_ttl: Option<Duration>,
    /// What the file says for all.
    file_ttl: Option<Duration>,
}

impl Ask {
    /// The question of `profile` for `origin`.
    pub(crate) fn new(context: &Context, profile: Profile, origin: &Origin) -> Result<Self, Error> {
        let chain = chain_names(context, &profile)
            .iter()
            .map(|name| Link::resolve(name, &profile, context).ok_or_else(|| unknown_entry(context, name)))
            .collect::<Result<_, _>>()?;
        // The client takes its default for what is no number, and so do we; a person is told by `check_ttl`.
        let variable_ttl = variable_ttl(&context.environment).unwrap_or(Some(DEFAULT_TTL));
        let request = Request {
            deadline: Some(context.deadline),
            min_ttl: if context.for_client { client_min_ttl(&context.environment) } else { 0 },
            ..Request::new(origin.protocol(), origin.host())
        };
        context.log.asked(&profile.name, origin);
        Ok(Self { profile, request, chain, variable_ttl, file_ttl: context.config.ttl })
    }

    /// For how long an answer of `entry` is kept: the variable, the entry, the profile, the file; where none
    /// of them says anything, for five minutes.
    pub(crate) fn ttl(&self, entry: &str, credential: &Credential) -> Duration {
        lifetime(self.said_ttl(entry), credential)
    }

    /// The same, as far as anything says it.
    pub(crate) fn said_ttl(&self, entry: &str) -> Option<Duration> {
        let own = self.chain.iter().find(|link| link.entry.name == entry).and_then(|link| link.entry.ttl);
        self.variable_ttl.or(own).or(self.profile.ttl).or(self.file_ttl)
    }

    /// Who says so; nobody, where it is as it is.
    pub(crate) fn ttl_because(&self, entry: &str, context: &Context) -> Option<String> {
        let has_own = self.chain.iter().any(|link| link.entry.name == entry && link.entry.ttl.is_some());
        match self.variable_ttl {
            Some(_) if context.environment.get_os(TTL_VARIABLE).is_some() => Some(TTL_VARIABLE.to_owned()),
            _ if has_own => Some(format!("ttl of [entry.{entry}]")),
            _ if self.profile.ttl.is_some() => Some(format!("ttl of [profile.{}]", self.profile.name)),
            _ if self.file_ttl.is_some() => Some(format!("ttl of {}", context.config.file_shown())),
            _ => None,
        }
    }

    /// The entries at the beginning that answer from variables and descriptors, and the others. Of the former nothing is
    /// kept and nobody waits for them; if they have nothing after all, the others are asked as ever.
    pub(crate) fn leading_variables(&self) -> (&[Link], &[Link]) {
        let is_other = |link: &Link| link.is_live() && !matches!(link.standing, Standing::Variable);
        self.chain.split_at(self.chain.iter().position(is_other).unwrap_or(self.chain.len()))
    }

    /// The entry that `store` and `erase` go to.
    pub(crate) fn store_entry(&self) -> Option<&Link> {
        self.chain.iter().find(|link| link.entry.store)
    }
}

/// For how long an answer is kept, where `said` is all that was said.
pub(crate) fn lifetime(said: Option<Duration>, credential: &Credential) -> Duration {
    // AWS's keys say when they end, and `refresh` asks AWS whether they are good: nothing is won by asking for others
    // before they are due.
    let until_due = credential.auth.kind() == Kind::Aws && credential.expires_at.is_some();
    said.unwrap_or(if until_due { Duration::MAX } else { DEFAULT_TTL })
}

/// The entries that are asked: those of `--chain`, else the profile's.
pub(crate) fn chain_names<'a>(context: &'a Context, profile: &'a Profile) -> &'a [String] {
    if context.options.chain.is_empty() { &profile.chain } else { &context.options.chain }
}

pub(crate) fn unknown_entry(context: &Context, name: &str) -> Error {
    let file = context.config.file_shown();
    Error::config(format!("{name} is no entry, neither built in nor in {file}; add [entry.{name}] there"))
}

/// Refuses a TTL variable that is no number of milliseconds, where somebody can mend it.
pub(crate) fn check_ttl(context: &Context) -> Result<(), Error> {
    variable_ttl(&context.environment).map(|_| ())
}

/// For how long the client keeps a key, whatever the profile says.
pub(crate) fn client_ttl(environment: &Environment) -> Duration {
    variable_ttl(environment).ok().flatten().unwrap_or(DEFAULT_TTL)
}

/// The client hands out a key once more after its time, while it asks again: what it gets should live a minute longer.
fn client_min_ttl(environment: &Environment) -> Seconds {
    client_ttl(environment).as_secs() + 60
}

fn variable_ttl(environment: &Environment) -> Result<Option<Duration>, Error> {
    let Some(value) = environment.get_os(TTL_VARIABLE) else { return Ok(None) };
    let parsed = value.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit())).map(str::parse);
    match parsed {
        Some(Ok(milliseconds)) => Ok(Some(Duration::from_millis(milliseconds))),
        _ => Err(Error::config(format!(
            "{TTL_VARIABLE} is not a number of milliseconds; run: unset {TTL_VARIABLE}, or set it to one such as 300000"
        ))),
    }
}
