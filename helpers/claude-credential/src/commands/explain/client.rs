//! What Claude Code itself would send. Each header has an order of sources of its own: that is what Claude Code was
//! observed to do, and not what its documentation says.

use claude_credential_config::claude::{self, EffectiveSetting, SettingSource, StoredLogin};
use claude_credential_protocol::{CUSTOM_HEADERS, Error, Secret};

use super::{ClientSettings, SecretHasher, SecretIdentity, Setting};
use crate::client::service::Service;
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
    /// What would decide as well and can't be known here.
    pub(crate) unknown: Vec<String>,
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
        let sources = Sources { settings, hasher };
        let service = Service::ALL.into_iter().find(|service| settings.switch(service.use_switch()).is_some());
        let place = service.and_then(|service| Some((service.name(), settings.switch(service.use_switch())?.place)));
        let Headers { authorization, x_api_key } =
            service.map_or_else(|| sources.to_api(login.as_ref()), |service| sources.to_service(service));
        let asks_user = [&authorization, &x_api_key].into_iter().flatten().any(|sent| sent.source == ON_SCREEN);
        let mut unknown = vec![COMMAND_LINE.to_owned()];
        unknown.extend((asks_user && service.is_none()).then(|| REJECTED.to_owned()));
        Self { cloud: place, authorization, x_api_key, login, unknown, ..Self::default() }
    }
}

/// The source that Claude Code asks the user about before it uses it.
const ON_SCREEN: SentSource = SentSource::Variable(API_KEY);

const COMMAND_LINE: &str = "not known here: Claude Code's options --settings, --setting-sources and --bare";
const REJECTED: &str = "not known here: whether ANTHROPIC_API_KEY was rejected on the screen, where No is the default";

const API_KEY: &str = "ANTHROPIC_API_KEY";
const AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";

/// What is in the two headers.
#[derive(Debug, Default)]
struct Headers {
    authorization: Option<Sent>,
    x_api_key: Option<Sent>,
}

impl Headers {
    fn bearer(authorization: Option<Sent>) -> Self {
        Self { authorization, x_api_key: None }
    }
}

/// Where Claude Code may take a credential from. The orders are those that were seen with 2.1.332.
struct Sources<'a> {
    settings: &'a ClientSettings<'a>,
    hasher: &'a SecretHasher,
}

impl Sources<'_> {
    fn to_api(&self, login: Option<&StoredLogin>) -> Headers {
        let (token, helper) = (self.variable(AUTH_TOKEN), self.helper());
        let key = self.variable(API_KEY).or_else(|| self.variable("CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"));
        let no_other = token.is_none() && key.is_none() && helper.is_none();
        let stored = login.map(|login| Sent::unknown(SentSource::Login, SettingSource::File(login.file.clone())));
        let oauth = || {
            let of_variable = self.variable("CLAUDE_CODE_OAUTH_TOKEN");
            of_variable.or_else(|| self.variable("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR")).or(stored)
        };
        let authorization = token.or_else(|| helper.clone()).or_else(|| self.custom_header("authorization"));
        Headers {
            authorization: authorization.or_else(|| if no_other { oauth() } else { None }),
            x_api_key: self.custom_header("x-api-key").or(key).or(helper),
        }
    }

    fn to_service(&self, service: Service) -> Headers {
        let is_gateway = self.settings.switch(service.skip_switch()).is_some();
        let gateway_key = || self.variable(AUTH_TOKEN).or_else(|| self.helper());
        let of_bedrock = || self.variable("AWS_BEARER_TOKEN_BEDROCK");
        let of_tools = || Some(Sent::unknown(SentSource::Cloud, SettingSource::Environment));
        let headers = match (service, is_gateway) {
            (Service::Bedrock, true) => {
                let authorization = of_bedrock().or_else(gateway_key);
                // By itself it is not sent.
                let x_api_key = authorization.as_ref().and_then(|_| self.variable(API_KEY));
                Headers { authorization, x_api_key }
            }
            (Service::Vertex, true) => Headers { authorization: gateway_key(), x_api_key: self.variable(API_KEY) },
            (Service::Mantle, true) => Headers::bearer(gateway_key()),
            (Service::AnthropicAws, true) => Headers { authorization: gateway_key(), x_api_key: gateway_key() },
            (Service::Foundry, _) => match self.variable("ANTHROPIC_FOUNDRY_AUTH_TOKEN") {
                Some(token) => Headers::bearer(Some(token)),
                None => match self.variable("ANTHROPIC_FOUNDRY_API_KEY") {
                    Some(key) => Headers { authorization: None, x_api_key: Some(key) },
                    None => Headers::bearer(if is_gateway { gateway_key() } else { of_tools() }),
                },
            },
            (Service::AnthropicAws, false) => match self.variable("ANTHROPIC_AWS_API_KEY") {
                Some(key) => Headers { authorization: None, x_api_key: Some(key) },
                None => Headers::bearer(of_tools()),
            },
            (Service::Bedrock | Service::Mantle, false) => {
                let export = || Sent::of_command(self.settings, claude::AWS_CREDENTIAL_EXPORT);
                Headers::bearer(of_bedrock().or_else(export).or_else(of_tools))
            }
            (Service::Vertex, false) => Headers::bearer(of_tools()),
        };
        Headers {
            authorization: headers.authorization.or_else(|| self.custom_header("authorization")),
            x_api_key: self.custom_header("x-api-key").or(headers.x_api_key),
        }
    }

    fn helper(&self) -> Option<Sent> {
        Sent::of_command(self.settings, claude::API_KEY_HELPER)
    }

    fn variable(&self, name: &'static str) -> Option<Sent> {
        let EffectiveSetting { value, place } = self.settings.variable(name)?;
        // The number of a descriptor is no secret, and the descriptor itself is not read.
        let secret = Some(value).filter(|_| !name.ends_with("_DESCRIPTOR"));
        Some(self.sent(name, place, secret))
    }

    /// The last of the user's own headers of that name. In `Authorization`, without the word before the credential.
    fn custom_header(&self, name: &str) -> Option<Sent> {
        let EffectiveSetting { value, place } = self.settings.variable(CUSTOM_HEADERS)?;
        let mut lines = value.expose().lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.rfind(|(header, _)| header.trim().eq_ignore_ascii_case(name))?;
        let secret = value.trim().strip_prefix("Bearer ").unwrap_or(value.trim());
        Some(self.sent(CUSTOM_HEADERS, place, Some(secret.into())))
    }

    fn sent(&self, name: &'static str, place: SettingSource, secret: Option<Secret>) -> Sent {
        let identity = secret.as_ref().map(|secret| self.hasher.identity(secret));
        Sent { source: SentSource::Variable(name), place, secret, identity }
    }
}
