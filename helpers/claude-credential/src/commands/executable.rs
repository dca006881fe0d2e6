use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use claude_credential_process::find_on_path;

use crate::context::Context;

/// The file that the first word of a command names, which may not be there. A bare name is looked for only in PATH's
/// absolute folders: the command runs in the working directory, which may be a clone of another user's repository.
pub(super) fn executable(context: &Context, word: &OsStr) -> Option<PathBuf> {
    if word.as_bytes().contains(&b'/') {
        return Some(PathBuf::from(word));
    }
    let path = context.environment.get_os("PATH").unwrap_or_default();
    word.to_str().filter(|name| !name.is_empty()).and_then(|name| find_on_path(name, path))
}
