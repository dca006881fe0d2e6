use std::path::PathBuf;

use claude_credential_config::{Provider, TokenSource, claude};

use crate::chain::entry::Dependency;
use crate::client::cloud::Cloud;
use crate::context::Context;

/// The dependencies of a cloud's helper: nearly every variable, the files of the cloud's own tools, and the text of the
/// setting whose command the helper runs.
pub(crate) fn of_cloud(cloud: Cloud, context: &Context) -> Vec<Dependency> {
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
