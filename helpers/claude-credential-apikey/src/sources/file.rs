use std::path::Path;

use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Auth, Credential, Error, parse_token};

use crate::source_context::SourceContext;

/// Enough for the longest key with white space around it; more is no key.
const MAX_FILE: u64 = 64 * 1024;

/// A file that the user named: what is wrong with it is his to mend, so nothing of it is "none".
pub(crate) fn get(context: &SourceContext<'_>, path: &Path) -> Result<Option<Credential>, Error> {
    let path = path.strip_prefix("~").map_or_else(|_| path.to_owned(), |below| context.folders.home.join(below));
    let shown = path.display();
    if !path.is_absolute() {
        // The working directory may be a clone with a file of that name, and a key in it whose owner then reads along.
        return Err(Error::config(format!("--file {shown} is not an absolute path; write one from / or ~/")));
    }
    let bytes = read(&path, Trust::Secret, MAX_FILE)?;
    let bytes = bytes.ok_or_else(|| Error::config(format!("{shown}, which --file names, does not exist")))?;
    let key = parse_token(&bytes).map_err(|problem| Error::config(format!("{shown} holds no key: {problem}")))?;
    Ok(Some(Credential::new(Auth::ApiKey(key)).from_source(shown.to_string())))
}
