use std::io::Write;

use claude_credential_keychain::{ApiKeyStore, KeyName};
use claude_credential_protocol::Error;

use super::stream::{PATIENCE, say};
use crate::options::Apikey;
use crate::sources::stored;

pub(super) fn logout(helper: &Apikey, wanted: &KeyName, said: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.folders()?;
    let keys = ApiKeyStore::new(&folders, PATIENCE);
    let several = keys.names()?.iter().filter(|(name, _)| name.origin == wanted.origin).count() > 1;
    match stored::select(&keys, wanted)? {
        Some(name) => {
            keys.erase(&name, None)?;
            say(said, &format!("the key for {name} is forgotten"))
        }
        None if several && wanted.account.is_none() => Err(Error::config(format!(
            "keys of several accounts are kept for {}; name one with: --account NAME",
            wanted.origin
        ))),
        None => say(said, &format!("no key is kept for {wanted}")),
    }
}
