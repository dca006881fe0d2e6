//! The commands of the user: they store, erase and list keys.

mod check_keychain;
mod login;
mod stream;

use std::io::{self, Write};

use clap::Subcommand;
use claude_credential_keychain::{ApiKeyStore, KeyName};
use claude_credential_protocol::{Error, parse_account};

use crate::options::Apikey;
use crate::sources::stored;
use check_keychain::check_keychain;
use login::{ask, login, read};
use stream::{PATIENCE, say};

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Keep a key, read from the terminal without showing it
    Login {
        /// Read the key from stdin
        #[arg(long)]
        stdin: bool,
        /// Keep it for this account, beside those of other accounts
        #[arg(long, value_name = "NAME", value_parser = parse_account)]
        account: Option<String>,
    },
    /// Forget a key
    Logout {
        /// The account that it was kept for
        #[arg(long, value_name = "NAME", value_parser = parse_account)]
        account: Option<String>,
    },
    /// List the keys that are kept, and where; shows none of them
    Status,
    /// Keep a made-up key, read it back and remove it: does the place for keys work?
    CheckKeychain,
}

pub(crate) fn run(helper: &Apikey, command: UserCommand) -> Result<(), Error> {
    let said = &mut io::stderr();
    match command {
        UserCommand::Login { stdin, account } => {
            let name = KeyName { host: helper.host.clone(), account };
            let key = if stdin { read(&mut io::stdin())? } else { ask(&name)? };
            login(helper, &name, key, said)
        }
        UserCommand::Logout { account } => logout(helper, &KeyName { host: helper.host.clone(), account }, said),
        UserCommand::Status => status(helper, &mut io::stdout(), said),
        UserCommand::CheckKeychain => check_keychain(helper, &mut io::stdout()),
    }
}

fn logout(helper: &Apikey, wanted: &KeyName, said: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.suite.folders()?;
    let keys = ApiKeyStore::new(&folders, PATIENCE);
    let several = keys.names()?.iter().filter(|(name, _)| name.host == wanted.host).count() > 1;
    match stored::select(&keys, wanted)? {
        Some(name) => {
            keys.erase(&name, None)?;
            say(said, &format!("the key for {name} is forgotten"))
        }
        None if several && wanted.account.is_none() => Err(Error::config(format!(
            "keys of several accounts are kept for {}; name one with: --account NAME",
            wanted.host
        ))),
        None => say(said, &format!("no key is kept for {wanted}")),
    }
}

fn status(helper: &Apikey, stdout: &mut dyn Write, said: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.suite.folders()?;
    let keys = ApiKeyStore::new(&folders, PATIENCE);
    let names = keys.names()?;
    if names.is_empty() {
        return say(said, "no key is kept; to keep one, run: claude-credential login api-key");
    }
    for (name, place) in names {
        say(stdout, &format!("{name}: in {}", keys.shown(&name, place)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use claude_credential_protocol::{BaseUrl, Class, Helper, HelperCli, Request};

    use super::check_keychain::check_keychain;
    use super::login::{login, read};
    use super::{logout, status};
    use crate::tests::Fixture;
    use claude_credential_keychain::KeyName;

    fn name(account: Option<&str>) -> KeyName {
        KeyName { host: BaseUrl::listed("api.anthropic.com").unwrap(), account: account.map(str::to_owned) }
    }

    fn said(work: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut stream = Vec::new();
        work(&mut stream);
        String::from_utf8(stream).unwrap()
    }

    #[test]
    fn login_says_where_the_key_is_and_what_wins_over_it_and_never_the_key() {
        let fixture = Fixture::new(&[], &[("ANTHROPIC_API_KEY", "CANARY-env")]);
        let words = said(|said| login(&fixture.helper, &name(None), "CANARY-new".into(), said).unwrap());
        assert!(words.contains("/keys/") && words.contains(", mode 0600, because key_store = \"file\"\n"), "{words}");
        assert!(
            words.ends_with("ANTHROPIC_API_KEY is set and wins over it; run: unset ANTHROPIC_API_KEY\n"),
            "{words}"
        );
        assert!(!words.contains("CANARY"), "{words}");
    }

    #[test]
    fn status_lists_names_and_places_alone() {
        let fixture = Fixture::new(&[], &[]);
        let show = || {
            let mut hint = Vec::new();
            let listed = said(|stdout| status(&fixture.helper, stdout, &mut hint).unwrap());
            (listed, String::from_utf8(hint).unwrap())
        };
        assert!(matches!(show(), (listed, hint) if listed.is_empty() && hint.starts_with("no key is kept;")));
        for account in [None, Some("me")] {
            said(|said| login(&fixture.helper, &name(account), "CANARY".into(), said).unwrap());
        }
        let (listed, hint) = show();
        assert_eq!(listed.lines().count(), 2);
        assert!(listed.starts_with("https://api.anthropic.com: in /") && hint.is_empty(), "{listed}{hint}");
        assert!(listed.contains("\nhttps://api.anthropic.com, account me: in /"), "{listed}");
        assert!(!listed.contains("CANARY"));
    }

    #[test]
    fn the_place_for_keys_is_tried_and_left_as_it_was() {
        let fixture = Fixture::new(&[], &[]);
        let data = fixture.helper.suite.folders().unwrap().data;
        let words = said(|stdout| check_keychain(&fixture.helper, stdout).unwrap());
        assert!(
            words.contains("a file of mode 0600 in ") && words.ends_with("because key_store = \"file\"\n"),
            "{words}"
        );
        assert_eq!(fs::read_dir(data.join("keys")).unwrap().count(), 0);
        fs::remove_dir(data.join("keys")).unwrap();
        fs::write(data.join("keys"), "in the way").unwrap();
        assert!(check_keychain(&fixture.helper, &mut Vec::new()).is_err());
    }

    #[test]
    fn logout_forgets_the_one_key_that_is_meant() {
        let fixture = Fixture::new(&["--source", "kept"], &[]);
        let out = |account| said(|said| logout(&fixture.helper, &name(account), said).unwrap());
        assert_eq!(out(None), "no key is kept for https://api.anthropic.com\n");
        for account in ["me", "you"] {
            said(|said| login(&fixture.helper, &name(Some(account)), "CANARY".into(), said).unwrap());
        }
        let error = logout(&fixture.helper, &name(None), &mut Vec::new()).unwrap_err();
        assert!(error.class() == Class::Config && error.to_string().ends_with("--account NAME"), "{error}");
        assert_eq!(out(Some("you")), "the key for https://api.anthropic.com, account you is forgotten\n");
        assert_eq!(out(None), "the key for https://api.anthropic.com, account me is forgotten\n");
        assert_eq!(fixture.helper.get(&Request::new("https", "api.anthropic.com")), Ok(None));
        let keys = fixture.home.path().join(".local/share/claude-credential/keys");
        assert_eq!(fs::read_dir(keys).unwrap().count(), 0);
    }

    #[test]
    fn what_stdin_holds_is_a_key_or_not_shown() {
        assert_eq!(read(&mut &b" CANARY\r\n"[..]).unwrap().expose(), "CANARY");
        for input in [&b""[..], b"\n", b"CANARY CANARY", &vec![b'k'; 1 << 20]] {
            let error = read(&mut &*input).unwrap_err();
            assert!(error.class() == Class::Config && !error.to_string().contains("CANARY"), "{error}");
        }
    }

    #[test]
    fn there_is_nothing_to_sign_in_to_where_no_key_is_kept() {
        let fixture = Fixture::new(&["--source", "env"], &[]);
        let error = fixture.helper.run(super::UserCommand::Status).unwrap_err();
        assert!(error.class() == Class::Config && error.to_string().ends_with("--source kept"), "{error}");
    }
}
