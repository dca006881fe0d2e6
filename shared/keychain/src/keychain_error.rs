/// Why the keychain did not do what it was asked to do.
#[derive(Debug)]
pub(crate) enum KeychainError {
    /// The session has none: a server, a container, a session without a desktop.
    Absent(String),
    /// It is locked.
    Locked,
    /// It does not work.
    Broken(String),
    /// It did not answer in time; most likely it asks for a password in a window of its own.
    Late,
}
