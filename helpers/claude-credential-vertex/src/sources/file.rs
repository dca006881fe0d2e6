use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use claude_credential_config::is_endpoint;
use claude_credential_files::{Problem, Trust, read};
use claude_credential_protocol::{Error, text};

use super::gcloud;
use crate::fields::Fields;
use crate::source_context::SourceContext;

/// The variable that names a file.
pub(crate) const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// The type of what gcloud left of a sign-in elsewhere, which a file that gcloud is given says how to begin.
pub(crate) const WORKFORCE: &str = "external_account_authorized_user";

/// The largest hold a few certificates.
const MAX_FILE: u64 = 1 << 20;

/// How often half a file is read again, and after which pause: half a second in all. Some file systems take a tenth of
/// one from emptying a file to its first byte.
const ATTEMPTS: u32 = 25;
const PAUSE: Duration = Duration::from_millis(20);

/// Who names a credentials file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NamedBy {
    Variable,
    Gcloud,
}

/// A credentials file.
pub(crate) struct CredentialsFile {
    pub(crate) path: PathBuf,
    /// What messages begin with: its name, and the variable that names it.
    pub(crate) shown: String,
    pub(crate) named_by: NamedBy,
    pub(crate) fields: Fields,
    /// Why it may be somebody else's words, judged with the reading: a file that is looked at twice may be two files.
    trust_problem: Option<Problem>,
}

impl CredentialsFile {
    pub(crate) fn of_variable(context: &SourceContext<'_>) -> Result<Option<Self>, Error> {
        let Some(path) = context.environment.get_os(VARIABLE).map(Path::new) else { return Ok(None) };
        let (shown, mend) = (path.display(), format!("set {VARIABLE} anew, or run: unset {VARIABLE}"));
        if !path.is_absolute() {
            // The working directory may be a clone, with a file of that name in it.
            return Err(Error::config(format!("{VARIABLE} names {shown}, which is not an absolute path; {mend}")));
        }
        // gcloud's own file is gcloud's, by whatever name.
        let is_gclouds = gcloud::well_known(context).is_ok_and(|known| known == path);
        let named_by = if is_gclouds { NamedBy::Gcloud } else { NamedBy::Variable };
        let missing = || Error::config(format!("{shown}, which {VARIABLE} names, does not exist; {mend}"));
        Ok(Some(Self::open(path, named_by, VARIABLE)?.ok_or_else(missing)?))
    }

    /// What gcloud left.
    pub(crate) fn of_gcloud(context: &SourceContext<'_>) -> Result<Option<Self>, Error> {
        let path = gcloud::well_known(context)?;
        // In a folder that is another's there is nothing of ours: a service that runs with its caller's HOME has none.
        if fs::metadata(&path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
            return Ok(None);
        }
        Self::open(&path, NamedBy::Gcloud, gcloud::variable(context))
    }

    /// The file at `path`, which is there by the word of `variable`; none where there is none.
    ///
    /// Whoever may read it may use it, as with Google's libraries: in containers it is often another's, and readable by
    /// a group. One that says where else secrets are to be found is held to more, in `hold`.
    fn open(path: &Path, named_by: NamedBy, variable: &str) -> Result<Option<Self>, Error> {
        let Some((parsed, trust_problem)) = parsed(path, variable)? else { return Ok(None) };
        let shown = match named_by {
            NamedBy::Gcloud => path.display().to_string(),
            NamedBy::Variable => format!("{} ({VARIABLE})", path.display()),
        };
        let fields = parsed.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::config(format!("{}:{line}:{column}: this is no credentials file of Google's", path.display()))
        })?;
        Ok(Some(Self { path: path.to_owned(), shown, named_by, fields, trust_problem }))
    }

    /// Refuses words that others could have written: these name files, servers and programs, and say where to send what
    /// is had from them.
    pub(crate) fn require_trusted(&self) -> Result<(), Error> {
        let Some(problem) = &self.trust_problem else { return Ok(()) };
        let (shown, path) = (&self.shown, text::quoted(&self.path.to_string_lossy()));
        let what = "it says where secrets are read and where they go, and";
        Err(Error::config(match problem {
            // A `chown` would make it ours with whatever words are in it.
            Problem::Owner(_) => format!(
                "{shown}: {what} belongs to another user; read it, and if you mean all of it, run: \
                 install -m 600 {path} \"$HOME/google.json\"; export {VARIABLE}=\"$HOME/google.json\""
            ),
            _ => format!("{shown}: {what} can be changed by others; run: chmod go-w {path}"),
        }))
    }

    /// A field without which nothing can be done.
    pub(crate) fn require<'f, T: ?Sized>(&self, name: &str, value: Option<&'f T>) -> Result<&'f T, Error> {
        value.ok_or_else(|| Error::config(format!("{}: `{name}` is missing in it; get the file anew", self.shown)))
    }

    /// A URL in it that secrets are sent to.
    pub(crate) fn require_endpoint<'f>(&self, name: &str, url: &'f str) -> Result<&'f str, Error> {
        if is_endpoint(url) {
            return Ok(url);
        }
        Err(Error::config(format!(
            "{}: `{name}` is not an https URL, nor one of this machine; mend it there",
            self.shown
        )))
    }

    /// The command with which its owner signs in anew. Every word of the file's in it is one that a shell only reads.
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

/// What stands in a file, and what is wrong with its owner or mode.
type Parsed = (serde_json::Result<Fields>, Option<Problem>);

/// What stands in the file at `path`. gcloud writes its file in place, and a session that wakes while somebody signs in
/// would find half of it. With what is wrong with its owner or mode, told of the very file that was read.
fn parsed(path: &Path, variable: &str) -> Result<Option<Parsed>, Error> {
    let mut attempt = 1;
    loop {
        let (read, trust_problem) = match read(path, Trust::Settings, MAX_FILE) {
            Err(problem @ (Problem::Owner(_) | Problem::Writable(_))) => {
                (read(path, Trust::Anybody, MAX_FILE), Some(problem))
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
