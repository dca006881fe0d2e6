use std::path::Path;

use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Error, Secret};

use super::format::{MAX_SUBJECT, formatted};
use crate::fields::Format;
use crate::sources::CredentialsFile;

/// A token that something else keeps fresh in a file, in containers most often with an owner of its own.
pub(crate) fn subject(file: &CredentialsFile, path: &str, format: Option<&Format>) -> Result<Secret, Error> {
    let wrong =
        |what: &str| Error::config(format!("{}: {path}, the `file` of its credential source, {what}", file.shown));
    if !Path::new(path).is_absolute() {
        // Ours is the user's home, where Google's libraries have the client's own folder, which may be a clone.
        return Err(wrong("is not an absolute path; mend it there"));
    }
    let bytes = read(Path::new(path), Trust::Anybody, MAX_SUBJECT)?;
    formatted(file, path, &bytes.ok_or_else(|| wrong("does not exist"))?, format)
}
