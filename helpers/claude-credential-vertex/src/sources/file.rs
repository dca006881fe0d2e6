use std::path::{Path, PathBuf};

use claude_credential_config::is_endpoint;
use claude_credential_files::{Trust, read};
use claude_credential_protocol::Error;

use super::{Asked, Source};
use crate::fields::Fields;
use crate::gcloud;

/// The variable that names a file.
pub(crate) const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

/// The largest hold a few certificates.
const MAX_FILE: u64 = 1 << 20;

/// A credentials file.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// What messages begin with: its name, and the variable that names it.
    pub(crate) shown: String,
    pub(crate) source: Source,
    pub(crate) fields: Fields,
}

impl File {
    pub(crate) fn of_variable(asked: &Asked<'_>) -> Result<Option<Self>, Error> {
        let Some(path) = asked.environment.get_os(VARIABLE).map(Path::new) else { return Ok(None) };
        let (shown, mend) = (path.display(), format!("set {VARIABLE} anew, or run: unset {VARIABLE}"));
        if !path.is_absolute() {
            // The working directory may be a clone, with a file of that name in it.
            return Err(Error::config(format!("{VARIABLE} names {shown}, which is not an absolute path; {mend}")));
        }
        // gcloud's own file is gcloud's, by whatever name.
        let is_gclouds = gcloud::well_known(asked).is_ok_and(|known| known == path);
        let source = if is_gclouds { Source::Gcloud } else { Source::Env };
        let missing = || Error::config(format!("{shown}, which {VARIABLE} names, does not exist; {mend}"));
        Ok(Some(Self::open(path, source)?.ok_or_else(missing)?))
    }

    /// The file at `path`; none where there is none.
    ///
    /// Whoever may read it may use it, as with Google's libraries: in containers it is often another's, and readable by
    /// a group. One that names a program to run is held to more, in `external::executable`.
    pub(crate) fn open(path: &Path, source: Source) -> Result<Option<Self>, Error> {
        let Some(bytes) = read(path, Trust::Anybody, MAX_FILE)? else { return Ok(None) };
        let shown = match source {
            Source::Gcloud | Source::Metadata => path.display().to_string(),
            Source::Env => format!("{} ({VARIABLE})", path.display()),
        };
        let fields = serde_json::from_slice(&bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Error::config(format!("{}:{line}:{column}: this is no credentials file of Google's", path.display()))
        })?;
        Ok(Some(Self { path: path.to_owned(), shown, source, fields }))
    }

    /// A field without which nothing can be done.
    pub(crate) fn need<'f, T: ?Sized>(&self, name: &str, value: Option<&'f T>) -> Result<&'f T, Error> {
        value.ok_or_else(|| Error::config(format!("{}: `{name}` is missing in it; get the file anew", self.shown)))
    }

    /// A URL in it that secrets are sent to.
    pub(crate) fn endpoint<'f>(&self, name: &str, url: &'f str) -> Result<&'f str, Error> {
        if is_endpoint(url) {
            return Ok(url);
        }
        Err(Error::config(format!(
            "{}: `{name}` is not an https URL, nor one of this machine; mend it there",
            self.shown
        )))
    }

    /// The command with which its owner signs in anew.
    pub(crate) fn login(&self) -> String {
        let command = "gcloud auth application-default login";
        let impersonated = self.fields.impersonated().filter(|_| self.fields.source_credentials.is_some());
        let option = impersonated.map(|email| format!(" --impersonate-service-account={email}")).unwrap_or_default();
        match self.source {
            Source::Gcloud | Source::Metadata => format!("run: {command}{option}"),
            Source::Env => {
                format!("gcloud writes another file, so first run: unset {VARIABLE}; then run: {command}{option}")
            }
        }
    }
}
