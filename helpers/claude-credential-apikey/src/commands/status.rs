use std::io::Write;

use claude_credential_keychain::ApiKeyStore;
use claude_credential_protocol::Error;

use super::stream::{PATIENCE, say};
use crate::options::Apikey;

pub(super) fn status(helper: &Apikey, stdout: &mut dyn Write, said: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.folders()?;
    let keys = ApiKeyStore::new(&folders, PATIENCE);
    let names = keys.names()?;
    if names.is_empty() {
        return say(said, "no key is kept; to keep one, run: claude-credential login api-key");
    }
    for (name, place) in names {
        say(stdout, &format!("{name}: in {}", keys.shown(&name, place)))?;
    }
    Ok(())
}
