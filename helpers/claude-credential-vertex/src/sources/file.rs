use std::fmt::{Display, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use claude_credential_config::{SourceContext, is_endpoint};
use claude_credential_files::{FileError, Trust, read, read_once};
use claude_credential_protocol::{Error, text};

use super::gcloud;
use crate::fields::Fields;

/// The variable that names a credentials file.
pub(crate) const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// The type that gcloud writes after a sign-in with workforce identity federation.
pub(crate) const WORKFORCE: &str = "external_account_authorized_user";

/// Larger than any credentials file.
const MAX_FILE: u64 = 1 << 20;

/// How often an incomplete file is read again, and the pause in between: half a second in all. On some file systems 0.1
/// s pass between truncating a file and its first byte.
const ATTEMPTS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(20);

/// What names a credentials file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Variable,
    Gcloud,
}

/// A file with application default credentials (ADC).
pub(crate) struct AdcFile {
    pub(crate) path: PathBuf,
    /// The start of messages: its path, and the variable that names it.
    pub(crate) shown: String,
    pub(crate) named_by: NamedBy,
    pub(crate) fields: Fields,
    /// What is wrong with its owner or mode. Checked while it is read, so that it applies to the same file.
    trust_problem: Option<FileError>,
}

impl AdcFile {
    pub(crate) fn of_variable(context: &SourceContext<'_>) -> Result<Option<Self>, Error> {
        let Some(path) = context.environment.get_os(VARIABLE).map(Path::new) else { return Ok(None) };
        let (shown, mend) = (text::shown_path(path), format!("set {VARIABLE} anew, or run: unset {VARIABLE}"));
        if !path.is_absolute() {
            // The working directory may be a cloned repository that contains a file of that name.
            return Err(Error::config(format!("{VARIABLE} names {shown}, which is not an absolute path; {mend}")));
        }
        // The variable may name gcloud's own file.
        let is_gclouds = gcloud::well_known(context).is_ok_and(|known| known == path);
        let named_by = if is_gclouds { NamedBy::Gcloud } else { NamedBy::Variable };
        let missing = || Error::config(format!("{shown}, which {VARIABLE} names, does not exist; {mend}"));
        Ok(Some(Self::open(path, named_by, VARIABLE, context.until)?.ok_or_else(missing)?))
    }

    /// gcloud's credentials file.
    pub(crate) fn of_gcloud(context: &SourceContext<'_>) -> Result<Option<Self>, Error> {
        let path = gcloud::well_known(context)?;
        Self::open(&path, NamedBy::Gcloud, gcloud::variable(context), context.until)
    }

    /// Reads the file at `path`, which `variable` leads to; `None` if it does not exist.
    ///
    /// Any readable file is accepted, as by Google's libraries: in containers it often belongs to another user and is
    /// readable by a group. `require_trusted` checks a file that names further files, servers or programs.
    fn open(path: &Path, named_by: NamedBy, variable: &str, until: Instant) -> Result<Option<Self>, Error> {
        let Some((parsed, trust_problem)) = parsed(path, variable, until)? else { return Ok(None) };
        let shown = match named_by {
            NamedBy::Gcloud => text::shown_path(path),
            NamedBy::Variable => format!("{} ({VARIABLE})", text::shown_path(path)),
        };
        let fields = parsed.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::config(format!("{}:{line}:{column}: this is not a Google credentials file", text::shown_path(path)))
        })?;
        Ok(Some(Self { path: path.to_owned(), shown, named_by, fields, trust_problem }))
    }

    /// Rejects a file that others could have written: its fields name files, servers and programs, and where secrets
    /// are sent.
    pub(crate) fn require_trusted(&self) -> Result<(), Error> {
        let Some(problem) = &self.trust_problem else { return Ok(()) };
        let path = text::quoted(&self.path.to_string_lossy());
        let what = "it says where secrets are read and where they go, and";
        Err(self.error(match problem {
            // A `chown` would accept whatever the file contains.
            FileError::Owner(_) => format!(
                "{what} belongs to another user; read it, and if you mean all of it, run: \
                 install -m 600 {path} \"$HOME/google.json\"; export {VARIABLE}=\"$HOME/google.json\""
            ),
            _ => format!("{what} can be changed by others; run: chmod go-w {path}"),
        }))
    }

    /// An error in the file, for the user to mend.
    pub(crate) fn error(&self, what: impl Display) -> Error {
        Error::config(format!("{}: {what}", self.shown))
    }

    /// The value of a required field.
    pub(crate) fn require<'f, T: ?Sized>(&self, name: &str, value: Option<&'f T>) -> Result<&'f T, Error> {
        value.ok_or_else(|| self.error(format!("`{name}` is missing in it; get the file anew")))
    }

    /// A URL in the file that secrets are sent to.
    pub(crate) fn require_endpoint<'f>(&self, name: &str, url: &'f str) -> Result<&'f str, Error> {
        if is_endpoint(url) {
            return Ok(url);
        }
        Err(self.error(format!("`{name}` is not an https URL, nor one of this machine; mend it there")))
    }

    /// The command to sign in again. Values from the file are quoted for the shell.
    pub(crate) fn login_command(&self) -> String {
        let mut command = "run: gcloud auth application-default login".to_owned();
        let source = self.fields.source_credentials.as_deref();
        let of_workforce = source.unwrap_or(&self.fields).kind.as_deref() == Some(WORKFORCE);
        if of_workforce {
            command.push_str(" --login-config=FILE");
        }
        if let Some(chain) = source.and_then(|_| self.fields.chain()) {
            let _ = write!(command, " --impersonate-service-account={}", text::quoted(&chain));
        }
        if of_workforce {
            command = format!("take the login configuration of your workforce pool as FILE and {command}");
        }
        match self.named_by {
            NamedBy::Gcloud => command,
            NamedBy::Variable => {
                format!("gcloud writes another file, so first run: unset {VARIABLE}; then {command}")
            }
        }
    }
}

/// The fields of a file, and what is wrong with its owner or mode.
type Parsed = (serde_json::Result<Fields>, Option<FileError>);

/// Reads the file at `path` and checks the owner and mode of the same open file. gcloud writes its file in place, so an
/// incomplete one is read again.
fn parsed(path: &Path, variable: &str, until: Instant) -> Result<Option<Parsed>, Error> {
    let mut attempt = 1;
    loop {
        let (read, trust_problem) = match read_once(path, Trust::Settings, MAX_FILE, until) {
            Err(problem @ (FileError::Owner(_) | FileError::Writable(_))) => {
                (read(path, Trust::Unchecked, MAX_FILE), Some(problem))
            }
            read => (read, None),
        };
        let mend = |problem| Error::config(format!("{problem}; mend that, or set {variable} anew"));
        let Some(bytes) = read.map_err(mend)? else { return Ok(None) };
        match serde_json::from_slice(&bytes) {
            Err(error) if error.is_eof() && attempt < ATTEMPTS => thread::sleep(PAUSE),
            parsed => return Ok(Some((parsed, trust_problem))),
        }
        attempt += 1;
    }
}
