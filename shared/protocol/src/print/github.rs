//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

use std::env;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::{Error, Secret};

const VARIABLE: &str = "GITHUB_ENV";

/// What authenticates nobody: masked, it would only make the log unreadable.
const PLAIN: [&str; 4] = ["AWS_REGION", "AWS_CREDENTIAL_EXPIRATION", "ANTHROPIC_VERTEX_PROJECT_ID", "CLOUD_ML_REGION"];

/// Masks the secrets in the job's log, then sets `variables` for the steps that follow.
pub(super) fn export(variables: &[(&str, Option<Secret>)], stdout: &mut dyn Write) -> Result<(), Error> {
    let path = env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from).ok_or_else(|| {
        Error::config(format!("{VARIABLE} is not set, so this is no step of GitHub Actions; use --format env"))
    })?;
    let unwritable = |error| Error::config(format!("{VARIABLE}: can't write to {}: {error}", path.display()));
    let mut file = OpenOptions::new().append(true).open(&path).map_err(unwritable)?;
    // Whoever does not hear the masks must not get the secrets.
    let unmasked = |error| Error::broke(format!("can't write the masks to stdout: {error}"));
    stdout.write_all(masks(variables).as_bytes()).and_then(|()| stdout.flush()).map_err(unmasked)?;
    file.write_all(assignments(variables, &delimiter()?).as_bytes()).map_err(unwritable)
}

fn masks(variables: &[(&str, Option<Secret>)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for (_, value) in variables.iter().filter(|(name, _)| !PLAIN.contains(name)) {
        let Some(value) = value else { continue };
        // The runner undoes these three; a secret is one line, so there is no other.
        text.push_str("::add-mask::");
        text.push_str(&value.expose().replace('%', "%25"));
        text.push('\n');
    }
    text
}

/// In the form that no value can end, since nobody knows the delimiter. There is none that takes a variable away: an
/// empty one counts as unset.
fn assignments(variables: &[(&str, Option<Secret>)], delimiter: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    for (name, value) in variables {
        let value = value.as_ref().map_or("", Secret::expose);
        for part in [name, "<<", delimiter, "\n", value, "\n", delimiter, "\n"] {
            text.push_str(part);
        }
    }
    text
}

fn delimiter() -> Result<String, Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| Error::broke(format!("no random numbers: {error}")))?;
    let mut delimiter = "end_".to_owned();
    for byte in random {
        // Writing to a string can't fail.
        let _ = write!(delimiter, "{byte:02x}");
    }
    Ok(delimiter)
}

#[cfg(test)]
mod tests {
    use super::{assignments, delimiter, masks};

    #[test]
    fn secrets_are_masked_and_what_is_none_is_not() {
        let variables = [
            ("AWS_SECRET_ACCESS_KEY", Some("a%b".into())),
            ("AWS_SESSION_TOKEN", None),
            ("AWS_REGION", Some("us-east-1".into())),
        ];
        assert_eq!(*masks(&variables), "::add-mask::a%25b\n");
        assert_eq!(
            *assignments(&variables, "end"),
            "AWS_SECRET_ACCESS_KEY<<end\na%b\nend\nAWS_SESSION_TOKEN<<end\n\nend\nAWS_REGION<<end\nus-east-1\nend\n"
        );
    }

    #[test]
    fn nobody_can_guess_a_delimiter() {
        assert_ne!(delimiter(), delimiter());
    }
}
