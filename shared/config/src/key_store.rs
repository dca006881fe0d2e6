/// Where stored keys are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyStore {
    /// In the keychain if it works, else in a file.
    #[default]
    Auto,
    /// In the keychain; an error if it does not work.
    Keychain,
    /// In a file.
    File,
}

impl KeyStore {
    /// Its names in `config.toml`.
    pub(crate) const NAMES: [(&str, Self); 3] =
        [("auto", Self::Auto), ("keychain", Self::Keychain), ("file", Self::File)];
}
