/// Where keys that we keep are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyStore {
    /// In the keychain where there is one that works, else in a file.
    #[default]
    Auto,
    /// In the keychain or nowhere.
    Keychain,
    /// In a file.
    File,
}

impl KeyStore {
    /// Its names in `config.toml`, the default first.
    pub(crate) const NAMES: [(&str, Self); 3] =
        [("auto", Self::Auto), ("keychain", Self::Keychain), ("file", Self::File)];
}
