use claude_credential_protocol::{Error, text};
use sha1::{Digest, Sha1};

use super::command::line;
use super::files::{Profiles, setting};
use super::ini::Section;

/// The SSO settings of a profile (<https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sso {
    pub(crate) account_id: String,
    pub(crate) role_name: String,
    pub(crate) region: String,
    pub(crate) start_url: String,
    /// The `[sso-session]`; `None` in the old format, whose tokens can't be refreshed.
    pub(crate) session: Option<String>,
}

impl Sso {
    /// `None` if the profile has no SSO settings.
    pub(super) fn of(profiles: &Profiles, profile: &Section) -> Result<Option<Self>, Error> {
        let own = |key: &str| setting(profile, key);
        let keys = ["sso_session", "sso_start_url", "sso_region", "sso_account_id", "sso_role_name"];
        if keys.iter().all(|key| own(key).is_none()) {
            return Ok(None);
        }
        let session = own("sso_session");
        // The session takes precedence; AWS's tools reject a profile whose own value differs.
        let shared = |key: &str| match &session {
            None => Ok(own(key)),
            Some(session) => match profiles.sso_session(session)? {
                Some(session) => Ok(session.setting(key).or_else(|| own(key))),
                None => Err(profiles.error(format!(
                    "profile {} names [sso-session {}], which does not exist; to set it up, run: \
                     aws configure sso-session",
                    profile.name(),
                    text::shown(session)
                ))),
            },
        };
        let required = |key: &str, value: Option<String>| {
            value.ok_or_else(|| {
                let name = profile.name();
                profiles.error(format!("profile {name} has no {key}; run: {}", line("aws configure sso", name)))
            })
        };
        Ok(Some(Self {
            account_id: required("sso_account_id", own("sso_account_id"))?,
            role_name: required("sso_role_name", own("sso_role_name"))?,
            region: required("sso_region", shared("sso_region")?)?,
            start_url: required("sso_start_url", shared("sso_start_url")?)?,
            session,
        }))
    }

    /// The name of the token file of AWS's tools.
    pub(crate) fn file_name(&self) -> String {
        let digest = Sha1::digest(self.session.as_ref().unwrap_or(&self.start_url).as_bytes());
        format!("{}.json", claude_credential_files::hex(&digest))
    }
}

#[cfg(test)]
mod tests {
    use super::Sso;

    #[test]
    fn a_token_lies_where_awss_tools_put_it() {
        let old = Sso {
            account_id: "1".to_owned(),
            role_name: "r".to_owned(),
            region: "us-east-1".to_owned(),
            start_url: "https://d-92671207e4.awsapps.com/start".to_owned(),
            session: None,
        };
        // The value is the one of botocore's own tests.
        assert_eq!(old.file_name(), "13f9d35043871d073ab260e020f0ffde092cb14b.json");
        let session = Sso { session: Some("admin".to_owned()), ..old };
        assert_eq!(session.file_name(), "d033e22ae348aeb5660fc2140aec35850c4da997.json");
    }
}
