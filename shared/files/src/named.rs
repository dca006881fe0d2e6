use std::path::PathBuf;

/// A file that a variable or setting of the user's names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What names it, for messages: a variable, or file, line and setting.
    pub named_by: String,
    /// What takes that away, as the second half of "or …".
    pub removal: String,
}
