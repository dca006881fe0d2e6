//! The certificate authorities that the user added for Claude Code, which every connection of ours trusts as well
//! (<https://code.claude.com/docs/en/network-config>).

use std::path::{Path, PathBuf};

use claude_credential_files::NamedFile;
use claude_credential_protocol::Error;
use serde_json::Value;

use super::command::settings_files;
use super::json::load;
use super::scopes::projects;
use crate::{Environment, Folders};

/// Node's variable for further authorities (<https://nodejs.org/api/cli.html#node_extra_ca_certsfile>).
const FURTHER: &str = "NODE_EXTRA_CA_CERTS";

/// The variables by which the helpers of this suite choose whom they trust.
const TRUSTED_BY: [&str; 4] = [FURTHER, "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE"];

/// The file that the administrator's or the user's settings name, else the environment, as for Claude Code. Fails if a
/// project in the working directory sets a variable of trust that is set here.
pub fn extra_authorities() -> Result<Option<NamedFile>, Error> {
    let environment = Environment::here();
    let folders = Folders::of(&environment).ok();
    if let (Some(folders), Ok(folder)) = (&folders, std::env::current_dir()) {
        refuse_trust_of_project(&environment, folders, &folder)?;
    }
    let set = folders.and_then(|folders| set_by_user(&folders));
    let here = || {
        let path = environment.get_os(FURTHER).map(PathBuf::from)?;
        Some(NamedFile { path, named_by: FURTHER.to_owned(), removal: format!("run: unset {FURTHER}") })
    };
    Ok(set.map_or_else(here, |named| named.into_iter().next()))
}

/// Refuses a variable of trust in the environment if a project in `folder` sets it: Claude Code hands a project's
/// variables down, so it may be the project's, which comes with a clone.
pub fn refuse_trust_of_project(environment: &Environment, folders: &Folders, folder: &Path) -> Result<(), Error> {
    let set: Vec<&str> = TRUSTED_BY.into_iter().filter(|name| environment.get_os(name).is_some()).collect();
    if set.is_empty() {
        return Ok(());
    }
    // A helper for another folder of Claude Code's runs in the home, where the usual one is no project's.
    let usual = folders.home.join(".claude");
    for file in projects(folder, folders).iter().filter(|file| file.file.parent() != Some(&usual)) {
        if file.sets.is_err() || file.get("env").is_some() {
            return Err(Error::config(format!(
                "{} can't be understood, and may say whom to trust; mend or remove it",
                file.file.display()
            )));
        }
        for name in &set {
            let line = file.get(&format!("env.{name}"));
            let line = line.filter(|line| line.value.as_ref().is_none_or(|value| !value.expose().is_empty()));
            if let Some(line) = line {
                return Err(Error::config(format!(
                    "{}:{}: {name} can let another server than the right one read a secret, and it is set here, too; \
                     remove the line, or run: unset {name}",
                    file.file.display(),
                    line.number
                )));
            }
        }
    }
    Ok(())
}

/// The file that the variable leads to, or none if it is set to nothing; `None` if no settings set it. Settings that can't
/// be used add nobody: less is trusted without them.
fn set_by_user(folders: &Folders) -> Option<Vec<NamedFile>> {
    settings_files(folders).into_iter().find_map(|file| {
        let settings = load(&file).ok().flatten()?;
        let value = settings.get("env")?.get(FURTHER)?;
        let path = match value {
            Value::Null => return None,
            Value::String(path) => path,
            _ => return Some(Vec::new()),
        };
        let file = file.display();
        let named = (!path.is_empty()).then(|| NamedFile {
            path: path.into(),
            named_by: format!("{FURTHER} in {file}"),
            removal: format!("remove {FURTHER} from `env` in {file}"),
        });
        Some(named.into_iter().collect())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{refuse_trust_of_project, set_by_user};
    use crate::Environment;
    use crate::claude::tests::home;

    #[test]
    fn the_users_settings_name_a_file_and_a_broken_one_names_none() {
        let (_home, folders) = home();
        let found = |text: &str| {
            fs::write(folders.claude.join("settings.json"), text).unwrap();
            set_by_user(&folders).map(|found| found.into_iter().map(|file| file.path).collect::<Vec<_>>())
        };
        assert_eq!(found(r#"{"env": {"NODE_EXTRA_CA_CERTS": "/etc/acme.pem"}}"#), Some(vec!["/etc/acme.pem".into()]));
        assert_eq!(found(r#"{"env": {"NODE_EXTRA_CA_CERTS": ""}}"#), Some(vec![]));
        for none in [r#"{"env": {"NODE_EXTRA_CA_CERTS": null}}"#, "{}", "", "{ broken"] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn a_project_s_line_counts_only_if_the_variable_is_set() {
        let (home, folders) = home();
        let clone = home.path().join("clone");
        fs::create_dir_all(clone.join(".claude")).unwrap();
        fs::write(clone.join(".claude/settings.json"), "{\"env\": {\n\"SSL_CERT_FILE\": \"ca.pem\"}}").unwrap();
        let refused = |name: &str| {
            refuse_trust_of_project(&Environment::from_pairs([(name, "/etc/acme.pem")]), &folders, &clone.join("src"))
        };
        assert!(refused("SSL_CERT_FILE").unwrap_err().to_string().contains("settings.json:2: SSL_CERT_FILE"));
        assert!(refused("SSL_CERT_DIR").is_ok());
        assert!(refused("PATH").is_ok());
    }
}
