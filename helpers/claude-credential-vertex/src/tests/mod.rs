mod executable;
mod external;
mod files;
mod grants;
mod hosts;
mod log;
mod metadata;
mod server;

use std::fs;
use std::path::PathBuf;

use clap::Parser;
use claude_credential_config::Environment;
use claude_credential_protocol::{Auth, Class, Credential, Error, Helper, Request};
use serde_json::{Value, json};

use crate::options::Vertex;
use server::Server;

/// A key for tests only.
pub(crate) const KEY: &str = include_str!("key.pem");

pub(crate) const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

#[derive(Parser)]
struct TestCli {
    #[command(flatten)]
    helper: Vertex,
}

/// The helper with options, a home folder of its own and no metadata server.
struct Fixture {
    home: tempfile::TempDir,
    helper: Vertex,
    variables: Vec<(String, String)>,
}

impl Fixture {
    fn new(options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let helper = TestCli::parse_from([&["vertex"], options].concat()).helper;
        let mut fixture = Self { home, helper, variables: Vec::new() };
        let path = fixture.home.path().to_str().unwrap().to_owned();
        fixture.set("HOME", &path);
        fixture.set("NO_GCE_CHECK", "true");
        fixture
    }

    /// A fixture whose variable names a credentials file.
    fn with(credentials: &Value) -> Self {
        let mut fixture = Self::new(&[]);
        let path = fixture.write("credentials.json", &credentials.to_string());
        fixture.set(VARIABLE, path.to_str().unwrap());
        fixture
    }

    fn set(&mut self, name: &str, value: &str) {
        self.variables.retain(|(other, _)| other != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self.helper.suite.environment = Environment::from_pairs(self.variables.iter().cloned());
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn get(&self) -> Result<Option<Credential>, Error> {
        self.helper.get(&vertex())
    }

    fn token(&self) -> String {
        secret(&self.get().unwrap().unwrap())
    }

    /// Asserts an error of this class without a secret, and returns its message.
    fn fails(&self, class: Class) -> String {
        let error = self.get().unwrap_err();
        let words = error.to_string();
        assert!(error.class() == class && !words.contains("CANARY"), "{:?} {words}", error.class());
        words
    }
}

fn vertex() -> Request {
    Request::new("https", "us-east5-aiplatform.googleapis.com")
}

fn secret(credential: &Credential) -> String {
    let Auth::Bearer(token) = &credential.auth else { panic!("{credential:?}") };
    token.expose().to_owned()
}

fn service_account(server: &Server) -> Value {
    json!({
        "type": "service_account", "project_id": "of-the-key", "private_key_id": "k", "private_key": KEY,
        "client_email": "me@of-the-key.iam.gserviceaccount.com", "token_uri": format!("{}/token", server.url),
    })
}

fn authorized_user(server: &Server) -> Value {
    json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "CANARY-secret",
        "refresh_token": "CANARY-refresh", "token_uri": format!("{}/token", server.url),
    })
}

fn impersonation_url(server: &Server) -> String {
    format!("{}/v1/projects/-/serviceAccounts/she@p.iam.gserviceaccount.com:generateAccessToken", server.url)
}

fn impersonated(server: &Server, source: &Value) -> Value {
    json!({
        "type": "impersonated_service_account", "service_account_impersonation_url": impersonation_url(server),
        "source_credentials": source,
    })
}

fn external_account(server: &Server, source: &Value) -> Value {
    json!({
        "type": "external_account", "audience": "//iam.googleapis.com/the-pool",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{}/sts", server.url),
        "credential_source": source,
    })
}
