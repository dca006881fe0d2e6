use std::sync::OnceLock;
use std::time::Duration;

use reqwest::{Certificate, Client, ClientBuilder};
use tokio::runtime::{Builder, Runtime};

use crate::authorities::authorities;
use crate::error::TransportError;

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
    /// Without a proxy, and without TLS: for loopback and link-local addresses. It reads no certificates.
    Plain,
    /// The same, to this machine or its link.
    PlainNearby,
    /// Without a proxy, to this machine or its link, with TLS.
    Nearby,
}

/// The client for all requests of a route.
pub(crate) fn client(route: Route) -> Result<&'static Client, TransportError> {
    static CLIENTS: [OnceLock<Client>; 4] = [const { OnceLock::new() }; 4];
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
        .connect_timeout(if matches!(route, Route::Nearby | Route::PlainNearby) { CONNECT_NEARBY } else { CONNECT })
        // The runtime does not run between requests, so an idle connection may be dead.
        .pool_max_idle_per_host(0);
    let client = match route {
        Route::AsConfigured => trusting(builder.https_only(true))?,
        Route::Nearby => trusting(builder.no_proxy())?,
        Route::Plain | Route::PlainNearby => builder.no_proxy().tls_certs_only([]),
    };
    let client = client.build().map_err(|error| TransportError::of(&error))?;
    Ok(cell.get_or_init(|| client))
}

/// With the authorities of the system and the user's further ones.
fn trusting(builder: ClientBuilder) -> Result<ClientBuilder, TransportError> {
    let certificates = authorities().map_err(TransportError::Setting)?;
    let certificates = certificates.iter().filter_map(|certificate| Certificate::from_der(certificate).ok());
    // There the keychain says more than a list of certificates: what the user trusts or distrusts.
    Ok(if cfg!(target_os = "macos") {
        builder.tls_certs_merge(certificates)
    } else {
        builder.tls_certs_only(certificates)
    })
}
