//! Finds which credentials and settings exist, and which preset they suggest.

use std::path::{Path, PathBuf};

use claude_credential_config::{claude, cloud, kept};
use claude_credential_files::{Trust, read};
use claude_credential_protocol::CLOUD_SWITCHES;

use super::{client, placeholders};
use crate::context::Context;

/// Far above the size of any such file in practice.
const MAX: u64 = 1 << 20;

/// What was found: names and places, never values.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    /// The hosts that we store a key for.
    pub(crate) kept: Vec<String>,
    /// Whether the user is signed in to claude.ai, by Claude Code or a variable.
    pub(crate) subscription: bool,
    aws_sso: Option<PathBuf>,
    google: Option<PathBuf>,
    /// The settings files that set `apiKeyHelper`.
    helpers: Vec<PathBuf>,
}

impl Discovery {
    pub(crate) fn look(context: &Context) -> Self {
        let folders = &context.folders;
        let is_set = |name| context.environment.get_os(name).is_some();
        let or_home = |variable: &str, below: &str| {
            context.environment.get_os(variable).map_or_else(|| folders.home.join(below), PathBuf::from)
        };
        let aws = or_home("AWS_CONFIG_FILE", ".aws/config");
        let google = match context.environment.get_os("GOOGLE_APPLICATION_CREDENTIALS") {
            Some(file) => PathBuf::from(file),
            None => cloud::gcloud_credentials(&cloud::gcloud_folder(&context.environment, folders)),
        };
        let has_sso = |file: &Path| {
            let bytes = read(file, Trust::Unchecked, MAX).ok().flatten();
            let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
            text.contains("sso_session") || text.contains("sso_start_url")
        };
        Self {
            kept: kept::list(folders).unwrap_or_default().into_iter().map(|kept| kept.host).collect(),
            subscription: folders.claude.join(".credentials.json").exists()
                || is_set("CLAUDE_CODE_OAUTH_TOKEN")
                || is_set("CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"),
            aws_sso: Some(aws).filter(|file| has_sso(file)),
            google: Some(google).filter(|file| file.is_file()),
            helpers: client::scopes(context)
                .into_iter()
                .filter(|file| file.get(claude::API_KEY_HELPER).is_some())
                .map(|file| file.file)
                .collect(),
        }
    }

    /// A line for the user about each thing found.
    pub(crate) fn lines(&self, context: &Context) -> Vec<String> {
        let mut lines = Vec::new();
        let environment = &context.environment;
        let keys = ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"].into_iter();
        let keys = keys.filter(|name| environment.get_os(name).is_some());
        let clouds = CLOUD_SWITCHES.iter().map(|(cloud, _)| *cloud).filter(|cloud| environment.is_on(cloud));
        lines.extend(keys.chain(clouds).map(|name| format!("{name} is set")));
        lines.extend(self.kept.iter().map(|host| format!("a key for {host} is stored")));
        if self.subscription {
            lines.push("Claude Code is signed in to claude.ai".to_owned());
        }
        if let Some(file) = &self.aws_sso {
            lines.push(format!("{} signs in to AWS by SSO", file.display()));
        }
        if let Some(file) = &self.google {
            lines.push(format!("Google's application default credentials are in {}", file.display()));
        }
        lines.extend(self.helpers.iter().map(|file| format!("{} sets apiKeyHelper", file.display())));
        lines
    }

    /// The preset to propose: the one that Claude Code is set up for, else one that gives a key without further steps.
    pub(crate) fn suggests(&self, context: &Context) -> &'static str {
        let is_set = |name| context.environment.get_os(name).is_some();
        let has = |tool| placeholders::find(context, tool).is_some();
        let has_key = is_set("ANTHROPIC_API_KEY") || self.kept.iter().any(|host| host == "api.anthropic.com");
        if context.environment.is_on("CLAUDE_CODE_USE_BEDROCK") {
            "bedrock-sso"
        } else if context.environment.is_on("CLAUDE_CODE_USE_VERTEX") {
            "vertex-adc"
        } else if has_key {
            "api-key"
        } else if is_set("VAULT_ADDR") && has("vault") {
            "vault"
        } else if is_set("OP_SERVICE_ACCOUNT_TOKEN") && has("op") {
            "1password"
        } else if self.aws_sso.is_some() && !self.subscription && has("aws") {
            "bedrock-sso"
        } else if self.google.is_some() && !self.subscription && is_set("ANTHROPIC_VERTEX_PROJECT_ID") {
            "vertex-adc"
        } else {
            "api-key"
        }
    }
}
