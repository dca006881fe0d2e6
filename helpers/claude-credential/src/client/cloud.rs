//! The clouds that Claude Code can be set up for.

use std::path::PathBuf;

use claude_credential_config::{Environment, Folders, Program, claude, cloud};
use claude_credential_protocol::{Error, Family, text};

use crate::client::service::Service;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cloud {
    Bedrock,
    Vertex,
}

impl Cloud {
    /// The cloud of that API, if there is a helper for its credentials.
    pub(crate) fn of_service(service: Service) -> Option<Self> {
        [Self::Bedrock, Self::Vertex].into_iter().find(|cloud| cloud.service() == service)
    }

    /// The cloud's API, as Claude Code can be set up for it.
    pub(crate) fn service(self) -> Service {
        match self {
            Self::Bedrock => Service::Bedrock,
            Self::Vertex => Service::Vertex,
        }
    }

    /// The cloud whose credentials a program gives; `None` if the program is not the helper of a cloud.
    pub(crate) fn of_program(program: &Program) -> Option<Self> {
        program.short_name().and_then(Self::named)
    }

    /// The cloud whose variables a credential goes into; `None` if those are not a cloud's.
    pub(crate) fn of_family(family: Family) -> Option<Self> {
        match family {
            Family::Anthropic | Family::OAuth => None,
            Family::Aws | Family::BedrockKey => Some(Self::Bedrock),
            Family::Vertex => Some(Self::Vertex),
        }
    }

    /// The name of the cloud's helper, and of its built-in entry and profile.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bedrock => "bedrock",
            Self::Vertex => "vertex",
        }
    }

    /// The cloud of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Bedrock, Self::Vertex].into_iter().find(|cloud| cloud.name() == name)
    }

    /// The cloud's own host, in the region that Claude Code uses.
    pub(crate) fn host(self, environment: &Environment) -> Result<String, Error> {
        Ok(match self {
            Self::Bedrock => cloud::bedrock_host(aws_region(environment)?),
            Self::Vertex => {
                cloud::vertex_host(region(environment, &["CLOUD_ML_REGION"], cloud::VERTEX_REGION)?, cloud::GOOGLE)
            }
        })
    }

    /// The setting of Claude Code whose command signs in.
    pub(crate) fn auth_refresh(self) -> &'static str {
        match self {
            Self::Bedrock => claude::AWS_AUTH_REFRESH,
            Self::Vertex => claude::GCP_AUTH_REFRESH,
        }
    }

    /// The usual command to sign in.
    pub(crate) fn usual_sign_in(self) -> &'static str {
        match self {
            Self::Bedrock => "aws sso login",
            Self::Vertex => "gcloud auth application-default login",
        }
    }

    /// The variables that choose an account: sessions with the same values sign in to the same account.
    pub(crate) fn account_variables(self) -> &'static [&'static str] {
        match self {
            Self::Bedrock => &["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"],
            Self::Vertex => &["GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "CLOUDSDK_ACTIVE_CONFIG_NAME"],
        }
    }

    /// The setting of Claude Code whose command the cloud's helper runs.
    pub(crate) fn runs_setting(self) -> Option<&'static str> {
        match self {
            Self::Bedrock => Some(claude::AWS_CREDENTIAL_EXPORT),
            Self::Vertex => None,
        }
    }

    /// The files of the cloud's own tools.
    pub(crate) fn files(self, environment: &Environment, folders: &Folders) -> Vec<PathBuf> {
        match self {
            Self::Bedrock => cloud::aws_files(environment, folders).into(),
            Self::Vertex => {
                let named = environment.get_os("GOOGLE_APPLICATION_CREDENTIALS").map(|path| folders.expand(path));
                let folder = cloud::gcloud_folder(environment, folders);
                // The active configuration names the project that pays.
                let configuration = cloud::gcloud_configuration(environment, &folder);
                let own = [cloud::gcloud_credentials(&folder), cloud::gcloud_active(&folder)];
                named.into_iter().chain(own).chain(configuration).collect()
            }
        }
    }
}

/// The region of AWS that the environment says, or else the client's default.
pub(crate) fn aws_region(environment: &Environment) -> Result<&str, Error> {
    region(environment, &["AWS_REGION", "AWS_DEFAULT_REGION"], cloud::BEDROCK_REGION)
}

/// The first region that one of these variables names.
fn region<'e>(environment: &'e Environment, names: &[&str], default: &'e str) -> Result<&'e str, Error> {
    let Some((name, region)) = environment.first(names)? else { return Ok(default) };
    text::is_region(region).then_some(region).ok_or_else(|| {
        Error::config(format!("{name} names no region, it is {}; run: unset {name}", text::shown(region)))
    })
}
