use claude_credential_protocol::Origin;

/// A Vertex endpoint: <https://cloud.google.com/vertex-ai/docs/reference/rest#service-endpoint>
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) region: String,
    pub(crate) universe: String,
}

impl Endpoint {
    /// The endpoint of a host; `None` if it is not Vertex's.
    pub(crate) fn of(origin: &Origin) -> Option<Self> {
        let (label, rest) = origin.host().split_once('.')?;
        // Google's hosts have no port, and a universe domain contains a dot.
        if origin.protocol() != "https" || rest.contains(':') || !rest.contains('.') {
            return None;
        }
        let endpoint = |region: &str, universe: &str| Self { region: region.to_owned(), universe: universe.to_owned() };
        if let Some(region) = label.strip_suffix("-aiplatform") {
            return (!region.is_empty()).then(|| endpoint(region, rest));
        }
        if label != "aiplatform" {
            return None;
        }
        // Regional endpoints; multi-regions have no other.
        let regional =
            rest.split_once(".rep.").filter(|(region, universe)| !region.contains('.') && universe.contains('.'));
        Some(regional.map_or_else(|| endpoint("global", rest), |(region, universe)| endpoint(region, universe)))
    }
}

#[cfg(test)]
mod tests {
    use claude_credential_config::cloud::{GOOGLE, vertex_host};
    use claude_credential_protocol::Origin;

    use super::Endpoint;

    fn of(host: &str) -> Option<Endpoint> {
        Endpoint::of(&Origin::listed(host).unwrap())
    }

    #[test]
    fn every_region_has_its_host_and_every_host_its_region() {
        for (region, host) in [
            ("us-east5", "us-east5-aiplatform.googleapis.com"),
            ("global", "aiplatform.googleapis.com"),
            ("us", "aiplatform.us.rep.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
        ] {
            let endpoint = Endpoint { region: region.to_owned(), universe: GOOGLE.to_owned() };
            assert_eq!(vertex_host(&endpoint.region, &endpoint.universe), host);
            assert_eq!(of(host), Some(endpoint));
        }
        let regional = Endpoint { region: "us-central1".to_owned(), universe: GOOGLE.to_owned() };
        assert_eq!(of("aiplatform.us-central1.rep.googleapis.com"), Some(regional));
        assert_eq!(of("u-x-aiplatform.apis.example.cloud").unwrap().universe, "apis.example.cloud");
    }

    #[test]
    fn what_only_looks_like_vertex_is_not() {
        for host in [
            "aiplatform.googleapis.com:8443",
            "http://aiplatform.googleapis.com",
            "-aiplatform.googleapis.com",
            "aiplatformx.googleapis.com",
            "www.aiplatform.googleapis.com",
            "us.rep.googleapis.com",
            "aiplatform.com",
            "api.anthropic.com",
        ] {
            assert_eq!(of(host), None, "{host}");
        }
        for host in ["aiplatform.googleapis.com.evil.example", "aiplatform.a.b.rep.googleapis.com"] {
            assert_ne!(of(host).unwrap().universe, GOOGLE);
        }
    }
}
