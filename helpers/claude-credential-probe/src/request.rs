//! Sends one request as the client does, and two more with one of its two headers each.

use std::time::Duration;

use claude_credential_files::{hex, random};
use claude_credential_http::{Answer, Body, Call};
use claude_credential_protocol::{Error, Origin, Secret};
use serde_json::{Value, json};

/// The time within which a gateway rejects a made-up key.
const PATIENCE: Duration = Duration::from_secs(10);

/// <https://platform.claude.com/docs/en/api/versioning>
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// Sends the requests and reports the answers. A failure of the first is an error; those of the others are reported.
pub(crate) fn send(url: &str, origin: &Origin) -> Result<Value, Error> {
    // A made-up key, new each time, so that a gateway that counts failures by key counts one.
    let key = format!("sk-ant-api03-probe-{}", hex(&random::<16>()));
    let messages = format!("{url}/v1/messages");
    // Without a model and messages, the request costs nothing even if the key is accepted.
    let body = json!({ "model": "none", "max_tokens": 1, "messages": [] });
    let send = |x_api_key: bool, authorization: bool| {
        let headers = [VERSION, ("x-api-key", key.as_str())];
        let call = Call {
            url: &messages,
            body: Body::Json(&body),
            authorization: authorization.then(|| Secret::from(format!("Bearer {key}"))),
            headers: if x_api_key { &headers } else { &headers[..1] },
            ..Call::default()
        };
        call.probe(PATIENCE)
    };
    let both = send(true, true)?;
    let alone = |outcome: Result<Answer, Error>| match outcome {
        Ok(answer) => report(&answer, &messages),
        Err(error) => json!({ "problem": error.to_string() }),
    };
    Ok(json!({
        "version": 1,
        "origin": origin.to_string(),
        "clock_ahead": both.clock_ahead(),
        "both": report(&both, &messages),
        "x_api_key": alone(send(true, false)),
        "authorization": alone(send(false, true)),
    }))
}

fn report(answer: &Answer, asked: &str) -> Value {
    let is_redirect = (300..400).contains(&answer.status);
    let leads_to = answer.header("location").filter(|_| is_redirect).map(|location| leads_to(location, asked));
    json!({ "status": answer.status, "leads_to": leads_to })
}

/// The origin of a redirect's target. Path and query are left out, since they may repeat the key.
fn leads_to(location: &str, asked: &str) -> String {
    let protocol = asked.split("://").next().unwrap_or_default();
    let origin = if location.starts_with("//") {
        Origin::of_url(&format!("{protocol}:{location}"))
    } else if location.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':')) {
        Origin::of_url(location)
    } else {
        Origin::of_url(asked)
    };
    origin.map_or_else(|_| "a place that is no host".to_owned(), |origin| origin.to_string())
}

#[cfg(test)]
mod tests {
    use super::leads_to;

    #[test]
    fn of_a_redirect_the_origin_alone_is_told() {
        let asked = "https://gateway.example/v1/messages";
        for (location, origin) in [
            ("/login?key=CANARY", "https://gateway.example"),
            ("login", "https://gateway.example"),
            ("https://other.example/CANARY", "https://other.example"),
            ("//other.example/CANARY", "https://other.example"),
            ("http://gateway.example/", "http://gateway.example"),
            ("https://me:CANARY@gateway.example/", "a place that is no host"),
        ] {
            assert_eq!(leads_to(location, asked), origin, "{location}");
        }
    }
}
