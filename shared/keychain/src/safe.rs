use std::time::{Duration, Instant};

use claude_credential_config::kept::Place;
use claude_credential_config::{Folders, KeyStore};
use claude_credential_files::remove_unfinished;
use claude_credential_protocol::Error;
use zeroize::Zeroizing;

use crate::{Trouble, file, native, trouble};

/// One thing to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name in the keychain and, hashed, of its file: one text for each thing, for ever.
    pub url: String,
    /// The folder of its file.
    pub folder: &'static str,
    /// What it is, to be shown to people.
    pub shown: String,
    /// The command that keeps a new one.
    pub login: String,
    /// The setting that says where it is kept.
    pub setting: &'static str,
}

/// A keychain, and files of mode 0600 for where there is none. It knows nothing of what is in it: who keeps things has
/// an index of them, and asks the keychain only for what the index says is there.
#[derive(Debug)]
pub struct Safe<'a> {
    folders: &'a Folders,
    pub(crate) until: Instant,
}

impl<'a> Safe<'a> {
    /// That of the user whose `folders` these are. All that is done with it together takes no longer than `patience`.
    #[must_use]
    pub fn new(folders: &'a Folders, patience: Duration) -> Self {
        Self { folders, until: Instant::now() + patience }
    }

    /// What is kept.
    pub fn read(&self, item: &Item, place: Place) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        match place {
            Place::Keychain => native::read(&item.url, self.until).map_err(|trouble| trouble.reading(item)),
            Place::File => Ok(file::read(self.folders, item)?),
        }
    }

    /// Keeps `bytes` where `key_store` says, and says where that was and why it is not the keychain, where that would
    /// have been the place. It counts as kept only once it has been read back.
    pub fn write(&self, item: &Item, bytes: &[u8], key_store: KeyStore) -> Result<(Place, Option<String>), Error> {
        let to_file = |why| -> Result<_, Error> {
            file::write(self.folders, item, bytes)?;
            Ok((Place::File, why))
        };
        if key_store == KeyStore::File {
            return to_file(None);
        }
        // No better proof that a keychain works than the key itself, written and read back: one with no collection
        // answers every question and fails only here.
        match native::write(&item.url, bytes, self.until) {
            Ok(()) => Ok((Place::Keychain, None)),
            Err(Trouble::Absent(why)) if key_store == KeyStore::Auto => to_file(Some(why)),
            Err(trouble) => Err(trouble.writing(item.setting)),
        }
    }

    /// Removes it, if it is there.
    pub fn remove(&self, item: &Item, place: Place) -> Result<(), Error> {
        match place {
            Place::Keychain => native::remove(&item.url, self.until).map_err(|trouble| trouble.reading(item)),
            Place::File => file::remove(self.folders, item).map(|_| ()),
        }
    }

    /// Removes what a process that was killed while it kept the item has left of it. For whoever has the item's lock.
    pub fn tidy(&self, item: &Item) {
        remove_unfinished(&file::path(self.folders, item));
    }

    /// A place, as people are told of it.
    #[must_use]
    pub fn shown(&self, item: &Item, place: Place) -> String {
        match place {
            Place::Keychain => trouble::SHOWN.to_owned(),
            Place::File => file::path(self.folders, item).display().to_string(),
        }
    }
}
