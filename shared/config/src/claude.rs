//! Claude Code's settings files: the user's and the administrator's are read for what they set, a project's only to
//! refuse (<https://code.claude.com/docs/en/settings>).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use claude_credential_files::{Identity, Problem, Trust, read};
use claude_credential_protocol::Error;
use jsonc_parser::ParseOptions;
use serde_json::Value;

use crate::Folders;

/// No settings file that a person writes comes near this.
const MAX_SETTINGS: u64 = 1 << 20;

#[cfg(not(target_os = "macos"))]
const MANAGED: &str = "/etc/claude-code";
#[cfg(target_os = "macos")]
const MANAGED: &str = "/Library/Application Support/ClaudeCode";

/// The command of an `apiKeyHelper` setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// What the client runs with `/bin/sh -c`.
    pub command: String,
    /// The file that sets it.
    pub file: PathBuf,
}

/// The `apiKeyHelper` in force for this user: the administrator's, else the user's own. A project's is never one.
pub fn api_key_helper(folders: &Folders) -> Result<Option<Setting>, Error> {
    for file in settings_files(folders) {
        let Some(settings) = load(&file)? else { continue };
        match settings.get("apiKeyHelper") {
            None | Some(Value::Null) => {}
            Some(Value::String(command)) if command.trim().is_empty() => {}
            Some(Value::String(command)) => return Ok(Some(Setting { command: command.clone(), file })),
            Some(_) => return Err(Error::config(format!("{}: `apiKeyHelper` is not a string", file.display()))),
        }
    }
    Ok(None)
}

/// The files that may set it, the one that wins first. All of them: those that are not there can appear.
fn settings_files(folders: &Folders) -> Vec<PathBuf> {
    settings_files_in(Path::new(MANAGED), folders)
}

fn settings_files_in(managed: &Path, folders: &Folders) -> Vec<PathBuf> {
    let dropped_in = fs::read_dir(managed.join("managed-settings.d")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = dropped_in.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    // As with other folders of this kind, a later name overrides an earlier one.
    files.sort_unstable_by(|a, b| b.cmp(a));
    files.push(managed.join("managed-settings.json"));
    files.push(folders.claude.join("settings.json"));
    files
}

/// Words that run the words after them.
const WRAPPERS: [&str; 20] = [
    "sh", "bash", "dash", "zsh", "ksh", "busybox", "exec", "command", "eval", "time", "timeout", "env", "nice",
    "nohup", "sudo", "doas", "setsid", "stdbuf", "ionice", "chronic",
];

/// Whether the text of a setting runs one of our executables. Only where a command stands: `pass show claude-credential`
/// is somebody's own, and to skip it would hand out another key without a word. A script that runs us is seen when it
/// does.
#[must_use]
pub fn leads_to_us(command: &str) -> bool {
    command.split([';', '|', '&', '(', ')', '`', '\n']).any(|simple| {
        let words = simple.split(|c: char| c.is_whitespace() || c == '"' || c == '\'').filter(|word| !word.is_empty());
        // Assignments, wrappers, their options and numbers stand before a command; whatever else is one.
        let before = |word: &&str| {
            let name = word.rsplit('/').next().unwrap_or_default();
            word.contains('=') || word.starts_with('-') || WRAPPERS.contains(&name) || is_measure(word)
        };
        let mut words = words.skip_while(before);
        let name = words.next().and_then(|word| word.rsplit('/').next()).unwrap_or_default();
        name == "git-credential-claude" || name == "claude-credential" || is_helper_of_ours(name)
    })
}

/// `20`, `1.5`, `20s`, `+5`: what `timeout` and `nice` take.
fn is_measure(word: &str) -> bool {
    let number = word.trim_start_matches('+').trim_end_matches(['s', 'm', 'h', 'd']);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn is_helper_of_ours(name: &str) -> bool {
    let helper = name.strip_prefix("claude-credential-");
    helper.is_some_and(|helper| ["apikey", "oauth", "bedrock", "vertex"].contains(&helper))
}

/// What a project's settings would do to the place that the client sends its key to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectUrl {
    /// The settings file.
    pub file: PathBuf,
    /// The variable that it sets, and to what; none where the file can't be understood, and so neither ruled out.
    pub sets: Option<(String, String)>,
}

/// The settings files of projects from `folder` up, less the user's own.
#[must_use]
pub fn project_files(folder: &Path, folders: &Folders) -> Vec<PathBuf> {
    let own = Identity::of(&folders.claude);
    let theirs = folder.ancestors().map(|folder| folder.join(".claude"));
    theirs
        .filter(|folder| !own.exists() || Identity::of(folder) != own)
        .flat_map(|folder| [folder.join("settings.json"), folder.join("settings.local.json")])
        .collect()
}

/// Every base URL that a project's settings from `folder` up set for the client. It runs its key helper before it
/// applies them and sends the key there afterwards (CVE-2026-21852 was of this kind), so the caller refuses those that
/// the user did not list.
#[must_use]
pub fn project_urls(folder: &Path, folders: &Folders) -> Vec<ProjectUrl> {
    let mut urls = Vec::new();
    for file in project_files(folder, folders) {
        let unclear = || ProjectUrl { file: file.clone(), sets: None };
        let settings = match read(&file, Trust::Anybody, MAX_SETTINGS) {
            // Not there, or not readable for us and so neither for the client.
            Ok(None) => continue,
            Err(Problem::Io(_, error)) if is_out_of_reach(&error) => continue,
            Ok(Some(bytes)) => parse(&bytes, &file),
            Err(problem) => Err(problem.into()),
        };
        let Ok(settings) = settings else {
            urls.push(unclear());
            continue;
        };
        match settings.get("env") {
            None | Some(Value::Null) => {}
            Some(Value::Object(variables)) => {
                for (name, value) in variables.iter().filter(|(name, _)| is_base_url(name)) {
                    let url = value.as_str().map(|url| (name.clone(), url.to_owned()));
                    urls.push(ProjectUrl { file: file.clone(), sets: url });
                }
            }
            Some(_) => urls.push(unclear()),
        }
    }
    urls
}

/// `ANTHROPIC_BASE_URL` and its sisters for the clouds.
fn is_base_url(name: &str) -> bool {
    name.starts_with("ANTHROPIC_") && name.ends_with("BASE_URL")
}

fn is_out_of_reach(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory)
}

fn load(file: &Path) -> Result<Option<Value>, Error> {
    match read(file, Trust::Settings, MAX_SETTINGS) {
        Ok(Some(bytes)) => parse(&bytes, file).map(Some),
        Ok(None) => Ok(None),
        Err(Problem::Io(_, error)) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

/// The client accepts plain JSON. Comments and trailing commas are accepted too, so that an editor's habit voids
/// nothing and hides nothing.
fn parse(bytes: &[u8], file: &Path) -> Result<Value, Error> {
    let shown = file.display();
    let text = std::str::from_utf8(bytes).map_err(|_| Error::config(format!("{shown} is not UTF-8")))?;
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    // The parser's own message may quote the file.
    jsonc_parser::parse_to_serde_value::<Value>(text, &options).map_err(|error| {
        Error::config(format!("{shown}:{}:{}: not valid JSON", error.line_display(), error.column_display()))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Setting, api_key_helper, leads_to_us, project_urls, settings_files_in};
    use crate::{Environment, Folders};

    fn home() -> (tempfile::TempDir, Folders) {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::of(&Environment::from_pairs([("HOME", home.path())])).unwrap();
        fs::create_dir_all(&folders.claude).unwrap();
        (home, folders)
    }

    #[test]
    fn the_users_helper_is_read_with_comments_and_commas() {
        let (_home, folders) = home();
        let file = folders.claude.join("settings.json");
        fs::write(&file, "{ // mine\n \"apiKeyHelper\": \"vault read\", }").unwrap();
        assert_eq!(api_key_helper(&folders).unwrap(), Some(Setting { command: "vault read".to_owned(), file }));
    }

    #[test]
    fn a_broken_file_is_named_with_its_line_and_nothing_of_it_shown() {
        let (_home, folders) = home();
        fs::write(folders.claude.join("settings.json"), "{\n \"apiKeyHelper\": CANARY }").unwrap();
        let error = api_key_helper(&folders).unwrap_err().to_string();
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

    #[test]
    fn a_setting_that_names_us_is_seen_in_any_dress() {
        for ours in [
            "claude-credential api-key-helper",
            "/home/me/.local/bin/claude-credential api-key-helper",
            "timeout 20 \"$HOME/bin/claude-credential\" api-key-helper | cat",
            "FOO=1 claude-credential-apikey print",
            "sh -c 'claude-credential print'",
            "key=$(/opt/bin/claude-credential print); echo $key",
            "true && nice -n 5 claude-credential-oauth print",
        ] {
            assert!(leads_to_us(ours), "{ours}");
        }
        for other in [
            "cat ~/.config/claude-credential/key",
            "pass show claude-credential",
            "security find-generic-password -w -s claude-credential",
            "vault kv get -field=key secret/claude-credential",
            "~/bin/claude-credentials.sh",
            "",
        ] {
            assert!(!leads_to_us(other), "{other}");
        }
    }

    #[test]
    fn a_projects_base_url_is_found_from_any_folder_below_it() {
        let (home, folders) = home();
        let deep = home.path().join("clone/src/deep");
        fs::create_dir_all(&deep).unwrap();
        fs::create_dir_all(home.path().join("clone/.claude")).unwrap();
        fs::write(folders.claude.join("settings.json"), r#"{"env":{"ANTHROPIC_BASE_URL":"https://mine"}}"#).unwrap();
        assert_eq!(project_urls(&deep, &folders), []);
        let local = home.path().join("clone/.claude/settings.local.json");
        fs::write(&local, r#"{"env":{"ANTHROPIC_BASE_URL":"https://evil.example","OTHER":"x"}}"#).unwrap();
        let found = project_urls(&deep, &folders);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].file, local);
        assert_eq!(found[0].sets, Some(("ANTHROPIC_BASE_URL".to_owned(), "https://evil.example".to_owned())));
        for unclear in ["{", "{\"env\":[]}", "{\"env\":{\"ANTHROPIC_BEDROCK_BASE_URL\":1}}"] {
            fs::write(&local, unclear).unwrap();
            assert_eq!(project_urls(&deep, &folders).first().map(|url| url.sets.clone()), Some(None), "{unclear}");
        }
    }
}
