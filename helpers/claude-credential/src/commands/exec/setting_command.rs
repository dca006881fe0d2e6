use clap::Parser;
use claude_credential_config::Environment as Inherited;
use claude_credential_config::claude::{self, SettingsFile};
use claude_credential_protocol::Family;

use super::environment::Environment;
use crate::chain::entry::Resolved;
use crate::cli::{Cli, Command, Print};
use crate::client::environment::environment_of_client;
use crate::context::Context;
use crate::query::profile;
use crate::query::{Query, chain_names};

/// What a command of the client's settings would print, as far as that can be told without running it.
pub(super) struct SettingCommand<'a> {
    pub(super) context: &'a Context,
    pub(super) query: &'a Query,
    pub(super) settings: &'a [SettingsFile],
    pub(super) environment: &'a Environment,
}

impl SettingCommand<'_> {
    /// Whether `awsCredentialExport` gives other keys than `answer`, or may.
    pub(super) fn exports_other(&self, file: &SettingsFile, command: &str, answer: Option<&Resolved>) -> bool {
        let source = answer.and_then(|answer| answer.credential.source.as_deref());
        let gave =
            source == Some(claude::AWS_CREDENTIAL_EXPORT) && self.is_run_by_us(file, claude::AWS_CREDENTIAL_EXPORT);
        !(gave || (claude::leads_to_us(command) && self.asks_the_same(command)))
    }

    /// Whether `apiKeyHelper` gives another credential than `answer`, or may.
    pub(super) fn prints_other(&self, file: &SettingsFile, command: &str, answer: Option<&Resolved>) -> bool {
        let Some(answer) = answer else { return true };
        let gives_the_same = if claude::leads_to_us(command) {
            self.is_sent_as_key(answer) && self.asks_the_same(command)
        } else {
            self.gave(file, answer)
        };
        !gives_the_same
    }

    /// The built-in entry that runs this very setting.
    fn gave(&self, file: &SettingsFile, answer: &Resolved) -> bool {
        let entry = self.query.chain.iter().find(|entry| entry.definition.name == answer.entry);
        let runs_it = entry.is_some_and(|entry| entry.runs_setting == Some(claude::API_KEY_HELPER));
        runs_it && self.is_run_by_us(file, claude::API_KEY_HELPER)
    }

    /// Whether the line that counts for the client is the one that counts here, where a project's never does.
    fn is_run_by_us(&self, file: &SettingsFile, name: &str) -> bool {
        let setting = claude::command(&self.context.folders, name).ok().flatten();
        setting.is_some_and(|setting| setting.file == file.file)
    }

    /// What needs headers of its own is passed over for the client, and another entry asked.
    fn is_sent_as_key(&self, answer: &Resolved) -> bool {
        self.environment.family == Some(Family::Anthropic) && answer.credential.headers.is_empty()
    }

    /// Whether it asks the same profile's same chain, from below a client that has the environment of the command.
    fn asks_the_same(&self, command: &str) -> bool {
        let words = command.split_whitespace().map(|word| word.trim_matches(['"', '\'']));
        let ours = words.skip_while(|word| word.rsplit('/').next() != Some("claude-credential"));
        let ours = ours.take_while(|word| !word.contains(['|', '&', ';', '<', '>', ')']));
        let (options, for_client) = match Cli::try_parse_from(ours) {
            Ok(Cli { options, command: Some(Command::ApiKeyHelper) }) => (options, true),
            Ok(Cli { options, command: Some(Command::Print(Print { host: None, account: None, .. })) }) => {
                (options, false)
            }
            _ => return false,
        };
        let Context { options: own, folders, config, environment, .. } = self.context;
        // It knows of no account.
        if options.config != own.config || self.query.request.username.is_some() {
            return false;
        }
        let variables = &self.environment.variables;
        let kept = environment.iter().filter(|(name, _)| variables.removed.iter().all(|removed| removed != name));
        let kept = kept.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let set = variables.set.iter().map(|(name, value)| ((*name).into(), value.expose().into()));
        let inherited = Inherited::from_pairs(kept.chain(set));
        let inherited = environment_of_client(&inherited, self.settings);
        let client = Context::with(options, inherited, folders.clone(), config.clone(), for_client);
        let Ok(chosen) = profile::choose(&client) else { return false };
        let chain = chain_names(&client, &chosen).iter();
        chosen.name == self.query.profile.name && chain.eq(self.query.chain.iter().map(|entry| &entry.definition.name))
    }
}
