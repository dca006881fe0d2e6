use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Error, text};
use reqwest::{Certificate, Client, ClientBuilder, Proxy};
use tokio::runtime::{Builder, Runtime};

use crate::error::TransportError;

/// A server that accepts no connection within this time is down.
const CONNECT: Duration = Duration::from_secs(10);

/// The system's own bundle has a quarter of it.
const MAX_AUTHORITIES: u64 = 1 << 20;

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

/// What differs from the environment for one server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network<'a> {
    /// Certificate authorities in PEM that are trusted beside the system's.
    pub ca_file: Option<&'a Path>,
    /// The proxy for https, in place of those that the environment names.
    pub proxy: Option<&'a str>,
}

/// The client for a request.
pub(crate) fn client(route: Route, network: Network<'_>) -> Result<Client, TransportError> {
    static CLIENTS: [OnceLock<Client>; 3] = [const { OnceLock::new() }; 3];
    let Network { ca_file, proxy } = network;
    // Neither concerns plain HTTP.
    if route != Route::AsConfigured || (ca_file.is_none() && proxy.is_none()) {
        let cell = &CLIENTS[route as usize];
        if let Some(client) = cell.get() {
            return Ok(client.clone());
        }
        let client = builder(route).build().map_err(|error| TransportError::of(&error))?;
        return Ok(cell.get_or_init(|| client).clone());
    }
    let mut builder = builder(route);
    if let Some(file) = ca_file {
        builder = builder.tls_certs_merge(authorities(file)?);
    }
    if let Some(proxy) = proxy {
        let wrong = |_| TransportError::Settings(Error::config("`proxy` is no address of a proxy"));
        builder = builder.no_proxy().proxy(Proxy::https(proxy).map_err(wrong)?);
    }
    builder.build().map_err(|error| TransportError::of(&error))
}

fn authorities(file: &Path) -> Result<Vec<Certificate>, TransportError> {
    let shown = text::shown_path(file);
    let wrong = |what: &str| TransportError::Settings(Error::config(format!("{shown}, the `ca_file`, {what}")));
    let bytes = read(file, Trust::Settings, MAX_AUTHORITIES).map_err(|error| TransportError::Settings(error.into()))?;
    let bytes = bytes.ok_or_else(|| wrong("does not exist"))?;
    let found = Certificate::from_pem_bundle(&bytes).map_err(|_| wrong("holds a certificate that can't be read"))?;
    if found.is_empty() {
        let what = "holds no certificate in PEM; to convert one from DER, run: openssl x509 -inform der -in FILE";
        return Err(wrong(what));
    }
    Ok(found)
}

fn builder(route: Route) -> ClientBuilder {
    // Fails if the process has a default provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("claude-credential/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(if route == Route::Nearby { CONNECT_NEARBY } else { CONNECT })
        // The runtime does not run between requests, so an idle connection may be dead.
        .pool_max_idle_per_host(0);
    match route {
        Route::AsConfigured => builder.https_only(true),
        Route::Direct | Route::Nearby => builder.no_proxy(),
    }
}
