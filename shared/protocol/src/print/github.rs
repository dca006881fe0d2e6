//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::variables::Variables;
use crate::Error;

const VARIABLE: &str = "GITHUB_ENV";

/// Variables that are no secrets: masking them would only make the log unreadable.
const PLAIN: [&str; 10] = [
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_BEDROCK_BASE_URL",
    "ANTHROPIC_VERTEX_BASE_URL",
    "ANTHROPIC_VERTEX_PROJECT_ID",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_REGION",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLOUD_ML_REGION",
];

/// Masks the secrets in the job's log, then sets `variables` for the steps that follow.
pub(super) fn export(variables: &Variables, stdout: &mut dyn Write) -> Result<(), Error> {
    let path = env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from).ok_or_else(|| {
        Error::config(format!("{VARIABLE} is not set, so this is no step of GitHub Actions; use --format env"))
    })?;
    let unwritable = |error| Error::config(format!("{VARIABLE}: can't write to {}: {error}", path.display()));
    let mut file = OpenOptions::new().append(true).open(&path).map_err(unwritable)?;
    // A runner that did not get the masks must not get the secrets.
    let unmasked = |error| Error::broke(format!("can't write the masks to stdout: {error}"));
    stdout.write_all(masks(variables).as_bytes()).and_then(|()| stdout.flush()).map_err(unmasked)?;
    let is_set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
    file.write_all(assignments(variables, is_set, &delimiter()?).as_bytes()).map_err(unwritable)
}

fn masks(variables: &Variables) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for (_, value) in variables.set.iter().filter(|(name, _)| !PLAIN.contains(name)) {
        text.push_str("::add-mask::");
        // The runner undoes these three, and masks each line of several.
        for character in value.expose().chars() {
            match character {
                '%' => text.push_str("%25"),
                '\r' => text.push_str("%0D"),
                '\n' => text.push_str("%0A"),
                other => text.push(other),
            }
        }
        text.push('\n');
    }
    text
}

/// In the form with a delimiter, which is random so that no value can contain it. A variable can't be unset this way,
/// so it is set to the empty value, which counts as unset; but only if it is set now.
fn assignments(variables: &Variables, is_set: impl Fn(&str) -> bool, delimiter: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    let set = variables.set.iter().map(|(name, value)| (*name, value.expose()));
    let removed = variables.removed.iter().filter(|name| is_set(name)).map(|name| (*name, ""));
    for (name, value) in set.chain(removed) {
        for part in [name, "<<", delimiter, "\n", value, "\n", delimiter, "\n"] {
            text.push_str(part);
        }
    }
    text
}

fn delimiter() -> Result<String, Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Error::broke(format!("no random numbers: {error}")))?;
    Ok(format!("end_{:032x}", u128::from_be_bytes(random)))
}

#[cfg(test)]
mod tests {
    use super::{Variables, assignments, delimiter, masks};

    #[test]
    fn secrets_are_masked_and_what_is_none_is_not() {
        let variables = Variables {
            set: vec![("AWS_SECRET_ACCESS_KEY", "a%b".into()), ("AWS_REGION", "us-east-1".into())],
            removed: vec!["AWS_PROFILE", "AWS_SESSION_TOKEN"],
        };
        assert_eq!(*masks(&variables), "::add-mask::a%25b\n");
        // What was not set is not mentioned.
        assert_eq!(
            *assignments(&variables, |name| name == "AWS_SESSION_TOKEN", "end"),
            "AWS_SECRET_ACCESS_KEY<<end\na%b\nend\nAWS_REGION<<end\nus-east-1\nend\nAWS_SESSION_TOKEN<<end\n\nend\n"
        );
    }

    #[test]
    fn several_lines_are_one_mask() {
        let variables = Variables { set: vec![("X", "a: 1\nb: 2".into())], removed: Vec::new() };
        assert_eq!(*masks(&variables), "::add-mask::a: 1%0Ab: 2\n");
    }

    #[test]
    fn a_delimiter_is_random() {
        assert_ne!(delimiter(), delimiter());
    }
}
