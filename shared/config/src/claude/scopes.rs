//! Claude Code's settings with their files and lines, to explain its behaviour to the user. Nothing here chooses a
//! helper, a host or an account.

use std::io;
use std::path::{Path, PathBuf};

use claude_credential_files::{FileError, Trust, read};
use claude_credential_protocol::{Error, Secret, is_on};
use jsonc_parser::ast::{Object, Value};
use jsonc_parser::{CollectOptions, parse_to_ast};

use super::command::settings_files;
use super::json::{MAX_SETTINGS, not_json, parse_options, text};
use super::project::{client_project_files, project_files};
use crate::{Environment, Folders};

/// Whose settings a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The administrator's.
    Managed,
    /// The user's own for one project.
    Local,
    /// A project's, for all who work on it.
    Project,
    /// The user's.
    User,
}

/// A settings file that is there.
#[derive(Debug)]
pub struct SettingsFile {
    /// Whose it is.
    pub scope: Scope,
    /// Where it is.
    pub file: PathBuf,
    /// What it sets, or why that can't be told.
    pub sets: Result<Vec<SettingLine>, Error>,
}

impl SettingsFile {
    /// The user's, as if it said `text`.
    #[must_use]
    pub fn of_user(file: &Path, text: &str) -> Self {
        Self { scope: Scope::User, file: file.to_owned(), sets: lines(text.as_bytes(), file) }
    }

    /// Its setting of that name; `None` if it has none or can't be read.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SettingLine> {
        self.sets.as_ref().ok()?.iter().find(|line| line.name == name)
    }
}

/// One setting, where it stands.
#[derive(Debug, Clone)]
pub struct SettingLine {
    /// Its name; `env.NAME` for a variable.
    pub name: String,
    /// The line of its name, from 1 on.
    pub number: usize,
    /// Its text, where it is a text, a number or a switch. Some are secrets, and a command may hold one.
    pub value: Option<Secret>,
}

impl Scope {
    /// Its name, as Claude Code's documentation has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Local => "local",
            Self::Project => "project",
            Self::User => "user",
        }
    }
}

/// A setting that takes effect, and where it is set.
#[derive(Debug, Clone)]
pub struct EffectiveSetting {
    /// What it is set to; never empty.
    pub value: Secret,
    /// Where that stands.
    pub place: SettingSource,
}

/// Where something is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingSource {
    /// Among the variables.
    Environment,
    /// In a settings file, on that line.
    Line(PathBuf, usize),
    /// In a file that holds nothing else.
    File(PathBuf),
}

impl SettingSource {
    /// What takes the variable `name` away from there.
    #[must_use]
    pub fn removal(&self, name: &str) -> String {
        match self {
            Self::Environment => format!("run: unset {name}"),
            Self::Line(file, _) | Self::File(file) => format!("remove {name} from `env` in {}", file.display()),
        }
    }
}

/// The file and the line that decide about a setting. The client merges its files before it looks at what they say, so
/// the first that names it decides, even where it sets nothing at all.
#[must_use]
pub fn deciding<'a>(files: &'a [SettingsFile], name: &str) -> Option<(&'a SettingsFile, &'a SettingLine)> {
    files.iter().find_map(|file| Some((file, file.get(name)?)))
}

/// The setting of that name that takes effect; `None` if the line that decides is blank.
#[must_use]
pub fn setting(files: &[SettingsFile], name: &str) -> Option<EffectiveSetting> {
    let (file, line) = deciding(files, name)?;
    let value = line.value.clone().filter(|value| !value.expose().trim().is_empty())?;
    Some(EffectiveSetting { value, place: SettingSource::Line(file.file.clone(), line.number) })
}

/// The variable of that name that counts for the client: its settings take the place of its environment, and what is
/// empty in either is not set.
#[must_use]
pub fn variable(files: &[SettingsFile], environment: &Environment, name: &str) -> Option<EffectiveSetting> {
    let (value, place) = match deciding(files, &format!("env.{name}")) {
        Some((file, line)) => (line.value.clone()?, SettingSource::Line(file.file.clone(), line.number)),
        None => (environment.get_os(name)?.to_string_lossy().into_owned().into(), SettingSource::Environment),
    };
    (!value.expose().is_empty()).then_some(EffectiveSetting { value, place })
}

/// The settings files that a client in `folder` reads, the one that wins first
/// (<https://code.claude.com/docs/en/settings>): the administrator's, the project's, the user's.
#[must_use]
pub fn scopes(folder: &Path, folders: &Folders) -> Vec<SettingsFile> {
    let mut managed = settings_files(folders);
    let user = managed.pop();
    let managed = managed.into_iter().map(|file| (Scope::Managed, file));
    let projects = client_project_files(folder, folders).into_iter().map(of_project);
    let all = managed.chain(projects).chain(user.map(|file| (Scope::User, file)));
    all.filter_map(|(scope, file)| Some(SettingsFile { scope, sets: lines_of(&file)?.map_err(Error::from), file }))
        .collect()
}

/// Every settings file that may be a project's for a client in `folder`, whether the client reads it today or not, the
/// nearest first. Without those that this user, and so the client, may not read.
#[must_use]
pub fn projects(folder: &Path, folders: &Folders) -> Vec<SettingsFile> {
    let readable = |file: PathBuf| {
        let sets = match lines_of(&file)? {
            Err(Unreadable::File(FileError::Io(_, error))) if error.kind() == io::ErrorKind::PermissionDenied => {
                return None;
            }
            sets => sets.map_err(Error::from),
        };
        let (scope, file) = of_project(file);
        Some(SettingsFile { scope, file, sets })
    };
    project_files(folder, folders).into_iter().filter_map(readable).collect()
}

fn of_project(file: PathBuf) -> (Scope, PathBuf) {
    let is_local = file.file_name().is_some_and(|name| name == "settings.local.json");
    (if is_local { Scope::Local } else { Scope::Project }, file)
}

/// Why it can't be told what a file sets.
enum Unreadable {
    File(FileError),
    Text(Error),
}

impl From<Unreadable> for Error {
    fn from(unreadable: Unreadable) -> Self {
        match unreadable {
            Unreadable::File(problem) => problem.into(),
            Unreadable::Text(error) => error,
        }
    }
}

/// `None` if there is no such file.
fn lines_of(file: &Path) -> Option<Result<Vec<SettingLine>, Unreadable>> {
    // The client reads it, whatever its owner and mode are.
    match read(file, Trust::Unchecked, MAX_SETTINGS) {
        // The client can't read a folder either.
        Ok(None) | Err(FileError::Folder(_)) => None,
        Ok(Some(bytes)) => Some(lines(&bytes, file).map_err(Unreadable::Text)),
        Err(FileError::Io(_, error)) if error.kind() == io::ErrorKind::NotADirectory => None,
        Err(problem) => Some(Err(Unreadable::File(problem))),
    }
}

/// As [`variable`], for a switch; `None` if it is off.
#[must_use]
pub fn switch(files: &[SettingsFile], environment: &Environment, name: &str) -> Option<EffectiveSetting> {
    variable(files, environment, name).filter(|found| is_on(found.value.expose()))
}

fn lines(bytes: &[u8], file: &Path) -> Result<Vec<SettingLine>, Error> {
    let text = text(bytes, file)?;
    // As `touch` leaves it, or an editor before the first save.
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &parse_options());
    let parsed = parsed.map_err(|error| not_json(file, &error))?;
    let Some(Value::Object(settings)) = parsed.value else {
        return Err(Error::config(format!("{}: not an object of settings", file.display())));
    };
    let mut lines = properties(&settings, "", text);
    if let Some(Value::Object(variables)) =
        settings.properties.iter().rfind(|it| it.name.as_str() == "env").map(|it| &it.value)
    {
        lines.retain(|line| line.name != "env");
        lines.extend(properties(variables, "env.", text));
    }
    Ok(lines)
}

/// Of a name that stands there twice the last one counts, and a setting that is `null` does not. A variable has the value
/// that JavaScript's `String` makes of it (seen with 2.1.332); `None` where that is not plain.
fn properties(object: &Object<'_>, prefix: &str, text: &str) -> Vec<SettingLine> {
    let mut lines: Vec<SettingLine> = Vec::new();
    for property in &object.properties {
        let name = format!("{prefix}{}", property.name.as_str());
        lines.retain(|line| line.name != name);
        let value = match &property.value {
            Value::NullKeyword(_) if prefix.is_empty() => continue,
            Value::NullKeyword(_) => Some(Secret::from("null")),
            Value::StringLit(text) => Some(Secret::from(text.value.as_ref())),
            Value::NumberLit(number) => in_javascript(number.value).map(Secret::from),
            Value::BooleanLit(switch) => Some(Secret::from(if switch.value { "true" } else { "false" })),
            Value::Object(_) | Value::Array(_) => None,
        };
        let number = text.get(..property.range.start).unwrap_or_default().matches('\n').count() + 1;
        lines.push(SettingLine { name, number, value });
    }
    lines
}

/// A number as JavaScript prints it; `None` if that needs an exponent.
fn in_javascript(number: &str) -> Option<String> {
    let value: f64 = number.parse().ok()?;
    let is_plain = value == 0.0 || (1e-6..1e21).contains(&value.abs());
    is_plain.then(|| if value == 0.0 { "0".to_owned() } else { value.to_string() })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use claude_credential_protocol::Secret;

    use super::{Scope, SettingSource, SettingsFile, lines, projects, scopes, setting, variable};
    use crate::Environment;
    use crate::claude::tests::home;

    #[test]
    fn a_variable_has_the_value_that_the_client_gives_it() {
        let text = r#"{"env": {"A": 1.0, "B": 1e0, "C": null, "D": ["1"], "E": 0.5, "F": -0, "G": 1e30, "H": true}}"#;
        let found = lines(text.as_bytes(), Path::new("f")).unwrap();
        let found: Vec<_> = found.iter().map(|it| it.value.as_ref().map(Secret::expose)).collect();
        let [one, null, half, zero, on] = ["1", "null", "0.5", "0", "true"].map(Some);
        assert_eq!(found, [one, one, null, None, half, zero, None, on]);
    }

    #[test]
    fn every_setting_has_its_line() {
        let text = "\u{FEFF}{\r\n  // mine\r\n  \"apiKeyHelper\": \"a\\nb\", \"model\": null,\r\n  \"env\": {\r\n    \"A\": \"CANARY\", \"B\": 1,\r\n    \"A\": \"\"\r\n  },\r\n  \"hooks\": {}, \"switch\": false,\r\n}";
        let found = lines(text.as_bytes(), Path::new("f")).unwrap();
        assert!(!format!("{found:?}").contains("CANARY"));
        let found: Vec<_> =
            found.iter().map(|it| (it.name.as_str(), it.number, it.value.as_ref().map(Secret::expose))).collect();
        assert_eq!(
            found,
            [
                ("apiKeyHelper", 3, Some("a\nb")),
                ("hooks", 8, None),
                ("switch", 8, Some("false")),
                ("env.B", 5, Some("1")),
                ("env.A", 6, Some("")),
            ]
        );
    }

    #[test]
    fn the_clients_files_are_those_of_its_folder_and_of_the_user_and_a_parents_count_only_to_refuse() {
        let (home, folders) = home();
        for file in [".claude", "a/.claude", "a/b/.claude"] {
            fs::create_dir_all(home.path().join(file)).unwrap();
        }
        for file in [
            ".claude/settings.json",
            "a/.claude/settings.json",
            "a/b/.claude/settings.json",
            "a/b/.claude/settings.local.json",
        ] {
            fs::write(home.path().join(file), "{}").unwrap();
        }
        fs::write(home.path().join("a/.claude/settings.json"), "{ CANARY").unwrap();
        let shown = |files: &[SettingsFile]| {
            let files = files.iter().filter(|it| it.scope != Scope::Managed);
            let shown = files.map(|it| (it.scope.name(), it.file.strip_prefix(home.path()).unwrap().to_owned()));
            shown.map(|(scope, file)| format!("{scope} {}", file.display())).collect::<Vec<_>>()
        };
        let here = ["local a/b/.claude/settings.local.json", "project a/b/.claude/settings.json"];
        let folder = home.path().join("a/b");
        assert_eq!(shown(&scopes(&folder, &folders)), [here[0], here[1], "user .claude/settings.json"]);
        let found = projects(&folder, &folders);
        assert_eq!(shown(&found), [here[0], here[1], "project a/.claude/settings.json"]);
        let error = found[2].sets.as_ref().unwrap_err().to_string();
        assert!(error.contains("settings.json:1:") && !error.contains("CANARY"), "{error}");
    }

    #[test]
    fn what_is_empty_nearer_hides_what_is_set_further_out() {
        let file = |text: &str| SettingsFile::of_user(Path::new("f"), text);
        let near = "{\"apiKeyHelper\": \" \", \"env\": {\"A\": \"\", \"B\": null}}";
        let far = "{\n\"apiKeyHelper\": \"x\", \"env\": {\"A\": \"far\", \"B\": \"far\"}}";
        let environment = Environment::from_pairs([("A", "shell"), ("B", "shell"), ("C", "shell"), ("D", "")]);
        let value = |files: &[SettingsFile], name: &str| {
            variable(files, &environment, name).map(|found| (found.value.expose().to_owned(), found.place))
        };
        let (both, one) = ([file(near), file(far)], [file(far)]);
        assert!(setting(&both, "apiKeyHelper").is_none());
        assert_eq!(setting(&one, "apiKeyHelper").map(|found| found.value.expose().to_owned()), Some("x".to_owned()));
        let line = SettingSource::Line("f".into(), 2);
        // The client has the word in its environment then.
        let near = SettingSource::Line("f".into(), 1);
        assert_eq!((value(&both, "A"), value(&both, "B")), (None, Some(("null".to_owned(), near))));
        assert_eq!(value(&one, "A"), Some(("far".to_owned(), line)));
        assert_eq!(value(&both, "C"), Some(("shell".to_owned(), SettingSource::Environment)));
        assert_eq!(value(&both, "D"), None);
    }
}
