use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Error, Kind, Origin};
use serde::Deserialize;
use toml::Spanned;

use crate::Folders;
use crate::model::{ClaudeLogin, Config, Entry, KeyStore, Profile, Program, is_name};
use crate::provider_section::RawProvider;

/// No configuration that a person writes comes near this.
const MAX_CONFIG: u64 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    ttl: Option<Spanned<String>>,
    key_store: Option<Spanned<String>>,
    claude: Option<Claude>,
    #[serde(default)]
    profile: BTreeMap<Spanned<String>, RawProfile>,
    #[serde(default)]
    entry: BTreeMap<Spanned<String>, RawEntry>,
    #[serde(default)]
    provider: BTreeMap<Spanned<String>, RawProvider>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Claude {
    login: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    hosts: Option<Spanned<Vec<Spanned<String>>>>,
    chain: Option<Vec<Spanned<String>>>,
    #[serde(default)]
    directories: Vec<Spanned<String>>,
    claude_config_dir: Option<Spanned<String>>,
    ttl: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    helper: Option<Spanned<String>>,
    args: Option<Vec<String>>,
    command: Option<Spanned<Vec<String>>>,
    shell: Option<String>,
    kind: Option<Spanned<String>>,
    ttl: Option<Spanned<String>>,
    vary: Option<Vec<String>>,
    on_error: Option<Spanned<String>>,
    #[serde(default)]
    none_exit: Vec<i32>,
    stderr: Option<Spanned<String>>,
    #[serde(default)]
    store: bool,
    #[serde(default)]
    refresh_token: bool,
}

impl Config {
    /// The configuration in `explicit`, which must be there, or in the user's `config.toml`, which need not.
    pub fn load(folders: &Folders, explicit: Option<&Path>) -> Result<Self, Error> {
        let own = folders.config.join("config.toml");
        let path = explicit.unwrap_or(&own);
        match read(path, Trust::Settings, MAX_CONFIG)? {
            Some(bytes) => Self::parse(&bytes, path, folders),
            None if explicit.is_some() => Err(Error::config(format!("{} is not there", path.display()))),
            None => Ok(Self::built_in()),
        }
    }

    pub(crate) fn parse(bytes: &[u8], path: &Path, folders: &Folders) -> Result<Self, Error> {
        let shown = path.display();
        let text = std::str::from_utf8(bytes).map_err(|_| Error::config(format!("{shown} is not UTF-8")))?;
        let place = Place { shown: shown.to_string(), text };
        let file: File = toml::from_str(text).map_err(|error| {
            place.error(error.span().map_or(0, |span| span.start), &without_values(error.message()))
        })?;
        let File { ttl, key_store, claude, profile, entry, provider } = file;
        let mut config =
            Self { file: Some(path.to_owned()), text: text.to_owned(), ttl: place.ttl(ttl)?, ..Self::built_in() };
        config.key_store = place.choice("key_store", key_store.as_ref(), &KEY_STORES)?;
        let logins = [("report", ClaudeLogin::Report), ("read", ClaudeLogin::Read)];
        let login = claude.and_then(|claude| claude.login);
        config.claude_login = place.choice("login", login.as_ref(), &logins)?;
        for (name, raw) in provider {
            place.name("provider", &name)?;
            let provider = place.provider(&name, raw, folders, config.key_store)?;
            if provider.default
                && let Some(other) = config.default_provider()
            {
                let message = format!("[provider.{}] is the default already; there is one at most", other.name);
                return Err(place.error(name.span().start, &message));
            }
            let helper = Program::Helper {
                name: "oauth".to_owned(),
                args: vec!["--provider".to_owned(), name.get_ref().clone()],
            };
            let place_of = Some(place.of(name.span().start));
            // Where tokens are kept, and nothing else, decides which one a person's sign-in gives.
            let folders_alone = || vec!["HOME".to_owned(), "XDG_DATA_HOME".to_owned()];
            let vary = provider.flow.is_for_people().then(folders_alone);
            let entry = Entry { place: place_of, vary, ..Entry::new(name.get_ref(), helper) };
            config.entries.insert(name.get_ref().clone(), entry);
            config.providers.insert(name.into_inner(), provider);
        }
        for (name, raw) in entry {
            config.entries.insert(name.get_ref().clone(), place.entry(&name, raw)?);
        }
        for (name, raw) in profile {
            let profile = place.profile(&name, raw, &config, folders)?;
            config.profiles.insert(profile.name.clone(), profile);
        }
        Ok(config)
    }
}

pub(crate) const KEY_STORES: [(&str, KeyStore); 3] =
    [("auto", KeyStore::Auto), ("keychain", KeyStore::Keychain), ("file", KeyStore::File)];

/// The file under parse: turns a place in it into `FILE:LINE`.
pub(crate) struct Place<'a> {
    shown: String,
    text: &'a str,
}

impl Place<'_> {
    pub(crate) fn error(&self, at: usize, message: &str) -> Error {
        Error::config(format!("{}: {message}", self.of(at)))
    }

    pub(crate) fn of(&self, at: usize) -> String {
        let line = self.text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
        format!("{}:{line}", self.shown)
    }

    fn name(&self, what: &str, name: &Spanned<String>) -> Result<(), Error> {
        if is_name(name.get_ref()) {
            return Ok(());
        }
        let message = format!("the name of a {what} has lower-case letters, digits, - and _, 64 at most");
        Err(self.error(name.span().start, &message))
    }

    fn ttl(&self, ttl: Option<Spanned<String>>) -> Result<Option<Duration>, Error> {
        let Some(ttl) = ttl else { return Ok(None) };
        let parsed = humantime::parse_duration(ttl.get_ref());
        parsed.map(Some).map_err(|_| self.error(ttl.span().start, "`ttl` is a time such as \"90s\", \"5m\" or \"1h\""))
    }

    pub(crate) fn choice<T: Copy>(
        &self,
        key: &str,
        value: Option<&Spanned<String>>,
        choices: &[(&str, T)],
    ) -> Result<T, Error> {
        let Some(value) = value else { return Ok(choices[0].1) };
        let found = choices.iter().find(|(name, _)| name == value.get_ref()).map(|(_, choice)| *choice);
        found.ok_or_else(|| {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("{name:?}")).collect();
            self.error(value.span().start, &format!("`{key}` is one of {}", names.join(", ")))
        })
    }

    fn profile(
        &self,
        name: &Spanned<String>,
        raw: RawProfile,
        config: &Config,
        folders: &Folders,
    ) -> Result<Profile, Error> {
        self.name("profile", name)?;
        let RawProfile { hosts, chain, directories, claude_config_dir, ttl } = raw;
        let mut profile = Profile { ttl: self.ttl(ttl)?, ..Profile::built_in(name.get_ref()) };
        if let Some(hosts) = hosts {
            let parse = |host: &Spanned<String>| {
                Origin::listed(host.get_ref()).map_err(|error| self.error(host.span().start, &error.to_string()))
            };
            profile.hosts = hosts.get_ref().iter().map(parse).collect::<Result<_, _>>()?;
            if profile.hosts.is_empty() {
                return Err(self.error(hosts.span().start, "`hosts` is empty, so this profile could answer nobody"));
            }
        }
        if let Some(chain) = chain {
            let known = |entry: Spanned<String>| {
                if config.has_entry(entry.get_ref()) {
                    return Ok(entry.into_inner());
                }
                let message = "`chain` names an entry that is neither built in nor in this file; add [entry.NAME]";
                Err(self.error(entry.span().start, message))
            };
            profile.chain = chain.into_iter().map(known).collect::<Result<_, _>>()?;
        }
        let absolute = |folder: Spanned<String>, message| {
            let path = folders.expand(folder.get_ref());
            if path.is_absolute() { Ok(path) } else { Err(self.error(folder.span().start, message)) }
        };
        let listed = |folder| absolute(folder, "each of `directories` begins with / or ~/");
        profile.directories = directories.into_iter().map(listed).collect::<Result<_, _>>()?;
        let own = |folder| absolute(folder, "`claude_config_dir` begins with / or ~/");
        profile.claude_config_dir = claude_config_dir.map(own).transpose()?;
        Ok(profile)
    }

    fn entry(&self, name: &Spanned<String>, raw: RawEntry) -> Result<Entry, Error> {
        self.name("entry", name)?;
        let at = name.span().start;
        let RawEntry {
            helper,
            args,
            command,
            shell,
            kind,
            ttl,
            vary,
            on_error,
            none_exit,
            stderr,
            store,
            refresh_token,
        } = raw;
        let is_helper = helper.is_some();
        if args.is_some() && !is_helper {
            return Err(self.error(at, "`args` goes with `helper`; a `command` has its arguments in its own list"));
        }
        if is_helper && (kind.is_some() || stderr.is_some() || !none_exit.is_empty()) {
            return Err(self.error(
                at,
                "`kind`, `stderr` and `none_exit` are for `command` and `shell`: a helper says these itself",
            ));
        }
        if store && !is_helper {
            return Err(self.error(at, "`store = true` needs a `helper`: a command has nowhere to keep a key"));
        }
        let program = match (helper, command, shell) {
            (Some(helper), None, None) => {
                if !is_name(helper.get_ref()) && !Path::new(helper.get_ref()).is_absolute() {
                    let message = "`helper` is the NAME of an installed claude-credential-NAME, or an absolute path";
                    return Err(self.error(helper.span().start, message));
                }
                Program::Helper { name: helper.into_inner(), args: args.unwrap_or_default() }
            }
            (None, Some(command), None) if command.get_ref().is_empty() => {
                return Err(self.error(command.span().start, "`command` is empty"));
            }
            (None, Some(command), None) => Program::Command(command.into_inner()),
            (None, None, Some(shell)) => Program::Shell(shell),
            _ => return Err(self.error(at, "an entry has one of `helper`, `command` and `shell`")),
        };
        let kinds = ["api-key", "bearer"].map(|name| (name, Kind::from_str(name).unwrap_or(Kind::ApiKey)));
        Ok(Entry {
            place: Some(self.of(at)),
            kind: self.choice("kind", kind.as_ref(), &kinds)?,
            ttl: self.ttl(ttl)?,
            vary,
            on_error_next: self.choice("on_error", on_error.as_ref(), &[("stop", false), ("next", true)])?,
            none_exit,
            stderr_is_error: self.choice("stderr", stderr.as_ref(), &[("accept", false), ("error", true)])?,
            store,
            refresh_token,
            ..Entry::new(name.get_ref(), program)
        })
    }
}

/// What the parser says, without the values that it quotes: one of them may be a secret in the wrong place.
fn without_values(message: &str) -> String {
    let quotes_value = message.starts_with("invalid type: ") || message.starts_with("invalid value: ");
    match (quotes_value, message.split_once(": "), message.rsplit_once(", expected ")) {
        (true, Some((problem, _)), Some((_, expected))) => format!("{problem}, expected {expected}"),
        _ => message.lines().next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use claude_credential_protocol::Origin;

    use crate::{Config, Environment, Folders, KeyStore, Program};

    fn parse(text: &str) -> Result<Config, String> {
        let folders = Folders::of(&Environment::from_pairs([("HOME", "/home/me")])).unwrap();
        Config::parse(text.as_bytes(), Path::new("/c.toml"), &folders).map_err(|error| error.to_string())
    }

    #[test]
    fn the_documented_example_is_understood() {
        let config = parse(
            r#"
            ttl = "5m"
            key_store = "file"
            [profile.work]
            hosts = ["gateway.acme.example", "http://127.0.0.1:8080"]
            chain = ["acme", "vault-key", "api-key"]
            directories = ["~/code/acme"]
            [entry.vault-key]
            command = ["vault", "kv", "get", "-field=key", "secret/claude"]
            kind = "bearer"
            ttl = "1h"
            vary = ["VAULT_*"]
            on_error = "next"
            [provider.acme]
            issuer = "https://acme.okta.example/oauth2/default"
            client_id = "0oa"
            scopes = ["openid", "offline_access"]
            "#,
        )
        .unwrap();
        assert_eq!(config.ttl, Some(Duration::from_mins(5)));
        assert_eq!(config.key_store, KeyStore::File);
        let work = &config.profiles["work"];
        assert!(work.lists(&Origin::of_url("http://127.0.0.1:8080/v1").unwrap()));
        assert_eq!(work.directories, [Path::new("/home/me/code/acme")]);
        assert_eq!(config.profiles["default"].chain.len(), 6);
        assert!(config.entries["vault-key"].on_error_next);
        let acme = Program::Helper { name: "oauth".into(), args: vec!["--provider".into(), "acme".into()] };
        assert_eq!(config.entries["acme"].program, acme);
    }

    #[test]
    fn a_mistake_is_named_by_file_and_line_and_no_value_is_shown() {
        for (text, line, says) in [
            ("\nttl = \"CANARY\"", 2, "`ttl`"),
            ("key_store = \"CANARY\"", 1, "\"auto\", \"keychain\", \"file\""),
            ("\n\nkey_stare = 1", 3, "key_stare"),
            ("[profile.x]\nhosts = [\"a.example\",\n\"CANARY@b.example\"]", 3, "not a host"),
            ("[profile.x]\nhosts = []", 2, "empty"),
            ("[profile.x]\nchain = [\"nope\"]", 2, "[entry.NAME]"),
            ("[profile.x]\ndirectories = [\"code\"]", 2, "directories"),
            ("[profile.x]\nclaude_config_dir = \"CANARY\"", 2, "claude_config_dir"),
            ("[entry.x]\nhelper = \"../x\"", 2, "absolute path"),
            ("[entry.x]\nhelper = \"a\"\nshell = \"CANARY\"", 1, "one of"),
            ("[entry.x]\nshell = [\"CANARY\"]", 2, "expected a string"),
            ("[entry.x]\nshell = \"x\"\nstore = true", 1, "needs a `helper`"),
            ("[entry.X]\nshell = \"x\"", 1, "lower-case"),
            ("[entry.x]\ncommand = []", 2, "empty"),
            ("a = \"CANARY", 1, ""),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(&format!("/c.toml:{line}: ")), "{text}: {error}");
            assert!(error.contains(says) && !error.contains("CANARY"), "{text}: {error}");
        }
    }
}
