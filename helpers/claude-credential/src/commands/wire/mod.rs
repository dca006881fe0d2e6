//! `get`, `store`, `erase`, `capability`: the wire, on stdin and stdout, as git calls its credential helpers.

mod keeping;

use std::io::{self, Write};

use claude_credential_config::Profile;
use claude_credential_protocol::{Capabilities, Class, Credential, Error, Message, Origin, Request, written};

use crate::begun::Input;
use crate::context::Context;
use crate::failure::Failure;
use crate::lookup;
use crate::lookup::walk::Refused;
use crate::query::Ask;
use crate::query::profile;
use crate::ttl::check_ttl;

pub(crate) fn get(context: Context, input: Input) -> Result<(), Failure> {
    let message = read_unless(input)?;
    let request = Request::from_message(&message)?;
    let deadline = request.deadline.map_or(context.deadline, |at| at.min(context.deadline));
    let context = Context { deadline, ..context };
    let answer = check_ttl(&context.environment).map_err(Failure::from).and_then(|()| answer(&context, &request));
    match answer {
        Ok(answer) => write(&answer),
        Err(failure) => {
            let profiles = context.config.profiles.values();
            quit_for_ours(&request, profiles)?;
            Err(failure)
        }
    }
}

/// A `get` that can't even begin, because the configuration is broken. Which hosts are ours is not known then, so only
/// for the product's own does git hear that it is to stop: all others may be other helpers' business.
pub(crate) fn stop(failure: Failure, input: Input) -> Result<u8, Failure> {
    let request = Request::from_message(&read_unless(input)?)?;
    quit_for_ours(&request, [&Profile::built_in("default")])?;
    Err(failure)
}

/// Says `quit=1` where the host is one that we would answer for. For all others git asks its next helper: what is wrong
/// with us is no reason to stop it.
fn quit_for_ours<'a>(request: &Request, profiles: impl IntoIterator<Item = &'a Profile>) -> Result<(), Failure> {
    let origin = Origin::new(&request.protocol, &request.host);
    let is_ours = origin.is_ok_and(|origin| profiles.into_iter().any(|profile| profile.lists(&origin)));
    if is_ours { quit(request) } else { Ok(()) }
}

/// git looks at no exit code; without this word it would ask the next helper, and then the person.
fn quit(request: &Request) -> Result<(), Failure> {
    let mut message = Message::default();
    request.capabilities.write(&mut message)?;
    message.push("quit", "1")?;
    write(&message)
}

fn answer(context: &Context, request: &Request) -> Result<Message, Failure> {
    let Some(mut ask) = ask(context, request)? else { return Ok(Message::default()) };
    ask.request.check_live = request.check_live;
    ask.request.min_ttl = request.min_ttl;
    let refused = request.rejected.clone().map(|secret| {
        let entry = lookup::last(context, &ask).filter(|last| *last.credential.auth.secret() == secret);
        Refused { secret, entry: entry.map(|last| last.entry), concluded: None }
    });
    match lookup::obtain(context, &ask, refused) {
        Ok(answer) => {
            if answer.credential.ephemeral {
                keeping::note_given(context, answer.credential.auth.secret());
            }
            let request = Request { capabilities: request.capabilities, ..ask.request };
            Ok(answer.credential.answer(&request)?)
        }
        // On the wire "none" is an empty answer, and whoever asked goes on to his next helper.
        Err(Failure::Error(error)) if error.class() == Class::NotFound => Ok(Message::default()),
        Err(failure) => Err(failure),
    }
}

pub(crate) fn store(context: &Context) -> Result<(), Failure> {
    let message = read()?;
    let request = Request::from_message(&message)?;
    let Some(ask) = ask(context, &request)? else { return Ok(()) };
    Credential::offered(&message)?.map_or(Ok(()), |credential| keeping::store(context, &ask, &credential))
}

pub(crate) fn erase(context: &Context) -> Result<(), Failure> {
    let message = read()?;
    let request = Request::from_message(&message)?;
    let Some(ask) = ask(context, &request)? else { return Ok(()) };
    let offered = Credential::offered(&message)?;
    // A scheme that is none of ours: nothing of it is here, and all that is here was not meant.
    if offered.is_none() && message.get("credential").is_some() {
        return Ok(());
    }
    keeping::erase(context, &ask, offered.as_ref())
}

pub(crate) fn capability() -> Result<(), Failure> {
    let names = Capabilities::ALL.names().map(|name| format!("capability {name}\n"));
    let text = ["version 0\n".to_owned()].into_iter().chain(names).collect::<String>();
    Ok(written(io::stdout().write_all(text.as_bytes()))?)
}

/// The question of a request; none for a host that no profile lists, or that is none: such a request gets silence.
fn ask(context: &Context, request: &Request) -> Result<Option<Ask>, Failure> {
    let Ok(origin) = Origin::new(&request.protocol, &request.host) else { return Ok(None) };
    let Some(profile) = profile::for_origin(context, &origin)? else { return Ok(None) };
    let mut ask = Ask::new(context, profile, &origin)?;
    // As the caller wrote them: an answer for a host that only reads alike would be another host's.
    ask.request.protocol.clone_from(&request.protocol);
    ask.request.host.clone_from(&request.host);
    ask.request.path.clone_from(&request.path);
    ask.request.username.clone_from(&request.username);
    ask.request.wwwauth.clone_from(&request.wwwauth);
    ask.request.state.clone_from(&request.state);
    Ok(Some(ask))
}

fn read() -> Result<Message, Failure> {
    read_unless(None)
}

fn read_unless(input: Input) -> Result<Message, Failure> {
    let read = input.unwrap_or_else(|| Message::read(&mut io::stdin()));
    Ok(read.map_err(|error| Error::broke(format!("can't read stdin: {error}")))??)
}

fn write(message: &Message) -> Result<(), Failure> {
    Ok(written(message.write(&mut io::stdout()))?)
}
