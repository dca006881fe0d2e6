//! The sources of application default credentials, as in Google's own libraries: <https://google.aip.dev/auth/4110>.

mod file;
pub(crate) mod gcloud;
mod metadata;

use clap::ValueEnum;
use claude_credential_protocol::Error;

pub(crate) use file::{AdcFile, VARIABLE, WORKFORCE};

use crate::source_context::SourceContext;
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
    for source in sources {
        let found = match source {
            Source::Metadata => MetadataServer::find(context)?.map(Credentials::Metadata),
            Source::Env | Source::Gcloud => file(context, *source)?.map(|file| Credentials::File(Box::new(file))),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
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
        match self {
            Self::File(file) => &file.shown,
            Self::Metadata(_) => "the metadata server",
        }
    }

    /// The value of `claude.source`.
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Self::File(file) => match file.named_by {
                NamedBy::Gcloud => "gcloud",
                NamedBy::Variable => VARIABLE,
            },
            Self::Metadata(_) => "metadata",
        }
    }

    /// The universe domain.
    pub(crate) fn universe(&self, context: &SourceContext<'_>) -> Result<String, Error> {
        match self {
            Self::File(file) => Ok(file.fields.universe().to_owned()),
            Self::Metadata(metadata) => metadata.universe(context),
        }
    }

    /// The account of the token, if the file names it in printable characters.
    pub(crate) fn account(&self) -> Option<&str> {
        match self {
            Self::File(file) => file.fields.account().filter(|account| !account.chars().any(char::is_control)),
            Self::Metadata(_) => None,
        }
    }
}
