use std::process::Command;
use std::time::Duration;

use claude_credential_config::Profile;
use claude_credential_process::Ended;
use claude_credential_protocol::{Error, Origin, text};
use serde_json::Value;

use super::super::check_context::{CheckContext, Probed};
use super::super::finding::{Finding, or_good};
use super::super::spawn;
use crate::chain::program;

/// Longer than the three requests may take.
const PATIENCE: Duration = Duration::from_secs(40);

/// A clock that is this far off makes tokens look expired, or signatures stale.
const FAR_OFF: u64 = 300;
const OFF: u64 = 30;

/// It can be reached, and TLS with it is sound.
pub(in super::super) fn reach(check_context: &CheckContext) -> Vec<Finding> {
    if check_context.live && is_clouds_own(check_context) {
        return vec![Finding::good("not asked: a cloud wants no key, but its own credentials")];
    }
    let failed = seen(check_context).iter().filter_map(|(_, seen)| {
        let finding = Finding::of(seen.as_ref().err()?);
        let is_of_tls = finding.said.contains("certificate");
        let ca = "if it has a CA of your own, run: export SSL_CERT_FILE=/path/to/ca.pem";
        Some(finding.or_mend(if is_of_tls { ca } else { "look at the network, HTTPS_PROXY and ANTHROPIC_BASE_URL" }))
    });
    good_if_asked(check_context, failed.collect(), "can be reached")
}

/// Claude Code asks its helper for another key after 401 and 403, and after nothing else.
pub(in super::super) fn refusal(check_context: &CheckContext) -> Vec<Finding> {
    let found = answers(check_context).filter_map(|(url, seen)| match seen.both {
        401 | 403 | 300..=399 => None,
        200..=299 => Some(Finding::doubtful(
            format!("{url} takes a made-up key, so whoever reaches it can use it"),
            "have it look at keys",
        )),
        status @ (408 | 429 | 500..=599) => Some(Finding::doubtful(
            format!("{url} answers {status} just now, so what it says to a key that is refused was not seen"),
            "run: claude-credential doctor --live, later",
        )),
        status => Some(Finding::wrong(
            format!("{url} answers {status} to a made-up key, and Claude Code gets no other key after that"),
            "have it answer 401, or look at ANTHROPIC_BASE_URL",
        )),
    });
    good_if_asked(check_context, found.collect(), "answers 401 or 403 to a key that is refused")
}

/// Claude Code sends what its helper printed in two headers at once.
pub(in super::super) fn headers(check_context: &CheckContext) -> Vec<Finding> {
    let found = answers(check_context).filter_map(|(url, seen)| {
        let refuses = |status: Option<u64>| matches!(status, Some(401 | 403));
        if !matches!(seen.both, 400..=499) || refuses(Some(seen.both)) {
            return None;
        }
        let alone = [("x-api-key", seen.x_api_key), ("Authorization", seen.authorization)];
        let (name, _) = alone.into_iter().find(|(_, status)| refuses(*status))?;
        let said = format!(
            "{url} answers {} where a key comes in both headers, as Claude Code sends it, and refuses it properly in {name}",
            seen.both
        );
        Some(Finding::wrong(said, "have it take x-api-key and Authorization together"))
    });
    good_if_asked(check_context, found.collect(), "takes x-api-key and Authorization together")
}

/// Who follows a redirect carries the key to where it leads.
pub(in super::super) fn redirect(check_context: &CheckContext) -> Vec<Finding> {
    let found = answers(check_context).filter_map(|(url, seen)| {
        if !(300..400).contains(&seen.both) {
            return None;
        }
        let to = seen.leads_to.as_deref().unwrap_or("somewhere");
        let stays = url == to;
        let said =
            format!("{url} answers {}, a redirect to {to}, and whoever follows it takes the key along", seen.both);
        let mend = "set ANTHROPIC_BASE_URL to where it leads, and list that host, if it may have the key";
        Some(if stays { Finding::doubtful(said, mend) } else { Finding::wrong(said, mend) })
    });
    good_if_asked(check_context, found.collect(), "does not redirect")
}

/// The server's clock against ours.
pub(in super::super) fn clock(check_context: &CheckContext) -> Vec<Finding> {
    let found = answers(check_context).filter_map(|(url, seen)| {
        let ahead = seen.clock_ahead?;
        let off = ahead.unsigned_abs();
        let word = if ahead > 0 { "ahead of" } else { "behind" };
        let said = format!("this machine's clock is {off} s {word} that of {url}");
        let mend = "set the clock, as with: sudo timedatectl set-ntp true";
        match off {
            FAR_OFF.. => Some(Finding::wrong(said, mend)),
            OFF.. => Some(Finding::doubtful(said, mend)),
            _ => None,
        }
    });
    good_if_asked(check_context, found.collect(), "has the same time")
}

fn good_if_asked(check_context: &CheckContext, found: Vec<Finding>, good: &str) -> Vec<Finding> {
    let hosts: Vec<&str> = answers(check_context).map(|(url, _)| url).collect();
    if hosts.is_empty() { found } else { or_good(found, || format!("{} {good}", hosts.join(", "))) }
}

fn answers(check_context: &CheckContext) -> impl Iterator<Item = (&str, &Probed)> {
    seen(check_context).iter().filter_map(|(url, seen)| Some((url.as_str(), seen.as_ref().ok()?)))
}

/// Asked once, and only hosts that the profile lists. Shown are their origins: a path may have a secret in it.
fn seen(check_context: &CheckContext) -> &[(String, Result<Probed, Error>)] {
    check_context.seen.get_or_init(|| {
        let profile =
            check_context.profile.as_ref().ok().filter(|_| check_context.live && !is_clouds_own(check_context));
        let urls = profile.map(|profile| urls(check_context, profile)).unwrap_or_default();
        urls.into_iter().map(|(origin, url)| (origin.to_string(), look(check_context, &origin, url))).collect()
    })
}

fn is_clouds_own(check_context: &CheckContext) -> bool {
    check_context.context.client_mode.cloud().is_some()
}

/// The hosts of the profile; the one that the client is set up for, with the path that it is set up with.
fn urls(check_context: &CheckContext, profile: &Profile) -> Vec<(Origin, String)> {
    let variable = check_context.context.client_mode.base_url();
    let set = check_context.context.environment.get(variable).unwrap_or_default();
    let of_client = Origin::of_url(set).ok();
    let url = |origin: &Origin| if of_client.as_ref() == Some(origin) { set.to_owned() } else { origin.to_string() };
    profile.hosts.iter().map(|origin| (origin.clone(), url(origin))).collect()
}

fn look(check_context: &CheckContext, origin: &Origin, url: String) -> Result<Probed, Error> {
    let install = "in the folder of its source, run: ./install.sh";
    let Some(file) = program::locate(&check_context.context, "probe") else {
        return Err(Error::config(format!("claude-credential-probe, which asks it, is not installed; {install}")));
    };
    let mut command = Command::new(&file);
    command.arg("-");
    let shown = file.display();
    let finished = spawn::tell(check_context, command, url.into_bytes().into(), PATIENCE)
        .map_err(|failure| Error::broke(format!("{shown} {failure}; run it by hand: {shown} {origin}")))?;
    if finished.ended != Ended::Exit(0) {
        let said = text::last_line_of_ours(&finished.stderr).unwrap_or_else(|| format!("{origin} can't be asked"));
        return Err(Error::unavailable(said));
    }
    let parsed = serde_json::from_slice(&finished.stdout).ok().and_then(|said| parse(&said));
    parsed.ok_or_else(|| Error::broke(format!("{shown} said what this version does not understand; {install}")))
}

fn parse(said: &Value) -> Option<Probed> {
    (said["version"] == 1).then_some(())?;
    Some(Probed {
        clock_ahead: said["clock_ahead"].as_i64(),
        both: said["both"]["status"].as_u64()?,
        leads_to: said["both"]["leads_to"].as_str().map(text::one_line),
        x_api_key: said["x_api_key"]["status"].as_u64(),
        authorization: said["authorization"]["status"].as_u64(),
    })
}
