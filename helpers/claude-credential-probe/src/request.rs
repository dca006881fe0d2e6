//! One request as the client sends it, and the same with each of its two headers alone.

use std::time::Duration;

use claude_credential_files::{hex, random};
use claude_credential_http::{Answer, Body, Call};
use claude_credential_protocol::{Error, Origin, Secret};
use serde_json::{Value, json};

/// Who has not said no to a made-up key by then has something else to do.
const PATIENCE: Duration = Duration::from_secs(10);

/// <https://platform.claude.com/docs/en/api/versioning>
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// What was seen. The first request has to get an answer; what becomes of the others is told.
pub(crate) fn send(url: &str, origin: &Origin) -> Result<Value, Error> {
    // Nobody's key, and new each time: a gateway that counts wrong keys by their text never counts to two.
    let key = format!("sk-ant-api03-probe-{}", hex(&random::<16>()));
    let messages = format!("{url}/v1/messages");
    // No model and no message: where the key is taken after all, the request costs nothing.
    let body = json!({ "model": "none", "max_tokens": 1, "messages": [] });
    let send = |x_api_key: bool, authorization: bool| {
        let headers = [VERSION, ("x-api-key", key.as_str())];
        let call = Call {
            url: &messages,
            body: Body::Json(&body),
            authorization: authorization.then(|| Secret::from(format!("Bearer {key}"))),
            headers: if x_api_key { &headers } else { &headers[..1] },
            before_pause: None,
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

/// Of where a redirect leads, its origin is told and nothing else: its path or query may repeat the key.
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
