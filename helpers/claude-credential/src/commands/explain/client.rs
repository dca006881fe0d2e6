//! What Claude Code itself would send. Each header has an order of sources of its own: that is what Claude Code was
//! observed to do, and not what its documentation says.

use claude_credential_config::claude::{self, EffectiveSetting, SettingSource, StoredLogin};
use claude_credential_protocol::{Error, Secret};

use super::{ClientSettings, SecretHasher, SecretIdentity, Setting};
use crate::context::Context;

/// What Claude Code sends, with the settings that decide it and the warnings about it.
#[derive(Debug, Default)]
pub(crate) struct ClientReport {
    /// The cloud that Claude Code is set up for, which comes before every other source.
    pub(crate) cloud: Option<(&'static str, SettingSource)>,
    pub(crate) authorization: Option<Sent>,
    pub(crate) x_api_key: Option<Sent>,
    pub(crate) settings: Vec<Setting>,
    /// Claude Code's own login, if there is one.
    pub(crate) login: Option<StoredLogin>,
    pub(crate) warnings: Vec<String>,
    /// How what it sends differs from what the chain gives; `None` if it does not.
    pub(crate) differs: Option<String>,
}

/// A credential that goes into a header, or that signs the request.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) source: SentSource,
    pub(crate) place: SettingSource,
    pub(crate) secret: Option<Secret>,
    pub(crate) identity: Option<SecretIdentity>,
}

/// Where Claude Code gets a credential from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SentSource {
    Variable(&'static str),
    /// The command in a setting, and whether that is this program.
    Command {
        setting: &'static str,
        is_us: bool,
    },
    /// Claude Code's own login.
    Login,
    /// Whatever the cloud's own tools find.
    Cloud,
}

impl Sent {
    /// What the command in a setting prints.
    fn of_command(settings: &ClientSettings<'_>, setting: &'static str) -> Option<Self> {
        let EffectiveSetting { value, place } = settings.setting(setting)?;
        let is_us = claude::leads_to_us(value.expose());
        Some(Self::unknown(SentSource::Command { setting, is_us }, place))
    }

    /// A credential whose secret is not known here.
    fn unknown(source: SentSource, place: SettingSource) -> Self {
        Self { source, place, secret: None, identity: None }
    }
}

impl SentSource {
    /// Its name in settings, in the environment and in the documentation.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Variable(name) => name,
            Self::Command { setting, .. } => setting,
            Self::Login => "Claude Code's own login",
            Self::Cloud => "the cloud's own credentials",
        }
    }

    pub(crate) fn is_us(self) -> bool {
        matches!(self, Self::Command { is_us: true, .. })
    }
}

/// The clouds: the variable that sets Claude Code up for the cloud, the one that makes it send a gateway's key instead of
/// the cloud's credentials, and the name.
const CLOUDS: [(&str, &str, &str); 3] = [
    ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH", "Amazon Bedrock"),
    ("CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH", "Google Vertex AI"),
    ("CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_SKIP_FOUNDRY_AUTH", "Microsoft Foundry"),
];

impl ClientReport {
    pub(crate) fn new(context: &Context, settings: &ClientSettings<'_>, hasher: &SecretHasher) -> Self {
        let (login, unreadable) = match claude::stored_login(&context.folders.claude) {
            Ok(login) => (login, None),
            Err(error) => (None, Some(error)),
        };
        let mut client = Self::sent(settings, login, hasher);
        client.settings = settings.list();
        client.warnings.extend(unreadable.as_ref().map(Error::to_string));
        client
    }

    fn sent(settings: &ClientSettings<'_>, login: Option<StoredLogin>, hasher: &SecretHasher) -> Self {
        let variable = |name: &'static str| {
            let EffectiveSetting { value, place } = settings.variable(name)?;
            // The number of a descriptor is no secret, and the descriptor itself is not read.
            let secret = Some(value).filter(|_| !name.ends_with("_DESCRIPTOR"));
            let identity = secret.as_ref().map(|secret| hasher.identity(secret));
            Some(Sent { source: SentSource::Variable(name), place, secret, identity })
        };
        let helper = Sent::of_command(settings, claude::API_KEY_HELPER);
        let mut client = Self { login, ..Self::default() };
        let cloud = CLOUDS.iter().find_map(|(switch, skip, name)| Some((settings.switch(switch)?.place, skip, *name)));
        if let Some((place, skip, name)) = cloud {
            client.authorization =
                if settings.switch(skip).is_some() { helper } else { Some(for_cloud(settings, name, &variable)) };
            client.cloud = Some((name, place));
            return client;
        }
        let (token, key) = (variable("ANTHROPIC_AUTH_TOKEN"), variable("ANTHROPIC_API_KEY"));
        if token.is_none() && key.is_none() && helper.is_none() {
            let login = client.login.as_ref();
            let login = login.map(|login| Sent::unknown(SentSource::Login, SettingSource::File(login.file.clone())));
            client.authorization = variable("CLAUDE_CODE_OAUTH_TOKEN")
                .or_else(|| variable("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"))
                .or(login);
        } else {
            client.authorization = token.or(helper.clone());
            client.x_api_key = key.or(helper);
        }
        client
    }
}

/// The credential that signs a request to a cloud.
fn for_cloud(settings: &ClientSettings<'_>, name: &str, variable: &dyn Fn(&'static str) -> Option<Sent>) -> Sent {
    let of_tools = || Sent::unknown(SentSource::Cloud, SettingSource::Environment);
    if name != CLOUDS[0].2 {
        return of_tools();
    }
    let export = Sent::of_command(settings, claude::AWS_CREDENTIAL_EXPORT);
    variable("AWS_BEARER_TOKEN_BEDROCK").or(export).unwrap_or_else(of_tools)
}
