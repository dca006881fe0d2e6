use std::path::{Path, PathBuf};
use std::{fs, io};

use claude_credential_protocol::Error;
use serde_json::Value;

use super::json::load;
use crate::Folders;
use crate::os::MANAGED;

/// Prints a key.
pub const API_KEY_HELPER: &str = "apiKeyHelper";
/// Prints AWS credentials.
pub const AWS_CREDENTIAL_EXPORT: &str = "awsCredentialExport";
/// Signs in to AWS.
pub const AWS_AUTH_REFRESH: &str = "awsAuthRefresh";
/// Signs in to Google Cloud.
pub const GCP_AUTH_REFRESH: &str = "gcpAuthRefresh";

/// A setting whose value is a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSetting {
    /// What the client runs with `/bin/sh -c`.
    pub command: String,
    /// The file that sets it.
    pub file: PathBuf,
}

/// The command that setting `name` has for this user: the administrator's, else the user's own. A project's is never
/// one.
pub fn command(folders: &Folders, name: &str) -> Result<Option<CommandSetting>, Error> {
    for file in settings_files(folders) {
        let Some(settings) = load(&file)? else { continue };
        match settings.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::String(command)) if command.trim().is_empty() => {}
            Some(Value::String(command)) => return Ok(Some(CommandSetting { command: command.clone(), file })),
            Some(_) => return Err(Error::config(format!("{}: `{name}` is not a string", file.display()))),
        }
    }
    Ok(None)
}

/// Every place that decides what one is set to: those files, and the folder where more of them can appear.
#[must_use]
pub fn settings_places(folders: &Folders) -> Vec<PathBuf> {
    let mut places = settings_files(folders);
    places.push(dropped_in(Path::new(MANAGED)));
    places
}

fn dropped_in(managed: &Path) -> PathBuf {
    managed.join("managed-settings.d")
}

/// The files that may set one, the one that wins first. All of them: those that are not there can appear.
#[must_use]
pub fn settings_files(folders: &Folders) -> Vec<PathBuf> {
    settings_files_in(Path::new(MANAGED), folders)
}

fn settings_files_in(managed: &Path, folders: &Folders) -> Vec<PathBuf> {
    let folder = dropped_in(managed);
    let mut files: Vec<PathBuf> = match fs::read_dir(&folder) {
        Ok(found) => found.flatten().map(|entry| entry.path()).collect(),
        // Whoever reads it in place of its files reports that it can't be.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => vec![folder.clone()],
        Err(_) => Vec::new(),
    };
    files.retain(|file| *file == folder || file.extension().is_some_and(|extension| extension == "json"));
    // As with other folders of this kind, a later name overrides an earlier one.
    files.sort_unstable_by(|a, b| b.cmp(a));
    files.push(managed.join("managed-settings.json"));
    files.push(folders.claude.join("settings.json"));
    files
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{API_KEY_HELPER, CommandSetting, command, settings_files_in};
    use crate::claude::tests::home;

    #[test]
    fn the_users_helper_is_read_with_comments_and_commas() {
        let (_home, folders) = home();
        let file = folders.claude.join("settings.json");
        fs::write(&file, "{ // mine\n \"apiKeyHelper\": \"vault read\", }").unwrap();
        assert_eq!(
            command(&folders, API_KEY_HELPER).unwrap(),
            Some(CommandSetting { command: "vault read".to_owned(), file })
        );
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_nothing_of_it_shown() {
        let (_home, folders) = home();
        fs::write(folders.claude.join("settings.json"), "{\n \"apiKeyHelper\": CANARY }").unwrap();
        let error = command(&folders, API_KEY_HELPER).unwrap_err().to_string();
        assert!(error.contains("settings.json:2:") && !error.contains("CANARY"), "{error}");
    }

    #[test]
    fn later_names_among_managed_files_win_and_all_win_over_the_user() {
        let (home, folders) = home();
        let managed = home.path().join("managed");
        fs::create_dir_all(managed.join("managed-settings.d")).unwrap();
        for name in ["10-a.json", "20-b.json", "notes.txt"] {
            fs::write(managed.join("managed-settings.d").join(name), "{}").unwrap();
        }
        let files = settings_files_in(&managed, &folders);
        let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["20-b.json", "10-a.json", "managed-settings.json", "settings.json"]);
    }
}
