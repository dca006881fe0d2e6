//! The clouds' hosts and files, which both the dispatcher and the cloud's helper have to know.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use claude_credential_files::{Trust, read};

use crate::{Environment, Folders};

/// Google's default universe.
pub const GOOGLE: &str = "googleapis.com";

/// The variable that names gcloud's folder.
pub const GCLOUD_FOLDER: &str = "CLOUDSDK_CONFIG";

/// The name of a configuration, and a line end.
const MAX_NAME: u64 = 4096;

/// The region in which Claude Code uses Bedrock by default.
pub const BEDROCK_REGION: &str = "us-east-1";

/// The region in which Claude Code uses Vertex by default (<https://code.claude.com/docs/en/google-vertex-ai>).
pub const VERTEX_REGION: &str = "us-east5";

/// Bedrock's host in a region.
#[must_use]
pub fn bedrock_host(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("bedrock-runtime.{region}.{domain}")
}

/// Vertex's host in a region: <https://cloud.google.com/vertex-ai/docs/reference/rest#service-endpoint>
#[must_use]
pub fn vertex_host(region: &str, universe: &str) -> String {
    match region {
        "global" => format!("aiplatform.{universe}"),
        // Multi-regions, whose hosts have another form.
        "us" | "eu" => format!("aiplatform.{region}.rep.{universe}"),
        region => format!("{region}-aiplatform.{universe}"),
    }
}

/// AWS's configuration and credentials, in this order
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/file-location.html>).
#[must_use]
pub fn aws_files(environment: &Environment, folders: &Folders) -> [PathBuf; 2] {
    [("AWS_CONFIG_FILE", ".aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")].map(
        |(variable, below_home)| match environment.get_os(variable) {
            Some(path) => folders.expand(path),
            None => folders.home.join(below_home),
        },
    )
}

/// Where gcloud keeps what it is told: <https://cloud.google.com/sdk/docs/configurations>.
#[must_use]
pub fn gcloud_folder(environment: &Environment, folders: &Folders) -> PathBuf {
    environment.get_os(GCLOUD_FOLDER).map_or_else(|| folders.home.join(".config/gcloud"), PathBuf::from)
}

/// What `gcloud auth application-default login` leaves in gcloud's folder.
#[must_use]
pub fn gcloud_credentials(folder: &Path) -> PathBuf {
    folder.join("application_default_credentials.json")
}

/// The file in gcloud's folder that names the configuration which is active.
#[must_use]
pub fn gcloud_active(folder: &Path) -> PathBuf {
    folder.join("active_config")
}

/// The file of gcloud's active configuration; `None` if its name is not a valid one.
#[must_use]
pub fn gcloud_configuration(environment: &Environment, folder: &Path) -> Option<PathBuf> {
    // A file that can't be read does not say `default`.
    let of_file = || match read(&gcloud_active(folder), Trust::Unchecked, MAX_NAME) {
        Ok(None) => Some("default".to_owned()),
        Ok(Some(bytes)) => std::str::from_utf8(&bytes).ok().map(|name| name.trim().to_owned()),
        Err(_) => None,
    };
    // What is not UTF-8 stays no name.
    let of_variable = environment.get_os("CLOUDSDK_ACTIVE_CONFIG_NAME").map(OsStr::to_string_lossy);
    let of_variable = of_variable.map(|name| name.trim().to_owned());
    let name = of_variable.or_else(of_file)?;
    // It becomes the name of a file.
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    is_name.then(|| folder.join("configurations").join(format!("config_{name}")))
}
