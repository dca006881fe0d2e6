use std::io::Write;

use claude_credential_config::logins::Login;
use claude_credential_config::{Config, Folders, Provider};
use claude_credential_protocol::{Error, is_past, iso_8601, text};
use serde_json::{Value, json};

use super::claude;
use super::shared::PATIENCE;
use crate::options::{Oauth, Source, find};
use crate::reporter::Reporter;
use crate::token_store::TokenStore;
use crate::tokens::no_refresh_hint;

/// One login, in words and as JSON.
type Row = (String, Value);

pub(crate) fn run(
    helper: &Oauth,
    folders: &Folders,
    config: &Config,
    as_json: bool,
    stdout: &mut dyn Write,
    reporter: &mut Reporter<'_>,
) -> Result<(), Error> {
    let providers: Vec<&Provider> = match &helper.provider {
        Some(name) => vec![find(config, name)?],
        None if helper.sources == [Source::Claude] => Vec::new(),
        None => config.providers.values().collect(),
    };
    let mut lines = Vec::new();
    for provider in providers {
        lines.extend(of_provider(folders, provider)?);
    }
    if helper.provider.is_none() {
        lines.push(claude::status(folders, config));
    }
    if as_json {
        let all: Vec<Value> = lines.into_iter().map(|(_, json)| json).collect();
        return write(stdout, &text::json(&json!({ "version": 1, "logins": all }).to_string()));
    }
    for (words, _) in &lines {
        write(stdout, &text::one_line(words))?;
    }
    if config.providers.is_empty() && helper.provider.is_none() && helper.sources.is_empty() {
        reporter
            .line(&format!("no provider is configured; to have one, add [provider.NAME] to {}", config.file_shown()))?;
    }
    Ok(())
}

fn of_provider(folders: &Folders, provider: &Provider) -> Result<Vec<Row>, Error> {
    let store = TokenStore::new(folders, provider, PATIENCE);
    let logins = store.logins()?;
    if !logins.is_empty() {
        return Ok(logins.iter().map(|login| of_login(&store, provider, login)).collect());
    }
    let Provider { name, flow, .. } = provider;
    let words = if flow.is_for_people() {
        format!("{name}: not signed in; run: {}", store.login_command(None))
    } else {
        format!("{name}: no token yet; it is requested when it is first needed ({})", flow.name())
    };
    Ok(vec![(words, json!({ "provider": name, "flow": flow.name(), "signed_in": false }))])
}

fn of_login(store: &TokenStore<'_>, provider: &Provider, login: &Login) -> Row {
    let account = login.account.as_deref();
    let shown = store.shown(login);
    let mut json = json!({
        "provider": provider.name, "flow": provider.flow.name(), "signed_in": true, "account": account,
        "current": login.current, "place": login.place, "kept_in": shown,
    });
    let mut words = provider.name.clone();
    if let Some(account) = account {
        words = format!("{words}, account {account}");
    }
    let set = match store.read(login) {
        Ok(Some(set)) => set,
        Ok(None) => {
            json["problem"] = "it is no longer where it was kept".into();
            let login = store.login_command(account);
            return (format!("{words}: no longer in {shown}; run: {login}"), json);
        }
        Err(error) => {
            json["problem"] = error.to_string().into();
            return (format!("{words}: {error}"), json);
        }
    };
    let can_renew = !provider.flow.is_for_people() || (set.refresh.is_some() && !set.refused);
    let is_over = is_past(set.expires_at);
    json["who"] = set.who.clone().into();
    json["expires_at"] = set.expires_at.map(iso_8601).into();
    json["expired"] = is_over.into();
    json["refresh_possible"] = can_renew.into();
    json["scope"] = set.scope.clone().into();
    if let Some(who) = &set.who {
        words = format!("{words}, signed in as {who}");
    }
    if !login.current {
        words = format!("{words}, not the current account");
    }
    let end = match (set.access.is_some(), set.expires_at) {
        (false, _) => "no access token at hand".to_owned(),
        (true, None) => "the access token has no end".to_owned(),
        (true, Some(at)) if is_over => format!("the access token ended {}", iso_8601(at)),
        (true, Some(at)) => format!("the access token ends {}", iso_8601(at)),
    };
    let renewal = if set.refused {
        format!("the provider ended the sign-in; run: {}", store.login_command(account))
    } else if set.doubted.is_some() {
        let login = store.login_command(account);
        format!("the provider refused the last refresh and did not say why; if it goes on, run: {login}")
    } else if can_renew {
        "a refresh is possible".to_owned()
    } else {
        format!("no refresh is possible{}", no_refresh_hint(provider))
    };
    (format!("{words}: in {shown}; {end}; {renewal}"), json)
}

fn write(stdout: &mut dyn Write, line: &str) -> Result<(), Error> {
    writeln!(stdout, "{line}").map_err(|error| Error::broke(format!("can't write to stdout: {error}")))
}
