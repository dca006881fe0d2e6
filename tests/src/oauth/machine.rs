use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::oauth::jwt::Verifier;
use crate::oauth::{Fault, ReceivedRequest, Reply, Server, Signer, now, percent};
use crate::{Canary, Sandbox};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const TOKEN_TYPE: &str = "urn:ietf:params:oauth:token-type:";

/// What Anthropic's exchange knows.
#[derive(Debug)]
pub struct Federation;

impl Federation {
    /// The rule.
    pub const RULE: &str = "fdrl_made_up";
    /// The organisation.
    pub const ORGANIZATION: &str = "00000000-0000-4000-8000-000000000000";
    /// The service account.
    pub const SERVICE_ACCOUNT: &str = "svac_made_up";
    /// The audience of its JWTs.
    pub const AUDIENCE: &str = "https://api.anthropic.com";
    /// For how long the rule lets a token live.
    pub const LIFE: u64 = 3600;
}

/// A server for machines, which refuses whatever its specification does not allow.
///
/// | path | grant |
/// | --- | --- |
/// | `/client` | client credentials (RFC 6749, 4.4) |
/// | `/assertion` | JWT bearer (RFC 7523), for the audience that its own address is |
/// | `/exchange` | token exchange (RFC 8693), for the audience `inference` |
/// | `/v1/oauth/token` | Anthropic's federation, as documented |
///
/// The `n`th token that it gave is the secret `machine-n`.
#[derive(Debug)]
pub struct Machines {
    server: Server,
    rules: Arc<Rules>,
}

#[derive(Debug)]
pub(super) struct Rules {
    canary: Canary,
    verifier: Verifier,
    given: Mutex<Given>,
}

#[derive(Debug)]
struct Given {
    tokens: usize,
    life: u64,
    log: Vec<String>,
    fault: Option<Fault>,
}

impl Machines {
    /// One that trusts `signer`.
    #[must_use]
    pub fn start(sandbox: &Sandbox, signer: &Signer) -> Self {
        let given = Given { tokens: 0, life: 3600, log: Vec::new(), fault: None };
        let rules = Rules { canary: sandbox.canary().clone(), verifier: signer.public(), given: Mutex::new(given) };
        let rules = Arc::new(rules);
        let ours = Arc::clone(&rules);
        Self { server: Server::start(move |asked| ours.answer(asked)), rules }
    }

    /// The address of one of its paths.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        self.server.url(path)
    }

    /// All requests so far.
    #[must_use]
    pub fn asked(&self) -> Vec<ReceivedRequest> {
        self.server.asked()
    }

    /// For how many seconds tokens are good from now on.
    pub fn tokens_live(&self, seconds: u64) {
        self.rules.given().life = seconds;
    }

    /// Every request fails.
    pub fn fails(&self, fault: Fault) {
        self.rules.given().fault = Some(fault);
    }

    /// What it said to each request: the path and `given`, or what it found wrong.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.rules.given().log.clone()
    }

    /// How it answers, for a server elsewhere.
    pub fn answers(&self) -> impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static {
        let rules = Arc::clone(&self.rules);
        move |asked| rules.answer(asked)
    }
}

impl Rules {
    fn given(&self) -> std::sync::MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, asked: &ReceivedRequest) -> Reply {
        if let Some(fault) = &self.given().fault {
            return fault.reply();
        }
        let federation = asked.path == "/v1/oauth/token";
        let decided = match asked.path.as_str() {
            _ if asked.method != "POST" => Err("method"),
            "/client" => self.client(asked),
            "/assertion" => self.assertion(asked),
            "/exchange" => self.exchange(asked),
            "/v1/oauth/token" => self.federation(asked),
            _ => Err("path"),
        };
        let mut given = self.given();
        given.log.push(format!("{} {}", asked.path, decided.as_ref().err().unwrap_or(&"given")));
        match decided {
            // Whatever is wrong, it looks the same from outside.
            Err(_) if federation => Reply::json(
                401,
                &json!({ "type": "error", "error": { "type": "authentication_error", "message": "invalid" } }),
            ),
            Err("client") => Reply::error(401, "invalid_client"),
            Err(_) => Reply::error(400, "invalid_grant"),
            Ok((life, more)) => {
                given.tokens += 1;
                let token = self.canary.secret(&format!("machine-{}", given.tokens));
                let mut body = json!({ "access_token": token, "token_type": "Bearer", "expires_in": life });
                let fields = more.as_object().into_iter().flatten();
                fields.for_each(|(name, value)| body[name] = value.clone());
                Reply::json(200, &body)
            }
        }
    }

    fn client(&self, asked: &ReceivedRequest) -> Result<(u64, Value), &'static str> {
        let form = form(asked, "client_credentials")?;
        let field = |name: &str| form.get(name).map_or("", String::as_str);
        let secret = self.canary.secret("client");
        let basic = STANDARD.encode(format!("machine:{}", percent(&secret)));
        let in_header = asked.header("authorization") == Some(&format!("Basic {basic}"));
        let in_form = field("client_id") == "machine" && field("client_secret") == secret;
        // RFC 6749, 2.3: not more than one method a request.
        if in_header == in_form {
            return Err("client");
        }
        if field("scope") != "inference batch" || field("audience") != "https://gateway.example" {
            return Err("scope or audience");
        }
        Ok((self.given().life, json!({})))
    }

    fn assertion(&self, asked: &ReceivedRequest) -> Result<(u64, Value), &'static str> {
        let form = form(asked, JWT_BEARER)?;
        let here = format!("http://{}/assertion", asked.header("host").unwrap_or_default());
        self.verifier.verify(form.get("assertion").ok_or("assertion")?, &here)?;
        Ok((self.given().life, json!({})))
    }

    fn exchange(&self, asked: &ReceivedRequest) -> Result<(u64, Value), &'static str> {
        let form = form(asked, TOKEN_EXCHANGE)?;
        let kinds = [format!("{TOKEN_TYPE}jwt"), format!("{TOKEN_TYPE}id_token")];
        if !form.get("subject_token_type").is_some_and(|kind| kinds.contains(kind)) {
            return Err("subject_token_type");
        }
        if form.get("audience").map(String::as_str) != Some("inference") {
            return Err("audience");
        }
        self.verifier.verify(form.get("subject_token").ok_or("subject_token")?, "inference")?;
        Ok((self.given().life, json!({ "issued_token_type": format!("{TOKEN_TYPE}access_token") })))
    }

    fn federation(&self, asked: &ReceivedRequest) -> Result<(u64, Value), &'static str> {
        let json = asked.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
        let body = asked.json().filter(|_| json).ok_or("JSON")?;
        let wanted = [
            ("grant_type", JWT_BEARER),
            ("federation_rule_id", Federation::RULE),
            ("organization_id", Federation::ORGANIZATION),
            ("service_account_id", Federation::SERVICE_ACCOUNT),
        ];
        if let Some((name, _)) = wanted.into_iter().find(|(name, value)| body[*name] != *value) {
            return Err(name);
        }
        if body.get("workspace_id").is_some_and(|id| id != "wrkspc_made_up") {
            return Err("workspace_id");
        }
        let claims = self.verifier.verify(body["assertion"].as_str().ok_or("assertion")?, Federation::AUDIENCE)?;
        let remaining = claims["exp"].as_u64().unwrap_or_default().saturating_sub(now());
        Ok((Federation::LIFE.min(self.given().life).min(2 * remaining), json!({})))
    }
}

fn form(asked: &ReceivedRequest, grant: &str) -> Result<std::collections::BTreeMap<String, String>, &'static str> {
    let kind = asked.header("content-type").unwrap_or_default();
    let form = asked.form();
    match kind.starts_with("application/x-www-form-urlencoded") {
        true if form.get("grant_type").map(String::as_str) == Some(grant) => Ok(form),
        true => Err("grant_type"),
        false => Err("content-type"),
    }
}
