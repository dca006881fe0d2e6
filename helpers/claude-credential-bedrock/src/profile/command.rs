use claude_credential_protocol::text;

use super::ini::DEFAULT;

/// The option that names a profile to AWS's tools.
pub(crate) fn option(profile: &str) -> Vec<String> {
    match profile {
        DEFAULT => Vec::new(),
        // With `=`, a name that begins with a hyphen is not read as an option.
        _ if profile.starts_with('-') => vec![format!("--profile={profile}")],
        _ => vec!["--profile".to_owned(), profile.to_owned()],
    }
}

/// A command line of AWS's tools for a profile, safe to paste into a shell.
pub(crate) fn line(command: &str, profile: &str) -> String {
    let option = option(profile).into_iter().map(|word| text::quoted(&word));
    [command.to_owned()].into_iter().chain(option).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_line_that_is_pasted_runs_nothing_else() {
        for (profile, pasted) in [
            ("default", "aws sso login"),
            ("work", "aws sso login --profile work"),
            ("x; rm -rf ~", "aws sso login --profile 'x; rm -rf ~'"),
            ("-x", "aws sso login --profile=-x"),
        ] {
            assert_eq!(line("aws sso login", profile), pasted);
        }
    }
}
