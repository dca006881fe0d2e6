use std::path::PathBuf;
use std::process::Command;

use claude_credential_config::Profile;
use claude_credential_process::CLIENT_SECRETS;
use claude_credential_protocol::{Auth, Credential, Error, Secret, variables};

use super::destination::Destination;
use crate::ask::Ask;
use crate::chain::Answer;
use crate::cloud::Cloud;
use crate::context::Context;

/// Anthropic's: the client and the SDKs take a credential from each of them, and what chooses one.
const ANTHROPIC: [&str; 10] = [
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "ANTHROPIC_PROFILE",
    "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR",
    "CLAUDE_CODE_OAUTH_REFRESH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR",
];

/// AWS's: <https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>. A Bedrock API key and a profile win
/// over the three of a key, in the client or in one of the SDKs.
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

/// What makes the client talk to a cloud, which wins over every key; and what makes it leave that cloud's own
/// credentials alone.
const SWITCHES: [(&str, &str); 3] = [
    ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH"),
    ("CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH"),
    ("CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_SKIP_FOUNDRY_AUTH"),
];

const CUSTOM_HEADERS: &str = "ANTHROPIC_CUSTOM_HEADERS";

/// The client adds this header by itself to a token from `CLAUDE_CODE_OAUTH_TOKEN`, and puts its own in its place
/// wherever else one says it (seen with version 2.1.197).
const BETA: &str = "anthropic-beta";
const OAUTH_BETA: &str = "oauth-";

/// Whose variables a credential goes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// `ANTHROPIC_API_KEY` or `ANTHROPIC_AUTH_TOKEN`.
    Anthropic,
    /// `CLAUDE_CODE_OAUTH_TOKEN`.
    OAuth,
    /// AWS's keys.
    Aws,
    /// `AWS_BEARER_TOKEN_BEDROCK`.
    BedrockKey,
    /// Google's token, as the client takes it where it is told to find none by itself.
    Vertex,
}

/// What a command's environment has that ours has not, and the reverse.
#[derive(Debug, Default)]
pub(super) struct Environment {
    removed: Vec<&'static str>,
    set: Vec<(&'static str, Secret)>,
    claude_config_dir: Option<PathBuf>,
}

impl Environment {
    /// With the credential of `answer`, and no other of its family.
    pub(super) fn with(
        context: &Context,
        ask: &Ask,
        answer: &Answer,
        destination: &Destination,
    ) -> Result<Self, Error> {
        let credential = &answer.credential;
        let family = Family::of(ask, answer);
        let mut environment = Self::bare(&ask.profile);
        environment.choose_service(family, destination);
        environment.put(family, credential);
        let base_url = destination.variable(&ask.profile, family.cloud())?;
        environment.set.extend(base_url.map(|(name, url)| (name, url.into())));
        let headers = headers(context, family, credential).map_err(|header| {
            Error::config(format!(
                "entry {}: its credential needs the header {header}, which Claude Code sets itself; for a script, use: \
                 claude-credential print --format curl",
                answer.entry
            ))
        })?;
        match headers {
            Some(headers) if headers.is_empty() => environment.removed.push(CUSTOM_HEADERS),
            headers => environment.set.extend(headers.map(|headers| (CUSTOM_HEADERS, headers.into()))),
        }
        Ok(environment)
    }

    /// With none: the client's own login is to win, in the profile's folder.
    pub(super) fn without(profile: &Profile) -> Self {
        let mut environment = Self::bare(profile);
        environment.removed.extend(SWITCHES.map(|(switch, _)| switch));
        environment
    }

    fn bare(profile: &Profile) -> Self {
        let removed = ANTHROPIC.into_iter().chain(CLIENT_SECRETS).collect();
        Self { removed, set: Vec::new(), claude_config_dir: profile.claude_config_dir.clone() }
    }

    pub(super) fn apply(self, command: &mut Command) {
        let Self { removed, set, claude_config_dir } = self;
        for name in removed {
            command.env_remove(name);
        }
        command.envs(set.iter().map(|(name, value)| (name, value.expose())));
        command.envs(claude_config_dir.map(|folder| ("CLAUDE_CONFIG_DIR", folder)));
    }

    fn choose_service(&mut self, family: Family, destination: &Destination) {
        let [(use_bedrock, skip_bedrock), (use_vertex, skip_vertex), (use_foundry, _)] = SWITCHES;
        match family {
            Family::Anthropic | Family::OAuth if destination.is_cloud_gateway() => {}
            Family::Anthropic | Family::OAuth => self.removed.extend([use_bedrock, use_vertex, use_foundry]),
            Family::Aws | Family::BedrockKey => {
                self.removed.extend([skip_bedrock, use_vertex, use_foundry]);
                self.set.push((use_bedrock, "1".into()));
            }
            Family::Vertex => {
                self.removed.extend([use_bedrock, use_foundry]);
                self.set.extend([(use_vertex, "1".into()), (skip_vertex, "1".into())]);
            }
        }
    }

    fn put(&mut self, family: Family, credential: &Credential) {
        let secret = || credential.auth.secret().clone();
        match family {
            Family::OAuth => self.set.push(("CLAUDE_CODE_OAUTH_TOKEN", secret())),
            Family::BedrockKey => {
                self.set.push(("AWS_BEARER_TOKEN_BEDROCK", secret()));
                self.set.extend(credential.region.as_deref().map(|region| ("AWS_REGION", region.into())));
            }
            Family::Anthropic | Family::Aws | Family::Vertex => {
                if family == Family::Aws {
                    self.removed.extend(AWS);
                }
                for (name, value) in variables(credential) {
                    match value {
                        Some(value) => self.set.push((name, value)),
                        None => self.removed.push(name),
                    }
                }
            }
        }
    }
}

impl Family {
    fn of(ask: &Ask, answer: &Answer) -> Self {
        let Credential { auth, headers, project, region, .. } = &answer.credential;
        let link = ask.chain.iter().find(|link| link.entry.name == answer.entry);
        match (auth, link.and_then(|link| Cloud::of_program(&link.entry.program))) {
            (Auth::Aws { .. }, _) => Self::Aws,
            (Auth::Bearer(_), Some(Cloud::Bedrock)) => Self::BedrockKey,
            (Auth::Bearer(_), Some(Cloud::Vertex)) => Self::Vertex,
            // Whoever knows both has a token for Google.
            (Auth::Bearer(_), None) if project.is_some() && region.is_some() => Self::Vertex,
            (Auth::Bearer(_), None) if headers.iter().any(|header| is_oauth_beta(header)) => Self::OAuth,
            (Auth::ApiKey(_), _) | (Auth::Bearer(_), None) => Self::Anthropic,
        }
    }

    fn cloud(self) -> Option<Cloud> {
        match self {
            Self::Anthropic | Self::OAuth => None,
            Self::Aws | Self::BedrockKey => Some(Cloud::Bedrock),
            Self::Vertex => Some(Cloud::Vertex),
        }
    }
}

/// The headers that the client is to add, the user's own among them less those that would compete; none where nothing
/// changes. `Err` is the name of one that it can't be told.
fn headers(context: &Context, family: Family, credential: &Credential) -> Result<Option<String>, &'static str> {
    let theirs = context.environment.get(CUSTOM_HEADERS).unwrap_or_default();
    let needed = credential.headers.iter().filter(|header| family != Family::OAuth || !is_oauth_beta(header)).cloned();
    let quota = credential.quota_project.as_deref().map(|project| format!("x-goog-user-project: {project}"));
    let ours: Vec<String> = needed.chain(quota).collect();
    if ours.iter().any(|header| is_named(header, BETA)) {
        return Err(BETA);
    }
    let competes = |line: &&str| {
        ["authorization", "x-api-key"].iter().any(|name| is_named(line, name))
            || ours.iter().any(|header| is_named(line, name_of(header)))
    };
    let kept = theirs.lines().filter(|line| !competes(line)).map(str::to_owned);
    let all = kept.chain(ours.iter().cloned()).collect::<Vec<_>>().join("\n");
    Ok((all != theirs.trim_end_matches('\n')).then_some(all))
}

fn is_oauth_beta(header: &str) -> bool {
    is_named(header, BETA) && header.split_once(':').is_some_and(|(_, value)| value.trim().starts_with(OAUTH_BETA))
}

fn name_of(header: &str) -> &str {
    header.split_once(':').map_or(header, |(name, _)| name).trim()
}

fn is_named(header: &str, name: &str) -> bool {
    name_of(header).eq_ignore_ascii_case(name)
}
