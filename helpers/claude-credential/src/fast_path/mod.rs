//! A call whose answer is kept, without what it takes to find out which answer that is: no configuration is parsed, no
//! settings (`docs/design/front-key.md`). Whatever is not exactly as it was when the record was written goes the long way,
//! and so does whatever goes wrong: here nothing is decided and nothing is said.

mod plain;

use std::ffi::OsString;
use std::io;

use claude_credential_config::{Environment, Folders};
use claude_credential_protocol::{Error, Family, Message, PrintOptions, Request, millis, now, print, read, written};

use crate::cache::caller::Caller;
use crate::cache::{Cache, Cached, load};
use crate::cli::Cli;
use crate::token_output::{Delivery, deliver};
use crate::ttl::{client_ttl, lifetime};

use crate::cache::fast_key::{FastKey, Record};
use crate::prelude::Prelude;
use plain::Line;

/// Answers the call if it can.
pub(crate) fn answer(cli: &Cli, words: &[OsString], prelude: &mut Prelude) -> Option<Result<(), Error>> {
    let line = Line::of(cli)?;
    let folders = Folders::of(&prelude.environment).ok()?;
    if line == Line::Get {
        prelude.message = Some(read(&mut io::stdin()));
    }
    let request = match &prelude.message {
        Some(message) => Some(message.as_ref().ok()?),
        None => None,
    };
    let cache = Cache::at(&folders.runtime)?;
    let fast_key = FastKey::of(words, request, &prelude.environment, &folders, cache)?;
    let fast_key = prelude.fast_key.insert(fast_key);
    let Record { key, entry, ttl, min_ttl } = fast_key.record()?;
    let cached = load(&fast_key.cache().file(&key, "cache")).ok()??;
    let serves = cached.entry == entry && cached.staleness(lifetime(ttl, &cached.credential), min_ttl, now()).is_none();
    if serves { hand_out(line, request, &cached, fast_key, &prelude.environment) } else { None }
}

fn hand_out(
    line: Line,
    request: Option<&Message>,
    cached: &Cached,
    fast_key: &FastKey,
    environment: &Environment,
) -> Option<Result<(), Error>> {
    let Cached { credential, entry, .. } = cached;
    match line {
        Line::Print(format) => {
            let options = PrintOptions { format, ..PrintOptions::default() };
            Some(print(credential, Family::of(credential, None), options, &mut io::stdout().lock()))
        }
        Line::ApiKeyHelper => {
            let caller = Caller::identify(environment, fast_key.cache());
            let client_ttl = millis(client_ttl(environment));
            match deliver(credential.auth.secret(), entry, caller.as_ref(), client_ttl, None) {
                Ok(Delivery::Written) => Some(Ok(())),
                Ok(Delivery::Refused) | Err(_) => None,
            }
        }
        Line::Get => {
            let answer = credential.answer(&Request::from_message(request?).ok()?).ok()?;
            Some(written(answer.write(&mut io::stdout())))
        }
    }
}
