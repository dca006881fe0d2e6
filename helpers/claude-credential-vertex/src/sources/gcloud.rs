//! gcloud's own files: <https://cloud.google.com/sdk/docs/configurations>.

use claude_credential_config::SourceContext;
use std::path::{Path, PathBuf};

use claude_credential_config::cloud::{GCLOUD_FOLDER, gcloud_configuration, gcloud_credentials, gcloud_folder};
use claude_credential_files::{Trust, read};
use claude_credential_protocol::Error;

use crate::encoding::is_name;

/// Larger than any of gcloud's settings files.
const MAX_FILE: u64 = 64 * 1024;

/// The file that `gcloud auth application-default login` writes.
pub(crate) fn well_known(context: &SourceContext<'_>) -> Result<PathBuf, Error> {
    Ok(gcloud_credentials(&folder(context)?))
}

/// The variable that decides where it is.
pub(crate) fn variable(context: &SourceContext<'_>) -> &'static str {
    if context.environment.get_os(GCLOUD_FOLDER).is_some() { GCLOUD_FOLDER } else { "HOME" }
}

/// The project of the active configuration.
pub(crate) fn project(context: &SourceContext<'_>) -> Result<Option<String>, Error> {
    if let Some(project) = context.environment.get("CLOUDSDK_CORE_PROJECT")?.filter(|project| is_name(project)) {
        return Ok(Some(project.to_owned()));
    }
    let file = folder(context).ok().and_then(|folder| gcloud_configuration(context.environment, &folder));
    Ok(file.and_then(|file| core_project(&text(&file)?)))
}

fn folder(context: &SourceContext<'_>) -> Result<PathBuf, Error> {
    let folder = gcloud_folder(context.environment, context.folders);
    if folder.is_absolute() {
        return Ok(folder);
    }
    Err(Error::config(format!(
        "{GCLOUD_FOLDER} is not an absolute path; run: unset {GCLOUD_FOLDER}, or set it to one that begins with /"
    )))
}

/// The text of one of gcloud's settings files. It only supplies the project, so one that can't be read is ignored.
fn text(path: &Path) -> Option<String> {
    let bytes = read(path, Trust::Unchecked, MAX_FILE).ok().flatten()?;
    std::str::from_utf8(&bytes).ok().map(str::to_owned)
}

/// The value of `project` in the section `core`.
fn core_project(ini: &str) -> Option<String> {
    let mut section = "";
    for line in ini.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.trim();
        } else if let Some((key, value)) = line.split_once(['=', ':'])
            && section == "core"
            && key.trim() == "project"
        {
            return Some(value.trim().to_owned()).filter(|project| !project.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::core_project;

    #[test]
    fn the_project_stands_in_its_own_section() {
        let ini = "[compute]\nproject = no\n# project = no\n[core]\naccount = me@x.example\nproject = yes\n";
        assert_eq!(core_project(ini).as_deref(), Some("yes"));
        assert_eq!(core_project("[core]\nproject =\n"), None);
    }
}
