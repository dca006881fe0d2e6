//! The keychain of the operating system. Every operation has a deadline: one on a locked keychain waits for the user.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use keyring::{Entry, Error as KeyringError};
use zeroize::Zeroizing;

use crate::keychain_error::KeychainError;
use crate::os;

/// The service name of our items, as the keychain's own programs show it.
const SERVICE: &str = "claude-credential";

/// Reads the item of `user`; `None` if there is none.
pub(crate) fn read(user: &str, until: Instant) -> Result<Option<Zeroizing<Vec<u8>>>, KeychainError> {
    let user = user.to_owned();
    within(until, move || get(&Entry::new(SERVICE, &user)?))
}

/// Writes `bytes` as the item of `user` and reads them back: some keychains silently cut what is too long for them.
pub(crate) fn write(user: &str, bytes: &[u8], until: Instant) -> Result<(), KeychainError> {
    let user = user.to_owned();
    let bytes = Zeroizing::new(bytes.to_vec());
    let kept_whole = within(until, move || {
        let entry = Entry::new(SERVICE, &user)?;
        // Not as a password: Windows keeps passwords in UTF-16, so half as many bytes would fit.
        entry.set_secret(&bytes)?;
        Ok(get(&entry)?.is_some_and(|kept| kept == bytes))
    })?;
    if kept_whole { Ok(()) } else { Err(KeychainError::Broken("it does not hold what was written to it".to_owned())) }
}

/// Removes the item of `user`, if there is one.
pub(crate) fn remove(user: &str, until: Instant) -> Result<(), KeychainError> {
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

/// Runs `work` on a thread of its own: no call of keyring can be cancelled while it waits for a password. A thread that is
/// late is left behind; this process only reports it, and its end closes the prompt.
fn within<T, W>(until: Instant, work: W) -> Result<T, KeychainError>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, KeyringError> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let _ = sender.send(work().map_err(|error| classify(&error)));
    };
    thread::Builder::new().spawn(work).map_err(|error| KeychainError::Broken(error.to_string()))?;
    match receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(KeychainError::Late),
        Err(RecvTimeoutError::Disconnected) => Err(KeychainError::Broken("it ended unexpectedly".to_owned())),
    }
}

fn classify(error: &KeyringError) -> KeychainError {
    match error {
        KeyringError::NoDefaultStore => match Entry::store_status() {
            Err(KeyringError::NoDefaultStore) | Ok(()) => KeychainError::Absent("this system has none".to_owned()),
            Err(cause) => classify(cause),
        },
        KeyringError::PlatformFailure(cause) => {
            os::classify(cause.as_ref()).unwrap_or_else(|| KeychainError::Broken(cause.to_string()))
        }
        KeyringError::NoStorageAccess(cause) => os::classify(cause.as_ref()).unwrap_or(KeychainError::Locked),
        // keyring's own message would list the entries; those of the next two hold the secret.
        KeyringError::Ambiguous(entries) => {
            let entries = entries.len();
            KeychainError::Broken(format!(
                "{entries} entries of service `{SERVICE}` have that name; remove all but one"
            ))
        }
        KeyringError::BadEncoding(_) | KeyringError::BadDataFormat(..) => {
            KeychainError::Broken("what it holds is damaged".to_owned())
        }
        other => KeychainError::Broken(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{KeyringError, classify, within};
    use crate::keychain_error::KeychainError;

    #[test]
    fn no_call_waits_beyond_the_deadline() {
        let start = Instant::now();
        let outcome = within(start + Duration::from_millis(20), || {
            std::thread::sleep(Duration::from_secs(20));
            Ok(())
        });
        assert!(matches!(outcome, Err(KeychainError::Late)));
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_keychain_that_dies_is_broken() {
        let outcome = within::<(), _>(Instant::now() + Duration::from_secs(20), || panic!("as it should"));
        assert!(matches!(outcome, Err(KeychainError::Broken(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn locked_is_not_absent_and_absent_is_not_broken() {
        use secret_service::Error as ServiceError;
        let access = |error| classify(&KeyringError::NoStorageAccess(Box::new(error)));
        let failure = |error| classify(&KeyringError::PlatformFailure(Box::new(error)));
        let io = |kind| ServiceError::Zbus(zbus::Error::InputOutput(std::sync::Arc::new(std::io::Error::from(kind))));
        assert!(matches!(access(ServiceError::Prompt), KeychainError::Locked));
        assert!(matches!(access(ServiceError::Locked), KeychainError::Locked));
        assert!(matches!(access(ServiceError::NoResult), KeychainError::Absent(_)));
        assert!(matches!(failure(ServiceError::Unavailable), KeychainError::Absent(_)));
        assert!(matches!(failure(io(std::io::ErrorKind::NotFound)), KeychainError::Absent(_)));
        assert!(matches!(failure(io(std::io::ErrorKind::ConnectionRefused)), KeychainError::Broken(_)));
        assert!(matches!(failure(ServiceError::PromptDisconnected), KeychainError::Broken(_)));
    }

    #[test]
    fn what_was_read_is_in_no_message() {
        let damaged = KeyringError::BadDataFormat(b"CANARY".to_vec(), Box::from("CANARY"));
        for error in [damaged, KeyringError::BadEncoding(b"CANARY".to_vec())] {
            let shown = format!("{:?}", classify(&error));
            assert!(!shown.contains("CANARY"), "{shown}");
        }
    }
}
