//! `get`, `store`, `erase`, `capability`: the dispatcher as a helper, on stdin and stdout, as git calls its credential
//! helpers.

mod store_erase;

use std::cell::Cell;
use std::io;

use claude_credential_config::Profile;
use claude_credential_protocol::{Class, Credential, Error, Helper, Message, Operation, Request, answer, read};

use crate::context::Context;
use crate::failure::Failure;
use crate::lookup::{self, Refused};
use crate::query::{Query, profile};
use crate::ttl::check_ttl;

use store_erase::{erase, note_given, store};

/// Serves an operation. `message` is the request, if it has been read from stdin already.
pub(crate) fn run(
    context: &Context,
    operation: Operation,
    message: Option<Result<Message, Error>>,
) -> Result<(), Failure> {
    let dispatcher = Dispatcher { context, failure: Cell::new(None) };
    let outcome = serve_message(&dispatcher, operation, message);
    // A failure has more than the error of the wire: an interruption, for one, has an exit code of its own.
    outcome.map_err(|error| dispatcher.failure.take().unwrap_or(Failure::Error(error)))
}

/// Serves a `get` that can't begin because the configuration is broken.
pub(crate) fn fail(failure: Failure, message: Option<Result<Message, Error>>) -> Result<(), Failure> {
    match failure.to_error() {
        Some(error) => Ok(serve_message(&Unconfigured(error), Operation::Get, message)?),
        None => Err(failure),
    }
}

pub(crate) fn capability() -> Result<(), Failure> {
    Ok(claude_credential_protocol::capability(&[], &mut io::stdout())?)
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
        self.report(with_query(self.context, request, |query| store(self.context, query, credential)))
    }

    fn erase(&self, request: &Request, credential: Option<&Credential>) -> Result<(), Error> {
        self.report(with_query(self.context, request, |query| erase(self.context, query, credential)))
    }

    fn serves(&self, request: &Request) -> Result<bool, Error> {
        self.report(query(self.context, request).map(|query| query.is_some()).map_err(Failure::from))
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

/// The dispatcher with a configuration that can't be read. It does not know which hosts the user listed, so it tells git
/// to stop only for those of the built-in profile: git's other helpers may have credentials for all others.
struct Unconfigured(Error);

impl Helper for Unconfigured {
    fn get(&self, _request: &Request) -> Result<Option<Credential>, Error> {
        Err(self.0.clone())
    }

    fn ends_search(&self, request: &Request) -> bool {
        is_listed(request, [&Profile::built_in("default")])
    }
}

/// Whether a profile lists the host and path of `request`. A failure must not end git's search for any other host.
fn is_listed<'a>(request: &Request, profiles: impl IntoIterator<Item = &'a Profile>) -> bool {
    let Ok((origin, path)) = request.place() else { return false };
    profiles.into_iter().any(|profile| profile.lists(&origin, path).is_some())
}

fn get(context: &Context, request: &Request) -> Result<Option<Credential>, Failure> {
    check_ttl(&context.environment)?;
    let Some(mut query) = query(context, request)? else { return Ok(None) };
    query.request.check_live = request.check_live;
    query.request.min_ttl = request.min_ttl;
    let deadline = &mut query.request.deadline;
    *deadline = request.deadline.map_or(*deadline, |at| deadline.map(|own| own.min(at)));
    let refused = request.rejected.clone().map(|secret| {
        let last = lookup::last(context, &query).filter(|last| *last.credential.auth.secret() == secret);
        Refused { secret, entry: last.map(|last| last.entry), inferred: None }
    });
    match lookup::run(context, &query, refused) {
        Ok(answer) => {
            if answer.credential.ephemeral {
                note_given(context, answer.credential.auth.secret());
            }
            Ok(Some(answer.credential))
        }
        // On the wire "none" is an empty answer, and the caller goes on to its next helper.
        Err(Failure::Error(error)) if error.class() == Class::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Runs `operation` with the query of a request, if it has one.
fn with_query(
    context: &Context,
    request: &Request,
    operation: impl FnOnce(&Query) -> Result<(), Failure>,
) -> Result<(), Failure> {
    query(context, request)?.map_or(Ok(()), |query| operation(&query))
}

/// The query of a request; `None` for a host or path that no profile lists, or that is not a host: such a request gets silence.
fn query(context: &Context, request: &Request) -> Result<Option<Query>, Error> {
    let Ok((origin, path)) = request.place() else { return Ok(None) };
    let Some(profile) = profile::for_wire(context, &origin, path)? else { return Ok(None) };
    let mut query = Query::new(context, profile, &origin.into())?;
    let to_entries = &mut query.request;
    // As the caller wrote them, the path whole: an answer for another spelling of the host would count as one for another host.
    to_entries.protocol.clone_from(&request.protocol);
    to_entries.host.clone_from(&request.host);
    to_entries.path.clone_from(&request.path);
    to_entries.username.clone_from(&request.username);
    to_entries.wwwauth.clone_from(&request.wwwauth);
    to_entries.state.clone_from(&request.state);
    Ok(Some(query))
}
