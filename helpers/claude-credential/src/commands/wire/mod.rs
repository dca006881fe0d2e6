//! `get`, `store`, `erase`, `capability`: the dispatcher as a helper, on stdin and stdout, as git calls its credential
//! helpers.

mod keeping;

use std::cell::Cell;
use std::io;

use claude_credential_config::Profile;
use claude_credential_protocol::{
    Class, Credential, Error, Helper, Message, Operation, Origin, Request, answer, read, serve,
};

use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::{self, Refused};
use crate::query::{Query, profile};
use crate::ttl::check_ttl;

/// Serves an operation; `message` is what stood on stdin, if that has been read.
pub(crate) fn run(
    context: &Context,
    operation: Operation,
    message: Option<Result<Message, Error>>,
) -> Result<(), Failure> {
    let dispatcher = Dispatcher { context, failure: Cell::new(None) };
    let outcome = serve_message(&dispatcher, operation, message);
    // Being interrupted is no error of the wire, and has an exit code of its own.
    outcome.map_err(|error| dispatcher.failure.take().unwrap_or(Failure::Error(error)))
}

/// Serves a `get` that can't even begin, because the configuration is broken.
pub(crate) fn fail(failure: Failure, message: Option<Result<Message, Error>>) -> Result<(), Failure> {
    let error = failure.to_error();
    serve_message(&Unconfigured { error }, Operation::Get, message)?;
    Err(failure)
}

pub(crate) fn capability() -> Result<(), Failure> {
    let error = None;
    Ok(serve(&Unconfigured { error }, "capability", &mut io::empty(), &mut io::stdout())?)
}

fn serve_message(
    helper: &dyn Helper,
    operation: Operation,
    message: Option<Result<Message, Error>>,
) -> Result<(), Error> {
    let message = message.unwrap_or_else(|| read(&mut io::stdin()))?;
    answer(helper, operation, &message, &mut io::stdout())
}

struct Dispatcher<'a> {
    context: &'a Context,
    /// Why `get`, `store` or `erase` failed.
    failure: Cell<Option<Failure>>,
}

impl Helper for Dispatcher<'_> {
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error> {
        self.report(get(self.context, request))
    }

    fn store(&self, request: &Request, credential: &Credential) -> Result<(), Error> {
        self.report(query(self.context, request).map_err(Failure::from).and_then(|query| match query {
            Some(query) => keeping::store(self.context, &query, credential),
            None => Ok(()),
        }))
    }

    fn erase(&self, request: &Request, credential: Option<&Credential>) -> Result<(), Error> {
        self.report(query(self.context, request).map_err(Failure::from).and_then(|query| match query {
            Some(query) => keeping::erase(self.context, &query, credential),
            None => Ok(()),
        }))
    }

    fn ends_search(&self, request: &Request) -> bool {
        is_listed(request, self.context.config.profiles.values())
    }
}

impl Dispatcher<'_> {
    fn report<T>(&self, outcome: Result<T, Failure>) -> Result<T, Error> {
        outcome.map_err(|failure| {
            let error = failure.to_error().unwrap_or_else(|| Error::broke(failure.to_string()));
            self.failure.set(Some(failure));
            error
        })
    }
}

/// The dispatcher with a configuration that can't be read. Which hosts the user listed is not known then, so git is told
/// to stop only for the product's own: all others may be the business of its other helpers.
struct Unconfigured {
    error: Option<Error>,
}

impl Helper for Unconfigured {
    fn get(&self, _request: &Request) -> Result<Option<Credential>, Error> {
        self.error.clone().map_or(Ok(None), Err)
    }

    fn ends_search(&self, request: &Request) -> bool {
        is_listed(request, [&Profile::built_in("default")])
    }
}

/// Whether a profile lists the host of `request`. A failure must not end git's search for any other host.
fn is_listed<'a>(request: &Request, profiles: impl IntoIterator<Item = &'a Profile>) -> bool {
    let origin = Origin::new(&request.protocol, &request.host);
    origin.is_ok_and(|origin| profiles.into_iter().any(|profile| profile.lists(&origin)))
}

fn get(context: &Context, request: &Request) -> Result<Option<Credential>, Failure> {
    check_ttl(&context.environment)?;
    let Some(mut query) = query(context, request)? else { return Ok(None) };
    query.request.check_live = request.check_live;
    query.request.min_ttl = request.min_ttl;
    let refused = request.rejected.clone().map(|secret| {
        let last = lookup::last(context, &query).filter(|last| *last.credential.auth.secret() == secret);
        Refused { secret, entry: last.map(|last| last.entry), inferred: None }
    });
    match lookup::run(context, &query, refused) {
        Ok(answer) => {
            if answer.credential.ephemeral {
                keeping::note_given(context, answer.credential.auth.secret());
            }
            Ok(Some(answer.credential))
        }
        // On the wire "none" is an empty answer, and the caller goes on to its next helper.
        Err(Failure::Error(error)) if error.class() == Class::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// The query of a request; `None` for a host that no profile lists, or that is not a host: such a request gets silence.
fn query(context: &Context, request: &Request) -> Result<Option<Query>, Error> {
    let Ok(origin) = Origin::new(&request.protocol, &request.host) else { return Ok(None) };
    let Some(profile) = profile::for_origin(context, &origin)? else { return Ok(None) };
    let mut query = Query::new(context, profile, &origin)?;
    let own = &mut query.request;
    // As the caller wrote them: an answer for a host that only reads alike would be another host's.
    own.protocol.clone_from(&request.protocol);
    own.host.clone_from(&request.host);
    own.path.clone_from(&request.path);
    own.username.clone_from(&request.username);
    own.wwwauth.clone_from(&request.wwwauth);
    own.state.clone_from(&request.state);
    own.deadline = own.deadline.min(request.deadline.or(own.deadline));
    Ok(Some(query))
}
