//! The clouds that Claude Code can be set up for.

use std::path::PathBuf;

use claude_credential_config::{Environment, Folders, Program, claude, cloud};
use claude_credential_protocol::{Error, Family, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cloud {
    Bedrock,
    Vertex,
}

impl Cloud {
    /// The variable that makes Claude Code use the cloud.
    pub(crate) fn use_switch(self) -> &'static str {
        match self {
            Self::Bedrock => "CLAUDE_CODE_USE_BEDROCK",
            Self::Vertex => "CLAUDE_CODE_USE_VERTEX",
        }
    }

    /// The variable that makes Claude Code send a gateway's key instead of the cloud's own credentials.
    pub(crate) fn skip_switch(self) -> &'static str {
        match self {
            Self::Bedrock => "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
            Self::Vertex => "CLAUDE_CODE_SKIP_VERTEX_AUTH",
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

    /// The variable that sends Claude Code to another host than the usual one, if it is set up for `cloud` or for none.
    pub(crate) fn base_url_of(cloud: Option<Self>) -> &'static str {
        cloud.map_or("ANTHROPIC_BASE_URL", Self::base_url)
    }

    /// The variable that sends Claude Code to another host than the cloud's own.
    pub(crate) fn base_url(self) -> &'static str {
        match self {
            Self::Bedrock => "ANTHROPIC_BEDROCK_BASE_URL",
            Self::Vertex => "ANTHROPIC_VERTEX_BASE_URL",
        }
    }

    /// The cloud's own host, in the region that Claude Code uses.
    pub(crate) fn host(self, environment: &Environment) -> Result<String, Error> {
        let region = |names: &[&str], default| {
            let Some((name, region)) = environment.first(names)? else { return Ok(default) };
            text::is_region(region).then_some(region).ok_or_else(|| {
                Error::config(format!("{name} names no region, it is {}; run: unset {name}", text::shown(region)))
            })
        };
        Ok(match self {
            Self::Bedrock => cloud::bedrock_host(region(&["AWS_REGION", "AWS_DEFAULT_REGION"], cloud::BEDROCK_REGION)?),
            Self::Vertex => cloud::vertex_host(region(&["CLOUD_ML_REGION"], cloud::VERTEX_REGION)?, cloud::GOOGLE),
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
