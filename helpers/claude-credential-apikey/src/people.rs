use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use clap::Subcommand;
use claude_credential_config::KeyStore;
use claude_credential_files::{hex, random};
use claude_credential_keychain::{Item, Keychain, Name, Place, Safe, Value};
use claude_credential_protocol::{Error, Secret, parse_account, parse_token, text};
use zeroize::Zeroizing;

use crate::apikey::Apikey;
use crate::sources::{kept, variable};

/// Long enough for a person to find and type the keychain's password.
const PATIENCE: Duration = Duration::from_mins(2);

/// A keychain that works answers in milliseconds; one that is locked asks somebody, who may not be there.
const CHECK: Duration = Duration::from_secs(8);

/// Enough for the longest key with white space around it; more is no key.
const MAX_INPUT: usize = 64 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum People {
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

pub(crate) fn run(helper: &Apikey, command: People) -> Result<(), Error> {
    let said = &mut io::stderr();
    match command {
        People::Login { stdin, account } => {
            let name = Name { origin: helper.host.clone(), account };
            let key = if stdin { read(&mut io::stdin())? } else { ask(&name)? };
            login(helper, &name, key, said)
        }
        People::Logout { account } => logout(helper, &Name { origin: helper.host.clone(), account }, said),
        People::Status => status(helper, &mut io::stdout(), said),
        People::CheckKeychain => check_keychain(helper, &mut io::stdout()),
    }
}

fn read(stdin: &mut dyn Read) -> Result<Secret, Error> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_INPUT + 1));
    let read = stdin.take(MAX_INPUT as u64).read_to_end(&mut bytes);
    read.map_err(|error| Error::broke(format!("can't read stdin: {error}")))?;
    parse_token(&bytes).map_err(|problem| Error::config(format!("what stdin holds is no key: {problem}")))
}

fn ask(name: &Name) -> Result<Secret, Error> {
    const STDIN: &str = "to give the key on stdin, add: --stdin";
    if !io::stdin().is_terminal() {
        return Err(Error::config(format!("stdin is no terminal to ask for the key at; {STDIN}")));
    }
    let typed = rpassword::prompt_password(format!("API key for {}: ", text::one_line(&name.to_string())));
    let typed = Zeroizing::new(
        typed.map_err(|error| Error::config(format!("can't ask for the key at the terminal: {error}; {STDIN}")))?,
    );
    parse_token(typed.as_bytes()).map_err(|problem| Error::config(format!("what was typed is no key: {problem}")))
}

fn login(helper: &Apikey, name: &Name, secret: Secret, said: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.folders()?;
    let key_store = helper.key_store(&folders)?;
    let keychain = Keychain::new(&folders, PATIENCE);
    let stored = keychain.keep(name, &Value { secret, expires_at: None }, key_store)?;
    let shown = keychain.shown(name, stored.place);
    let place = match (stored.place, stored.no_keychain) {
        (Place::Keychain, _) => shown,
        (Place::File, Some(why)) => format!("{shown}, mode 0600, because this machine has no keychain: {why}"),
        (Place::File, None) if key_store == KeyStore::File => {
            format!("{shown}, mode 0600, because key_store = \"file\"")
        }
        (Place::File, None) => format!("{shown}, mode 0600"),
    };
    say(said, &format!("the key for {name} is kept in {place}"))?;
    if stored.old_one_left {
        say(said, "the key that it replaces could not be removed from where it was; that one is not used any more")?;
    }
    for variable in [variable::AUTH_TOKEN, variable::API_KEY] {
        if helper.environment.get(variable).is_some() {
            say(said, &format!("{variable} is set and wins over it; run: unset {variable}"))?;
        }
    }
    Ok(())
}

fn logout(helper: &Apikey, wanted: &Name, said: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.folders()?;
    let keychain = Keychain::new(&folders, PATIENCE);
    let several = keychain.names()?.iter().filter(|(name, _)| name.origin == wanted.origin).count() > 1;
    match kept::select(&keychain, wanted)? {
        Some(name) => {
            keychain.forget(&name, None)?;
            say(said, &format!("the key for {name} is forgotten"))
        }
        None if several && wanted.account.is_none() => Err(Error::config(format!(
            "keys of several accounts are kept for {}; name one with: --account NAME",
            wanted.origin
        ))),
        None => say(said, &format!("no key is kept for {wanted}")),
    }
}

fn status(helper: &Apikey, stdout: &mut dyn Write, said: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.folders()?;
    let keychain = Keychain::new(&folders, PATIENCE);
    let names = keychain.names()?;
    if names.is_empty() {
        return say(said, "no key is kept; to keep one, run: claude-credential login api-key");
    }
    for (name, place) in names {
        say(stdout, &format!("{name}: in {}", keychain.shown(&name, place)))?;
    }
    Ok(())
}

/// By the way that a login takes, and nothing of it is in the index: no other program can come across the made-up key.
fn check_keychain(helper: &Apikey, stdout: &mut dyn Write) -> Result<(), Error> {
    let folders = helper.folders()?;
    let key_store = helper.key_store(&folders)?;
    let safe = Safe::new(&folders, CHECK);
    // A name of its own, so that two who check at once don't take each other's for damaged.
    let item = Item {
        url: format!("check:{}", hex(&random::<8>())),
        folder: "keys",
        shown: "a made-up key".to_owned(),
        login: "claude-credential login api-key".to_owned(),
        setting: "key_store",
    };
    let bytes = random::<32>();
    let (place, no_keychain) = safe.write(&item, &bytes, key_store)?;
    let kept = safe.read(&item, place);
    safe.remove(&item, place)?;
    if kept?.is_none_or(|kept| kept.as_slice() != bytes) {
        return Err(Error::unavailable(format!("{} does not hold what was written to it", safe.shown(&item, place))));
    }
    let place = match (place, no_keychain) {
        (Place::Keychain, _) => safe.shown(&item, place),
        (Place::File, why) => {
            let folder = folders.data.join(item.folder);
            let why = why.map_or("key_store = \"file\"".to_owned(), |why| format!("there is no keychain here: {why}"));
            format!("a file of mode 0600 in {}, because {why}", folder.display())
        }
    };
    say(stdout, &format!("a made-up key was kept, read back and removed; keys are kept in {place}"))
}

fn say(stream: &mut dyn Write, words: &str) -> Result<(), Error> {
    writeln!(stream, "{}", text::one_line(words)).map_err(|error| Error::broke(format!("can't write: {error}")))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use claude_credential_protocol::{Class, Helper, HelperCli, Origin, Request};

    use super::{Name, check_keychain, login, logout, read, status};
    use crate::tests::Fixture;

    fn name(account: Option<&str>) -> Name {
        Name { origin: Origin::listed("api.anthropic.com").unwrap(), account: account.map(str::to_owned) }
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
        let data = fixture.helper.folders().unwrap().data;
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
        let error = fixture.helper.run(super::People::Status).unwrap_err();
        assert!(error.class() == Class::Config && error.to_string().ends_with("--source kept"), "{error}");
    }
}
