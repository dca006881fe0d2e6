pub(crate) mod destination;
pub(crate) mod profile;

use std::time::Duration;

use claude_credential_config::Profile;
use claude_credential_protocol::{BaseUrl, Credential, Error, Request, text};

use crate::chain::{Availability, ResolvedEntry, resolve};
use crate::context::Context;
use crate::ttl::{DEFAULT_TTL, TTL_VARIABLE, client_min_ttl, lifetime, variable_ttl};

/// A query for a credential, with everything that its answer depends on.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) profile: Profile,
    pub(crate) request: Request,
    pub(crate) chain: Vec<ResolvedEntry>,
    /// The TTL of the variable, which wins over every setting.
    variable_ttl: Option<Duration>,
    /// The TTL that the configuration file sets for all entries.
    file_ttl: Option<Duration>,
}

impl Query {
    /// The query of `profile` for `host`, a line of its `hosts`.
    pub(crate) fn new(context: &Context, profile: Profile, host: &BaseUrl) -> Result<Self, Error> {
        let chain = chain(context, &profile)?;
        // Claude Code uses its default if the value is no number, and so does this; `check_ttl` tells the user.
        let variable_ttl = variable_ttl(&context.environment).unwrap_or(Some(DEFAULT_TTL));
        let request = Request {
            deadline: Some(context.deadline),
            min_ttl: if context.for_client { client_min_ttl(&context.environment) } else { 0 },
            ..Request::at(host)
        };
        context.log.asked(&profile.name, host);
        Ok(Self { profile, request, chain, variable_ttl, file_ttl: context.config.ttl })
    }

    /// The same query, with everything read again that decides what its entries answer, except the configuration.
    pub(crate) fn again(&self, context: &Context) -> Result<Self, Error> {
        let Self { profile, request, chain: _, variable_ttl, file_ttl } = self;
        Ok(Self {
            profile: profile.clone(),
            request: request.clone(),
            chain: chain(context, profile)?,
            variable_ttl: *variable_ttl,
            file_ttl: *file_ttl,
        })
    }

    /// For how long an answer of `entry` is kept: as the variable, the entry, the profile or the file says, in this
    /// order; five minutes by default.
    pub(crate) fn ttl(&self, entry: &str, credential: &Credential) -> Duration {
        lifetime(self.configured_ttl(entry), credential)
    }

    /// The configured TTL for answers of `entry`; `None` for the default.
    pub(crate) fn configured_ttl(&self, entry: &str) -> Option<Duration> {
        let entry_ttl = self.entry(entry).and_then(|entry| entry.definition.ttl);
        self.variable_ttl.or(entry_ttl).or(self.profile.ttl).or(self.file_ttl)
    }

    /// Which setting decided the TTL; `None` for the default.
    pub(crate) fn ttl_reason(&self, entry: &str, context: &Context) -> Option<String> {
        let has_own = self.entry(entry).is_some_and(|entry| entry.definition.ttl.is_some());
        match self.variable_ttl {
            Some(_) if context.environment.get_os(TTL_VARIABLE).is_some() => Some(TTL_VARIABLE.to_owned()),
            _ if has_own => Some(format!("ttl of [entry.{entry}]")),
            _ if self.profile.ttl.is_some() => Some(format!("ttl of [profile.{}]", self.profile.name)),
            _ if self.file_ttl.is_some() => Some(format!("ttl of {}", context.config.file_shown())),
            _ => None,
        }
    }

    /// The entries at the beginning that answer from variables and descriptors, and the others. Answers of the former
    /// are neither kept nor waited for; if they have none after all, the others are asked as usual.
    pub(crate) fn leading_variables(&self) -> (&[ResolvedEntry], &[ResolvedEntry]) {
        let is_other = |entry: &ResolvedEntry| entry.is_live() && !matches!(entry.availability, Availability::Variable);
        self.chain.split_at(self.chain.iter().position(is_other).unwrap_or(self.chain.len()))
    }

    /// The entry of that name.
    pub(crate) fn entry(&self, name: &str) -> Option<&ResolvedEntry> {
        self.chain.iter().find(|entry| entry.name() == name)
    }

    /// The entry that `store` and `erase` go to.
    pub(crate) fn store_entry(&self) -> Option<&ResolvedEntry> {
        self.chain.iter().find(|entry| entry.definition.store)
    }
}

fn chain(context: &Context, profile: &Profile) -> Result<Vec<ResolvedEntry>, Error> {
    let names = chain_names(context, profile).iter();
    names.map(|name| resolve(name, profile, context).ok_or_else(|| unknown_entry(context, name))).collect()
}

/// The names of the entries: those of `--chain`, otherwise the profile's.
pub(crate) fn chain_names<'a>(context: &'a Context, profile: &'a Profile) -> &'a [String] {
    if context.options.chain.is_empty() { &profile.chain } else { &context.options.chain }
}

pub(crate) fn unknown_entry(context: &Context, name: &str) -> Error {
    let (shown, file) = (text::shown(name), context.config.file_shown());
    let section = if shown == name { name } else { "NAME" };
    Error::config(format!("{shown} is no entry, neither built in nor in {file}; add [entry.{section}] there"))
}
