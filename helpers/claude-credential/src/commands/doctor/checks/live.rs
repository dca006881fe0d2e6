//! `--live`: what the profile's hosts answer to a made-up key.

use std::process::Command;
use std::time::Duration;

use claude_credential_config::Profile;
use claude_credential_process::Ended;
use claude_credential_protocol::{BaseUrl, Error, Origin, text};
use serde_json::Value;

use super::installation::INSTALL;
use super::{CheckContext, Finding, Probe, or_good, spawn};
use crate::chain::program;

/// Longer than the three requests may take.
const TIMEOUT: Duration = Duration::from_secs(40);

/// A clock that is so far off makes tokens look expired, or signatures stale.
const FAR_OFF_SECONDS: u64 = 300;
const OFF_SECONDS: u64 = 30;

/// The hosts can be reached, and their certificates are valid.
pub(in super::super) fn reach(check_context: &CheckContext) -> Vec<Finding> {
    if check_context.live && uses_cloud_credentials(check_context) {
        return vec![Finding::good("not asked: a cloud wants no key, but its own credentials")];
    }
    let failed = probes(check_context).iter().filter_map(|(_, probe)| {
        Some(Finding::of(probe.as_ref().err()?).or_mend("look at the network, HTTPS_PROXY and ANTHROPIC_BASE_URL"))
    });
    good_if_asked(check_context, failed.collect(), "can be reached")
}

/// A refused key gets 401 or 403, the only statuses after which Claude Code asks its helper for another key.
pub(in super::super) fn refusal(check_context: &CheckContext) -> Vec<Finding> {
    let found = answers(check_context).filter_map(|(url, probe)| match probe.both {
        401 | 403 | 300..=399 => None,
        200..=299 => Some(Finding::doubtful(
            format!("{url} takes a made-up key, so anyone who reaches it can use it"),
            "have it check keys",
        )),
        status @ (408 | 429 | 500..=599) => Some(Finding::doubtful(
            format!("{url} answers {status} just now, so its answer to a refused key is not known"),
            "run: claude-credential doctor --live, later",
        )),
        status => Some(Finding::wrong(
            format!("{url} answers {status} to a made-up key, and Claude Code gets no other key after that"),
            "have it answer 401, or look at ANTHROPIC_BASE_URL",
        )),
    });
    good_if_asked(check_context, found.collect(), "answers 401 or 403 to a key that is refused")
}

/// The host takes a key in both headers at once, as Claude Code sends what its helper printed.
pub(in super::super) fn headers(check_context: &CheckContext) -> Vec<Finding> {
    let found = answers(check_context).filter_map(|(url, probe)| {
        let refuses = |status: Option<u64>| matches!(status, Some(401 | 403));
        if !matches!(probe.both, 400..=499) || refuses(Some(probe.both)) {
            return None;
        }
        let alone = [("x-api-key", probe.x_api_key), ("Authorization", probe.authorization)];
        let (name, _) = alone.into_iter().find(|(_, status)| refuses(*status))?;
        let message = format!(
            "{url} answers {} to a key in both headers, as Claude Code sends it, and refuses it properly in {name} alone",
            probe.both
        );
        Some(Finding::wrong(message, "have it take x-api-key and Authorization together"))
    });
    good_if_asked(check_context, found.collect(), "takes x-api-key and Authorization together")
}

/// The host does not redirect: a client that follows sends the key to the target.
pub(in super::super) fn redirect(check_context: &CheckContext) -> Vec<Finding> {
    let found = answers(check_context).filter_map(|(url, probe)| {
        if !(300..400).contains(&probe.both) {
            return None;
        }
        let target = probe.leads_to.as_deref().unwrap_or("somewhere");
        let is_same_host = url == target;
        let message = format!(
            "{url} answers {}, a redirect to {target}, and a client that follows it sends the key there",
            probe.both
        );
        let mend = "set ANTHROPIC_BASE_URL to where it leads, and list that host, if it may have the key";
        Some(if is_same_host { Finding::doubtful(message, mend) } else { Finding::wrong(message, mend) })
    });
    good_if_asked(check_context, found.collect(), "does not redirect")
}

/// The host's clock agrees with this machine's.
pub(in super::super) fn clock(check_context: &CheckContext) -> Vec<Finding> {
    let found = answers(check_context).filter_map(|(url, probe)| {
        let ahead = probe.clock_ahead?;
        let off = ahead.unsigned_abs();
        let word = if ahead > 0 { "ahead of" } else { "behind" };
        let message = format!("this machine's clock is {off} s {word} that of {url}");
        let mend = "set the clock, as with: sudo timedatectl set-ntp true";
        match off {
            FAR_OFF_SECONDS.. => Some(Finding::wrong(message, mend)),
            OFF_SECONDS.. => Some(Finding::doubtful(message, mend)),
            _ => None,
        }
    });
    good_if_asked(check_context, found.collect(), "has the same time")
}

fn good_if_asked(check_context: &CheckContext, found: Vec<Finding>, good: &str) -> Vec<Finding> {
    let hosts: Vec<&str> = answers(check_context).map(|(url, _)| url).collect();
    if hosts.is_empty() { found } else { or_good(found, || format!("{} {good}", hosts.join(", "))) }
}

fn answers(check_context: &CheckContext) -> impl Iterator<Item = (&str, &Probe)> {
    probes(check_context).iter().filter_map(|(url, probe)| Some((url.as_str(), probe.as_ref().ok()?)))
}

/// Probes the profile's hosts, once for all checks. Messages name their origins, because a path may hold a secret.
fn probes(check_context: &CheckContext) -> &[(String, Result<Probe, Error>)] {
    check_context.probes.get_or_init(|| {
        let is_needed = check_context.live && !uses_cloud_credentials(check_context);
        let profile = check_context.profile.as_ref().ok().filter(|_| is_needed);
        let urls = profile.map(|profile| urls(check_context, profile)).unwrap_or_default();
        urls.into_iter().map(|(origin, url)| (origin.to_string(), probe(check_context, &origin, url))).collect()
    })
}

fn uses_cloud_credentials(check_context: &CheckContext) -> bool {
    check_context.context.client_mode.sends_credentials_of().is_some()
}

/// The hosts of the profile. The one that Claude Code is set up for has the path of that setting.
fn urls(check_context: &CheckContext, profile: &Profile) -> Vec<(Origin, String)> {
    let variable = check_context.context.client_mode.base_url();
    let set = check_context.context.environment.get(variable).ok().flatten().unwrap_or_default();
    let of_client = Origin::and_path(set).ok().and_then(|(origin, path)| profile.lists(&origin, path));
    let url = |host: &BaseUrl| if of_client == Some(host) { set.to_owned() } else { host.to_string() };
    profile.hosts.iter().map(|host| (host.origin().clone(), url(host))).collect()
}

fn probe(check_context: &CheckContext, origin: &Origin, url: String) -> Result<Probe, Error> {
    let Some(file) = program::locate(&check_context.context, "probe") else {
        return Err(Error::config(format!("claude-credential-probe, which asks it, is not installed; {INSTALL}")));
    };
    let mut command = Command::new(&file);
    command.arg("-");
    let shown = file.display();
    let finished = spawn::run_with_input(check_context, command, url.into_bytes().into(), TIMEOUT)
        .map_err(|failure| Error::broke(format!("{shown} {failure}; run it by hand: {shown} {origin}")))?;
    if finished.ended != Ended::Exit(0) {
        let message = text::last_line_of_ours(&finished.stderr).unwrap_or_else(|| format!("{origin} can't be asked"));
        return Err(Error::unavailable(message));
    }
    let parsed = serde_json::from_slice(&finished.stdout).ok().and_then(|output| parse(&output));
    parsed.ok_or_else(|| Error::broke(format!("{shown} printed what this version does not understand; {INSTALL}")))
}

fn parse(output: &Value) -> Option<Probe> {
    (output["version"] == 1).then_some(())?;
    Some(Probe {
        clock_ahead: output["clock_ahead"].as_i64(),
        both: output["both"]["status"].as_u64()?,
        leads_to: output["both"]["leads_to"].as_str().map(text::one_line),
        x_api_key: output["x_api_key"]["status"].as_u64(),
        authorization: output["authorization"]["status"].as_u64(),
    })
}
