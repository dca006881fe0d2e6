use crate::text::{is_key_like, shown};

/// The names that stand for "no account" where a git credential must have a username.
pub const NO_ACCOUNT: [&str; 2] = ["x-api-key", "oauth2"];

/// The name of an account, as a person gives it, if the wire can tell it.
pub fn parse_account(name: &str) -> Result<String, &'static str> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        Err("it is empty or has control characters in it")
    } else if is_key_like(name) {
        Err("it seems to be the secret itself")
    } else if NO_ACCOUNT.contains(&name) {
        Err("on the wire this name means no account")
    } else {
        Ok(name.to_owned())
    }
}

/// The name of an account as messages show it: a key that was given in its place is not repeated.
#[must_use]
pub fn shown_account(name: &str) -> &str {
    if is_key_like(name) { shown(name) } else { name }
}

#[cfg(test)]
mod tests {
    use super::parse_account;

    #[test]
    fn an_account_has_a_name_that_the_wire_can_tell() {
        for name in ["me@x.example", "550e8400-e29b-41d4-a716-446655440000"] {
            assert_eq!(parse_account(name).unwrap(), name);
        }
        for no_name in ["", " ", "a\nb", "\u{1b}[2J", "x-api-key", "oauth2", "sk-ant-api03-CANARY"] {
            assert!(parse_account(no_name).is_err(), "{no_name:?}");
        }
    }
}
