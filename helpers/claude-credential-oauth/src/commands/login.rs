use std::time::{Duration, Instant};

use clap::Args;
use claude_credential_config::{Flow, Folders, Provider};
use claude_credential_protocol::{Error, iso_8601, parse_account};

use super::logout::{self, Revoked};
use super::shared::{PATIENCE, as_account};
use crate::client::Client;
use crate::flows::authorization_code::{Input, SignedIn, Waiting};
use crate::flows::federation::prepared;
use crate::flows::{authorization_code, device_code, mint};
use crate::loopback::page::Page;
use crate::options::Oauth;
use crate::reporter::Reporter;
use crate::token_store::TokenStore;
use crate::tokens::{TokenSet, no_refresh_hint};
use claude_credential_process::SignalGuard;

/// Long enough for the user to find and type the keychain's password.
const KEYCHAIN: Duration = Duration::from_mins(2);

#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// Add this account to those that are signed in, and make it the current one
    #[arg(long, value_name = "NAME", value_parser = parse_account)]
    pub(crate) account: Option<String>,
    /// Sign in on another device, with a code
    #[arg(long)]
    pub(crate) device: bool,
    /// Show the address and open no browser
    #[arg(long)]
    pub(crate) no_browser: bool,
}

pub(crate) fn run(
    helper: &Oauth,
    folders: &Folders,
    provider: &Provider,
    options: &Options,
    input: Option<Input>,
    reporter: &mut Reporter<'_>,
) -> Result<(), Error> {
    let provider = &prepared(provider, &helper.suite.environment)?;
    let store = TokenStore::new(folders, provider, KEYCHAIN);
    // Without a name, the current account signs in again.
    let account = match &options.account {
        Some(account) => Some(account.clone()),
        None => store.find(None)?.and_then(|login| login.account),
    };
    let account = account.as_deref();
    let client = helper.client(folders, provider, PATIENCE);
    let login = store.login_command(account);
    let browser = !options.no_browser;
    let by_itself = |set| SignedIn { set, browser: Waiting::nobody() };
    let SignedIn { set, browser: waiting } = match provider.flow {
        Flow::AuthorizationCode if !options.device => {
            authorization_code::sign_in(&client, browser, input, &login, reporter)?
        }
        Flow::AuthorizationCode | Flow::DeviceCode => {
            by_itself(device_code::sign_in(&client, browser, &login, reporter)?)
        }
        _ if account.is_some() || options.device => {
            let (name, flow) = (&provider.name, provider.flow.name());
            return Err(provider.error(format!("{name} signs in by itself ({flow}), with no account and no device")));
        }
        _ => by_itself(mint(&client).map_err(|failed| failed.error(provider, &login))?),
    };
    let held = SignalGuard::begin();
    let kept = keep(folders, provider, account, &set);
    let kept = kept.map_err(|error| {
        // Tokens that are stored nowhere should not stay valid.
        let client = Client { until: Instant::now() + PATIENCE, ..client };
        match logout::revoke(&client, &set) {
            Ok(Revoked::Yes) => error.with_prefix("the new tokens could not be kept, and were revoked"),
            _ => error.with_prefix("the new tokens could not be kept"),
        }
    });
    let who = set.who.as_deref().or(account);
    waiting.show(&match &kept {
        Ok(_) => Page::signed_in(provider, who),
        Err(error) => Page::failed(provider, &error.to_string(), &login),
    });
    let (set, place) = kept?;
    drop(held);
    tell(helper, provider, account, &set, &place, reporter)
}

/// Stores the new tokens as the current account, and returns where. The keychain deadline starts now, not when sign-in
/// began.
fn keep(
    folders: &Folders,
    provider: &Provider,
    account: Option<&str>,
    set: &TokenSet,
) -> Result<(TokenSet, String), Error> {
    let store = TokenStore::new(folders, provider, KEYCHAIN);
    let set = set.clone().whole()?;
    // A renewal of the old sign-in must not overwrite the new tokens.
    let _lock = store.lock(account, PATIENCE)?;
    // An old set that can't be read does not matter: often it is the reason for signing in again.
    let old = store.exactly(account).ok().flatten().and_then(|login| store.read(&login).ok().flatten());
    let set = match &old {
        Some(old) => set.superseding(old),
        None => set,
    };
    let placement = store.keep(account, &set, true)?;
    Ok((set, store.describe(account, &placement, provider.store)))
}

fn tell(
    helper: &Oauth,
    provider: &Provider,
    account: Option<&str>,
    set: &TokenSet,
    place: &str,
    reporter: &mut Reporter<'_>,
) -> Result<(), Error> {
    reporter.line(&format!("the tokens are kept in {place}"))?;
    for variable in ["ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"] {
        if helper.suite.environment.get_os(variable).is_some() {
            let wins = "is set, and Claude Code uses it in place of this sign-in";
            reporter.line(&format!("{variable} {wins}; run: unset {variable}"))?;
        }
    }
    let name = &provider.name;
    let who = as_account(set.who.as_deref().or(account));
    let renewed = if set.refresh.is_some() || !provider.flow.is_for_people() {
        ", and is renewed by itself".to_owned()
    } else {
        format!(", and the provider gave nothing to renew it with{}", no_refresh_hint(provider))
    };
    let until =
        set.expires_at.map_or("the token has no end".to_owned(), |at| format!("the token ends {}", iso_8601(at)));
    reporter.line(&format!("signed in to {name}{who}; {until}{renewed}"))
}
