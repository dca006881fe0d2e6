mod family;
mod github;
mod headers;
mod shell;
#[cfg(test)]
mod tests;
mod variables;

use std::io::{self, Write};

use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use crate::{Auth, Credential, Error, Secret, iso_8601, text};

pub use family::{CLOUD_SWITCHES, Family, is_on};
pub use shell::Shell;
pub use variables::{CUSTOM_HEADERS, Surroundings, Variables};

/// How a credential is printed; the same words for the dispatcher and every helper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The key or token alone.
    #[default]
    Key,
    /// The HTTP header, `Name: value`.
    Header,
    /// A config for `curl -K -`, so that no secret stands in argv.
    Curl,
    /// For a shell: assignments, and what takes away every variable that would compete.
    Env,
    /// One JSON object with everything that is known.
    Json,
    /// What Claude Code's `awsCredentialExport` takes.
    Sts,
    /// What `credential_process` of the AWS configuration takes.
    CredentialProcess,
    /// A JSON object of headers, as `otelHeadersHelper` and MCP's `headersHelper` take it.
    HeadersJson,
    /// For later steps of a job of GitHub Actions: masked in its log, and set by way of `GITHUB_ENV`.
    Github,
}

/// The options of every `print`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct PrintOptions {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Whose assignments `--format env` writes
    #[arg(long, value_enum, default_value_t)]
    pub shell: Shell,
}

impl Format {
    /// Whether it sets environment variables. Which ones depends on whose credential it is, and so on the configuration.
    #[must_use]
    pub fn sets_variables(self) -> bool {
        matches!(self, Self::Env | Self::Github)
    }
}

/// Prints `credential`, which is of `family`, on `stdout`.
pub fn print(
    credential: &Credential,
    family: Family,
    options: PrintOptions,
    stdout: &mut dyn Write,
) -> Result<(), Error> {
    let text = match options.format {
        Format::Key => key(credential)?,
        Format::Header => headers(credential)?.iter().map(|(name, value)| format!("{name}: {}", value.expose())).join(),
        Format::Curl => headers(credential)?
            .iter()
            .map(|(name, value)| format!("header = {}", curl_quoted(&format!("{name}: {}", value.expose()))))
            .join(),
        Format::Env | Format::Github => {
            return print_variables(&Variables::of(family, credential, &Surroundings::here())?, options, stdout);
        }
        Format::Json => line(&json(credential)),
        Format::Sts => line(&sts(credential)?),
        Format::CredentialProcess => line(&credential_process(credential)?),
        Format::HeadersJson => {
            let members = headers(credential)?.into_iter().map(|(name, value)| (name, value.expose().into()));
            line(&serde_json::Value::Object(members.collect()))
        }
    };
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// The same for what goes into variables.
pub fn print_variables(variables: &Variables, options: PrintOptions, stdout: &mut dyn Write) -> Result<(), Error> {
    if options.format == Format::Github {
        return github::export(variables, stdout);
    }
    let text = options.shell.lines(variables).join();
    written(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()))
}

/// What a write to stdout came to. A reader that has gone away has what it wanted.
pub fn written(outcome: io::Result<()>) -> Result<(), Error> {
    match outcome {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::broke(format!("can't write to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

fn key(credential: &Credential) -> Result<Zeroizing<String>, Error> {
    match &credential.auth {
        Auth::ApiKey(secret) | Auth::Bearer(secret) => Ok([secret.expose().to_owned()].into_iter().join()),
        Auth::Aws { .. } => Err(Error::config(
            "AWS credentials are three values, not one key; use --format env, json, sts or credential-process",
        )),
    }
}

/// The headers that authenticate a request, the credential's own first.
fn headers(credential: &Credential) -> Result<Vec<(String, Secret)>, Error> {
    let own = match &credential.auth {
        Auth::ApiKey(key) => ("x-api-key".to_owned(), key.clone()),
        Auth::Bearer(token) => ("Authorization".to_owned(), format!("Bearer {}", token.expose()).into()),
        Auth::Aws { .. } => {
            return Err(Error::config(
                "AWS credentials sign each request and have no header; use --format env, json, sts or \
                 credential-process",
            ));
        }
    };
    let further = credential.headers.iter().filter_map(|header| header.split_once(": "));
    // <https://cloud.google.com/apis/docs/system-parameters>
    let quota = credential.quota_project.as_deref().map(|project| ("x-goog-user-project", project));
    let further = further.chain(quota).map(|(name, value)| (name.to_owned(), value.into()));
    Ok([own].into_iter().chain(further).collect())
}

/// As curl's manual describes quoted parameters of a config file.
fn curl_quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

fn json(credential: &Credential) -> serde_json::Value {
    let Credential {
        auth,
        username,
        expires_at,
        refresh_token: _,
        ephemeral,
        source,
        account,
        project,
        quota_project,
        region,
        headers,
    } = credential;
    let mut object = serde_json::json!({ "version": 1, "kind": auth.kind().name(), "ephemeral": ephemeral });
    let mut set = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            object[name] = value.into();
        }
    };
    match auth {
        Auth::ApiKey(secret) | Auth::Bearer(secret) => set("credential", Some(secret.expose())),
        Auth::Aws { access_key_id, secret_access_key, session_token, region } => {
            set("access_key_id", Some(access_key_id));
            set("secret_access_key", Some(secret_access_key.expose()));
            set("session_token", session_token.as_ref().map(Secret::expose));
            set("region", region.as_deref());
        }
    }
    set("username", username.as_deref());
    set("expires_at", expires_at.map(iso_8601).as_deref());
    set("source", source.as_deref());
    set("account", account.as_deref());
    set("project", project.as_deref());
    set("quota_project", quota_project.as_deref());
    // An AWS key has its own.
    set("region", region.as_deref());
    if !headers.is_empty() {
        object["headers"] = headers.as_slice().into();
    }
    object
}

/// <https://code.claude.com/docs/en/amazon-bedrock>: the output of `aws sts`, of which the client requires all three.
fn sts(credential: &Credential) -> Result<serde_json::Value, Error> {
    let keys = aws(credential)?;
    if keys.get("SessionToken").is_none() {
        return Err(Error::config(
            "Claude Code refuses long-lived AWS keys here, because they have no session token; use a role, or: \
             claude-credential-bedrock --session print --format sts",
        ));
    }
    Ok(serde_json::json!({ "Credentials": keys }))
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
fn credential_process(credential: &Credential) -> Result<serde_json::Value, Error> {
    let mut keys = aws(credential)?;
    keys["Version"] = 1.into();
    Ok(keys)
}

/// An AWS key in the names of AWS's own tools.
fn aws(credential: &Credential) -> Result<serde_json::Value, Error> {
    let Auth::Aws { access_key_id, secret_access_key, session_token, region: _ } = &credential.auth else {
        return Err(Error::config(format!(
            "this format is for AWS credentials, and the answer is of kind {}; use --format key, header, curl, env or json",
            credential.auth.kind()
        )));
    };
    let mut keys = serde_json::json!({ "AccessKeyId": access_key_id, "SecretAccessKey": secret_access_key.expose() });
    if let Some(token) = session_token {
        keys["SessionToken"] = token.expose().into();
    }
    if let Some(at) = credential.expires_at {
        keys["Expiration"] = iso_8601(at).into();
    }
    Ok(keys)
}

fn line(value: &serde_json::Value) -> Zeroizing<String> {
    [text::json(&Zeroizing::new(value.to_string()))].into_iter().join()
}

/// Lines into one text, all of it wiped after the write.
trait Lines {
    fn join(self) -> Zeroizing<String>;
}

impl<I: Iterator<Item = String>> Lines for I {
    fn join(self) -> Zeroizing<String> {
        let lines: Vec<Zeroizing<String>> = self.map(Zeroizing::new).collect();
        let mut text = Zeroizing::new(String::with_capacity(lines.iter().map(|line| line.len() + 1).sum()));
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}
