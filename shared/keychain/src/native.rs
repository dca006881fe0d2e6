//! The keychain of the operating system. Every operation has a deadline: one on a locked keychain waits for a person.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use keyring::{Entry, Error as KeyringError};
use zeroize::Zeroizing;

use crate::Trouble;

/// Whose keys these are, as the keychain's own programs show it.
const SERVICE: &str = "claude-credential";

/// What is in it under `user`.
pub(crate) fn read(user: &str, until: Instant) -> Result<Option<Zeroizing<Vec<u8>>>, Trouble> {
    let user = user.to_owned();
    within(until, move || get(&Entry::new(SERVICE, &user)?))
}

/// Puts `bytes` under `user` and reads them back: some keychains cut what is too long for them, without a word.
pub(crate) fn write(user: &str, bytes: &[u8], until: Instant) -> Result<(), Trouble> {
    let user = user.to_owned();
    let bytes = Zeroizing::new(bytes.to_vec());
    let kept_whole = within(until, move || {
        let entry = Entry::new(SERVICE, &user)?;
        // Not a password: Windows holds those in UTF-16, and so half as many bytes.
        entry.set_secret(&bytes)?;
        Ok(get(&entry)?.is_some_and(|kept| kept == bytes))
    })?;
    if kept_whole { Ok(()) } else { Err(Trouble::Broken("it does not hold what was written to it".to_owned())) }
}

/// Removes what is under `user`, if there is something.
pub(crate) fn remove(user: &str, until: Instant) -> Result<(), Trouble> {
    let user = user.to_owned();
    within(until, move || match Entry::new(SERVICE, &user)?.delete_credential() {
        Err(KeyringError::NoEntry) => Ok(()),
        outcome => outcome,
    })
}

fn get(entry: &Entry) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
    match entry.get_secret() {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(KeyringError::NoEntry) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `work` on a thread of its own, since nothing else can leave a prompt that nobody answers. A thread that is late is
/// left behind: this process has nothing more to do than to say so, and its end withdraws the prompt.
fn within<T, W>(until: Instant, work: W) -> Result<T, Trouble>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, KeyringError> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let _ = sender.send(work().map_err(|error| trouble(&error)));
    };
    thread::Builder::new().spawn(work).map_err(|error| Trouble::Broken(error.to_string()))?;
    match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(Trouble::Late),
        Err(RecvTimeoutError::Disconnected) => Err(Trouble::Broken("it ended unexpectedly".to_owned())),
    }
}

fn trouble(error: &KeyringError) -> Trouble {
    match error {
        KeyringError::NoDefaultStore => match Entry::store_status() {
            Err(KeyringError::NoDefaultStore) | Ok(()) => Trouble::Absent("this system has none".to_owned()),
            Err(cause) => trouble(cause),
        },
        KeyringError::PlatformFailure(cause) => {
            platform::trouble(cause.as_ref()).unwrap_or_else(|| Trouble::Broken(cause.to_string()))
        }
        KeyringError::NoStorageAccess(cause) => platform::trouble(cause.as_ref()).unwrap_or(Trouble::Locked),
        // Its own words would list them, and others' hold what was read.
        KeyringError::Ambiguous(entries) => {
            let entries = entries.len();
            Trouble::Broken(format!("{entries} entries of service `{SERVICE}` have that name; remove all but one"))
        }
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => {
            Trouble::Broken("what it holds is damaged".to_owned())
        }
        other => Trouble::Broken(other.to_string()),
    }
}

#[cfg(not(target_os = "macos"))]
mod platform {
    use std::error::Error as StdError;
    use std::io;

    use secret_service::Error as ServiceError;
    use zbus::{Error as BusError, fdo};

    use crate::Trouble;

    /// <https://specifications.freedesktop.org/secret-service-spec/latest/errors.html>
    const LOCKED: &str = "org.freedesktop.Secret.Error.IsLocked";

    /// What the session bus says of a name that no program owns or can be started for
    /// (<https://dbus.freedesktop.org/doc/dbus-specification.html>).
    const NOBODY: [&str; 3] = [
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
    ];

    const NO_BUS: &str = "no session bus";
    const NO_SERVICE: &str = "nothing on the session bus offers one";

    /// By the types below keyring's own, which have "locked" and "no collection" in one, and "no bus" and "dead bus".
    pub(super) fn trouble(cause: &(dyn StdError + 'static)) -> Option<Trouble> {
        let absent = |why: &str| Some(Trouble::Absent(why.to_owned()));
        match cause.downcast_ref::<ServiceError>()? {
            ServiceError::Locked | ServiceError::Prompt => Some(Trouble::Locked),
            ServiceError::NoResult => absent("it has no login collection"),
            ServiceError::Unavailable => absent(NO_BUS),
            ServiceError::Zbus(BusError::InputOutput(error) | BusError::Connection(error, _))
                if error.kind() == io::ErrorKind::NotFound =>
            {
                absent(NO_BUS)
            }
            ServiceError::Zbus(BusError::MethodError(name, ..)) if NOBODY.contains(&name.as_str()) => {
                absent(NO_SERVICE)
            }
            ServiceError::Zbus(BusError::MethodError(name, ..)) if name.as_str() == LOCKED => Some(Trouble::Locked),
            ServiceError::ZbusFdo(error) if is_nobody(error) => absent(NO_SERVICE),
            ServiceError::Zbus(BusError::FDO(error)) if is_nobody(error) => absent(NO_SERVICE),
            _ => None,
        }
    }

    fn is_nobody(error: &fdo::Error) -> bool {
        use fdo::Error::{NameHasNoOwner, ServiceUnknown, SpawnServiceNotFound};
        matches!(error, ServiceUnknown(_) | NameHasNoOwner(_) | SpawnServiceNotFound(_))
    }
}

#[cfg(target_os = "macos")]
mod platform {
    use std::error::Error as StdError;

    use crate::Trouble;

    /// Every Mac has a keychain, and keyring's own classes say the rest.
    pub(super) fn trouble(_cause: &(dyn StdError + 'static)) -> Option<Trouble> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{KeyringError, trouble, within};
    use crate::Trouble;

    #[test]
    fn nobody_waits_beyond_the_deadline() {
        let start = Instant::now();
        let outcome = within(start + Duration::from_millis(20), || {
            std::thread::sleep(Duration::from_secs(20));
            Ok(())
        });
        assert!(matches!(outcome, Err(Trouble::Late)));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_keychain_that_dies_is_broken() {
        let outcome = within::<(), _>(Instant::now() + Duration::from_secs(20), || panic!("as it should"));
        assert!(matches!(outcome, Err(Trouble::Broken(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn locked_is_not_absent_and_absent_is_not_broken() {
        use secret_service::Error as ServiceError;
        let access = |error| trouble(&KeyringError::NoStorageAccess(Box::new(error)));
        let failure = |error| trouble(&KeyringError::PlatformFailure(Box::new(error)));
        let io = |kind| ServiceError::Zbus(zbus::Error::InputOutput(std::sync::Arc::new(std::io::Error::from(kind))));
        assert!(matches!(access(ServiceError::Prompt), Trouble::Locked));
        assert!(matches!(access(ServiceError::Locked), Trouble::Locked));
        assert!(matches!(access(ServiceError::NoResult), Trouble::Absent(_)));
        assert!(matches!(failure(ServiceError::Unavailable), Trouble::Absent(_)));
        assert!(matches!(failure(io(std::io::ErrorKind::NotFound)), Trouble::Absent(_)));
        assert!(matches!(failure(io(std::io::ErrorKind::ConnectionRefused)), Trouble::Broken(_)));
        assert!(matches!(failure(ServiceError::PromptDisconnected), Trouble::Broken(_)));
    }

    #[test]
    fn what_was_read_is_in_no_message() {
        let damaged = KeyringError::BadDataFormat(b"CANARY".to_vec(), Box::from("CANARY"));
        for error in [damaged, KeyringError::BadEncoding(b"CANARY".to_vec())] {
            let shown = format!("{:?}", trouble(&error));
            assert!(!shown.contains("CANARY"), "{shown}");
        }
    }
}
