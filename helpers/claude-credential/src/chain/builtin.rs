//! The built-in entries, in the documented order of Claude Code, and what each needs before its helper is started.

use std::path::PathBuf;

use claude_credential_config::{ClaudeLogin, Entry, Profile, Program, Provider, TokenSource, claude, kept, logins};
use claude_credential_files::exists;

use crate::chain::entry::{Availability, Dependency, ResolvedEntry};
use crate::client::cloud::Cloud;
use crate::context::Context;

/// The built-in entry of that name, with its availability in this call.
pub(crate) fn entry(name: &str, profile: &Profile, context: &Context) -> Option<ResolvedEntry> {
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
    .map(|entry| ResolvedEntry { built_in: true, ..entry })
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
fn variable(context: &Context, name: &str, program: Program, variable: &'static str) -> ResolvedEntry {
    let availability = match missing(context, variable) {
        None => Availability::Variable,
        Some(reason) => Availability::Absent(reason),
    };
    ResolvedEntry::new(Entry::new(name, program), availability, vec![Dependency::Variable(variable)])
}

/// An entry with tokens of claude.ai: Claude Code refuses such a token as a key, since it needs a header of its own.
fn claude_ai(entry: ResolvedEntry, context: &Context) -> ResolvedEntry {
    let unusable = context.for_client && matches!(entry.availability, Availability::Ready | Availability::Variable);
    let availability = if unusable {
        Availability::Unusable("a claude.ai token can't be sent as a key".to_owned())
    } else {
        entry.availability
    };
    ResolvedEntry { availability, opaque: true, ..entry }
}

fn api_key_helper(context: &Context, name: &str) -> ResolvedEntry {
    let (availability, text) = match claude::command(&context.folders, claude::API_KEY_HELPER) {
        Err(error) => (Availability::Broken(error), String::new()),
        Ok(None) => (Availability::Absent("no apiKeyHelper in Claude Code's settings".to_owned()), String::new()),
        Ok(Some(setting)) if claude::leads_to_us(&setting.command) => {
            (Availability::Absent("the apiKeyHelper setting is this program".to_owned()), String::new())
        }
        Ok(Some(setting)) => (Availability::Ready, setting.command),
    };
    // The variables on which the user's command depends are not known.
    let dependencies = vec![Dependency::Text(text), Dependency::Everything];
    ResolvedEntry {
        runs_setting: Some(claude::API_KEY_HELPER),
        ..ResolvedEntry::new(Entry::new(name, apikey(&["api-key-helper"])), availability, dependencies)
    }
}

/// The entry with the tokens of a sign-in, in the order in which the helper looks for them.
fn login(context: &Context, name: &str, profile: &Profile) -> ResolvedEntry {
    match context.config.default_provider() {
        Some(provider) => default_provider(context, name, provider),
        None if context.environment.get_os(FEDERATION[0]).is_some() => federation(context, name),
        None => claude_ai(claude_login(context, name, profile), context),
    }
}

/// The sign-in at the default provider, whose tokens can be sent as a key unless they are Anthropic's own.
fn default_provider(context: &Context, name: &str, provider: &Provider) -> ResolvedEntry {
    let Provider { name: provider_name, flow, anthropic, .. } = provider;
    // If the index can't be read, the helper reports it.
    let is_signed_in = !flow.is_for_people()
        || logins::list(&context.folders)
            .map_or(true, |logins| logins.iter().any(|login| login.provider == *provider_name));
    let availability = if !is_signed_in {
        Availability::Absent(format!("not signed in to {provider_name}"))
    } else if *anthropic && context.for_client {
        Availability::Unusable(format!("a token of {provider_name} can't be sent as a key"))
    } else {
        Availability::Ready
    };
    let mut dependencies = vec![Dependency::Text(provider_name.clone())];
    dependencies.extend(context.config.file.clone().map(Dependency::File));
    if !flow.is_for_people() {
        // A workload's own token, or a secret, may come from any variable.
        dependencies.push(Dependency::Everything);
        dependencies.extend(assertion_file(provider).map(Dependency::File));
    }
    let watched = vec![logins::path(&context.folders)];
    ResolvedEntry {
        opaque: true,
        watched,
        ..ResolvedEntry::new(Entry::new(name, oauth("login")), availability, dependencies)
    }
}

/// Anthropic's variables for federation; the first one turns it on.
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

fn federation(context: &Context, name: &str) -> ResolvedEntry {
    let availability = if context.for_client {
        Availability::Unusable("a token by federation can't be sent as a key".to_owned())
    } else {
        Availability::Ready
    };
    let mut dependencies = FEDERATION.map(Dependency::Variable).to_vec();
    let file = context.environment.get_os("ANTHROPIC_IDENTITY_TOKEN_FILE");
    dependencies.extend(file.map(|file| Dependency::File(context.folders.expand(file))));
    ResolvedEntry { opaque: true, ..ResolvedEntry::new(Entry::new(name, oauth("login")), availability, dependencies) }
}

/// Claude Code's own login.
fn claude_login(context: &Context, name: &str, profile: &Profile) -> ResolvedEntry {
    let folder = profile.claude_config_dir.as_ref().unwrap_or(&context.folders.claude);
    let file = folder.join(".credentials.json");
    let availability = match (context.config.claude_login, exists(&file)) {
        (_, Ok(false)) => Availability::Absent("not signed in".to_owned()),
        (ClaudeLogin::Report, found) => {
            let is_there = if found.is_ok() { "is there, and " } else { "" };
            let with = "is handed out only with [claude] login = \"read\"";
            Availability::Absent(format!("Claude Code's own login {is_there}{with}"))
        }
        (ClaudeLogin::Read, Ok(true)) => Availability::Ready,
        (ClaudeLogin::Read, Err(error)) => Availability::Broken(error.into()),
    };
    ResolvedEntry::new(Entry::new(name, oauth("claude")), availability, vec![Dependency::File(file)])
}

fn api_key(context: &Context, name: &str) -> ResolvedEntry {
    const VARIABLES: [&str; 2] = ["ANTHROPIC_API_KEY", "CLAUDE_CODE_API_KEY_FILE_DESCRIPTOR"];
    let reasons: Vec<String> = VARIABLES.iter().filter_map(|variable| missing(context, variable)).collect();
    let availability = if reasons.len() < VARIABLES.len() {
        Availability::Variable
    } else {
        match kept::is_any(&context.folders) {
            Ok(true) => Availability::Ready,
            Ok(false) => Availability::Absent(format!("{}, and no key is kept", reasons[0])),
            Err(error) => Availability::Broken(error),
        }
    };
    // The kept keys are part of the cache key already: each change of them begins a new generation.
    let dependencies = VARIABLES.map(Dependency::Variable).to_vec();
    let entry = Entry { store: true, ..Entry::new(name, apikey(&["env", "fd", "kept"])) };
    ResolvedEntry {
        watched: vec![kept::path(&context.folders)],
        ..ResolvedEntry::new(entry, availability, dependencies)
    }
}

fn cloud(context: &Context, cloud: Cloud) -> ResolvedEntry {
    let entry = Entry::new(cloud.name(), helper(cloud.name(), &[]));
    let entry = ResolvedEntry::new(entry, Availability::Ready, cloud_dependencies(cloud, context));
    ResolvedEntry { runs_setting: cloud.runs_setting(), opaque: true, ..entry }
}

/// Why a variable has no value; `None` if it has one.
fn missing(context: &Context, variable: &str) -> Option<String> {
    if context.environment.get_os(variable).is_some() {
        None
    } else if context.environment.is_set_but_empty(variable) {
        Some(format!("{variable} is set but empty"))
    } else {
        Some(format!("{variable} is not set"))
    }
}

/// The dependencies of a cloud's helper: nearly every variable, the files of the cloud's own tools, and the text of the
/// setting whose command the helper runs.
pub(crate) fn cloud_dependencies(cloud: Cloud, context: &Context) -> Vec<Dependency> {
    let setting = cloud.runs_setting().map(|name| {
        // The helper reports a setting that can't be read.
        let setting = claude::command(&context.folders, name).ok().flatten();
        Dependency::Text(setting.map(|setting| setting.command).unwrap_or_default())
    });
    let files = cloud.files(&context.environment, &context.folders).into_iter().map(Dependency::File);
    [Dependency::Everything].into_iter().chain(files).chain(setting).collect()
}

/// The file of the token that is exchanged: another token in it may be another account's.
pub(crate) fn assertion_file(provider: &Provider) -> Option<PathBuf> {
    match &provider.assertion {
        Some(TokenSource::File(file)) => Some(file.clone()),
        _ => None,
    }
}
