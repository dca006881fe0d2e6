use clap::Parser;
use claude_credential_config::claude::{self, SettingsFile};
use claude_credential_protocol::Family;

use super::environment::CommandEnvironment;
use crate::chain::Resolved;
use crate::cli::{Cli, Command, Print};
use crate::client::environment::environment_of_client;
use crate::context::Context;
use crate::query::{Query, chain_names, profile};

/// What a command in Claude Code's settings would print, as far as that is known without running it.
pub(super) struct SettingCommand<'a> {
    pub(super) context: &'a Context,
    pub(super) query: &'a Query,
    pub(super) settings: &'a [SettingsFile],
    pub(super) environment: &'a CommandEnvironment,
}

impl SettingCommand<'_> {
    /// Whether the `awsCredentialExport` in `file` may print other keys than `answer`.
    pub(super) fn exports_other(&self, file: &SettingsFile, command: &str, answer: Option<&Resolved>) -> bool {
        let source = answer.and_then(|answer| answer.credential.source.as_deref());
        let gave_answer =
            source == Some(claude::AWS_CREDENTIAL_EXPORT) && self.is_run_by_us(file, claude::AWS_CREDENTIAL_EXPORT);
        !(gave_answer || (claude::leads_to_us(command) && self.runs_same_chain(command)))
    }

    /// Whether the `apiKeyHelper` in `file` may print another credential than `answer`.
    pub(super) fn prints_other(&self, file: &SettingsFile, command: &str, answer: Option<&Resolved>) -> bool {
        let Some(answer) = answer else { return true };
        let prints_answer = if claude::leads_to_us(command) {
            self.is_sent_as_key(answer) && self.runs_same_chain(command)
        } else {
            self.gave_answer(file, answer)
        };
        !prints_answer
    }

    /// Whether `answer` comes from the built-in entry that runs the `apiKeyHelper` in `file`.
    fn gave_answer(&self, file: &SettingsFile, answer: &Resolved) -> bool {
        let entry = self.query.chain.iter().find(|entry| entry.definition.name == answer.entry);
        let runs_it = entry.is_some_and(|entry| entry.runs_setting == Some(claude::API_KEY_HELPER));
        runs_it && self.is_run_by_us(file, claude::API_KEY_HELPER)
    }

    /// Whether the dispatcher, which never runs a project's setting, runs the setting in `file`, which decides for the
    /// client.
    fn is_run_by_us(&self, file: &SettingsFile, name: &str) -> bool {
        let setting = claude::command(&self.context.folders, name).ok().flatten();
        setting.is_some_and(|setting| setting.file == file.file)
    }

    /// Whether `api-key-helper` can print `answer`. It skips credentials that need headers of their own, and asks another
    /// entry.
    fn is_sent_as_key(&self, answer: &Resolved) -> bool {
        self.environment.family == Some(Family::Anthropic) && answer.credential.headers.is_empty()
    }

    /// Whether `command` runs the dispatcher with the same profile and the same chain, if a Claude Code with the command's
    /// environment starts it.
    fn runs_same_chain(&self, command: &str) -> bool {
        let is_ours = |word: &String| word.rsplit('/').next() == Some("claude-credential");
        let commands = claude::simple_commands(command).into_iter();
        let mut of_dispatcher = commands.filter_map(|words| Some(words[words.iter().position(is_ours)?..].to_vec()));
        let Some(of_dispatcher) = of_dispatcher.next() else { return false };
        let (options, for_client) = match Cli::try_parse_from(of_dispatcher) {
            Ok(Cli { options, command: Some(Command::ApiKeyHelper) }) => (options, true),
            Ok(Cli { options, command: Some(Command::Print(Print { host: None, account: None, .. })) }) => {
                (options, false)
            }
            _ => return false,
        };
        let Context { options: our_options, folders, config, environment, .. } = self.context;
        // A setting's command names no account.
        if options.config != our_options.config || self.query.request.username.is_some() {
            return false;
        }
        let of_client = environment_of_client(&self.environment.after(environment), self.settings);
        let client = Context::with(options, of_client, folders.clone(), config.clone(), for_client);
        let Ok(chosen) = profile::choose(&client) else { return false };
        let chain = chain_names(&client, &chosen).iter();
        chosen.name == self.query.profile.name && chain.eq(self.query.chain.iter().map(|entry| &entry.definition.name))
    }
}
