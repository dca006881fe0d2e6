//! `print`: a credential for a script.

use std::io::{self, BufRead, BufReader, Write};

use claude_credential_config::{Environment, Profile};
use claude_credential_protocol::{
    BaseUrl, Class, Family, Format, Interactive, Origin, Surroundings, Variables, print_variables,
};

use crate::chain::Resolved;
use crate::cli::Print;
use crate::client::cloud::Cloud;
use crate::client::destination::{API, Destination, destinations};
use crate::client::mode::BASE_URL;
use crate::commands::login;
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::{self, Refused};
use crate::query::destination::Project;
use crate::query::{Query, profile};
use crate::ttl::check_ttl;

pub(crate) fn run(context: &Context, options: &Print) -> Result<(), Failure> {
    context.log.show_progress();
    check_ttl(&context.environment)?;
    if options.format.format == Format::Sts {
        // Claude Code runs it with a project's variables.
        Project::here(context)?.check_trust()?;
    }
    let profile = profile::choose(context)?;
    let variable = if options.format.format.sets_variables() { host_in_variable(context, &profile) } else { None };
    let host = match variable.filter(|_| options.host.is_none()) {
        Some(host) => host,
        None => profile::host_for_user(context, &profile, options.host.as_deref())?,
    };
    let mut query = Query::new(context, profile, &host)?;
    query.request.username.clone_from(&options.account);
    let refused = if options.rejected { last_answer(context, &query) } else { None };
    let answer = obtain(context, &query, refused)?;
    let (family, stdout) = (family(&query, &answer), &mut io::stdout().lock());
    if !options.format.format.sets_variables() {
        return Ok(claude_credential_protocol::print(&answer.credential, family, options.format, stdout)?);
    }
    let mut variables = Variables::of(family, &answer.credential, &Surroundings::here())?;
    set_base_url(&host, context, &query.profile, family, &mut variables);
    Ok(print_variables(&variables, options.format, stdout)?)
}

/// Looks the credential up; once more if the user signs in after the first failure.
pub(super) fn obtain(context: &Context, query: &Query, refused: Option<Refused>) -> Result<Resolved, Failure> {
    match lookup::run(context, query, refused.clone()) {
        Err(failure) if sign_in(context, query, &failure)? => lookup::run(context, query, refused),
        outcome => outcome,
    }
}

/// The line of `hosts` for the place that the variable names, where Claude Code would send the credential.
fn host_in_variable(context: &Context, profile: &Profile) -> Option<BaseUrl> {
    let url = context.environment.get_os(BASE_URL)?.to_str()?;
    let (origin, path) = Origin::and_path(url).ok()?;
    profile.lists(&origin, path).cloned()
}

/// Sets the variable that sends Claude Code to the credential's host. Without it Claude Code would send a gateway's
/// credential to its own host; with one that earlier output has set, to another gateway or another tenant of this one. A
/// cloud's host depends on the region instead.
fn set_base_url(host: &BaseUrl, context: &Context, profile: &Profile, family: Family, variables: &mut Variables) {
    if let Some(service) = Cloud::of_family(family).map(Cloud::service).or(context.client_mode.gateway()) {
        let name = service.base_url();
        let is_named = context.environment.get_os(name).is_some();
        // A request that is signed with AWS's keys holds no secret, so the cloud's own host may have it.
        if (is_named || family != Family::Aws) && leads_elsewhere(profile, variables, &context.environment) {
            variables.removed.push(name);
            if leads_elsewhere(profile, variables, &context.environment) {
                variables.removed.pop();
                variables.set.push((name, host.to_string().into()));
            }
        }
        return;
    }
    let current = context.environment.get_os(BASE_URL);
    let goes_there = match current {
        Some(_) => host_in_variable(context, profile).as_ref() == Some(host),
        None => host.to_string() == API,
    };
    if !goes_there {
        variables.set.push((BASE_URL, host.to_string().into()));
    }
}

/// Whether Claude Code would send to a host that the profile does not list, with those changes to `here`.
pub(super) fn leads_elsewhere(profile: &Profile, variables: &Variables, here: &Environment) -> bool {
    let is_listed =
        |place: &Destination| place.place.as_ref().is_ok_and(|(origin, path)| profile.lists(origin, path).is_some());
    !destinations(&environment_after(variables, here)).iter().all(is_listed)
}

/// `here` with those changes.
pub(super) fn environment_after(variables: &Variables, here: &Environment) -> Environment {
    let Variables { set, removed } = variables;
    let kept = here.iter().filter(|(name, _)| removed.iter().all(|removed| removed != name));
    let kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let set = set.iter().map(|(name, value)| ((*name).into(), value.expose().into()));
    Environment::from_pairs(kept.chain(set))
}

/// The variables that the answer goes into. A bearer token from a cloud's helper is one for that cloud.
pub(super) fn family(query: &Query, answer: &Resolved) -> Family {
    let cloud = query.entry(&answer.entry).and_then(|entry| Cloud::of_program(entry.program()));
    let bearer = cloud.map(|cloud| match cloud {
        Cloud::Bedrock => Family::BedrockKey,
        Cloud::Vertex => Family::Vertex,
    });
    Family::of(&answer.credential, bearer)
}

/// The refused answer: the one that the caller last got from here, which is the cached one. An answer that is not cached
/// needs no mark, because the entry is asked again in any case.
fn last_answer(context: &Context, query: &Query) -> Option<Refused> {
    let Resolved { credential, entry, .. } = lookup::last(context, query)?;
    Some(Refused { secret: credential.auth.secret().clone(), entry: Some(entry), inferred: None })
}

/// If signing in would mend `failure`, asks the user at the terminal whether to sign in now, and does so. Whether the
/// user is signed in now.
fn sign_in(context: &Context, query: &Query, failure: &Failure) -> Result<bool, Failure> {
    let Failure::Entry(entry, error) = failure else { return Ok(false) };
    if error.class() != Class::SignIn || context.interactive() != Interactive::Auto {
        return Ok(false);
    }
    let Some(entry) = query.entry(entry) else { return Ok(false) };
    let mut stderr = io::stderr();
    let question = format!("claude-credential: {failure}\nsign in to {} now? [Y/n] ", entry.definition.name);
    let mut answer = String::new();
    let read = stderr
        .write_all(question.as_bytes())
        .and_then(|()| BufReader::new(std::fs::File::open("/dev/tty")?).read_line(&mut answer));
    let agreed = read.is_ok_and(|length| length > 0) && !answer.trim().to_ascii_lowercase().starts_with('n');
    Ok(agreed && login::status(context, entry, "login", &[])?.success())
}
