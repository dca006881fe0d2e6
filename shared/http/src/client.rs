use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Client;
use tokio::runtime::{Builder, Runtime};

/// A server that accepts no connection within this time is down.
const CONNECT: Duration = Duration::from_secs(10);

/// The same for a server on this machine or its link, which answers at once.
const CONNECT_NEARBY: Duration = Duration::from_secs(2);

/// The async runtime, on the caller's thread. It is never shut down, because that would wait for a name lookup that hangs.
pub fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// How a request gets to its host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// By the proxies that the environment names.
    AsConfigured,
    /// Without a proxy. Only this speaks plain HTTP, which is for loopback and link-local addresses.
    Direct,
    /// Without a proxy, to this machine or its link.
    Nearby,
}

/// The client for all requests of a route.
pub(crate) fn client(route: Route) -> Result<&'static Client, reqwest::Error> {
    static CLIENTS: [OnceLock<Client>; 3] = [const { OnceLock::new() }; 3];
    let cell = &CLIENTS[route as usize];
    if let Some(client) = cell.get() {
        return Ok(client);
    }
    // Fails if the process has a default provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("claude-credential/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(if route == Route::Nearby { CONNECT_NEARBY } else { CONNECT })
        // The runtime does not run between requests, so an idle connection may be dead.
        .pool_max_idle_per_host(0);
    let client = match route {
        Route::AsConfigured => builder.https_only(true),
        Route::Direct | Route::Nearby => builder.no_proxy(),
    };
    let client = client.build()?;
    Ok(cell.get_or_init(|| client))
}
