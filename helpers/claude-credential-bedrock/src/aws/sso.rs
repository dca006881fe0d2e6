//! IAM Identity Center (SSO): the keys of a role for the session that `aws sso login` started.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ssooidc::operation::create_token::CreateTokenOutput;
use claude_credential_files::{Lock, LockError, ensure_folder};
use claude_credential_process::SignalGuard;
use claude_credential_protocol::{Class, Error};

use super::service_error::ServiceError;
use super::sso_token::{RefreshGrant, SsoToken};
use super::{CONNECT, sdk_config};
use crate::keys::Keys;
use crate::profile::{Sso, line};
use crate::runtime::block_on;
use crate::source_context::SourceContext;

/// The portal rejects the token, whatever expiry its file has.
const UNAUTHORIZED: &str = "UnauthorizedException";

/// The time for a renewal, which does not end with the caller's deadline.
const RENEWAL: Duration = Duration::from_secs(15);

/// Never signs in: that opens a browser, and only the user starts that.
pub(crate) fn get(context: &SourceContext<'_>, profile: &str, sso: &Sso) -> Result<Keys, Error> {
    let session = Session { context, profile, sso };
    let token = session.read()?.ok_or_else(|| session.sign_in("not signed in"))?;
    let token = if token.is_expired() {
        session.renew(&token, true)?.ok_or_else(|| session.sign_in("the session has expired"))?
    } else if token.needs_refresh() || context.request.rejected.is_some() {
        // The token is still valid, so a failed renewal is no error.
        session.renew(&token, false).ok().flatten().unwrap_or(token)
    } else {
        token
    };
    match session.role_keys(&token) {
        Err(error) if error.code.as_deref() == Some(UNAUTHORIZED) => {
            let renewed = session.renew(&token, true)?;
            let renewed = renewed.ok_or_else(|| session.sign_in("AWS no longer accepts the session"))?;
            session.role_keys(&renewed).map_err(|error| session.describe(&error))
        }
        answer => answer.map_err(|error| session.describe(&error)),
    }
}

struct Session<'a> {
    context: &'a SourceContext<'a>,
    profile: &'a str,
    sso: &'a Sso,
}

impl Session<'_> {
    fn read(&self) -> Result<Option<SsoToken>, Error> {
        SsoToken::read(&self.context.folders.home.join(".aws/sso/cache").join(self.sso.file_name()))
    }

    /// A token newer than `old`, from another process or from a renewal here. `None` if only the user can get one, or
    /// if another process is renewing it and it is not `needed`.
    fn renew(&self, old: &SsoToken, needed: bool) -> Result<Option<SsoToken>, Error> {
        if old.grant().is_none() {
            return Ok(None);
        }
        // A renewal that has started has to finish: the server may revoke the refresh token as soon as it sees it.
        let patience = self.context.left().checked_sub(RENEWAL + Duration::from_secs(1));
        let late = || Error::unavailable("too little time is left to renew the SSO session; try again");
        let patience = patience.ok_or_else(late)?;
        let Some(_lock) = self.lock(if needed { patience } else { Duration::ZERO })? else { return Ok(None) };
        let Some(token) = self.read()? else { return Ok(None) };
        if token.access_token != old.access_token {
            return Ok(Some(token));
        }
        let Some(grant) = token.grant() else { return Ok(None) };
        token.can_be_replaced()?;
        let _held = SignalGuard::begin();
        let Some(answer) = self.exchange(&grant)? else { return Ok(None) };
        let lives = u64::try_from(answer.expires_in()).unwrap_or_default();
        answer.access_token().map(|new| token.renewed(new, answer.refresh_token(), lives)).transpose()
    }

    /// Sent once: some servers treat a second use of a refresh token as an attack.
    fn exchange(&self, grant: &RefreshGrant) -> Result<Option<CreateTokenOutput>, Error> {
        block_on(self.context.until, async {
            let config = sdk_config(self.context, self.sso.region.clone()).await?;
            let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_timeout(RENEWAL).build();
            let config = aws_sdk_ssooidc::config::Builder::from(&config)
                .retry_config(RetryConfig::disabled())
                .timeout_config(timeouts)
                .build();
            let answer = aws_sdk_ssooidc::Client::from_conf(config)
                .create_token()
                .grant_type("refresh_token")
                .client_id(&grant.client_id)
                .client_secret(grant.client_secret.expose())
                .refresh_token(grant.refresh_token.expose())
                .send()
                .await;
            match answer.map_err(|error| ServiceError::of("SSO", &error)) {
                Ok(answer) => Ok(Some(answer)),
                Err(error) if !error.is_clock && matches!(error.class, Class::SignIn | Class::Config) => Ok(None),
                Err(error) => Err(self.describe(&error)),
            }
        })
    }

    /// Allows one renewal at a time, since a refresh token may work only once. AWS's own tools don't take this lock, so
    /// the file is read again once it is held.
    fn lock(&self, patience: Duration) -> Result<Option<Lock>, Error> {
        let runtime = &self.context.folders.runtime;
        ensure_folder(runtime)?;
        let path = runtime.join(format!("aws-sso-{}.lock", self.sso.file_name()));
        if patience.is_zero() {
            return Ok(Lock::try_acquire(&path)?);
        }
        Lock::acquire(&path, patience).map(Some).map_err(|error| match error {
            LockError::Timeout(..) => {
                Error::unavailable("another process is renewing the SSO session and does not finish; try again")
            }
            LockError::File(problem) => problem.into(),
        })
    }

    fn role_keys(&self, token: &SsoToken) -> Result<Keys, ServiceError> {
        let Sso { account_id, role_name, .. } = self.sso;
        let work = async {
            let config = sdk_config(self.context, self.sso.region.clone()).await?;
            let answer = aws_sdk_sso::Client::new(&config)
                .get_role_credentials()
                .account_id(account_id)
                .role_name(role_name)
                .access_token(token.access_token.expose())
                .send()
                .await;
            Ok(answer.map_err(|error| ServiceError::of("SSO", &error)))
        };
        let answer = block_on(self.context.until, work).unwrap_or_else(|error| Err(ServiceError::from(error)))?;
        let keys = answer.role_credentials();
        let whole = keys.and_then(|keys| Some((keys, keys.access_key_id()?, keys.secret_access_key()?)));
        let (keys, id, secret) = whole.ok_or_else(|| Error::unavailable("SSO answered without credentials"))?;
        let found = Keys {
            session_token: keys.session_token().map(Into::into),
            expires_at: u64::try_from(keys.expiration() / 1000).ok().filter(|at| *at > 0),
            account: Some(format!("{account_id}/{role_name}")),
            ..Keys::new(id, secret.into())
        };
        Ok(found.with_source(format!("profile {}, SSO", self.profile), self.mend()))
    }

    fn mend(&self) -> String {
        format!("run: {}", line("aws sso login", self.profile))
    }

    fn sign_in(&self, why: &str) -> Error {
        Error::sign_in(format!("profile {}: {why}; {}", self.profile, self.mend()))
    }

    fn describe(&self, error: &ServiceError) -> Error {
        let Sso { account_id, role_name, .. } = self.sso;
        let whose = format!("profile {}, SSO role {role_name} in account {account_id}", self.profile);
        error.to_error(&whose, &self.mend(), "mend sso_account_id or sso_role_name")
    }
}
