//! The sources of application default credentials, as in Google's own libraries: <https://google.aip.dev/auth/4110>.

mod file;
pub(crate) mod gcloud;
mod metadata;

use clap::ValueEnum;
use claude_credential_config::SourceContext;
use claude_credential_protocol::Error;

pub(crate) use file::{AdcFile, VARIABLE, WORKFORCE};

use file::NamedBy;
use metadata::MetadataServer;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The file that `GOOGLE_APPLICATION_CREDENTIALS` names
    Env,
    /// The file of `gcloud auth application-default login`
    Gcloud,
    /// The metadata server of Google's machines
    Metadata,
}

/// The first credentials found.
pub(crate) enum Credentials {
    File(Box<AdcFile>),
    Metadata(MetadataServer),
}

impl Source {
    /// In the order of Google's libraries.
    pub(crate) const ALL: [Self; 3] = [Self::Env, Self::Gcloud, Self::Metadata];
}

pub(crate) fn find(context: &SourceContext<'_>, sources: &[Source]) -> Result<Option<Credentials>, Error> {
    let get = |source: &Source| match source {
        Source::Metadata => Ok(MetadataServer::find(context)?.map(Credentials::Metadata)),
        Source::Env | Source::Gcloud => Ok(file(context, *source)?.map(|file| Credentials::File(Box::new(file)))),
    };
    sources.iter().find_map(|source| get(source).transpose()).transpose()
}

/// The credentials file of a source.
pub(crate) fn file(context: &SourceContext<'_>, source: Source) -> Result<Option<AdcFile>, Error> {
    match source {
        Source::Env => AdcFile::of_variable(context),
        Source::Gcloud => AdcFile::of_gcloud(context),
        Source::Metadata => Ok(None),
    }
}

impl Credentials {
    /// The start of messages.
    pub(crate) fn shown(&self) -> &str {
        self.file().map_or("the metadata server", |file| &file.shown)
    }

    /// The value of `claude.source`.
    pub(crate) fn source(&self) -> &'static str {
        match self.file().map(|file| file.named_by) {
            Some(NamedBy::Gcloud) => "gcloud",
            Some(NamedBy::Variable) => VARIABLE,
            None => "metadata",
        }
    }

    /// The universe domain.
    pub(crate) fn universe(&self, context: &SourceContext<'_>) -> Result<String, Error> {
        match self {
            Self::File(file) => Ok(file.fields.universe().to_owned()),
            Self::Metadata(metadata) => metadata.universe(context),
        }
    }

    /// The credentials file, if they are of one.
    pub(crate) fn file(&self) -> Option<&AdcFile> {
        match self {
            Self::File(file) => Some(file),
            Self::Metadata(_) => None,
        }
    }

    /// The account of the token, if the file names it in printable characters.
    pub(crate) fn account(&self) -> Option<&str> {
        self.file()?.fields.account().filter(|account| !account.chars().any(char::is_control))
    }
}
