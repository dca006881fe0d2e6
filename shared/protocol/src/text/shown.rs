//! Values that ought to be paths or names, and in whose place a user may have put the secret itself.

use std::ffi::OsString;
use std::path::Path;

/// Stands in a message for a value that is not shown.
const HIDDEN: &str = "what seems to be the secret itself";

/// What keys and tokens begin with.
const PREFIXES: [&str; 13] = [
    "AKIA",
    "ASIA",
    "ABSK",
    "eyJ",
    "ya29.",
    "AIza",
    "GOCSPX-",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "hvs.",
];

/// What other keys begin with, and some names as well: a key has several digits after it.
const SHORT_PREFIXES: [&str; 6] = ["sk-", "sk_", "1//", "xox", "pplx-", "Bearer"];

/// The longest word of a name.
const MAX_WORD: usize = 64;

/// A shorter word of a command line is no secret; elsewhere in the message the same letters mean something else.
const MIN_HIDDEN: usize = 8;

/// A random word of this length or more is no name.
const MIN_RANDOM: usize = 16;

/// `value`, which ought to be a path, a name or an address, as messages show it: only if it plainly is one. A key that
/// was put there by mistake is not repeated; the message says which slot holds it.
#[must_use]
pub fn shown(value: &str) -> &str {
    if is_plain(value) { value } else { HIDDEN }
}

/// As [`shown`], for a path.
#[must_use]
pub fn shown_path(path: &Path) -> String {
    shown(&path.to_string_lossy()).to_owned()
}

/// `message` about a command line, without the words in it that no message shows.
#[must_use]
pub fn without_hidden(message: &str, words: impl IntoIterator<Item = OsString>) -> String {
    words.into_iter().fold(message.to_owned(), |message, word| {
        let word = word.to_string_lossy();
        // Only an option has a value; a key may have `=` in it, too.
        let of_option = word.split_once('=').filter(|(name, _)| name.starts_with('-'));
        let value = of_option.map_or(&*word, |(_, value)| value);
        if value.len() < MIN_HIDDEN || is_plain(value) || value.starts_with('-') && !seems_secret(value, false) {
            message
        } else {
            message.replace(value, HIDDEN)
        }
    })
}

/// Whether a value can be the name of a cloud's region: `us-east-1`, `europe-west4`, `global`. It becomes part of a
/// host's name, which resolvers and proxies see.
#[must_use]
pub fn is_region(value: &str) -> bool {
    let name = value.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_number = value.len() - name.len() <= 2;
    let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    !name.is_empty() && value.len() <= 32 && is_name && is_number && !seems_secret(value, false)
}

/// Whether a value seems to be a secret where a name is wanted that has a form of its own.
#[must_use]
pub fn is_secret_like(value: &str) -> bool {
    seems_secret(value, false)
}

/// Whether a host's name, which may look random, begins like a key.
pub(crate) fn is_key_like(host: &str) -> bool {
    seems_secret(host, true)
}

fn is_plain(value: &str) -> bool {
    if let Some(path) = value.strip_prefix('/').or_else(|| value.strip_prefix("~/")) {
        let is_part = |c: char| !c.is_control() && !"{}\"\\<>|*?".contains(c);
        return path.chars().all(is_part) && path.split('/').all(|part| !seems_secret(part, true));
    }
    let address = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://")).unwrap_or(value);
    let is_part =
        |c: char| c.is_alphanumeric() || " -_.:/[]+&'$();!#".contains(c) || (c == '@' && address.len() == value.len());
    !address.is_empty() && address.chars().all(is_part) && !seems_secret(address, false)
}

/// Whether any word of `text` begins like a key, or looks random: letters and digits of all kinds in turn. A folder may
/// have a random name of one kind of letter, such as a hash.
fn seems_secret(text: &str, in_path: bool) -> bool {
    let begins = |word: &str, prefixes: &[&str]| prefixes.iter().any(|prefix| word.starts_with(prefix));
    let has_digits = |word: &str| word.bytes().filter(u8::is_ascii_digit).count() >= 3;
    let known = |word: &str| {
        word.len() >= MIN_RANDOM && (begins(word, &PREFIXES) || (begins(word, &SHORT_PREFIXES) && has_digits(word)))
    };
    let separators = ['/', '.', ':', '@', '=', ',', '+', ' ', '~', '%'];
    let random = |word: &str| {
        let kinds: Vec<u8> = word.bytes().filter(u8::is_ascii_alphanumeric).map(kind).collect();
        let changes = kinds.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let has_all = [kind(b'A'), kind(b'a'), kind(b'0')].iter().all(|wanted| kinds.contains(wanted));
        kinds.len() >= MIN_RANDOM && changes >= MIN_RANDOM / 2 && (has_all || !in_path)
    };
    let too_long = |word: &str| word.len() > MAX_WORD && !in_path;
    // A secret key of AWS may have slashes.
    let joined = if in_path { String::new() } else { text.replace('/', "") };
    text.to_ascii_lowercase().contains("sk-ant-")
        || text.contains("-----BEGIN")
        || text.split([':', '@', '=', ',', ' ']).any(known)
        || text.split(separators).any(|word| known(word) || random(word) || too_long(word))
        || joined.split(separators).any(random)
}

fn kind(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => 0,
        b'a'..=b'z' => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::{HIDDEN, is_region, shown, without_hidden};

    #[test]
    fn a_path_a_name_and_an_address_are_shown() {
        for plain in [
            "/home/me/.config/gcloud/application_default_credentials.json",
            "/home/José Núñez/My Documents/key (2).json",
            "/nix/store/0c1x5y4zq9q8h7w6v5s4r3p2n1m0lkji-claude/bin/claude",
            "/home/me/.local/share/claude-credential/keys/3f786850e387550fdab836ed7e6dc881",
            "/tmp/.tmpAb3xQ9/home",
            "~/keys/anthropic",
            "keys/anthropic.txt",
            "acme-prod_2",
            "AWSAdministratorAccess-123456789012",
            "me@acme.example",
            "my own account",
            "R&D (mine); $x's",
            "arn:aws:iam::123456789012:role/Admin",
            "https://gateway.acme.example:8443/v1",
            "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "sk-bratislava.example.com",
        ] {
            assert_eq!(shown(plain), plain);
        }
    }

    #[test]
    fn what_is_no_path_and_no_name_is_not_shown() {
        for secret in [
            "sk-ant-api03-CANARY",
            "/sk-ant-api03-CANARY",
            "name=sk-ant-api03-CANARY",
            "{\"type\":\"service_account\",\"private_key\":\"CANARY\"}",
            "-----BEGIN PRIVATE KEY-----",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "/K7MDENGbPxRfiCYwJalrXUtnFEMI8Q2zK4",
            "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl",
            "3f786850e387550fdab836ed7e6dc881de23001b",
            "https://me:CANARY@gateway.example",
            "https://gateway.example/?key=CANARY",
            "ya29.a0AfH6SMBCANARY",
            "two\nlines",
            "",
        ] {
            assert_eq!(shown(secret), HIDDEN, "{secret}");
        }
    }

    #[test]
    fn a_region_is_short_and_has_its_number_last() {
        for region in ["us-east-1", "us-gov-west-1", "europe-west4", "northamerica-northeast1", "global", "us"] {
            assert!(is_region(region), "{region}");
        }
        for other in ["", "1", "US-EAST-1", "sk-ant-api", "us_east_1", "us-east-1.evil.example", "a1b2", "us-east-123"]
        {
            assert!(!is_region(other), "{other}");
        }
    }

    #[test]
    fn a_usage_error_does_not_repeat_a_key() {
        for key in ["ABSKQmVkcm9ja0FQSUtleS1hYmNkLWF0LTEyMzQ1Njc4OTEyOkNBTkFSWQ==", "sk-ant-api03-CANARY=xy"] {
            let message = without_hidden(&format!("unrecognized subcommand '{key}'"), [key.into()]);
            assert_eq!(message, format!("unrecognized subcommand '{HIDDEN}'"));
            let option = format!("--host={key}");
            assert_eq!(without_hidden(&format!("'{key}'"), [option.into()]), format!("'{HIDDEN}'"));
        }
        let words = ["login", "--host=sk-ant-api03-CANARY", "--no-such", "<"].map(Into::into);
        let message = without_hidden("invalid value 'sk-ant-api03-CANARY' for '<HOST>', unexpected '--no-such'", words);
        assert_eq!(message, format!("invalid value '{HIDDEN}' for '<HOST>', unexpected '--no-such'"));
    }
}
