use std::io::{self, Write};

use clap::{Args, ValueEnum};
use zeroize::Zeroizing;

use crate::{Auth, Credential, Error, Kind, Secret, iso_8601};

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
    /// Assignments for a shell.
    Env,
    /// One JSON object with everything that is known.
    Json,
    /// What Claude Code's `awsCredentialExport` takes.
    Sts,
    /// What `credential_process` of the AWS configuration takes.
    CredentialProcess,
    /// A JSON object of headers, as `otelHeadersHelper` and MCP's `headersHelper` take it.
    HeadersJson,
}

/// The shells whose assignments we write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// POSIX: sh, bash, zsh, dash.
    #[default]
    Sh,
    /// fish
    Fish,
    /// PowerShell
    Powershell,
}

/// The options of every `print`.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct PrintOptions {
    /// How to print it
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Whose assignments `--format env` writes
    #[arg(long, value_enum, default_value_t)]
    pub shell: Shell,
}

/// Prints `credential` on `stdout`.
pub fn print(credential: &Credential, options: PrintOptions, stdout: &mut dyn Write) -> Result<(), Error> {
    let text = match options.format {
        Format::Key => key(credential)?,
        Format::Header => headers(credential)?.iter().map(|(name, value)| format!("{name}: {}", value.expose())).join(),
        Format::Curl => headers(credential)?
            .iter()
            .map(|(name, value)| format!("header = {}", curl_quoted(&format!("{name}: {}", value.expose()))))
            .join(),
        Format::Env => {
            variables(credential).iter().map(|(name, value)| assignment(options.shell, name, value.expose())).join()
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

/// The variables by which the tools of each family take the credential.
fn variables(credential: &Credential) -> Vec<(&'static str, Secret)> {
    match &credential.auth {
        Auth::ApiKey(key) => vec![("ANTHROPIC_API_KEY", key.clone())],
        // Whoever knows Google's project and region has a token for Vertex, and the client needs all three there.
        Auth::Bearer(token) => [
            Some(("ANTHROPIC_AUTH_TOKEN", token.clone())),
            credential.project.as_deref().map(|project| ("ANTHROPIC_VERTEX_PROJECT_ID", project.into())),
            credential.region.as_deref().map(|region| ("CLOUD_ML_REGION", region.into())),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Auth::Aws { access_key_id, secret_access_key, session_token, region } => [
            Some(("AWS_ACCESS_KEY_ID", access_key_id.as_str().into())),
            Some(("AWS_SECRET_ACCESS_KEY", secret_access_key.clone())),
            session_token.clone().map(|token| ("AWS_SESSION_TOKEN", token)),
            region.as_deref().map(|region| ("AWS_REGION", region.into())),
            credential.expires_at.map(|at| ("AWS_CREDENTIAL_EXPIRATION", iso_8601(at).into())),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

fn assignment(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
        Shell::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
        Shell::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
    }
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
    let (id, secret, token) = aws(credential)?;
    let token = token.ok_or_else(|| {
        Error::config(
            "Claude Code refuses long-lived AWS keys here, because they have no session token; use a role, or: \
             claude-credential-bedrock --session print --format sts",
        )
    })?;
    let mut keys = serde_json::json!({
        "AccessKeyId": id, "SecretAccessKey": secret.expose(), "SessionToken": token.expose(),
    });
    if let Some(at) = credential.expires_at {
        keys["Expiration"] = iso_8601(at).into();
    }
    Ok(serde_json::json!({ "Credentials": keys }))
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
fn credential_process(credential: &Credential) -> Result<serde_json::Value, Error> {
    let (id, secret, token) = aws(credential)?;
    let mut keys = serde_json::json!({ "Version": 1, "AccessKeyId": id, "SecretAccessKey": secret.expose() });
    if let Some(token) = token {
        keys["SessionToken"] = token.expose().into();
    }
    if let Some(at) = credential.expires_at {
        keys["Expiration"] = iso_8601(at).into();
    }
    Ok(keys)
}

fn aws(credential: &Credential) -> Result<(&str, &Secret, Option<&Secret>), Error> {
    match &credential.auth {
        Auth::Aws { access_key_id, secret_access_key, session_token, region: _ } => {
            Ok((access_key_id, secret_access_key, session_token.as_ref()))
        }
        Auth::ApiKey(_) | Auth::Bearer(_) => Err(Error::config(format!(
            "this format is for AWS credentials, and the answer is of kind {}; use --format key, header, curl, env or json",
            Kind::name(credential.auth.kind())
        ))),
    }
}

fn line(value: &serde_json::Value) -> Zeroizing<String> {
    [value.to_string()].into_iter().join()
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

#[cfg(test)]
mod tests {
    use super::{Format, PrintOptions, Shell, print};
    use crate::{Auth, Credential};

    fn printed(auth: Auth, format: Format, shell: Shell) -> String {
        let credential = Credential { expires_at: Some(1_785_576_600), ..Credential::new(auth) };
        let mut out = Vec::new();
        match print(&credential, PrintOptions { format, shell }, &mut out) {
            Ok(()) => String::from_utf8(out).unwrap(),
            Err(error) => format!("{}: {error}", error.class().exit_code()),
        }
    }

    fn aws(token: bool) -> Auth {
        Auth::Aws {
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "s".into(),
            session_token: token.then(|| "t".into()),
            region: Some("us-east-1".to_owned()),
        }
    }

    #[test]
    fn quotes_in_a_secret_end_no_quotation() {
        let key = || Auth::ApiKey(r#"a'b"c\d"#.into());
        assert_eq!(printed(key(), Format::Env, Shell::Sh), "export ANTHROPIC_API_KEY='a'\\''b\"c\\d'\n");
        assert_eq!(printed(key(), Format::Env, Shell::Fish), "set -gx ANTHROPIC_API_KEY 'a\\'b\"c\\\\d'\n");
        assert_eq!(printed(key(), Format::Env, Shell::Powershell), "$env:ANTHROPIC_API_KEY = 'a''b\"c\\d'\n");
        assert_eq!(printed(key(), Format::Curl, Shell::Sh), "header = \"x-api-key: a'b\\\"c\\\\d\"\n");
    }

    #[test]
    fn each_kind_is_sent_in_its_own_header() {
        assert_eq!(printed(Auth::ApiKey("k".into()), Format::Header, Shell::Sh), "x-api-key: k\n");
        assert_eq!(printed(Auth::Bearer("t".into()), Format::Header, Shell::Sh), "Authorization: Bearer t\n");
        assert_eq!(
            printed(Auth::Bearer("t".into()), Format::HeadersJson, Shell::Sh),
            "{\"Authorization\":\"Bearer t\"}\n"
        );
    }

    #[test]
    fn a_token_for_vertex_says_its_project_its_region_and_whose_quota_it_uses() {
        let vertex = Credential {
            project: Some("p".to_owned()),
            quota_project: Some("q".to_owned()),
            region: Some("global".to_owned()),
            ..Credential::new(Auth::Bearer("t".into()))
        };
        let printed = |format| {
            let mut out = Vec::new();
            print(&vertex, PrintOptions { format, ..PrintOptions::default() }, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(printed(Format::Key), "t\n");
        assert_eq!(
            printed(Format::Env),
            "export ANTHROPIC_AUTH_TOKEN='t'\nexport ANTHROPIC_VERTEX_PROJECT_ID='p'\nexport CLOUD_ML_REGION='global'\n"
        );
        assert_eq!(printed(Format::Header), "Authorization: Bearer t\nx-goog-user-project: q\n");
        let json: serde_json::Value = serde_json::from_str(&printed(Format::Json)).unwrap();
        assert_eq!(
            (&json["project"], &json["quota_project"], &json["region"]),
            (&"p".into(), &"q".into(), &"global".into())
        );
    }

    #[test]
    fn aws_formats_are_exact() {
        assert_eq!(
            printed(aws(true), Format::Sts, Shell::Sh),
            "{\"Credentials\":{\"AccessKeyId\":\"AKIA\",\"Expiration\":\"2026-08-01T09:30:00Z\",\
             \"SecretAccessKey\":\"s\",\"SessionToken\":\"t\"}}\n"
        );
        assert_eq!(
            printed(aws(false), Format::CredentialProcess, Shell::Sh),
            "{\"AccessKeyId\":\"AKIA\",\"Expiration\":\"2026-08-01T09:30:00Z\",\"SecretAccessKey\":\"s\",\
             \"Version\":1}\n"
        );
        assert!(printed(aws(false), Format::Sts, Shell::Sh).starts_with("78: "));
        assert!(printed(aws(true), Format::Key, Shell::Sh).starts_with("78: "));
        assert!(printed(Auth::ApiKey("CANARY".into()), Format::Sts, Shell::Sh).starts_with("78: "));
    }
}
