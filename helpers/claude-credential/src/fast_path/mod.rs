//! Answers a call from the cache without parsing the configuration or any settings (`docs/design/fast-path.md`). If
//! anything differs from the record, or goes wrong, the call does the full lookup, which alone decides and prints
//! errors.

mod plain;

use std::ffi::OsString;
use std::io;

use claude_credential_config::{Environment, Folders};
use claude_credential_protocol::{Error, Family, Message, PrintOptions, Request, now, print, read, written};

use crate::cache::{Cache, Cached, FastKey, FastRecord, load};
use crate::chain::AnswerOrigin;
use crate::cli::Cli;
use crate::prelude::Prelude;
use crate::token_output::{Delivery, TokenOutput, checked};
use crate::ttl::lifetime;

use plain::PlainCall;

/// Answers the call; `None` if it needs the full lookup.
pub(crate) fn answer(cli: &Cli, words: &[OsString], prelude: &mut Prelude) -> Option<Result<(), Error>> {
    let call = PlainCall::of(cli)?;
    let folders = Folders::of(&prelude.environment).ok()?;
    if call == PlainCall::Get {
        prelude.message = Some(read(&mut io::stdin()));
    }
    let request = match &prelude.message {
        Some(message) => Some(message.as_ref().ok()?),
        None => None,
    };
    let cache = Cache::open_existing(&folders.runtime)?;
    let fast_key = FastKey::of(words, request, &prelude.environment, &folders, cache)?;
    let fast_key = prelude.fast_key.insert(fast_key);
    let FastRecord { key, entry, ttl, min_ttl } = fast_key.record()?;
    let cached = load(&fast_key.cache().file(&key, "cache")).ok()??;
    let serves = cached.entry == entry && cached.staleness(lifetime(ttl, &cached.credential), min_ttl, now()).is_none();
    if serves { serve(call, request, &cached, fast_key, &prelude.environment) } else { None }
}

fn serve(
    call: PlainCall,
    request: Option<&Message>,
    cached: &Cached,
    fast_key: &FastKey,
    environment: &Environment,
) -> Option<Result<(), Error>> {
    let Cached { credential, entry, .. } = cached;
    match call {
        PlainCall::Print(format) => {
            let options = PrintOptions { format, ..PrintOptions::default() };
            Some(print(credential, Family::of(credential, None), options, &mut io::stdout().lock()))
        }
        PlainCall::ApiKeyHelper => {
            // The full lookup reports a token that Claude Code would refuse.
            checked(credential.auth.secret(), entry).ok()?;
            let output = TokenOutput::of(environment, Some(fast_key.cache()));
            match output.deliver(credential.auth.secret(), entry, AnswerOrigin::Cache) {
                Ok(Delivery::Written) => Some(Ok(())),
                Ok(Delivery::Refused | Delivery::NotNoted) => None,
                Err(error) => Some(Err(error)),
            }
        }
        PlainCall::Get => {
            let answer = credential.answer(&Request::from_message(request?).ok()?).ok()?;
            Some(written(answer.write(&mut io::stdout())))
        }
    }
}
