//! `print`: a credential for a script.

use std::io::{self, BufRead, BufReader, Write};

use claude_credential_protocol::{Class, Family, Interactive};

use crate::ask::{Ask, check_ttl};
use crate::chain::Answer;
use crate::cli::Print;
use crate::cloud::Cloud;
use crate::commands::login;
use crate::context::Context;
use crate::failure::Failure;
use crate::walk::Refused;
use crate::{profile, run};

pub(crate) fn run(context: &Context, options: &Print) -> Result<(), Failure> {
    context.log.show_progress();
    check_ttl(context)?;
    let profile = profile::choose(context)?;
    let origin = profile::peoples_origin(context, &profile, options.host.as_deref())?;
    let mut ask = Ask::new(context, profile, &origin)?;
    ask.request.username.clone_from(&options.account);
    let refused = if options.rejected { last_answer(context, &ask) } else { None };
    let answer = match run::obtain(context, &ask, refused.clone()) {
        Err(failure) if sign_in(context, &ask, &failure)? => run::obtain(context, &ask, refused)?,
        outcome => outcome?,
    };
    let family = family(&ask, &answer);
    Ok(claude_credential_protocol::print(&answer.credential, family, options.format, &mut io::stdout().lock())?)
}

/// Whose variables the answer goes into: a cloud's helper gives tokens for that cloud.
pub(super) fn family(ask: &Ask, answer: &Answer) -> Family {
    let link = ask.chain.iter().find(|link| link.entry.name == answer.entry);
    let bearer = link.and_then(|link| Cloud::of_program(&link.entry.program)).map(|cloud| match cloud {
        Cloud::Bedrock => Family::BedrockKey,
        Cloud::Vertex => Family::Vertex,
    });
    Family::of(&answer.credential, bearer)
}

/// What the caller says was refused: the answer that it last got from here, which is the cached one. An answer that is
/// not kept is asked for anew in any case.
fn last_answer(context: &Context, ask: &Ask) -> Option<Refused> {
    let Answer { credential, entry, .. } = run::last(context, ask)?;
    Some(Refused { secret: credential.auth.secret().clone(), entry: Some(entry), concluded: None })
}

/// Asks the person at the terminal whether to mend an exit 77 now, and does.
pub(super) fn sign_in(context: &Context, ask: &Ask, failure: &Failure) -> Result<bool, Failure> {
    let Failure::Entry(entry, error) = failure else { return Ok(false) };
    if error.class() != Class::SignIn || context.interactive() != Interactive::Auto {
        return Ok(false);
    }
    let Some(link) = ask.chain.iter().find(|link| link.entry.name == *entry) else { return Ok(false) };
    let mut stderr = io::stderr();
    let question = format!("claude-credential: {failure}\nsign in to {} now? [Y/n] ", link.entry.name);
    let mut answer = String::new();
    let asked = stderr
        .write_all(question.as_bytes())
        .and_then(|()| BufReader::new(std::fs::File::open("/dev/tty")?).read_line(&mut answer));
    let agreed = asked.is_ok_and(|read| read > 0) && !answer.trim().to_ascii_lowercase().starts_with('n');
    Ok(agreed && login::with_helper(context, link, "login", &[])?)
}
