//! `print`: a credential for a script.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Write};

use claude_credential_config::Profile;
use claude_credential_protocol::{
    BaseUrl, Class, Family, Interactive, Origin, Surroundings, Variables, print_variables,
};

use crate::chain::Resolved;
use crate::cli::Print;
use crate::client::cloud::Cloud;
use crate::client::destination::API;
use crate::client::mode::BASE_URL;
use crate::commands::login;
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::{self, Refused};
use crate::query::{Query, profile};
use crate::ttl::check_ttl;

pub(crate) fn run(context: &Context, options: &Print) -> Result<(), Failure> {
    context.log.show_progress();
    check_ttl(&context.environment)?;
    let profile = profile::choose(context)?;
    let host = profile::host_for_user(context, &profile, options.host.as_deref())?;
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

/// Sets the variable that sends Claude Code to the credential's host. Without it Claude Code would send a gateway's
/// credential to its own host; with one that earlier output has set, to another gateway. A cloud's host depends on the
/// region instead.
fn set_base_url(host: &BaseUrl, context: &Context, profile: &Profile, family: Family, variables: &mut Variables) {
    let goes_to_cloud = Cloud::of_family(family).is_some() || Surroundings::here().is_cloud_gateway;
    let current = context.environment.get_os(BASE_URL);
    let is_listed = |url: &OsStr| {
        let url = url.to_str().and_then(|url| Origin::and_path(url).ok());
        url.is_some_and(|(origin, path)| profile.lists(&origin, path).is_some())
    };
    let host = host.to_string();
    let goes_to_profile = current.map_or(host == API, is_listed);
    if !goes_to_cloud && !goes_to_profile {
        variables.set.push((BASE_URL, host.into()));
    }
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
