use std::io::{Read, Write};

use crate::request::{Capabilities, Operation, Request};
use crate::{Credential, Error, Message, written};

/// What answers the operations of the wire.
///
/// Only `get` has to be written. `Ok(None)` means "not mine" or "not found" and lets the chain go on; every error stops
/// it. An executable of its own is a [`HelperCli`](crate::HelperCli) besides.
pub trait Helper {
    /// The credential for `request`, if this helper has one.
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error>;

    /// Keeps `credential`, if this helper keeps any. By default it does nothing.
    fn store(&self, _request: &Request, _credential: &Credential) -> Result<(), Error> {
        Ok(())
    }

    /// Forgets what it keeps for `request`, if that is the secret of `credential`; without a credential, whatever it is.
    fn erase(&self, _request: &Request, _credential: Option<&Credential>) -> Result<(), Error> {
        Ok(())
    }

    /// Whether `store` and `erase` for `request` concern this helper. If not, the rest of the message is not even read: it
    /// may be another helper's. By default they do.
    fn serves(&self, _request: &Request) -> Result<bool, Error> {
        Ok(true)
    }

    /// Whether a failed `get` also ends the search of the caller. git looks at no exit code, so the answer has to say it.
    /// By default it does: a helper that fails had a credential to give.
    fn ends_search(&self, _request: &Request) -> bool {
        true
    }
}

/// Serves one operation on streams, without a process around it. An operation that this version does not know gets
/// silence, as in git.
pub fn serve(helper: &dyn Helper, operation: &str, stdin: &mut dyn Read, stdout: &mut dyn Write) -> Result<(), Error> {
    match Operation::named(operation) {
        Some(operation) => answer(helper, operation, &read(stdin)?, stdout),
        None if operation == "capability" => capability(&[], stdout),
        None => Ok(()),
    }
}

/// Reads the message of an operation.
pub fn read(stdin: &mut dyn Read) -> Result<Message, Error> {
    let unreadable = |error: std::io::Error| Error::broke(format!("can't read stdin: {error}"));
    Ok(Message::read(stdin).map_err(unreadable)??)
}

/// Serves one operation whose message has been read.
pub fn answer(
    helper: &dyn Helper,
    operation: Operation,
    message: &Message,
    stdout: &mut dyn Write,
) -> Result<(), Error> {
    let request = Request::from_message(message)?;
    match operation {
        Operation::Get => get(helper, &request, stdout),
        Operation::Store | Operation::Erase if !helper.serves(&request)? => Ok(()),
        Operation::Store => {
            Credential::offered(message)?.map_or(Ok(()), |credential| helper.store(&request, &credential))
        }
        Operation::Erase => {
            let offered = Credential::offered(message)?;
            // A credential of an unknown kind is not kept here. Without this check it would count as none given, and
            // everything would be forgotten.
            if offered.is_none() && message.get("credential").is_some() {
                return Ok(());
            }
            helper.erase(&request, offered.as_ref())
        }
    }
}

fn get(helper: &dyn Helper, request: &Request, stdout: &mut dyn Write) -> Result<(), Error> {
    let found = helper.get(request).and_then(|found| match found {
        Some(credential) => credential.answer(request),
        None => Ok(Message::default()),
    });
    match found {
        Ok(message) => written(message.write(stdout)),
        Err(error) => {
            if helper.ends_search(request) {
                written(quit(request.capabilities)?.write(stdout))?;
            }
            Err(error)
        }
    }
}

/// What stops git from asking its next helper, and then the user.
fn quit(capabilities: Capabilities) -> Result<Message, Error> {
    let mut message = Message::default();
    capabilities.write(&mut message)?;
    message.push("quit", "1")?;
    Ok(message)
}

/// The operation `capability`: lists what this version understands, and which of `login`, `logout` and `status` the helper has.
pub fn capability(user_commands: &[&str], stdout: &mut dyn Write) -> Result<(), Error> {
    let mut lines = vec!["version 0\n".to_owned()];
    lines.extend(Capabilities::ALL.names().map(|name| format!("capability {name}\n")));
    lines.extend(user_commands.iter().map(|command| format!("capability claude.{command}\n")));
    written(stdout.write_all(lines.concat().as_bytes()))
}
