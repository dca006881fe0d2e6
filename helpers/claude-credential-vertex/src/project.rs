//! The project of a request, and the one whose quota is used.

use crate::encoding::is_name;
use crate::sources::{Credentials, gcloud};
use claude_credential_config::SourceContext;
use claude_credential_protocol::Error;

/// The project, in the order of Claude Code's documentation (<https://code.claude.com/docs/en/google-vertex-ai>): its
/// own variable comes after Google's and the credentials file. The later ones are guesses.
pub(crate) fn project(
    context: &SourceContext<'_>,
    found: &Credentials,
    quota: Option<&str>,
) -> Result<Option<String>, Error> {
    // An invalid name is skipped.
    let named = |name: Option<&str>| name.filter(|name| is_name(name)).map(str::to_owned);
    let variable = |name| context.environment.get(name).map(named);
    let file = named(found.file().and_then(|file| file.fields.project_id.as_deref()));
    let project = variable("GCLOUD_PROJECT")?
        .or(variable("GOOGLE_CLOUD_PROJECT")?)
        .or(file)
        .or(variable("ANTHROPIC_VERTEX_PROJECT_ID")?)
        .or_else(|| quota.map(str::to_owned));
    let project = match project {
        None => gcloud::project(context)?.filter(|project| is_name(project)),
        project => project,
    };
    Ok(project.or_else(|| match found {
        Credentials::File(_) => None,
        Credentials::Metadata(metadata) => metadata.project(context).filter(|project| is_name(project)),
    }))
}

/// The project whose quota is used: from the variable, then from the file.
pub(crate) fn quota(context: &SourceContext<'_>, found: &Credentials) -> Result<Option<String>, Error> {
    let file = found.file().and_then(|file| file.fields.quota_project_id.as_deref());
    let names = [context.environment.get("GOOGLE_CLOUD_QUOTA_PROJECT")?, file];
    Ok(names.into_iter().flatten().find(|project| is_name(project)).map(str::to_owned))
}
