use std::io::{self, IsTerminal, Read, Write};

use claude_credential_keychain::{ApiKey, ApiKeyStore, KeyName};
use claude_credential_protocol::{Error, Secret, is_cut_by_terminal, parse_token, text};
use zeroize::Zeroizing;

use super::stream::{PATIENCE, say};
use crate::options::Apikey;
use crate::sources::variable;

/// The longest input that is read: the longest key, with white space around it.
const MAX_INPUT: usize = 64 * 1024;

pub(super) fn login(helper: &Apikey, name: &KeyName, secret: Secret, said: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.suite.folders()?;
    let key_store = helper.suite.config(&folders)?.key_store;
    let keys = ApiKeyStore::new(&folders, PATIENCE);
    let outcome = keys.store(name, &ApiKey { secret, expires_at: None }, key_store)?;
    let place = keys.describe(name, &outcome.placement, key_store);
    say(said, &format!("the key for {name} is kept in {place}"))?;
    if outcome.old_one_left {
        say(said, "the key that it replaces could not be removed from where it was; that one is not used any more")?;
    }
    for variable in [variable::AUTH_TOKEN, variable::API_KEY] {
        if helper.suite.environment.get_os(variable).is_some() {
            say(said, &format!("{variable} is set and wins over it; run: unset {variable}"))?;
        }
    }
    Ok(())
}

pub(super) fn read(stdin: &mut dyn Read) -> Result<Secret, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT + 1));
    let read = stdin.take(MAX_INPUT as u64).read_to_end(&mut bytes);
    read.map_err(|error| Error::broke(format!("can't read stdin: {error}")))?;
    if bytes.split(|byte| *byte == b'\n').any(is_cut_by_terminal) {
        return Err(Error::config(
            "the terminal cut that line off, so nothing is kept; leave out --stdin, or give it a file: --stdin <FILE",
        ));
    }
    parse_token(&bytes).map_err(|problem| Error::config(format!("what stdin holds is no key: {problem}")))
}

pub(super) fn ask(name: &KeyName) -> Result<Secret, Error> {
    const STDIN: &str = "to give the key on stdin, add: --stdin";
    if !io::stdin().is_terminal() {
        return Err(Error::config(format!("stdin is no terminal to ask for the key at; {STDIN}")));
    }
    let typed = rpassword::prompt_password(format!("API key for {}: ", text::one_line(&name.to_string())));
    let typed = Zeroizing::new(
        typed.map_err(|error| Error::config(format!("can't ask for the key at the terminal: {error}; {STDIN}")))?,
    );
    parse_token(typed.as_bytes()).map_err(|problem| Error::config(format!("what was typed is no key: {problem}")))
}
