use std::time::{Duration, Instant};

use claude_credential_config::kept::Place;
use claude_credential_config::{Folders, KeyStore};
use claude_credential_files::remove_unfinished;
use claude_credential_protocol::Error;
use zeroize::Zeroizing;

use crate::item::Item;
use crate::keychain_error::KeychainError;
use crate::{file, native, os};

/// Where an item was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The place.
    pub place: Place,
    /// Why it is not in the keychain although that was the first choice; `None` if it is, or if the user chose a file.
    pub no_keychain: Option<String>,
}

/// Secrets in the keychain, or in files of mode 0600 where there is no keychain. It has no list of its items: its users
/// keep an index, and ask the keychain only for what the index names.
#[derive(Debug)]
pub struct SecretStore<'a> {
    folders: &'a Folders,
    pub(crate) until: Instant,
}

impl<'a> SecretStore<'a> {
    /// The store of the user with these `folders`. All calls together take no longer than `patience`.
    #[must_use]
    pub fn new(folders: &'a Folders, patience: Duration) -> Self {
        Self { folders, until: Instant::now() + patience }
    }

    /// Reads `item`; `None` if it is not in `place`.
    pub fn read(&self, item: &Item, place: Place) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        match place {
            Place::Keychain => native::read(&item.url, self.until).map_err(|error| error.reading(item)),
            Place::File => Ok(file::read(self.folders, item)?),
        }
    }

    /// Writes `bytes` where `key_store` says, and reads them back before it reports success.
    pub fn write(&self, item: &Item, bytes: &[u8], key_store: KeyStore) -> Result<Placement, Error> {
        let to_file = |why| -> Result<_, Error> {
            file::write(self.folders, item, bytes)?;
            Ok(Placement { place: Place::File, no_keychain: why })
        };
        if key_store == KeyStore::File {
            return to_file(None);
        }
        // Only writing and reading back proves that a keychain works: one without a collection answers every other
        // request.
        match native::write(&item.url, bytes, self.until) {
            Ok(()) => Ok(Placement { place: Place::Keychain, no_keychain: None }),
            Err(KeychainError::Absent(why)) if key_store == KeyStore::Auto => to_file(Some(why)),
            Err(error) => Err(error.writing(item.setting)),
        }
    }

    /// Removes `item`, if it is there.
    pub fn remove(&self, item: &Item, place: Place) -> Result<(), Error> {
        match place {
            Place::Keychain => native::remove(&item.url, self.until).map_err(|error| error.reading(item)),
            Place::File => file::remove(self.folders, item),
        }
    }

    /// Removes the unfinished files of a process that was killed while it wrote `item`. The caller holds the item's lock.
    pub fn tidy(&self, item: &Item) {
        remove_unfinished(&file::path(self.folders, item));
    }

    /// Where `item` is, as messages say it.
    #[must_use]
    pub fn shown(&self, item: &Item, place: Place) -> String {
        match place {
            Place::Keychain => os::SHOWN.to_owned(),
            Place::File => file::path(self.folders, item).display().to_string(),
        }
    }

    /// The same for an item that was just written, with the reason why it is in a file. `key_store` is what the user has
    /// configured.
    #[must_use]
    pub fn describe(&self, item: &Item, placement: &Placement, key_store: KeyStore) -> String {
        let shown = self.shown(item, placement.place);
        match (placement.place, &placement.no_keychain) {
            (Place::Keychain, _) => shown,
            (Place::File, Some(why)) => format!("{shown}, mode 0600, because this machine has no keychain: {why}"),
            (Place::File, None) if key_store == KeyStore::File => {
                format!("{shown}, mode 0600, because {} = \"file\"", item.setting)
            }
            (Place::File, None) => format!("{shown}, mode 0600"),
        }
    }
}
