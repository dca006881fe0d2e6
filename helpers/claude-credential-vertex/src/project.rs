//! Which project is meant, and whose quota is used.

use crate::encoding::is_name;
use crate::source_context::Asked;
use crate::sources::{Found, gcloud};

/// The project, in the order of Claude Code's documentation (<https://code.claude.com/docs/en/google-vertex-ai>): its own
/// variable gives way to Google's and to the credentials file. What comes after them is a guess, better than none.
pub(crate) fn project(asked: &Asked<'_>, found: &Found, quota: Option<&str>) -> Option<String> {
    // What is no name hides none that comes after it.
    let named = |name: Option<&str>| name.filter(|name| is_name(name)).map(str::to_owned);
    let variable = |name| named(asked.environment.get(name));
    let file = match found {
        Found::File(file) => named(file.fields.project_id.as_deref()),
        Found::Metadata(_) => None,
    };
    variable("GCLOUD_PROJECT")
        .or_else(|| variable("GOOGLE_CLOUD_PROJECT"))
        .or(file)
        .or_else(|| variable("ANTHROPIC_VERTEX_PROJECT_ID"))
        .or_else(|| quota.map(str::to_owned))
        .or_else(|| gcloud::project(asked).filter(|project| is_name(project)))
        .or_else(|| match found {
            Found::File(_) => None,
            Found::Metadata(metadata) => metadata.project(asked).filter(|project| is_name(project)),
        })
}

/// The project whose quota is used: the variable's before the file's.
pub(crate) fn quota(asked: &Asked<'_>, found: &Found) -> Option<String> {
    let file = match found {
        Found::File(file) => file.fields.quota_project_id.as_deref(),
        Found::Metadata(_) => None,
    };
    let names = [asked.environment.get("GOOGLE_CLOUD_QUOTA_PROJECT"), file];
    names.into_iter().flatten().find(|project| is_name(project)).map(str::to_owned)
}
