use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::json;

use crate::cloud::Cloud;
use crate::oauth::{NOT_GIT, now};
use crate::{Answer, Call, Output, Sandbox, label, request};

/// The host for which it is asked.
pub const HOST: &str = "bedrock-runtime.us-east-1.amazonaws.com";

const HELPER: &str = "claude-credential-bedrock";

/// A sandbox with the helper, and with a cloud of its own. The machine's metadata are there and give credentials: who
/// falls through to them by mistake shows it.
#[derive(Debug)]
pub struct Fixture {
    /// It.
    pub sandbox: Sandbox,
    /// What it asks.
    pub cloud: Cloud,
}

/// What `aws sso login` left behind.
#[derive(Debug, Clone, Copy)]
pub struct Sso<'a> {
    /// The session, or the start URL of a profile without one.
    pub of: &'a str,
    /// For how long the access token is good yet; negative where it is over.
    pub seconds: i64,
    /// The name of the refresh token.
    pub refresh: Option<&'a str>,
}

/// AWS credentials in an answer, secrets by their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The access key id.
    pub id: String,
    /// The name of the secret access key.
    pub secret: String,
    /// The name of the session token.
    pub token: Option<String>,
    /// Until when they are good.
    pub until: Option<u64>,
    /// The region.
    pub region: Option<String>,
    /// Whether nobody may keep them.
    pub ephemeral: bool,
}

impl Fixture {
    /// One without configuration.
    #[must_use]
    pub fn new() -> Self {
        let mut sandbox = Sandbox::new();
        sandbox.install(HELPER, HELPER);
        let cloud = Cloud::open(&sandbox);
        for (name, path) in [
            ("AWS_ENDPOINT_URL_STS", "/sts"),
            ("AWS_ENDPOINT_URL_SSO", "/sso"),
            ("AWS_ENDPOINT_URL_SSO_OIDC", "/oidc"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", ""),
        ] {
            sandbox.set(name, cloud.url(path));
        }
        // Whatever logs, logs: and shows no secret.
        sandbox.set("RUST_LOG", "trace");
        Self { sandbox, cloud }
    }

    /// A variable.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        self.sandbox.set(name, value.as_ref());
    }

    /// This machine is none of a cloud's.
    pub fn no_metadata(&mut self) {
        self.set("AWS_EC2_METADATA_DISABLED", "true");
    }

    /// Long-lived keys in the environment: the secrets `env-secret` and, in a session, `env-token`.
    pub fn environment(&mut self, id: &str, session: bool) {
        self.set("AWS_ACCESS_KEY_ID", id);
        self.set("AWS_SECRET_ACCESS_KEY", self.sandbox.secret("env-secret"));
        if session {
            self.set("AWS_SESSION_TOKEN", self.sandbox.secret("env-token"));
        }
    }

    /// Writes `~/.aws/config`.
    pub fn config(&self, text: &str) -> PathBuf {
        self.sandbox.write(".aws/config", text)
    }

    /// Writes long-lived keys of a profile into `~/.aws/credentials`: the secret `file-secret`.
    pub fn keys(&self, profile: &str, id: &str) -> PathBuf {
        let secret = self.sandbox.secret("file-secret");
        let text = format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        self.sandbox.write(".aws/credentials", text)
    }

    /// Writes what `aws sso login` leaves behind: the secrets `sso-first` and `client`, and the refresh token.
    pub fn signed_in(&self, sso: Sso<'_>) -> PathBuf {
        let Sso { of, seconds, refresh } = sso;
        let mut token = json!({
            "startUrl": "https://acme.awsapps.com/start",
            "region": "us-east-1",
            "accessToken": self.sandbox.secret("sso-first"),
            "expiresAt": time(seconds),
        });
        if let Some(name) = refresh {
            token["clientId"] = "the-client".into();
            token["clientSecret"] = self.sandbox.secret("client").into();
            token["registrationExpiresAt"] = time(86_400).into();
            token["refreshToken"] = self.sandbox.secret(name).into();
        }
        self.sandbox.write(sso_file(of), token.to_string())
    }

    /// Where that is.
    #[must_use]
    pub fn sso_file(&self, of: &str) -> PathBuf {
        self.sandbox.home().join(sso_file(of))
    }

    /// A script in the first folder of PATH that prints `text`.
    pub fn prints(&self, name: &str, text: &str) -> PathBuf {
        let file = self.sandbox.write(format!("{name}.out"), text);
        self.sandbox.script(name, &format!("cat '{}'", file.display()))
    }

    /// What `credential_process` prints: the secrets `process-secret` and `process-token`.
    #[must_use]
    pub fn document(&self, seconds: Option<i64>) -> serde_json::Value {
        let mut document = json!({
            "Version": 1,
            "AccessKeyId": "ASIAPROCESS",
            "SecretAccessKey": self.sandbox.secret("process-secret"),
            "SessionToken": self.sandbox.secret("process-token"),
        });
        if let Some(seconds) = seconds {
            document["Expiration"] = time(seconds).into();
        }
        document
    }

    /// The helper.
    pub fn helper(&self, args: &[&str]) -> Call<'_> {
        self.sandbox.call(self.sandbox.bin(HELPER), args)
    }

    /// `get`, by a caller who speaks `claude.v1`.
    pub fn get(&self, options: &[&str], lines: &[&str]) -> Call<'_> {
        self.get_for(HOST, options, lines)
    }

    /// The same for another host.
    pub fn get_for(&self, host: &str, options: &[&str], lines: &[&str]) -> Call<'_> {
        let text = request(host, &[&NOT_GIT, lines].concat());
        self.helper(&[options, &["get"]].concat()).says(text).shows_secret()
    }

    /// `get` by git.
    pub fn git_get(&self, host: &str, options: &[&str]) -> Call<'_> {
        self.helper(&[options, &["get"]].concat()).says(request(host, &[])).shows_secret()
    }

    /// `print` in a format.
    pub fn print(&self, options: &[&str], format: &str) -> Call<'_> {
        self.helper(&[options, &["print", "--format", format]].concat()).shows_secret()
    }

    /// The credentials that `get` answers with.
    #[track_caller]
    pub fn answer(&self, options: &[&str]) -> Answered {
        answered(&self.get(options, &[]).run())
    }
}

impl Default for Fixture {
    fn default() -> Self {
        Self::new()
    }
}

impl Answered {
    /// Of an answer.
    #[track_caller]
    pub fn of(output: &Output) -> Self {
        answered(output)
    }
}

#[track_caller]
fn answered(output: &Output) -> Answered {
    let answer = Answer::parse(&output.succeeds().stdout);
    assert!(answer.ended, "the answer has no end");
    let keys = answer.keys();
    assert_eq!(answer.get("claude.kind"), Some("aws"), "{keys:?}");
    assert!(answer.get("authtype").is_none() && answer.get("credential").is_none(), "{keys:?}");
    assert!(answer.get("claude.source").is_some_and(|source| !source.is_empty()), "{keys:?}");
    let text = |key: &str| answer.get(key).map(str::to_owned);
    Answered {
        id: text("username").unwrap_or_else(|| panic!("no access key id: {keys:?}")),
        secret: label(answer.get("password").unwrap_or_else(|| panic!("no secret: {keys:?}"))),
        token: answer.get("claude.session_token").map(label),
        until: answer.get("password_expiry_utc").map(|until| until.parse().expect("a time")),
        region: text("claude.region"),
        ephemeral: answer.get("ephemeral") == Some("1"),
    }
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/understanding-sso.html>: by the SHA-1 of the session or start URL.
fn sso_file(of: &str) -> String {
    let name = digest(&SHA1_FOR_LEGACY_USE_ONLY, of.as_bytes());
    let digits: Vec<String> = name.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!(".aws/sso/cache/{}.json", digits.concat())
}

/// So many seconds from now, as AWS writes it.
fn time(seconds: i64) -> String {
    let at = now().saturating_add_signed(seconds);
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at);
    // The one format that is at hand: `Sun, 06 Nov 1994 08:49:37 GMT`.
    let text = httpdate::fmt_http_date(at);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = months.iter().position(|month| *month == &text[8..11]).expect("a month") + 1;
    format!("{}-{month:02}-{}T{}Z", &text[12..16], &text[5..7], &text[17..25])
}

#[cfg(test)]
mod tests {
    use super::{sso_file, time};

    #[test]
    fn times_are_as_aws_writes_them() {
        let text = time(0);
        assert_eq!(text.len(), "2026-01-01T00:00:00Z".len(), "{text}");
        assert!(text.starts_with("20") && text.ends_with('Z'), "{text}");
    }

    #[test]
    fn the_file_of_a_session_is_where_the_cli_has_it() {
        assert_eq!(sso_file("admin"), ".aws/sso/cache/d033e22ae348aeb5660fc2140aec35850c4da997.json");
    }
}
