use claude_credential_config::SourceContext;
use std::path::Path;

use claude_credential_files::{Trust, read_once};
use claude_credential_protocol::{Auth, Credential, Error, parse_token, text};

/// The longest file that is read: the longest key, with white space around it.
const MAX_FILE: u64 = 64 * 1024;

/// The key in the file that the user named. Whatever is wrong with it is an error, so the answer is never `None`.
pub(crate) fn get(context: &SourceContext<'_>, path: &Path) -> Result<Option<Credential>, Error> {
    let path = context.folders.expand(path);
    let shown = text::shown_path(&path);
    if !path.is_absolute() {
        // A cloned repository could hold a file of that name, with a key of an attacker's who then sees the requests.
        return Err(Error::config(format!("--file {shown} is not an absolute path; write one from / or ~/")));
    }
    let bytes = read_once(&path, Trust::Secret, MAX_FILE, context.until)
        .map_err(|error| Error::from(error).with_prefix("--file"))?;
    let bytes = bytes.ok_or_else(|| Error::config(format!("{shown}, which --file names, does not exist")))?;
    let key = parse_token(&bytes).map_err(|problem| Error::config(format!("{shown} holds no key: {problem}")))?;
    Ok(Some(Credential::new(Auth::ApiKey(key)).from_source(shown)))
}
