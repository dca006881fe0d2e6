use claude_credential_config::claude;

use super::super::finding::{Finding, or_good};
use super::super::situation::Situation;
use crate::chain::cloud::Cloud;
use crate::chain::{Link, Standing};

const API_KEY: &str = "ANTHROPIC_API_KEY";
const AUTH_TOKEN: &str = "ANTHROPIC_AUTH_TOKEN";

/// Claude Code fills two headers, each for itself: `Authorization` from the token's variable, else from the helper;
/// `x-api-key` from the key's variable, else from the helper. So one request can carry two credentials, and the server
/// takes the one that nobody thought of.
pub(in super::super) fn one_in_a_request(situation: &Situation) -> Vec<Finding> {
    if let Some((cloud, false)) = Cloud::of_client(&situation.context) {
        return vec![Finding::good(format!(
            "Claude Code is set up for {}, and sends its credentials alone",
            cloud.name()
        ))];
    }
    let [key, token] = [API_KEY, AUTH_TOKEN].map(|name| situation.variable(name).map(|found| found.place));
    let helper = situation.helper().map(|(_, command)| command);
    let mut found = Vec::new();
    if let (Some(key), Some(_)) = (&key, &token) {
        found.push(Finding::wrong(
            format!("Claude Code sends {AUTH_TOKEN} as Authorization and {API_KEY} as x-api-key: two credentials"),
            key.removal(API_KEY),
        ));
    } else {
        for (name, place, header, helpers) in
            [(API_KEY, key, "x-api-key", "Authorization"), (AUTH_TOKEN, token, "Authorization", "x-api-key")]
        {
            let (Some(place), Some(helper)) = (place, helper) else { continue };
            let mend = place.removal(name);
            found.push(if claude::leads_to_us(helper) && gives_the_same(situation, name) {
                let said = format!("{name} is set, and what the helper prints is the same: Claude Code sends it twice");
                Finding::doubtful(said, mend)
            } else {
                let said =
                    format!("Claude Code sends {name} as {header} and the helper's key as {helpers}: two credentials");
                Finding::wrong(said, mend)
            });
        }
    }
    or_good(found, || "Claude Code sends one alone".to_owned())
}

/// Whether the chain would begin with that very variable.
fn gives_the_same(situation: &Situation, name: &str) -> bool {
    let links = situation.links();
    let first = links.iter().find(|link| link.is_live());
    let entry = if name == API_KEY { "api-key" } else { "auth-token" };
    let is_it = |link: &&Link| link.built_in && link.entry.name == entry && matches!(link.standing, Standing::Variable);
    first.filter(is_it).is_some_and(|_| situation.context.environment.get_os(name).is_some())
}
