//! The variables by which tools take a credential, so that exactly this one wins: one rule for what `print` prints for
//! a shell or a job, and for what `exec` hands a command.

use std::env;

use super::family::{BEDROCK_SWITCHES, CLOUD_SWITCHES, Family, VERTEX_SWITCHES, is_on};
use super::headers::custom_headers;
use crate::{Auth, Credential, Error, Secret, iso_8601};

/// Anthropic's: the client and the SDKs take a credential from each of them, or what chooses one.
const ANTHROPIC: [&str; 13] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_AWS_API_KEY",
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_FOUNDRY_API_KEY",
    "ANTHROPIC_FOUNDRY_AUTH_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "ANTHROPIC_PROFILE",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
];

/// AWS's: <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>. A Bedrock API key and a profile
/// win over the three of a key, in the client or in one of the SDKs.
const AWS: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_BEARER_TOKEN_BEDROCK",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_PROFILE",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    // The session token's name of old.
    "AWS_SECURITY_TOKEN",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// Further headers for the client to send, one a line.
pub const CUSTOM_HEADERS: &str = "ANTHROPIC_CUSTOM_HEADERS";

/// What is in the environment already and stays in it, less what would compete.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// The value of `ANTHROPIC_CUSTOM_HEADERS`.
    pub custom_headers: String,
    /// A key goes to a gateway in a cloud's stead, by way of the cloud's protocol: the cloud's switches are to stay.
    pub is_cloud_gateway: bool,
}

/// What an environment needs so that one credential wins.
#[derive(Debug, Default)]
pub struct Variables {
    /// What is set, in the order in which people read it.
    pub set: Vec<(&'static str, Secret)>,
    /// What must not be set: it would win, go with the credential, or lead a tool elsewhere with it.
    pub removed: Vec<&'static str>,
}

impl Surroundings {
    /// Those of this very process.
    #[must_use]
    pub fn here() -> Self {
        // What is not UTF-8 is a header that no client sends.
        let value = |name: &str| env::var_os(name).unwrap_or_default().to_string_lossy().into_owned();
        let cloud = CLOUD_SWITCHES.iter().find(|(switch, _)| is_on(&value(switch)));
        let is_cloud_gateway = cloud.is_some_and(|(_, skip)| is_on(&value(skip)));
        Self { custom_headers: value(CUSTOM_HEADERS), is_cloud_gateway }
    }
}

impl Variables {
    /// Those for `credential`, which is of `family`.
    pub fn of(family: Family, credential: &Credential, around: &Surroundings) -> Result<Self, Error> {
        let mut variables = Self::default();
        variables.put(family, credential);
        variables.choose_service(family, around);
        variables.set_headers(custom_headers(family, credential, &around.custom_headers)?);
        variables.removed.extend(ANTHROPIC);
        if family == Family::Aws {
            variables.removed.extend(AWS);
        }
        let Self { set, removed } = &mut variables;
        removed.retain(|name| set.iter().all(|(other, _)| other != name));
        removed.sort_unstable();
        removed.dedup();
        Ok(variables)
    }

    /// Those with which no credential of ours competes with the client's own login.
    #[must_use]
    pub fn none(around: &Surroundings) -> Self {
        let switches = CLOUD_SWITCHES.iter().map(|(switch, _)| *switch);
        let mut variables = Self { set: Vec::new(), removed: ANTHROPIC.into_iter().chain(switches).collect() };
        variables.set_headers(super::headers::without_credentials(&around.custom_headers));
        variables
    }

    fn put(&mut self, family: Family, credential: &Credential) {
        let Credential { auth, expires_at, project, region, .. } = credential;
        let mut set = |name, value: Option<Secret>| self.set.extend(value.map(|value| (name, value)));
        let text = |value: &Option<String>| value.as_deref().map(Secret::from);
        match auth {
            Auth::ApiKey(key) => set("ANTHROPIC_API_KEY", Some(key.clone())),
            Auth::Bearer(token) => match family {
                Family::OAuth => set("CLAUDE_CODE_OAUTH_TOKEN", Some(token.clone())),
                Family::BedrockKey => {
                    set("AWS_BEARER_TOKEN_BEDROCK", Some(token.clone()));
                    set("AWS_REGION", text(region));
                }
                Family::Anthropic | Family::Aws => set("ANTHROPIC_AUTH_TOKEN", Some(token.clone())),
                Family::Vertex => {
                    set("ANTHROPIC_AUTH_TOKEN", Some(token.clone()));
                    set("ANTHROPIC_VERTEX_PROJECT_ID", text(project));
                    set("CLOUD_ML_REGION", text(region));
                }
            },
            Auth::Aws { access_key_id, secret_access_key, session_token, region } => {
                set("AWS_ACCESS_KEY_ID", Some(access_key_id.as_str().into()));
                set("AWS_SECRET_ACCESS_KEY", Some(secret_access_key.clone()));
                set("AWS_SESSION_TOKEN", session_token.clone());
                // Where the source knows none, the user's own counts.
                set("AWS_REGION", text(region));
                set("AWS_CREDENTIAL_EXPIRATION", expires_at.map(|at| iso_8601(at).into()));
                // The end of an earlier key's is none of this one's.
                self.removed.push("AWS_CREDENTIAL_EXPIRATION");
            }
        }
    }

    /// Clouds win over every key, so the one that this credential is for is switched on, and the others off.
    fn choose_service(&mut self, family: Family, around: &Surroundings) {
        let own = match family {
            Family::Anthropic | Family::OAuth if around.is_cloud_gateway => return,
            Family::Anthropic | Family::OAuth => None,
            Family::Aws | Family::BedrockKey => {
                let (bedrock, skip) = BEDROCK_SWITCHES;
                self.removed.push(skip);
                Some(bedrock)
            }
            Family::Vertex => {
                let (vertex, skip) = VERTEX_SWITCHES;
                // The client is not to look for a token by itself.
                self.set.extend([(vertex, "1".into()), (skip, "1".into())]);
                return self.removed.extend(others(vertex));
            }
        };
        self.set.extend(own.map(|switch| (switch, "1".into())));
        self.removed.extend(others(own.unwrap_or_default()));
    }

    /// `None` changes nothing.
    fn set_headers(&mut self, headers: Option<String>) {
        match headers {
            Some(headers) if headers.is_empty() => self.removed.push(CUSTOM_HEADERS),
            headers => self.set.extend(headers.map(|headers| (CUSTOM_HEADERS, headers.into()))),
        }
    }
}

fn others(own: &str) -> impl Iterator<Item = &'static str> {
    CLOUD_SWITCHES.iter().map(|(switch, _)| *switch).filter(move |switch| *switch != own)
}
