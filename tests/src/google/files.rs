//! Credentials files of every type, for the fixture's own cloud.

use std::fs;

use serde_json::{Value, json};

use super::Fixture;
use crate::workspace;

/// What a service account is called.
const EMAIL: &str = "robot@fake-project.iam.gserviceaccount.com";

impl Fixture {
    /// A service account's key: the one that the helper's own tests have.
    #[must_use]
    pub fn service_account(&self) -> Value {
        let key = workspace().join("helpers/claude-credential-vertex/src/tests/key.pem");
        // What stands before the key is not read; it makes the key one of this sandbox's secrets.
        let key = format!("{}\n{}", self.sandbox.secret("private-key"), fs::read_to_string(key).expect("a key"));
        json!({
            "type": "service_account", "project_id": "fake-project", "private_key_id": "0123456789abcdef",
            "private_key": key, "client_email": EMAIL, "token_uri": self.cloud.url("/token"),
        })
    }

    /// What gcloud leaves of a person's sign-in: the secrets `client` and `refresh`.
    #[must_use]
    pub fn person(&self) -> Value {
        self.person_with("refresh")
    }

    /// The same with another refresh token.
    #[must_use]
    pub fn person_with(&self, refresh_token: &str) -> Value {
        json!({
            "type": "authorized_user", "client_id": "fake.apps.googleusercontent.com",
            "client_secret": self.sandbox.secret("client"), "refresh_token": self.sandbox.secret(refresh_token),
            "token_uri": self.cloud.url("/token"),
        })
    }

    /// The same of somebody whose account is elsewhere.
    #[must_use]
    pub fn workforce_person(&self) -> Value {
        json!({
            "type": "external_account_authorized_user", "audience": WORKFORCE, "client_id": "fake",
            "client_secret": self.sandbox.secret("client"), "refresh_token": self.sandbox.secret("refresh"),
            "token_url": self.cloud.url("/v1/oauthtoken"), "token_info_url": self.cloud.url("/v1/introspect"),
        })
    }

    /// Somebody else, from `source`.
    #[must_use]
    pub fn impersonated(&self, email: &str, source: &Value) -> Value {
        json!({
            "type": "impersonated_service_account", "source_credentials": source,
            "service_account_impersonation_url": self.impersonation(email),
        })
    }

    /// The URL that gives his tokens.
    #[must_use]
    pub fn impersonation(&self, email: &str) -> String {
        self.cloud.url(&format!("/v1/projects/-/serviceAccounts/{email}:generateAccessToken"))
    }

    /// An identity from elsewhere.
    #[must_use]
    pub fn external(&self, source: &Value) -> Value {
        json!({
            "type": "external_account", "audience": WORKLOAD, "credential_source": source,
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": self.cloud.url("/v1/token"),
        })
    }

    /// An identity of AWS, from its metadata where the variables don't say all.
    #[must_use]
    pub fn of_aws(&self) -> Value {
        let metadata = |path: &str| self.cloud.url(&format!("/latest/{path}"));
        let mut file = self.external(&json!({
            "environment_id": "aws1",
            "region_url": metadata("meta-data/placement/availability-zone"),
            "url": metadata("meta-data/iam/security-credentials"),
            "imdsv2_session_token_url": metadata("api/token"),
            "regional_cred_verification_url":
                "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        }));
        file["subject_token_type"] = "urn:ietf:params:aws:token-type:aws4_request".into();
        file
    }

    /// What a program prints that is a credential source: the secret `printed`.
    #[must_use]
    pub fn printed(&self) -> Value {
        json!({
            "version": 1, "success": true, "token_type": "urn:ietf:params:oauth:token-type:id_token",
            "id_token": self.sandbox.secret("printed"), "expiration_time": crate::oauth::now() + 900,
        })
    }
}

/// An identity pool, without the project's number: by that google-auth asks for the project's name, too.
const WORKLOAD: &str = "//iam.googleapis.com/pools/global/fake/providers/fake";
pub const WORKFORCE: &str = "//iam.googleapis.com/locations/global/workforcePools/fake/providers/fake";
