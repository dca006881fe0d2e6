//! AWS's Security Token Service: roles, sessions, and the check that keys are valid.

use aws_sdk_sts::config::Builder;
use aws_sdk_sts::types::Credentials;
use aws_sdk_sts::{Client, config::SharedCredentialsProvider};
use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Class, Error, Interactive, Seconds, Secret, text};

use super::sdk_config;
use super::service_error::ServiceError;
use crate::keys::Keys;
use crate::profile::{Role, WebIdentity, line};
use crate::runtime::block_on;
use crate::source_context::SourceContext;
use crate::terminal;

/// The session name in AWS's logs.
const SESSION_NAME: &str = "claude-credential";

/// The longest token that STS takes is 20,000 characters.
const MAX_TOKEN: u64 = 64 * 1024;

/// Assumes `role` with `keys`.
pub(crate) fn assume(context: &SourceContext<'_>, keys: &Keys, role: &Role) -> Result<Keys, Error> {
    let Role { profile, arn, external_id, session_name, duration, mfa_serial } = role;
    let whose = format!("profile {profile}, role {}", text::shown(arn));
    let code = mfa_serial.as_ref().map(|serial| mfa_code(context, profile, serial)).transpose()?;
    let with_code = code.is_some();
    let answer = ask(context, Some(keys), async |client| {
        let answer = client
            .assume_role()
            .role_arn(arn)
            .role_session_name(session_name.as_deref().unwrap_or(SESSION_NAME))
            .set_external_id(external_id.clone())
            .set_duration_seconds(duration.map(whole))
            .set_serial_number(mfa_serial.clone())
            .set_token_code(code)
            .send()
            .await;
        answer.map_err(|error| {
            let mut error = ServiceError::of("STS", &error);
            // STS has one code for a wrong MFA code and for a role that is not granted.
            if with_code && error.class == Class::Config && !error.is_clock {
                error.class = Class::SignIn;
                return error.to_error(
                    &whose,
                    "the MFA code was wrong or already used, or the role is not granted",
                    "",
                );
            }
            let granted = format!("the credentials of {} may not assume this role", keys.source);
            error.to_error(&whose, &keys.mend, &granted)
        })
    })?;
    let taken = found(answer.credentials, &whose)?;
    let account = answer.assumed_role_user.map(|user| user.arn).or(taken.account.clone());
    Ok(Keys { account, ..taken.with_source(format!("profile {profile}, role"), keys.mend.clone()) })
}

/// Assumes a role with a token.
pub(crate) fn with_web_identity(context: &SourceContext<'_>, identity: &WebIdentity) -> Result<Keys, Error> {
    const WHAT: &str = "the web identity token file";
    let WebIdentity { role_arn, file, session_name, duration } = identity;
    let found_token = read(&context.folders.expand(file), Trust::Unchecked, MAX_TOKEN);
    let found_token = found_token.map_err(|error| Error::from(error).with_prefix(WHAT))?;
    let (shown_role, file) = (text::shown(role_arn), text::shown(file));
    let not_there = || Error::config(format!("{WHAT} {file} does not exist; mend its name"));
    let token = found_token.ok_or_else(not_there)?;
    let token = Secret::from(String::from_utf8_lossy(&token).trim());
    let whose = format!("role {shown_role} for the token in {file}");
    let answer = ask(context, None, async |client| {
        let answer = client
            .assume_role_with_web_identity()
            .role_arn(role_arn)
            .role_session_name(session_name.as_deref().unwrap_or(SESSION_NAME))
            .web_identity_token(token.expose())
            .set_duration_seconds(duration.map(whole))
            .send()
            .await;
        let (mend, granted) =
            (format!("renew the token in {file}"), "the identity of the token may not assume this role");
        answer.map_err(|error| ServiceError::of("STS", &error).to_error(&whose, &mend, granted))
    })?;
    let keys = found(answer.credentials, &whose)?;
    Ok(Keys { account: answer.assumed_role_user.map(|user| user.arn), ..keys })
}

/// A session for long-lived keys.
pub(crate) fn session(context: &SourceContext<'_>, keys: &Keys) -> Result<Keys, Error> {
    let whose = format!("a session for the credentials of {}", keys.source);
    let code = keys.mfa_serial.as_ref().map(|serial| mfa_code(context, &keys.source, serial)).transpose()?;
    let answer = ask(context, Some(keys), async |client| {
        let call = client.get_session_token().set_serial_number(keys.mfa_serial.clone()).set_token_code(code);
        let answer = call.send().await;
        answer
            .map_err(|error| ServiceError::of("STS", &error).to_error(&whose, &keys.mend, "they may not get a session"))
    })?;
    let session = found(answer.credentials, &whose)?;
    let account = keys.account.clone();
    Ok(Keys { account, ..session.with_source(format!("{}, session", keys.source), keys.mend.clone()) })
}

/// Checks that AWS accepts the keys, and returns the ARN they belong to.
pub(crate) fn verify(context: &SourceContext<'_>, keys: &Keys) -> Result<Option<String>, Error> {
    let whose = format!("the credentials of {}", keys.source);
    let answer = ask(context, Some(keys), async |client| {
        let answer = client.get_caller_identity().send().await;
        answer.map_err(|error| {
            let error = ServiceError::of("STS", &error);
            // Every valid key may call GetCallerIdentity, so any refusal means that the keys are not valid.
            let class = if error.class == Class::Config && !error.is_clock { Class::SignIn } else { error.class };
            ServiceError { class, ..error }.to_error(&whose, &keys.mend, "")
        })
    })?;
    Ok(answer.arn)
}

/// Sends a request, signed with `keys` if there are any.
fn ask<T>(
    context: &SourceContext<'_>,
    keys: Option<&Keys>,
    request: impl AsyncFnOnce(Client) -> Result<T, Error>,
) -> Result<T, Error> {
    let region = context.region_or_default()?;
    // Loaded before the runtime is entered: loading enters it, too, and it can't be entered twice.
    context.profiles()?;
    block_on(context.until, async {
        let config = Builder::from(&sdk_config(context, region).await?);
        let config = match keys {
            Some(keys) => config.credentials_provider(SharedCredentialsProvider::new(keys.to_sdk())),
            None => config.allow_no_auth(),
        };
        request(Client::from_conf(config.build())).await
    })
}

fn found(credentials: Option<Credentials>, whose: &str) -> Result<Keys, Error> {
    let Credentials { access_key_id, secret_access_key, session_token, expiration, .. } =
        credentials.ok_or_else(|| Error::unavailable(format!("{whose}: STS answered without credentials")))?;
    Ok(Keys {
        session_token: Some(session_token.into()),
        expires_at: u64::try_from(expiration.secs()).ok(),
        ..Keys::new(access_key_id, secret_access_key.into())
    })
}

/// The MFA code, asked for at the terminal; an error if the user can't be asked.
fn mfa_code(context: &SourceContext<'_>, profile: &str, serial: &str) -> Result<String, Error> {
    if context.request.interactive == Interactive::Never {
        let mend = line("aws configure export-credentials --format env", profile);
        let option = if context.aws_profile.is_some() { ", and leave out --aws-profile" } else { "" };
        return Err(Error::sign_in(format!(
            "profile {profile} needs an MFA code of its mfa_serial {serial}, and the user can't be asked; run: eval \
             \"$({mend})\"{option}"
        )));
    }
    let question = text::one_line(&format!("code of {serial} for profile {profile}:"));
    terminal::ask(&format!("{question} "), context.until).map_err(|error| {
        Error::sign_in(format!(
            "profile {profile} needs an MFA code of its mfa_serial {serial}, and none was typed: {error}"
        ))
    })
}

fn whole(seconds: Seconds) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::{Args, Command, FromArgMatches};
    use claude_credential_config::Environment;
    use claude_credential_protocol::Request;

    use super::ask;
    use crate::options::Bedrock;

    #[test]
    fn a_request_loads_the_files_of_aws_even_where_a_variable_names_the_region() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".aws")).unwrap();
        fs::write(home.path().join(".aws/config"), "[default]\nregion = eu-west-1\n").unwrap();
        let matches = Bedrock::augment_args(Command::new("bedrock")).get_matches_from(["bedrock"]);
        let mut helper = Bedrock::from_arg_matches(&matches).unwrap();
        let variables = [("HOME", home.path().to_str().unwrap()), ("AWS_REGION", "us-east-1")];
        helper.suite.environment = Environment::from_pairs(variables);
        let (request, folders) = (Request::new("https", ""), helper.suite.folders().unwrap());
        let context = helper.context(&request, &folders);
        let region = ask(&context, None, async |client| Ok(client.config().region().cloned()));
        assert_eq!(region.unwrap().unwrap().as_ref(), "us-east-1");
    }
}
