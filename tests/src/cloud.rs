//! Clouds of the tests' own, in the network that `tests/servers/in-namespace.sh` makes: what `fake_cloud.py` answers,
//! the port that never answers, and moto.

use std::env;

use serde_json::{Value, json};

use crate::Sandbox;
use crate::oauth::{fetch, send};

/// More often than any test asks.
const ALWAYS: u32 = u32::MAX;

/// What one test has of the clouds: an address of its own, with a log and faults of its own.
#[derive(Debug)]
pub struct Cloud {
    address: String,
}

/// A request that the cloud had.
#[derive(Debug, Clone)]
pub struct Asked(Value);

impl Cloud {
    /// One whose secrets are the sandbox's.
    #[must_use]
    pub fn open(sandbox: &Sandbox) -> Self {
        let opened =
            post(&format!("{}/_open", server("CLAUDE_CREDENTIAL_TEST_CLOUD")), &json!({"secret": sandbox.secret("")}));
        let opened: Value = serde_json::from_str(&opened).expect("JSON");
        Self { address: opened["address"].as_str().expect("an address").to_owned() }
    }

    /// An address in it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    /// For how many seconds what has a name that begins so is good from now on. Negative: it is over already.
    pub fn lives(&self, name: &str, seconds: i64) {
        self.post("/_life", &json!({"name": name, "seconds": seconds}));
    }

    /// This machine's clock is ahead of the cloud's by so many seconds; behind it, where negative.
    pub fn is_behind(&self, seconds: i64) {
        self.post("/_ahead", &json!({"seconds": seconds}));
    }

    /// From now on, what has a name that begins so is answered with a status, and with a page for people.
    pub fn fails(&self, name: &str, status: u16) {
        self.fails_times(name, status, ALWAYS);
    }

    /// The next `times` requests of such a name are.
    pub fn fails_times(&self, name: &str, status: u16, times: u32) {
        self.post("/_fault", &json!({"name": name, "status": status, "body": "something went wrong", "times": times}));
    }

    /// From now on, what has a name that begins so is answered with 200 and a page for people, as by a portal that wants
    /// a sign-in.
    pub fn is_taken_over(&self, name: &str) {
        self.fails(name, 200);
    }

    /// From now on, what has a name that begins so is sent to another address.
    pub fn redirects(&self, name: &str, to: &str) {
        let headers = json!({"Location": to});
        self.post("/_fault", &json!({"name": name, "status": 307, "headers": headers, "times": ALWAYS}));
    }

    /// From now on, what has a name that begins so gets no answer.
    pub fn hangs(&self, name: &str) {
        self.post("/_fault", &json!({"name": name, "hangs": true, "times": ALWAYS}));
    }

    /// The next request of such a name is carried out and answered after so many seconds.
    pub fn delays(&self, name: &str, seconds: u32) {
        self.post("/_fault", &json!({"name": name, "delay": seconds, "times": 1}));
    }

    /// The secret of that name is not known any more.
    pub fn refuses(&self, secret: &str) {
        self.post("/_end", &json!({"name": secret}));
    }

    /// What it was asked for, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        let log: Vec<Value> = serde_json::from_str(&fetch(&self.url("/_log"), &[]).text).expect("the log is JSON");
        log.into_iter().map(Asked).collect()
    }

    /// The requests whose names begin so.
    #[must_use]
    pub fn asked_for(&self, name: &str) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.name().starts_with(name)).collect()
    }

    /// How many they are.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.asked_for(name).len()
    }

    fn post(&self, path: &str, body: &Value) {
        post(&self.url(path), body);
    }
}

impl Asked {
    /// `sts AssumeRole` and so on.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0["name"].as_str().expect("a name")
    }

    /// Until when what it got is good, if it got something that ends.
    #[must_use]
    pub fn until(&self) -> Option<u64> {
        self.0["until"].as_u64()
    }

    /// Whose access key it was signed with.
    #[must_use]
    pub fn signer(&self) -> Option<&str> {
        self.0["signer"].as_str()
    }

    /// A field of its form.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&str> {
        self.0["form"][name].as_str()
    }

    /// What else the log has of it.
    #[must_use]
    pub fn told(&self, name: &str) -> Option<&str> {
        self.0[name].as_str()
    }
}

/// The address that takes connections and never answers.
#[must_use]
pub fn silent() -> String {
    server("CLAUDE_CREDENTIAL_TEST_SILENT")
}

/// The address of moto.
#[must_use]
pub fn moto() -> String {
    server("CLAUDE_CREDENTIAL_TEST_MOTO")
}

/// A program of the venv that has moto and its clients.
#[must_use]
pub fn python_program(name: &str) -> String {
    format!("{}/bin/{name}", server("CLAUDE_CREDENTIAL_TEST_VENV"))
}

fn server(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| panic!("{variable} is not set; run: tests/run.sh"))
}

#[track_caller]
fn post(url: &str, body: &Value) -> String {
    let page = send("POST", url, &[("Content-Type", "application/json")], &body.to_string());
    assert_eq!(page.status, 200, "{url}: {page:?}");
    page.text
}
