//! Claude Code's settings files: the user's and the administrator's are read for what they set, a project's only to
//! refuse (<https://code.claude.com/docs/en/settings>).

mod authorities;
mod command;
mod json;
mod login;
mod project;
mod scopes;
mod shell;

pub use authorities::{extra_authorities, refuse_trust_of_project};
pub use command::{
    API_KEY_HELPER, AWS_AUTH_REFRESH, AWS_CREDENTIAL_EXPORT, CommandSetting, GCP_AUTH_REFRESH, command, settings_files,
    settings_places,
};
pub use json::parse_options;
pub use login::{LoginState, StoredLogin, login_file, stored_login};
pub use project::{client_project_files, project_files, project_places};
pub use scopes::{
    EffectiveSetting, Scope, SettingLine, SettingSource, SettingsFile, deciding, projects, scopes, setting, switch,
    variable,
};
pub use shell::{leads_to_us, simple_commands};

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{Environment, Folders};

    pub(super) fn home() -> (tempfile::TempDir, Folders) {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(&Environment::from_pairs([("HOME", home.path())])).unwrap();
        fs::create_dir_all(&folders.claude).unwrap();
        (home, folders)
    }
}
