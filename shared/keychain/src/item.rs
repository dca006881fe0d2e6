/// A secret that is kept: where, and how messages speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name in the keychain and, hashed, of its file. It never changes, and no two items share one.
    pub url: String,
    /// The folder of its file, within the data folder.
    pub folder: &'static str,
    /// What it is, as messages say it.
    pub shown: String,
    /// The command that stores a new one.
    pub login: String,
    /// The setting that chooses between keychain and file.
    pub setting: &'static str,
}
