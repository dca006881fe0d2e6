//! Where Claude Code sends its requests, with the credential in them (`docs/design/destination.md`). Observed with
//! 2.1.332, where its documentation leaves it open.

use claude_credential_config::Environment;
use claude_credential_protocol::{Error, NotAnOrigin, Origin};

use crate::client::cloud::{Cloud, aws_region};
use crate::client::mode::{BASE_URL, ClientMode};
use crate::client::service::Service;

/// Where Claude Code sends a key by default.
pub(crate) const API: &str = "https://api.anthropic.com";

const FOUNDRY_RESOURCE: &str = "ANTHROPIC_FOUNDRY_RESOURCE";

/// The origin and the path below it, without the slash that begins it; an error if what names them can't be understood.
pub(crate) type Place = Result<(Origin, String), NotAnOrigin>;

/// A place that Claude Code sends to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) place: Place,
    pub(crate) reason: Reason,
}

/// Why Claude Code sends there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The variable names the host.
    Named(&'static str),
    /// The switch of a cloud is on, and the variable does not name another host.
    OwnHost { switch: &'static str, without: &'static str },
    /// Nothing says otherwise.
    Default,
}

impl Destination {
    /// The place that the variable names; `None` if it is not set.
    pub(crate) fn named(environment: &Environment, variable: &'static str) -> Option<Self> {
        let value = environment.get_os(variable)?.to_str().unwrap_or_default();
        Some(Self { place: named_by(variable, value)?, reason: Reason::Named(variable) })
    }

    /// The origin and the path; an error if it is none. `what` is [`Reason::shown`].
    pub(crate) fn of_host(&self, what: &str) -> Result<(&Origin, &str), Error> {
        self.place.as_ref().map(|(origin, path)| (origin, path.as_str())).map_err(|error| match self.reason {
            Reason::OwnHost { without, .. } => {
                let other =
                    if without == Service::Foundry.base_url() { FOUNDRY_RESOURCE } else { "a region that is one" };
                Error::config(format!("{what} leads to no host that can be listed; set {without}, or {other}"))
            }
            Reason::Named(_) | Reason::Default => Error::config(format!("{what} is {error}; mend or remove it")),
        })
    }
}

impl Reason {
    /// What leads there, as messages say it. `at` says where a variable is set.
    pub(crate) fn shown(self, at: impl Fn(&'static str) -> String) -> String {
        match self {
            Self::Named(variable) => at(variable),
            Self::OwnHost { switch, without } => format!("{} without {without}", at(switch)),
            Self::Default => format!("without {BASE_URL} Claude Code"),
        }
    }
}

/// The places that Claude Code sends to if it has this environment, which contains what its settings set. It is one,
/// unless the model decides; the first is the usual one.
pub(crate) fn destinations(environment: &Environment) -> Vec<Destination> {
    let Some(service) = ClientMode::of(environment).service() else {
        return vec![
            Destination::named(environment, BASE_URL)
                .unwrap_or(Destination { place: of_url(API), reason: Reason::Default }),
        ];
    };
    let mut destinations = of_service(environment, service);
    // Next to Bedrock it serves the models that only it has.
    if service == Service::Bedrock && environment.is_on(Service::Mantle.use_switch()) {
        destinations.extend(of_service(environment, Service::Mantle));
    }
    destinations
}

/// The place that a variable of that name and value names, if it is one that names a place.
pub(crate) fn named_by(variable: &str, value: &str) -> Option<Place> {
    if variable == FOUNDRY_RESOURCE {
        // Claude Code adds that path.
        Some(of_host(&format!("{value}.services.ai.azure.com"), "anthropic"))
    } else if variable.starts_with("ANTHROPIC_") && variable.ends_with("BASE_URL") {
        Some(of_url(value))
    } else {
        None
    }
}

fn of_service(environment: &Environment, service: Service) -> Vec<Destination> {
    let resource = Some(FOUNDRY_RESOURCE).filter(|_| service == Service::Foundry);
    // Today's Claude Code fails if both are set; which of the two another one would take is not known.
    let variables = [service.base_url()].into_iter().chain(resource);
    let places: Vec<Destination> = variables.filter_map(|variable| Destination::named(environment, variable)).collect();
    if !places.is_empty() {
        return places;
    }
    let reason = Reason::OwnHost { switch: service.use_switch(), without: service.base_url() };
    let host = own_host(environment, service).map_err(|_| NotAnOrigin::new("the region is none"));
    vec![Destination { place: host.and_then(|host| of_host(&host, "")), reason }]
}

fn of_url(url: &str) -> Place {
    Origin::and_path(url).map(|(origin, path)| (origin, path.to_owned()))
}

fn of_host(host: &str, path: &str) -> Place {
    Ok((Origin::new("https", host)?, path.to_owned()))
}

fn own_host(environment: &Environment, service: Service) -> Result<String, Error> {
    Ok(match service {
        Service::Bedrock => Cloud::Bedrock.host(environment)?,
        Service::Vertex => Cloud::Vertex.host(environment)?,
        Service::AnthropicAws => format!("aws-external-anthropic.{}.api.aws", aws_region(environment)?),
        Service::Mantle => format!("bedrock-mantle.{}.api.aws", aws_region(environment)?),
        // Foundry has a host for each resource. Without one Claude Code sends nothing.
        Service::Foundry => String::new(),
    })
}

#[cfg(test)]
mod tests {
    use claude_credential_config::Environment;

    use super::destinations;

    /// Set, and where it leads; what can't be understood is a question mark.
    fn leads(variables: &[(&str, &str)]) -> String {
        let places = destinations(&Environment::from_pairs(variables.iter().copied()));
        let shown =
            places.iter().map(|place| place.place.as_ref().map_or("?".to_owned(), |(origin, _)| origin.as_listed()));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn each_cloud_leads_where_the_client_was_seen_to_send() {
        let on = |word: &str| (format!("CLAUDE_CODE_USE_{word}"), "1");
        for (word, further, place) in [
            ("NOTHING", &[][..], "api.anthropic.com"),
            ("NOTHING", &[("ANTHROPIC_BASE_URL", "https://a.example/v1")], "a.example"),
            ("BEDROCK", &[("ANTHROPIC_BASE_URL", "https://a.example")], "bedrock-runtime.us-east-1.amazonaws.com"),
            ("BEDROCK", &[("AWS_DEFAULT_REGION", "eu-west-2")], "bedrock-runtime.eu-west-2.amazonaws.com"),
            ("BEDROCK", &[("ANTHROPIC_BEDROCK_BASE_URL", "https://b.example")], "b.example"),
            ("BEDROCK", &[("AWS_REGION", "x.evil.example/")], "?"),
            (
                "BEDROCK",
                &[("CLAUDE_CODE_USE_MANTLE", "on")],
                "bedrock-runtime.us-east-1.amazonaws.com bedrock-mantle.us-east-1.api.aws",
            ),
            ("FOUNDRY", &[("ANTHROPIC_FOUNDRY_RESOURCE", "acme")], "acme.services.ai.azure.com"),
            ("FOUNDRY", &[("ANTHROPIC_FOUNDRY_BASE_URL", "https://f.example/anthropic")], "f.example"),
            (
                "FOUNDRY",
                &[("ANTHROPIC_FOUNDRY_BASE_URL", "https://f.example"), ("ANTHROPIC_FOUNDRY_RESOURCE", "acme")],
                "f.example acme.services.ai.azure.com",
            ),
            ("FOUNDRY", &[("ANTHROPIC_FOUNDRY_RESOURCE", "evil.example/")], "?"),
            ("FOUNDRY", &[("CLAUDE_CODE_USE_VERTEX", "1")], "?"),
            ("ANTHROPIC_AWS", &[("AWS_REGION", "eu-west-1")], "aws-external-anthropic.eu-west-1.api.aws"),
            ("ANTHROPIC_AWS", &[("ANTHROPIC_AWS_BASE_URL", "https://p.example")], "p.example"),
            ("MANTLE", &[], "bedrock-mantle.us-east-1.api.aws"),
            ("MANTLE", &[("ANTHROPIC_BEDROCK_MANTLE_BASE_URL", "https://m.example/anthropic")], "m.example"),
            ("MANTLE", &[("CLAUDE_CODE_USE_VERTEX", "1")], "bedrock-mantle.us-east-1.api.aws"),
            ("VERTEX", &[], "us-east5-aiplatform.googleapis.com"),
            ("VERTEX", &[("CLOUD_ML_REGION", "eu")], "aiplatform.eu.rep.googleapis.com"),
            ("VERTEX", &[("CLOUD_ML_REGION", "evil.example/")], "?"),
            ("VERTEX", &[("ANTHROPIC_VERTEX_BASE_URL", "https://v.example")], "v.example"),
        ] {
            let (name, one) = on(word);
            assert_eq!(leads(&[&[(name.as_str(), one)], further].concat()), place, "{word} {further:?}");
        }
    }
}
