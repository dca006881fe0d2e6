use std::path::Path;

use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Error, Secret, text};

use super::format::{MAX_SUBJECT, formatted};
use crate::fields::Format;
use crate::sources::AdcFile;

/// A token in a file that another program keeps up to date. In containers it often belongs to another user.
pub(crate) fn subject(file: &AdcFile, path: &str, format: Option<&Format>) -> Result<Secret, Error> {
    let shown = text::shown(path);
    let wrong = |what: &str| file.error(format!("{shown}, the `file` of its credential source, {what}"));
    if !Path::new(path).is_absolute() {
        // Google's libraries resolve it in the working directory, which may be a cloned repository.
        return Err(wrong("is not an absolute path; mend it there"));
    }
    let bytes = read(Path::new(path), Trust::Unchecked, MAX_SUBJECT)?;
    formatted(file, shown, &bytes.ok_or_else(|| wrong("does not exist"))?, format)
}
