//! What google-cloud-auth, Google's library for Rust, makes of the credentials that it finds: the token. It asks where
//! a credentials file says, so it is not redirected; `oracle.py` is the same for Google's library for Python.

use std::io::Write;
use std::process::ExitCode;

use google_cloud_auth::credentials::Builder;

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // It takes the provider of the process, and has none of its own unless it brings another one than ours.
    rustls::crypto::ring::default_provider().install_default().expect("nobody else has installed one");
    let token = runtime.block_on(async {
        let credentials = Builder::default().with_scopes([SCOPE]).build_access_token_credentials().ok()?;
        credentials.access_token().await.ok()
    });
    // Its words may hold what it was given.
    let Some(token) = token else { return ExitCode::FAILURE };
    writeln!(std::io::stdout(), "{}", token.token).expect("somebody reads");
    ExitCode::SUCCESS
}
