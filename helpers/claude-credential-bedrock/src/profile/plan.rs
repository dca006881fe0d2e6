use aws_config::profile::Profile;
use claude_credential_protocol::{Error, Seconds};

use super::{DEFAULT, Profiles, Sso};
use crate::keys::Keys;

/// What AWS grants at least and at most, and lets a role live that is taken from a role.
const DURATIONS: std::ops::RangeInclusive<Seconds> = 900..=43_200;

/// What a profile leads to: where the first keys are from, and the roles from there, in order.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) base: Base,
    /// The profile that names the base.
    pub(crate) base_profile: String,
    pub(crate) roles: Vec<Role>,
}

/// Where the first keys are from.
#[derive(Debug, Clone)]
pub(crate) enum Base {
    /// They stand there.
    Keys(Keys),
    Sso(Sso),
    WebIdentity {
        role_arn: String,
        file: String,
        session_name: Option<String>,
        duration: Option<Seconds>,
    },
    /// `credential_process`
    Process(String),
    /// `credential_source = Environment`
    Environment,
    /// `credential_source = EcsContainer`
    Container,
    /// `credential_source = Ec2InstanceMetadata`
    Metadata,
}

/// A role to take (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-assume-role-credentials.html>).
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
    /// None where no profile was named and the default one has no credentials: then the next source is asked. A profile
    /// that was named and has none is a mistake, which the machine's own credentials must not cover up.
    pub(crate) fn of(profiles: &Profiles, named: Option<&str>) -> Result<Option<Self>, Error> {
        let mut name = named.unwrap_or(DEFAULT).to_owned();
        let mut profile = match (profiles.get(&name), named) {
            (Some(profile), _) => profile,
            (None, None) => return Ok(None),
            (None, Some(_)) => return Err(profiles.no_profile(&name, "")),
        };
        let mut visited = vec![name.clone()];
        let mut roles = Vec::new();
        loop {
            // Keys count before a role in every profile but the first: else a profile could not lead to itself.
            let keys = if visited.len() > 1 { keys(profiles, profile)? } else { None };
            if let Some(keys) = keys {
                break Self::new(Base::Keys(keys), &name, roles);
            }
            let Some(role) = role(profiles, profile)? else {
                break match base(profiles, profile)? {
                    Some(base) => Self::new(base, &name, roles),
                    None if named.is_none() && roles.is_empty() => return Ok(None),
                    None => return Err(without_credentials(profiles, &name)),
                };
            };
            roles.push(role);
            match (profile.get("source_profile"), profile.get("credential_source")) {
                (Some(source), None) if source == name => {
                    let own = base(profiles, profile)?.ok_or_else(|| without_credentials(profiles, &name))?;
                    break Self::new(own, &name, roles);
                }
                (Some(source), None) => {
                    let wanted_by = format!(", which profile {name} names as its source_profile");
                    profile = profiles.get(source).ok_or_else(|| profiles.no_profile(source, &wanted_by))?;
                    source.clone_into(&mut name);
                    if visited.contains(&name) {
                        visited.push(name);
                        return Err(in_circles(profiles, &visited));
                    }
                    visited.push(name.clone());
                }
                (None, Some(source)) => break Self::new(named_source(profiles, &name, source)?, &name, roles),
                (source, _) => {
                    let what = if source.is_some() { "both" } else { "neither" };
                    return Err(Error::config(format!(
                        "{}: profile {name} has a role_arn and {what} of source_profile and credential_source; give \
                         it one of them",
                        profiles.file()
                    )));
                }
            }
        }
        .map(Some)
    }

    #[expect(clippy::unnecessary_wraps, reason = "it ends a loop whose other ends are errors")]
    fn new(base: Base, base_profile: &str, mut roles: Vec<Role>) -> Result<Self, Error> {
        roles.reverse();
        Ok(Self { base, base_profile: base_profile.to_owned(), roles })
    }
}

fn role(profiles: &Profiles, profile: &Profile) -> Result<Option<Role>, Error> {
    let own = |key: &str| profile.get(key).map(str::to_owned);
    // With a token file the role needs no other credentials: it is a base.
    let Some(arn) = own("role_arn").filter(|_| profile.get("web_identity_token_file").is_none()) else {
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

fn duration(profiles: &Profiles, profile: &Profile) -> Result<Option<Seconds>, Error> {
    let Some(text) = profile.get("duration_seconds") else { return Ok(None) };
    text.parse().ok().filter(|seconds| DURATIONS.contains(seconds)).map(Some).ok_or_else(|| {
        let (least, most) = (DURATIONS.start(), DURATIONS.end());
        Error::config(format!(
            "{}: duration_seconds of profile {} is no number from {least} to {most}; mend it",
            profiles.file(),
            profile.name()
        ))
    })
}

/// In the order of AWS's SDK.
fn base(profiles: &Profiles, profile: &Profile) -> Result<Option<Base>, Error> {
    let own = |key: &str| profile.get(key).map(str::to_owned);
    let name = profile.name();
    match (own("web_identity_token_file"), own("role_arn")) {
        (Some(file), Some(role_arn)) => {
            let (session_name, duration) = (own("role_session_name"), duration(profiles, profile)?);
            return Ok(Some(Base::WebIdentity { role_arn, file, session_name, duration }));
        }
        (Some(_), None) => {
            let file = profiles.file();
            return Err(Error::config(format!(
                "{file}: profile {name} has a web_identity_token_file and no role_arn; add it"
            )));
        }
        (None, _) => {}
    }
    if let Some(sso) = Sso::of(profiles, profile)? {
        return Ok(Some(Base::Sso(sso)));
    }
    if let Some(command) = own("credential_process") {
        return Ok(Some(Base::Process(command)));
    }
    if let Some(keys) = keys(profiles, profile)? {
        return Ok(Some(Base::Keys(keys)));
    }
    if own("login_session").is_some() {
        return Err(Error::config(format!(
            "{file}: profile {name} signs in with `aws login`, whose sessions only the AWS CLI reads; add a profile \
             with: credential_process = aws configure export-credentials --profile {name}",
            file = profiles.file()
        )));
    }
    Ok(None)
}

fn keys(profiles: &Profiles, profile: &Profile) -> Result<Option<Keys>, Error> {
    let own = |key: &str| profile.get(key).map(str::trim).filter(|value| !value.is_empty());
    match (own("aws_access_key_id"), own("aws_secret_access_key")) {
        (None, None) => Ok(None),
        (Some(id), Some(secret)) => Ok(Some(Keys {
            session_token: own("aws_session_token").map(Into::into),
            account: own("aws_account_id").map(str::to_owned),
            ..Keys::new(id, secret.into())
        })),
        (id, _) => {
            let missing = if id.is_some() { "aws_secret_access_key" } else { "aws_access_key_id" };
            let (file, name) = (profiles.file(), profile.name());
            Err(Error::config(format!("{file}: profile {name} has no {missing}; run: aws configure --profile {name}")))
        }
    }
}

fn named_source(profiles: &Profiles, name: &str, source: &str) -> Result<Base, Error> {
    match source {
        "Environment" => Ok(Base::Environment),
        "EcsContainer" => Ok(Base::Container),
        "Ec2InstanceMetadata" => Ok(Base::Metadata),
        _ => Err(Error::config(format!(
            "{}: credential_source of profile {name} is none of Environment, EcsContainer and Ec2InstanceMetadata; \
             mend it",
            profiles.file()
        ))),
    }
}

fn without_credentials(profiles: &Profiles, name: &str) -> Error {
    let file = profiles.file();
    Error::config(format!("{file}: profile {name} has no credentials; run: aws configure sso --profile {name}"))
}

fn in_circles(profiles: &Profiles, visited: &[String]) -> Error {
    let file = profiles.file();
    Error::config(format!("{file}: the profiles lead in a circle: {}; mend a source_profile", visited.join(" -> ")))
}
