//! The Secret Service of a Linux desktop, on the session bus.

use std::error::Error as StdError;
use std::io;

use secret_service::Error as ServiceError;
use zbus::{Error as BusError, fdo};

use crate::keychain_error::KeychainError;

/// <https://specifications.freedesktop.org/secret-service-spec/latest/errors.html>
const LOCKED: &str = "org.freedesktop.Secret.Error.IsLocked";

/// The session bus's errors for a name that no program owns and none can be started for
/// (<https://dbus.freedesktop.org/doc/dbus-specification.html>).
const UNOWNED: [&str; 3] = [
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Spawn.ServiceNotFound",
];

/// What users call the keychain.
pub(crate) const SHOWN: &str = "the keychain (Secret Service)";

/// How a user without a desktop, over SSH, unlocks it. The daemon reads up to the end of its stdin, so a line feed would be
/// part of the password; and it unlocks nothing while another one runs, unless it takes that one's place.
pub(crate) const UNLOCK: &str =
    "sign in to the desktop, or run: read -rs P && printf %s \"$P\" | gnome-keyring-daemon --replace --unlock";

const NO_BUS: &str = "no session bus";
const NO_SERVICE: &str = "nothing on the session bus offers one";

/// Looks at the types below keyring's own: keyring does not tell "locked" from "no collection", nor "no bus" from a
/// broken one. `None` if they say no more than keyring does.
pub(crate) fn classify(cause: &(dyn StdError + 'static)) -> Option<KeychainError> {
    let absent = |why: &str| Some(KeychainError::Absent(why.to_owned()));
    match cause.downcast_ref::<ServiceError>()? {
        ServiceError::Locked | ServiceError::Prompt => Some(KeychainError::Locked),
        ServiceError::NoResult => absent("it has no login collection"),
        ServiceError::Unavailable => absent(NO_BUS),
        ServiceError::Zbus(BusError::InputOutput(error) | BusError::Connection(error, _))
            if error.kind() == io::ErrorKind::NotFound =>
        {
            absent(NO_BUS)
        }
        ServiceError::Zbus(BusError::MethodError(name, ..)) if UNOWNED.contains(&name.as_str()) => absent(NO_SERVICE),
        ServiceError::Zbus(BusError::MethodError(name, ..)) if name.as_str() == LOCKED => Some(KeychainError::Locked),
        ServiceError::ZbusFdo(error) if is_unowned(error) => absent(NO_SERVICE),
        ServiceError::Zbus(BusError::FDO(error)) if is_unowned(error) => absent(NO_SERVICE),
        _ => None,
    }
}

fn is_unowned(error: &fdo::Error) -> bool {
    use fdo::Error::{NameHasNoOwner, ServiceUnknown, SpawnServiceNotFound};
    matches!(error, ServiceUnknown(_) | NameHasNoOwner(_) | SpawnServiceNotFound(_))
}
