use super::Shell;
use crate::{Auth, Credential, Secret, iso_8601};

/// The variables by which the tools of each family take the credential. One without a value must not be set: it belongs
/// to the others, and what an earlier credential left in it would go with this one.
#[must_use]
pub fn variables(credential: &Credential) -> Vec<(&'static str, Option<Secret>)> {
    match &credential.auth {
        Auth::ApiKey(key) => vec![("ANTHROPIC_API_KEY", Some(key.clone()))],
        // Whoever knows Google's project and region has a token for Vertex, and the client needs all three there.
        Auth::Bearer(token) => [
            Some(("ANTHROPIC_AUTH_TOKEN", Some(token.clone()))),
            credential.project.as_deref().map(|project| ("ANTHROPIC_VERTEX_PROJECT_ID", Some(project.into()))),
            credential.region.as_deref().map(|region| ("CLOUD_ML_REGION", Some(region.into()))),
        ]
        .into_iter()
        .flatten()
        .collect(),
        Auth::Aws { access_key_id, secret_access_key, session_token, region } => [
            Some(("AWS_ACCESS_KEY_ID", Some(access_key_id.as_str().into()))),
            Some(("AWS_SECRET_ACCESS_KEY", Some(secret_access_key.clone()))),
            Some(("AWS_SESSION_TOKEN", session_token.clone())),
            // Where the source knows none, the user's own counts.
            region.as_deref().map(|region| ("AWS_REGION", Some(region.into()))),
            Some(("AWS_CREDENTIAL_EXPIRATION", credential.expires_at.map(|at| iso_8601(at).into()))),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// What a shell sets or takes away a variable with.
pub(super) fn assignment(shell: Shell, name: &str, value: Option<&Secret>) -> String {
    let Some(value) = value.map(Secret::expose) else {
        return match shell {
            Shell::Sh => format!("unset {name}"),
            Shell::Fish => format!("set -e {name}"),
            Shell::Powershell => format!("$env:{name} = $null"),
        };
    };
    match shell {
        Shell::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
        Shell::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
        Shell::Powershell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
    }
}
