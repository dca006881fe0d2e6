//! Where credentials are looked for, as Google's own libraries do: <https://google.aip.dev/auth/4110>.

mod file;
pub(crate) mod gcloud;
mod metadata;

use clap::ValueEnum;
use claude_credential_protocol::Error;

pub(crate) use file::{File, VARIABLE, WORKFORCE};

use crate::source_context::Asked;
use file::NamedBy;
use metadata::Metadata;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The file that `GOOGLE_APPLICATION_CREDENTIALS` names
    Env,
    /// What `gcloud auth application-default login` left
    Gcloud,
    /// The metadata server of Google's machines
    Metadata,
}

/// What was found first.
pub(crate) enum Found {
    File(Box<File>),
    Metadata(Metadata),
}

impl Source {
    /// In Google's order.
    pub(crate) const ALL: [Self; 3] = [Self::Env, Self::Gcloud, Self::Metadata];
}

pub(crate) fn find(asked: &Asked<'_>, sources: &[Source]) -> Result<Option<Found>, Error> {
    for source in sources {
        let found = match source {
            Source::Metadata => Metadata::find(asked)?.map(Found::Metadata),
            Source::Env | Source::Gcloud => file(asked, *source)?.map(|file| Found::File(Box::new(file))),
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// What that source has on this disk.
pub(crate) fn file(asked: &Asked<'_>, source: Source) -> Result<Option<File>, Error> {
    match source {
        Source::Env => File::of_variable(asked),
        Source::Gcloud => File::of_gcloud(asked),
        Source::Metadata => Ok(None),
    }
}

impl Found {
    /// What messages begin with.
    pub(crate) fn shown(&self) -> &str {
        match self {
            Self::File(file) => &file.shown,
            Self::Metadata(_) => "the metadata server",
        }
    }

    /// As `claude.source` says it.
    pub(crate) fn source(&self) -> &'static str {
        match self {
            Self::File(file) => match file.named_by {
                NamedBy::Gcloud => "gcloud",
                NamedBy::Variable => VARIABLE,
            },
            Self::Metadata(_) => "metadata",
        }
    }

    /// Below which domain they are good.
    pub(crate) fn universe(&self, asked: &Asked<'_>) -> Result<String, Error> {
        match self {
            Self::File(file) => Ok(file.fields.universe().to_owned()),
            Self::Metadata(metadata) => metadata.universe(asked),
        }
    }

    /// Whose the token is, as far as a file says it in a way that can be shown.
    pub(crate) fn account(&self) -> Option<&str> {
        match self {
            Self::File(file) => file.fields.account().filter(|account| !account.chars().any(char::is_control)),
            Self::Metadata(_) => None,
        }
    }
}
