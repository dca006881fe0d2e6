//! The entries that are there without being written, in the product's documented order, and what each needs before its
//! helper is even started.

use std::path::PathBuf;

use claude_credential_config::{ClaudeLogin, Entry, Profile, Program, Provider, TokenSource, claude, kept, logins};
use claude_credential_files::Identity;

use crate::chain::cloud::Cloud;
use crate::chain::{Depends, Link, Standing};
use crate::context::Context;

/// The built-in entry of that name, as things stand.
pub(crate) fn link(name: &str, profile: &Profile, context: &Context) -> Option<Link> {
    Some(match name {
        "auth-token" => variable(context, name, apikey(&["auth-token"]), "ANTHROPIC_AUTH_TOKEN"),
        "oauth-token" => claude_ai(variable(context, name, oauth("env"), "CLAUDE_CODE_OAUTH_TOKEN"), context),
        "oauth-fd" => {
            claude_ai(variable(context, name, oauth("fd"), "CLAUDE_CODE_OAUTH_TOKEN_FILE_DESCRIPTOR"), context)
        }
        "api-key-helper" => api_key_helper(context, name),
        "login" => login(context, name, profile),
        "api-key" => api_key(context, name),
        "bedrock" => cloud(context, Cloud::Bedrock),
        "vertex" => cloud(context, Cloud::Vertex),
        _ => return None,
    })
    .map(|link| Link { built_in: true, ..link })
}

fn helper(name: &str, args: &[&str]) -> Program {
    Program::Helper { name: name.to_owned(), args: args.iter().map(|&arg| arg.to_owned()).collect() }
}

fn apikey(sources: &[&str]) -> Program {
    helper("apikey", &sources.iter().flat_map(|source| ["--source", source]).collect::<Vec<_>>())
}

fn oauth(source: &str) -> Program {
    helper("oauth", &["--source", source])
}

/// An entry whose answer is the value of one variable, or of the descriptor that it names.
fn variable(context: &Context, name: &str, program: Program, variable: &'static str) -> Link {
    let standing = match missing(context, variable) {
        None => Standing::Variable,
        Some(why) => Standing::Absent(why),
    };
    Link::new(Entry::new(name, program), standing, vec![Depends::Variable(variable)])
}

/// Tokens of claude.ai: the client refuses to be handed one as a key, since they need a header of their own.
fn claude_ai(link: Link, context: &Context) -> Link {
    let passed_over = context.for_client && matches!(link.standing, Standing::Ready | Standing::Variable);
    let standing = if passed_over {
        Standing::PassedOver("a claude.ai token can't be sent as a key".to_owned())
    } else {
        link.standing
    };
    Link { standing, opaque: true, ..link }
}

fn api_key_helper(context: &Context, name: &str) -> Link {
    let (standing, text) = match claude::command(&context.folders, claude::API_KEY_HELPER) {
        Err(error) => (Standing::Broken(error), String::new()),
        Ok(None) => (Standing::Absent("no apiKeyHelper in Claude Code's settings".to_owned()), String::new()),
        Ok(Some(setting)) if claude::leads_to_us(&setting.command) => {
            (Standing::Absent("the apiKeyHelper setting is this program".to_owned()), String::new())
        }
        Ok(Some(setting)) => (Standing::Ready, setting.command),
    };
    // Nobody knows on which variables somebody's command depends.
    let depends = vec![Depends::Text(text), Depends::Everything];
    Link {
        runs_setting: Some(claude::API_KEY_HELPER),
        ..Link::new(Entry::new(name, apikey(&["api-key-helper"])), standing, depends)
    }
}

/// What a sign-in stored, in the order in which the helper looks.
fn login(context: &Context, name: &str, profile: &Profile) -> Link {
    match context.config.default_provider() {
        Some(provider) => default_provider(context, name, provider),
        None if context.environment.get_os(FEDERATION[0]).is_some() => federation(context, name),
        None => claude_ai(claudes_own(context, name, profile), context),
    }
}

/// Its tokens can be sent as a key, unless they are Anthropic's own.
fn default_provider(context: &Context, name: &str, provider: &Provider) -> Link {
    let Provider { name: provider_name, flow, anthropic, .. } = provider;
    // An index that can't be read is for the helper to speak of.
    let is_signed_in = !flow.is_for_people()
        || logins::list(&context.folders)
            .map_or(true, |logins| logins.iter().any(|login| login.provider == *provider_name));
    let standing = if !is_signed_in {
        Standing::Absent(format!("nobody is signed in to {provider_name}"))
    } else if *anthropic && context.for_client {
        Standing::PassedOver(format!("a token of {provider_name} can't be sent as a key"))
    } else {
        Standing::Ready
    };
    let mut depends = vec![Depends::Text(provider_name.clone())];
    depends.extend(context.config.file.clone().map(Depends::File));
    if !flow.is_for_people() {
        // A workload's own token, or a secret, may come from any of them.
        depends.push(Depends::Everything);
        depends.extend(assertion_file(provider).map(Depends::File));
    }
    let seen = vec![logins::path(&context.folders)];
    Link { opaque: true, seen, ..Link::new(Entry::new(name, oauth("login")), standing, depends) }
}

/// The file of the token that is exchanged: another one in it may be another's.
pub(crate) fn assertion_file(provider: &Provider) -> Option<PathBuf> {
    match &provider.assertion {
        Some(TokenSource::File(file)) => Some(file.clone()),
        _ => None,
    }
}

/// What Anthropic's variables say; the first of them turns it on.
const FEDERATION: [&str; 8] = [
    "ANTHROPIC_FEDERATION_RULE_ID",
    "ANTHROPIC_ORGANIZATION_ID",
    "ANTHROPIC_SERVICE_ACCOUNT_ID",
    "ANTHROPIC_WORKSPACE_ID",
    "ANTHROPIC_IDENTITY_TOKEN",
    "ANTHROPIC_IDENTITY_TOKEN_FILE",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
];

fn federation(context: &Context, name: &str) -> Link {
    let standing = if context.for_client {
        Standing::PassedOver("a token by federation can't be sent as a key".to_owned())
    } else {
        Standing::Ready
    };
    let mut depends = FEDERATION.map(Depends::Variable).to_vec();
    let file = context.environment.get("ANTHROPIC_IDENTITY_TOKEN_FILE");
    depends.extend(file.map(|file| Depends::File(context.folders.expand(file))));
    Link { opaque: true, ..Link::new(Entry::new(name, oauth("login")), standing, depends) }
}

fn claudes_own(context: &Context, name: &str, profile: &Profile) -> Link {
    let folder = profile.claude_config_dir.as_ref().unwrap_or(&context.folders.claude);
    let file = folder.join(".credentials.json");
    let standing = match (context.config.claude_login, Identity::of(&file).exists()) {
        (_, false) => Standing::Absent("nobody is signed in".to_owned()),
        (ClaudeLogin::Report, true) => Standing::Absent(
            "Claude Code's own login is there, and is handed out only with [claude] login = \"read\"".to_owned(),
        ),
        (ClaudeLogin::Read, true) => Standing::Ready,
    };
    Link::new(Entry::new(name, oauth("claude")), standing, vec![Depends::File(file)])
}

fn api_key(context: &Context, name: &str) -> Link {
    const VARIABLES: [&str; 2] = ["ANTHROPIC_API_KEY", "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"];
    let reasons: Vec<String> = VARIABLES.iter().filter_map(|variable| missing(context, variable)).collect();
    let standing = if reasons.len() < VARIABLES.len() {
        Standing::Variable
    } else if kept::is_any(&context.folders) {
        Standing::Ready
    } else {
        Standing::Absent(format!("{}, and no key is kept", reasons[0]))
    };
    // What is kept is in the key already: who changes it begins a new generation.
    let depends = VARIABLES.map(Depends::Variable).to_vec();
    let entry = Entry { store: true, ..Entry::new(name, apikey(&["env", "fd", "kept"])) };
    Link { seen: vec![kept::path(&context.folders)], ..Link::new(entry, standing, depends) }
}

fn cloud(context: &Context, cloud: Cloud) -> Link {
    let entry = Entry::new(cloud.name(), helper(cloud.name(), &[]));
    let link = Link::new(entry, Standing::Ready, cloud.depends(context));
    Link { runs_setting: cloud.runs_setting(), opaque: true, ..link }
}

fn missing(context: &Context, variable: &str) -> Option<String> {
    if context.environment.get_os(variable).is_some() {
        None
    } else if context.environment.is_set_but_empty(variable) {
        Some(format!("{variable} is set but empty"))
    } else {
        Some(format!("{variable} is not set"))
    }
}
