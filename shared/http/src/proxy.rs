//! The proxies of the environment. What can't be read as one would be passed by without a word.

use std::env::{VarError, var};

use claude_credential_protocol::Error;
use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// For requests over https, the one that wins first: the upper-case name decides if it is there.
const VARIABLES: [[&str; 2]; 2] = [["HTTPS_PROXY", "https_proxy"], ["ALL_PROXY", "all_proxy"]];

const NO_PROXY: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Fails if the environment names a proxy for `url`, which is https, that can't be used. Its URL is not shown, since it may
/// hold a password.
pub fn check_proxy(url: &str) -> Result<(), Error> {
    let Ok(url) = url.parse::<Uri>() else { return Ok(()) };
    let proxied = |proxy: &str, except: &str| Matcher::builder().https(proxy).no(except).build().intercept(&url);
    let (_, except) = first(NO_PROXY).unwrap_or((NO_PROXY[0], Ok(String::new())));
    // In a CGI script no variable of this kind counts, as callers can set them (<https://httpoxy.org/>).
    if proxied("http://proxy.invalid", &except.unwrap_or_default()).is_none() || var("REQUEST_METHOD").is_ok() {
        return Ok(());
    }
    for (name, value) in VARIABLES.into_iter().filter_map(first) {
        let problem = match value.as_deref().map(|value| (value, proxied(value, ""))) {
            Ok(("", _)) => continue,
            Ok((_, Some(proxy))) if proxy.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("socks")) => {
                "is a SOCKS proxy, which neither this program nor Claude Code can use"
            }
            Ok((_, Some(_))) => return Ok(()),
            Ok((_, None)) | Err(_) => "is not the URL of a proxy",
        };
        return Err(Error::config(format!("{name} {problem}; set it to http://HOST:PORT, or run: unset {name}")));
    }
    Ok(())
}

/// The first that is there, even if it is empty.
fn first(names: [&'static str; 2]) -> Option<(&'static str, Result<String, VarError>)> {
    names.into_iter().map(|name| (name, var(name))).find(|(_, value)| *value != Err(VarError::NotPresent))
}
