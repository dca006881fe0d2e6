//! AWS's Security Token Service: roles, sessions, and the proof that keys are good.

use std::fs;

use aws_sdk_sts::config::Builder;
use aws_sdk_sts::types::Credentials;
use aws_sdk_sts::{Client, config::SharedCredentialsProvider};
use claude_credential_protocol::{Class, Error, Interactive, Seconds};

use super::refusal::Refusal;
use super::{block_on, sdk_config};
use crate::asked::Asked;
use crate::keys::Keys;
use crate::profile::Role;

/// Where nobody says where. It is what the client itself falls back to.
pub(crate) const FALLBACK_REGION: &str = "us-east-1";

/// How we are called in AWS's own logs.
const SESSION_NAME: &str = "claude-credential";

/// A role for a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WebIdentity<'a> {
    pub(crate) role_arn: &'a str,
    pub(crate) file: &'a str,
    pub(crate) session_name: Option<&'a str>,
    pub(crate) duration: Option<Seconds>,
}

/// The keys of `role`, taken with `keys`.
pub(crate) fn assume(asked: &Asked<'_>, keys: &Keys, role: &Role) -> Result<Keys, Error> {
    let Role { profile, arn, external_id, session_name, duration, mfa_serial } = role;
    let whose = format!("profile {profile}, role {arn}");
    let code = mfa_serial.as_ref().map(|serial| mfa_code(asked, profile, serial)).transpose()?;
    let region = asked.region_or(FALLBACK_REGION)?;
    let answer = block_on(asked, async {
        let client = client(asked, region, Some(keys)).await?;
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
            let refusal = Refusal::of("STS", &error);
            // The keys are good; who they belong to may not take this role.
            if refusal.code.as_deref() == Some("AccessDenied") {
                let source = &keys.source;
                return Error::config(format!(
                    "{whose}: STS answered AccessDenied to the credentials of {source}; they may not take this role"
                ));
            }
            refusal.error(&whose, &keys.mend)
        })
    })?;
    let taken = found(answer.credentials, &whose)?;
    let account = answer.assumed_role_user.map(|user| user.arn).or(taken.account.clone());
    Ok(Keys { account, ..taken.with_source(format!("profile {profile}, role"), keys.mend.clone()) })
}

/// The keys of a role for a token.
pub(crate) fn with_web_identity(asked: &Asked<'_>, identity: &WebIdentity<'_>) -> Result<Keys, Error> {
    let WebIdentity { role_arn, file, session_name, duration } = *identity;
    let token = fs::read_to_string(file).map_err(|error| {
        Error::config(format!("the web identity token {file} can't be read: {error}; set AWS_WEB_IDENTITY_TOKEN_FILE"))
    })?;
    let token = zeroize::Zeroizing::new(token);
    let whose = format!("role {role_arn} for the token in {file}");
    let region = asked.region_or(FALLBACK_REGION)?;
    let answer = block_on(asked, async {
        let client = client(asked, region, None).await?;
        let answer = client
            .assume_role_with_web_identity()
            .role_arn(role_arn)
            .role_session_name(session_name.unwrap_or(SESSION_NAME))
            .web_identity_token(token.trim())
            .set_duration_seconds(duration.map(whole))
            .send()
            .await;
        answer.map_err(|error| Refusal::of("STS", &error).error(&whose, &format!("renew the token in {file}")))
    })?;
    let keys = found(answer.credentials, &whose)?;
    Ok(Keys { account: answer.assumed_role_user.map(|user| user.arn), ..keys })
}

/// A session for long-lived keys.
pub(crate) fn session(asked: &Asked<'_>, keys: &Keys) -> Result<Keys, Error> {
    let whose = format!("a session for {}", keys.source);
    let region = asked.region_or(FALLBACK_REGION)?;
    let answer = block_on(asked, async {
        let answer = client(asked, region, Some(keys)).await?.get_session_token().send().await;
        answer.map_err(|error| Refusal::of("STS", &error).error(&whose, &keys.mend))
    })?;
    let session = found(answer.credentials, &whose)?;
    let account = keys.account.clone();
    Ok(Keys { account, ..session.with_source(format!("{}, session", keys.source), keys.mend.clone()) })
}

/// Proves that AWS takes the keys; whose they are.
pub(crate) fn prove(asked: &Asked<'_>, keys: &Keys) -> Result<String, Error> {
    let region = asked.region_or(FALLBACK_REGION)?;
    let answer = block_on(asked, async {
        let answer = client(asked, region, Some(keys)).await?.get_caller_identity().send().await;
        answer.map_err(|error| {
            let refusal = Refusal::of("STS", &error);
            // Whatever it was that was refused here: keys that can't even say whose they are, are not good.
            let class = if refusal.class == Class::Config { Class::SignIn } else { refusal.class };
            Refusal { class, ..refusal }.error(&keys.source, &keys.mend)
        })
    })?;
    Ok(answer.arn.unwrap_or_default())
}

async fn client(asked: &Asked<'_>, region: String, keys: Option<&Keys>) -> Result<Client, Error> {
    let config = Builder::from(&sdk_config(asked, region).await?);
    let config = match keys {
        Some(keys) => config.credentials_provider(SharedCredentialsProvider::new(keys.to_sdk())),
        None => config.allow_no_auth(),
    };
    Ok(Client::from_conf(config.build()))
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

/// The code of the user's second factor: asked for where a person sits, and never guessed or left out.
fn mfa_code(asked: &Asked<'_>, profile: &str, serial: &str) -> Result<String, Error> {
    if asked.request.interactive == Interactive::Never {
        return Err(Error::sign_in(format!(
            "profile {profile} wants a code of its mfa_serial {serial}, for which a person has to be asked; run: \
             eval \"$(aws configure export-credentials --profile {profile} --format env)\""
        )));
    }
    let code = rpassword::prompt_password(format!("code of {serial} for profile {profile}: "));
    let code = code.map_err(|error| Error::sign_in(format!("no code could be asked for: {error}")))?;
    Ok(code.trim().to_owned())
}

fn whole(seconds: Seconds) -> i32 {
    i32::try_from(seconds).unwrap_or(i32::MAX)
}
