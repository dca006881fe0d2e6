use claude_credential_protocol::text;

/// The profile that is used if none is named.
pub(crate) const DEFAULT: &str = "default";

/// The words of the command that signs in.
pub(crate) fn login(profile: &str) -> Vec<String> {
    let words = ["aws", "sso", "login"].map(str::to_owned);
    // With `=`, a name that begins with a hyphen is not read as an option.
    let option = (profile != DEFAULT).then(|| match profile.strip_prefix('-') {
        Some(_) => vec![format!("--profile={profile}")],
        None => vec!["--profile".to_owned(), profile.to_owned()],
    });
    words.into_iter().chain(option.into_iter().flatten()).collect()
}

/// A command line of AWS's tools for a profile, safe to paste into a shell.
pub(crate) fn line(command: &str, profile: &str) -> String {
    let option = login(profile).into_iter().skip(3).map(|word| text::quoted(&word));
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
