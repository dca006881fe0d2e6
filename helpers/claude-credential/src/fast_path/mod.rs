//! A call whose answer is kept, without what it takes to find out which answer that is: no configuration is parsed, no
//! settings (`docs/design/front-key.md`). Whatever is not exactly as it was when the record was written goes the long way,
//! and so does whatever goes wrong: here nothing is decided and nothing is said.

mod plain;

use std::ffi::OsString;
use std::io;

use claude_credential_config::{Environment, Folders};
use claude_credential_protocol::{Error, Family, Message, PrintOptions, Request, now, print, written};

use crate::cache::caller::Caller;
use crate::cache::refusal::Verdict;
use crate::cache::{Cache, Cached, load};
use crate::cli::Cli;
use crate::token_output::{checked, write};
use crate::ttl::{client_ttl, lifetime};
use claude_credential_protocol::millis;

use crate::begun::Begun;
use crate::cache::front::{Front, Record};
use plain::Line;

/// Answers the call if it can.
pub(crate) fn answer(cli: &Cli, words: &[OsString], begun: &mut Begun) -> Option<Result<(), Error>> {
    let line = Line::of(cli)?;
    let folders = Folders::of(&begun.environment).ok()?;
    if line == Line::Get {
        begun.request = Some(Message::read(&mut io::stdin()));
    }
    let request = match &begun.request {
        Some(read) => Some(read.as_ref().ok()?.as_ref().ok()?),
        None => None,
    };
    let cache = Cache::at(&folders.runtime)?;
    let front = Front::of(words, request, &begun.environment, &folders, cache)?;
    let front = begun.front.insert(front);
    let Record { key, entry, ttl, min_ttl } = front.record()?;
    let cached = load(&front.cache().file(&key, "cache")).ok()??;
    let serves = cached.entry == entry && cached.fault(lifetime(ttl, &cached.credential), min_ttl, now()).is_none();
    if serves { hand_out(line, request, &cached, front, &begun.environment) } else { None }
}

fn hand_out(
    line: Line,
    request: Option<&Message>,
    cached: &Cached,
    front: &Front,
    environment: &Environment,
) -> Option<Result<(), Error>> {
    let Cached { credential, entry, .. } = cached;
    match line {
        Line::Print(format) => {
            let options = PrintOptions { format, ..PrintOptions::default() };
            Some(print(credential, Family::of(credential, None), options, &mut io::stdout().lock()))
        }
        Line::ApiKeyHelper => {
            let token = checked(credential.auth.secret(), entry).ok()?;
            if let Some(caller) = Caller::identify(environment, front.cache()) {
                let (verdict, record) = caller.judge(credential.auth.secret(), millis(client_ttl(environment)));
                if verdict == Verdict::Refused {
                    return None;
                }
                caller.write(&record).ok()?;
            }
            Some(write(&token))
        }
        Line::Get => {
            let answer = credential.answer(&Request::from_message(request?).ok()?).ok()?;
            Some(written(answer.write(&mut io::stdout())))
        }
    }
}
