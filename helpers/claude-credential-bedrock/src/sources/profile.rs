use claude_credential_protocol::{Error, text};

use crate::aws::{sso, sts};
use crate::keys::Keys;
use crate::profile::{Base, Plan, Role, line};
use crate::source_context::SourceContext;
use crate::sources::{container, environment, metadata, process};

/// The keys of a profile in AWS's files: its base, then every role from there.
pub(crate) fn get(context: &SourceContext<'_>) -> Result<Option<Keys>, Error> {
    let Some(plan) = Plan::of(context.profiles()?, context.named_profile()?)? else { return Ok(None) };
    let Plan { base, roles, .. } = &plan;
    let keys = base_keys(context, &plan, base)?;
    roles.iter().try_fold(keys, |keys, role: &Role| sts::assume(context, &keys, role)).map(Some)
}

fn base_keys(context: &SourceContext<'_>, plan: &Plan, base: &Base) -> Result<Keys, Error> {
    let profile = &plan.base_profile;
    let source = |what: &str| format!("profile {profile}, {what}");
    let or_missing = |keys: Option<Keys>, what: &str, mend: &str| {
        let missing = format!("profile {profile} takes its credentials from {what}, which has none; {mend}");
        keys.ok_or_else(|| Error::config(missing))
    };
    match base {
        Base::Keys(keys) => {
            let mend = format!("run: {}", line("aws configure", profile));
            Ok(keys.clone().with_source(source("keys"), mend))
        }
        Base::Sso(settings) => sso::get(context, profile, settings),
        Base::WebIdentity(identity) => {
            let keys = sts::with_web_identity(context, identity)?;
            Ok(keys.with_source(source("web identity"), format!("renew the token in {}", text::shown(&identity.file))))
        }
        Base::Process(command) => process::get(context, profile, command),
        Base::Environment => {
            let mend = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
            or_missing(environment::get(context)?, "the environment", mend)
        }
        Base::Container => {
            or_missing(container::get(context)?, "the container", "set AWS_CONTAINER_CREDENTIALS_FULL_URI")
        }
        Base::Metadata => or_missing(metadata::get(context)?, "the machine's metadata", "give this machine a role"),
    }
}
