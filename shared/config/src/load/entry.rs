//! `[entry.NAME]` in `config.toml`.

use std::path::Path;

use claude_credential_protocol::text::is_secret_like;
use claude_credential_protocol::{Error, Kind};
use serde::Deserialize;
use toml::Spanned;

use super::text::ConfigText;
use crate::model::{Entry, Program, is_name};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntry {
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

impl ConfigText<'_> {
    pub(super) fn entry(&self, name: &Spanned<String>, raw: RawEntry) -> Result<Entry, Error> {
        self.name("entry", name)?;
        let at = name.span().start;
        let is_helper = raw.helper.is_some();
        if raw.args.is_some() && !is_helper {
            return Err(self.error(at, "`args` goes with `helper`; a `command` has its arguments in its own list"));
        }
        if is_helper && (raw.kind.is_some() || raw.stderr.is_some() || !raw.none_exit.is_empty()) {
            return Err(self.error(
                at,
                "`kind`, `stderr` and `none_exit` are for `command` and `shell`: a helper says these itself",
            ));
        }
        if raw.store && !is_helper {
            return Err(self.error(at, "`store = true` needs a `helper`: a command has nowhere to keep a key"));
        }
        let program = match (raw.helper, raw.command, raw.shell) {
            (Some(helper), None, None) => {
                if !is_name(helper.get_ref()) && !Path::new(helper.get_ref()).is_absolute() {
                    let message = "`helper` is the NAME of an installed claude-credential-NAME, or an absolute path";
                    return Err(self.error(helper.span().start, message));
                }
                if !helper.get_ref().starts_with('/') && is_secret_like(helper.get_ref()) {
                    return Err(
                        self.error(helper.span().start, "`helper` seems to be the secret itself; write a name or path")
                    );
                }
                Program::Helper { name: helper.into_inner(), args: raw.args.unwrap_or_default() }
            }
            (None, Some(command), None) if command.get_ref().is_empty() => {
                return Err(self.error(command.span().start, "`command` is empty"));
            }
            (None, Some(command), None) => Program::Command(command.into_inner()),
            (None, None, Some(shell)) => Program::Shell(shell),
            _ => return Err(self.error(at, "an entry has one of `helper`, `command` and `shell`")),
        };
        let kinds = [Kind::ApiKey, Kind::Bearer].map(|kind| (kind.name(), kind));
        let (on_error, stderr) = ([("stop", false), ("next", true)], [("accept", false), ("error", true)]);
        Ok(Entry {
            place: Some(self.of(at)),
            kind: self.choice("kind", raw.kind.as_ref(), &kinds)?.unwrap_or(Kind::ApiKey),
            ttl: self.ttl(raw.ttl)?,
            vary: raw.vary,
            on_error_next: self.choice("on_error", raw.on_error.as_ref(), &on_error)?.unwrap_or_default(),
            none_exit: raw.none_exit,
            stderr_is_error: self.choice("stderr", raw.stderr.as_ref(), &stderr)?.unwrap_or_default(),
            store: raw.store,
            refresh_token: raw.refresh_token,
            ..Entry::new(name.get_ref(), program)
        })
    }
}
