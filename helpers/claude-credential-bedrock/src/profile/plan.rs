use claude_credential_protocol::{Error, Seconds};

use super::Sso;
use super::command::line;
use super::files::{Profiles, setting};
use super::ini::{DEFAULT, Section};
use crate::keys::Keys;

/// The session lengths that AWS allows.
const DURATIONS: std::ops::RangeInclusive<Seconds> = 900..=43_200;

/// What a profile leads to: the source of the first keys, and the roles to assume from there, in order. No `Debug`,
/// because it may contain keys and command lines.
pub(crate) struct Plan {
    pub(crate) base: Base,
    /// The profile that names the base.
    pub(crate) base_profile: String,
    pub(crate) roles: Vec<Role>,
}

/// The source of the first keys.
pub(crate) enum Base {
    /// Keys in the profile itself.
    Keys(Keys),
    Sso(Sso),
    WebIdentity(WebIdentity),
    /// `credential_process`
    Process(String),
    /// `credential_source = Environment`
    Environment,
    /// `credential_source = EcsContainer`
    Container,
    /// `credential_source = Ec2InstanceMetadata`
    Metadata,
}

/// A role and the token that it is assumed with.
pub(crate) struct WebIdentity {
    pub(crate) role_arn: String,
    pub(crate) file: String,
    pub(crate) session_name: Option<String>,
    pub(crate) duration: Option<Seconds>,
}

/// A role to assume (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Role {
    /// The profile that names it.
    pub(crate) profile: String,
    pub(crate) arn: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: Option<String>,
    pub(crate) duration: Option<Seconds>,
    pub(crate) mfa_serial: Option<String>,
}

impl Plan {
    /// `None` if no profile was named and the default one has no credentials: then the next source is asked. A named
    /// profile without credentials is an error, which the machine's own credentials must not hide.
    pub(crate) fn of(profiles: &Profiles, named: Option<&str>) -> Result<Option<Self>, Error> {
        let name = named.unwrap_or(DEFAULT);
        let Some(profile) = profiles.usable(name)? else {
            return named.map_or(Ok(None), |name| Err(profiles.profile_not_found(name, "")));
        };
        let is_bare = role(profiles, profile)?.is_none() && base(profiles, profile)?.is_none();
        if is_bare && named.is_none() { Ok(None) } else { Self::from(profiles, profile).map(Some) }
    }

    /// Follows `source_profile` from one profile to the next.
    fn from<'p>(profiles: &'p Profiles, mut profile: &'p Section) -> Result<Self, Error> {
        let mut roles = Vec::new();
        let mut visited = vec![profile.name().to_owned()];
        loop {
            let name = profile.name().to_owned();
            let own_base = || base(profiles, profile)?.ok_or_else(|| without_credentials(profiles, &name));
            // In a source profile, keys take precedence over a role.
            let keys = if visited.len() > 1 { keys(profiles, profile)? } else { None };
            let role = if keys.is_some() { None } else { role(profiles, profile)? };
            let Some(role) = role else {
                let base = keys.map_or_else(own_base, |keys| Ok(Base::Keys(keys)))?;
                return Ok(Self::new(base, name, roles));
            };
            roles.push(role);
            let source = match (setting(profile, "source_profile"), setting(profile, "credential_source")) {
                (Some(source), None) if source == name => return Ok(Self::new(own_base()?, name, roles)),
                (Some(source), None) => source,
                (None, Some(source)) => {
                    return Ok(Self::new(named_source(profiles, &name, &source)?, name, roles));
                }
                (source, _) => {
                    let what = if source.is_some() { "both" } else { "neither" };
                    return Err(profiles.error(format!(
                        "profile {name} has a role_arn and {what} of source_profile and credential_source; give it one \
                         of them"
                    )));
                }
            };
            let wanted_by = format!(", which profile {name} names as its source_profile");
            profile = profiles.usable(&source)?.ok_or_else(|| profiles.profile_not_found(&source, &wanted_by))?;
            let again = visited.contains(&source);
            visited.push(source);
            if again {
                return Err(circular_profiles(profiles, &visited));
            }
        }
    }

    fn new(base: Base, base_profile: String, mut roles: Vec<Role>) -> Self {
        roles.reverse();
        Self { base, base_profile, roles }
    }
}

fn role(profiles: &Profiles, profile: &Section) -> Result<Option<Role>, Error> {
    let own = |key: &str| setting(profile, key);
    // A role with a token file needs no other credentials, so it is a base.
    let Some(arn) = own("role_arn").filter(|_| own("web_identity_token_file").is_none()) else {
        return Ok(None);
    };
    Ok(Some(Role {
        profile: profile.name().to_owned(),
        arn,
        external_id: own("external_id"),
        session_name: own("role_session_name"),
        duration: duration(profiles, profile)?,
        mfa_serial: own("mfa_serial"),
    }))
}

fn duration(profiles: &Profiles, profile: &Section) -> Result<Option<Seconds>, Error> {
    let Some(text) = setting(profile, "duration_seconds") else { return Ok(None) };
    // AWS's tools pass over what is no number.
    let Ok(seconds) = text.parse() else { return Ok(None) };
    Some(seconds).filter(|seconds| DURATIONS.contains(seconds)).map(Some).ok_or_else(|| {
        let (least, most) = (DURATIONS.start(), DURATIONS.end());
        let name = profile.name();
        profiles.error(format!("duration_seconds of profile {name} is not a number from {least} to {most}; mend it"))
    })
}

/// The base of a profile, by the precedence of AWS's SDK.
fn base(profiles: &Profiles, profile: &Section) -> Result<Option<Base>, Error> {
    let own = |key: &str| setting(profile, key);
    let name = profile.name();
    match (own("web_identity_token_file"), own("role_arn")) {
        (Some(file), Some(role_arn)) => {
            let (session_name, duration) = (own("role_session_name"), duration(profiles, profile)?);
            return Ok(Some(Base::WebIdentity(WebIdentity { role_arn, file, session_name, duration })));
        }
        (Some(_), None) => {
            let what = "has a web_identity_token_file and no role_arn; add it";
            return Err(profiles.error(format!("profile {name} {what}")));
        }
        (None, _) => {}
    }
    if let Some(sso) = Sso::of(profiles, profile)? {
        return Ok(Some(Base::Sso(sso)));
    }
    // As in both SDKs, keys in `credentials` take precedence, and keys in `config` don't.
    if profile.has_credentials
        && let Some(keys) = keys(profiles, profile)?
    {
        return Ok(Some(Base::Keys(keys)));
    }
    if let Some(command) = own("credential_process") {
        return Ok(Some(Base::Process(command)));
    }
    if let Some(keys) = keys(profiles, profile)? {
        return Ok(Some(Base::Keys(keys)));
    }
    if own("login_session").is_some() {
        let process = line("aws configure export-credentials", name);
        return Err(profiles.error(format!(
            "profile {name} signs in with `aws login`, whose sessions are not read here; with version 2 of the AWS CLI, add a profile with: \
             credential_process = {process}"
        )));
    }
    Ok(None)
}

fn keys(profiles: &Profiles, profile: &Section) -> Result<Option<Keys>, Error> {
    let own = |key: &str| setting(profile, key);
    match (own("aws_access_key_id"), own("aws_secret_access_key")) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(Keys {
            session_token: own("aws_session_token").map(Into::into),
            account: own("aws_account_id"),
            mfa_serial: own("mfa_serial"),
            ..Keys::new(id, secret.into())
        })),
        (id, _) => {
            let missing = if id.is_some() { "aws_secret_access_key" } else { "aws_access_key_id" };
            let name = profile.name();
            Err(profiles.error(format!("profile {name} has no {missing}; run: aws configure --profile {name}")))
        }
    }
}

fn named_source(profiles: &Profiles, name: &str, source: &str) -> Result<Base, Error> {
    match source {
        "Environment" => Ok(Base::Environment),
        "EcsContainer" => Ok(Base::Container),
        "Ec2InstanceMetadata" => Ok(Base::Metadata),
        _ => Err(profiles.error(format!(
            "credential_source of profile {name} is none of Environment, EcsContainer and Ec2InstanceMetadata; mend it"
        ))),
    }
}

fn without_credentials(profiles: &Profiles, name: &str) -> Error {
    profiles.error(format!("profile {name} has no credentials; run: {}", line("aws configure sso", name)))
}

fn circular_profiles(profiles: &Profiles, visited: &[String]) -> Error {
    profiles.error(format!("the profiles lead in a circle: {}; mend a source_profile", visited.join(" -> ")))
}
