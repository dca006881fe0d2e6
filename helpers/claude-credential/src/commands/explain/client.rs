//! What Claude Code itself would send: not by the documented order of sources, but for each header by its own, as the
//! client was seen to do.

use claude_credential_config::claude::{self, EffectiveSetting, SettingSource, StoredLogin};
use claude_credential_protocol::{Error, Secret};

use super::identity::{Identity, Salted};
use super::settings::{Setting, Settings};
use crate::context::Context;

/// What Claude Code sends, and what there is to say about it.
#[derive(Debug)]
pub(crate) struct Client {
    /// The cloud that it is set up for, which comes before all.
    pub(crate) cloud: Option<(&'static str, SettingSource)>,
    pub(crate) authorization: Option<Sent>,
    pub(crate) x_api_key: Option<Sent>,
    pub(crate) settings: Vec<Setting>,
    /// Claude Code's own login, where there is one.
    pub(crate) login: Option<StoredLogin>,
    pub(crate) warnings: Vec<String>,
    /// Where its choice is not ours.
    pub(crate) differs: Option<String>,
}

/// What goes into a header, or signs.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) source: Source,
    pub(crate) place: SettingSource,
    pub(crate) secret: Option<Secret>,
    pub(crate) identity: Option<Identity>,
}

/// Where the client has it from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Variable(&'static str),
    /// The `apiKeyHelper` setting, and whether that is this program.
    Helper {
        is_us: bool,
    },
    /// Its own stored login.
    Login,
    /// What the cloud's own tools find.
    Cloud,
    /// The `awsCredentialExport` setting, and whether that is this program.
    Export {
        is_us: bool,
    },
}

impl Source {
    /// What it is called in settings, environment and documents.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Variable(name) => name,
            Self::Helper { .. } => claude::API_KEY_HELPER,
            Self::Export { .. } => claude::AWS_CREDENTIAL_EXPORT,
            Self::Login => "Claude Code's own login",
            Self::Cloud => "the cloud's own credentials",
        }
    }

    pub(crate) fn is_us(self) -> bool {
        matches!(self, Self::Helper { is_us: true } | Self::Export { is_us: true })
    }
}

/// The clouds: the switch, the switch by which a gateway's key is sent instead, and the name.
const CLOUDS: [(&str, &str, &str); 3] = [
    ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH", "Amazon Bedrock"),
    ("CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_SKIP_VERTEX_AUTH", "Google Vertex AI"),
    ("CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CODE_SKIP_FOUNDRY_AUTH", "Microsoft Foundry"),
];

impl Client {
    pub(crate) fn look(context: &Context, settings: &Settings<'_>, salted: &Salted) -> Self {
        let (login, broken) = match claude::stored_login(&context.folders.claude) {
            Ok(login) => (login, None),
            Err(error) => (None, Some(error)),
        };
        let mut client = Self::send(settings, login, salted);
        client.settings = settings.list();
        client.warnings.extend(broken.as_ref().map(Error::to_string));
        client
    }

    fn send(settings: &Settings<'_>, login: Option<StoredLogin>, salted: &Salted) -> Self {
        let variable = |name: &'static str| {
            let EffectiveSetting { value, place } = settings.variable(name)?;
            // The number of a descriptor is no secret, and what it leads to is not read.
            let secret = Some(value).filter(|_| !name.ends_with("_DESCRIPTOR"));
            let identity = secret.as_ref().map(|secret| salted.of(secret));
            Some(Sent { source: Source::Variable(name), place, secret, identity })
        };
        let helper = settings.setting(claude::API_KEY_HELPER).map(|found| {
            let is_us = claude::leads_to_us(found.value.expose());
            Sent { source: Source::Helper { is_us }, place: found.place, secret: None, identity: None }
        });
        let mut client = Self {
            cloud: None,
            authorization: None,
            x_api_key: None,
            settings: Vec::new(),
            login,
            warnings: Vec::new(),
            differs: None,
        };
        let on = CLOUDS.iter().find_map(|(switch, skip, name)| Some((settings.switch(switch)?.place, skip, *name)));
        if let Some((place, skip, name)) = on {
            client.authorization =
                if settings.switch(skip).is_some() { helper } else { Some(cloud(settings, name, &variable)) };
            client.cloud = Some((name, place));
            return client;
        }
        let (token, key) = (variable("ANTHROPIC_AUTH_TOKEN"), variable("ANTHROPIC_API_KEY"));
        if token.is_none() && key.is_none() && helper.is_none() {
            let stored = client.login.as_ref().map(|login| Sent {
                source: Source::Login,
                place: SettingSource::File(login.file.clone()),
                secret: None,
                identity: None,
            });
            client.authorization = variable("CLAUDE_CODE_OAUTH_TOKEN")
                .or_else(|| variable("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"))
                .or(stored);
        } else {
            client.authorization = token.or(helper.clone());
            client.x_api_key = key.or(helper);
        }
        client
    }
}

/// What signs a request to a cloud.
fn cloud(settings: &Settings<'_>, name: &str, variable: &dyn Fn(&'static str) -> Option<Sent>) -> Sent {
    let own = || Sent { source: Source::Cloud, place: SettingSource::Environment, secret: None, identity: None };
    if name != CLOUDS[0].2 {
        return own();
    }
    let export = settings.setting(claude::AWS_CREDENTIAL_EXPORT).map(|found| {
        let is_us = claude::leads_to_us(found.value.expose());
        Sent { source: Source::Export { is_us }, place: found.place, secret: None, identity: None }
    });
    variable("AWS_BEARER_TOKEN_BEDROCK").or(export).unwrap_or_else(own)
}
