use std::io::Write;
use std::time::Duration;

use claude_credential_files::{hex, random};
use claude_credential_keychain::{Item, Place, Placement, SecretStore};
use claude_credential_protocol::Error;

use super::stream::say;
use crate::options::Apikey;

/// A keychain that works answers in milliseconds; a locked one asks the user, who may be away.
const CHECK: Duration = Duration::from_secs(8);

/// Takes the way of a login, but adds nothing to the index, so no other program finds the made-up key.
pub(super) fn check_keychain(helper: &Apikey, stdout: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.suite.folders()?;
    let key_store = helper.suite.config(&folders)?.key_store;
    let secrets = SecretStore::new(&folders, CHECK);
    // A random name, so that two checks at once don't disturb each other.
    let item = Item {
        url: format!("check:{}", hex(&random::<8>())),
        folder: "keys",
        shown: "a made-up key".to_owned(),
        login: "claude-credential login api-key".to_owned(),
        setting: "key_store",
    };
    let bytes = random::<32>();
    let Placement { place, no_keychain } = secrets.write(&item, &bytes, key_store)?;
    let kept = secrets.read(&item, place);
    secrets.remove(&item, place)?;
    if kept?.is_none_or(|kept| kept.as_slice() != bytes) {
        return Err(Error::unavailable(format!(
            "{} does not hold what was written to it",
            secrets.shown(&item, place)
        )));
    }
    let place = match (place, no_keychain) {
        (Place::Keychain, _) => secrets.shown(&item, place),
        (Place::File, why) => {
            let folder = folders.data.join(item.folder);
            let why = why.map_or("key_store = \"file\"".to_owned(), |why| format!("there is no keychain here: {why}"));
            format!("a file of mode 0600 in {}, because {why}", folder.display())
        }
    };
    say(stdout, &format!("a made-up key was kept, read back and removed; keys are kept in {place}"))
}
