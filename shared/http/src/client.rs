use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Client;
use tokio::runtime::{Builder, Runtime};

/// A server that accepts no connection within this time is down.
const CONNECT: Duration = Duration::from_secs(10);

/// The same without a proxy in between: loopback and link-local addresses answer at once.
const CONNECT_DIRECTLY: Duration = Duration::from_secs(2);

/// The async runtime, on the caller's thread. It is never shut down, because that would wait for a name lookup that hangs.
pub fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// The client for all requests, or the one that ignores proxies. Only the latter speaks plain HTTP, which is for
/// loopback and link-local addresses.
pub(crate) fn client(no_proxy: bool) -> Result<&'static Client, reqwest::Error> {
    static CLIENTS: [OnceLock<Client>; 2] = [OnceLock::new(), OnceLock::new()];
    let cell = &CLIENTS[usize::from(no_proxy)];
    if let Some(client) = cell.get() {
        return Ok(client);
    }
    // Fails if the process has a default provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("claude-credential/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(if no_proxy { CONNECT_DIRECTLY } else { CONNECT })
        // The runtime does not run between requests, so an idle connection may be dead.
        .pool_max_idle_per_host(0);
    let client = if no_proxy { builder.no_proxy() } else { builder.https_only(true) }.build()?;
    Ok(cell.get_or_init(|| client))
}
