use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use claude_credential_files::{NamedFile, Trust};
use claude_credential_protocol::Error;
use reqwest::{Certificate, Client, ClientBuilder, Proxy};
use rustls_pki_types::CertificateDer;
use tokio::runtime::{Builder, Runtime};

use crate::authorities::{authorities, authorities_in};
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
    static CLIENTS: [OnceLock<Client>; 4] = [const { OnceLock::new() }; 4];
    let Network { ca_file, proxy } = network;
    // Neither concerns plain HTTP.
    if route != Route::AsConfigured || (ca_file.is_none() && proxy.is_none()) {
        let cell = &CLIENTS[route as usize];
        if let Some(client) = cell.get() {
            return Ok(client.clone());
        }
        let client = builder(route, &[])?.build().map_err(|error| TransportError::of(&error))?;
        return Ok(cell.get_or_init(|| client).clone());
    }
    let further = ca_file.map(of_server).transpose()?.unwrap_or_default();
    let mut builder = builder(route, &further)?;
    if let Some(proxy) = proxy {
        let wrong = |_| TransportError::Setting(Error::config("`proxy` is no address of a proxy"));
        builder = builder.no_proxy().proxy(Proxy::https(proxy).map_err(wrong)?);
    }
    builder.build().map_err(|error| TransportError::of(&error))
}

/// The authorities of one server's own file.
fn of_server(file: &Path) -> Result<Vec<CertificateDer<'static>>, TransportError> {
    let (named_by, removal) = ("ca_file".to_owned(), "remove the line".to_owned());
    let file = NamedFile { path: file.to_owned(), named_by, removal };
    // As config.toml, which names it: who writes it decides who gets the secrets.
    authorities_in(&file, Trust::Settings).map_err(TransportError::Setting)
}

/// `further` are authorities beside those of the system and of the user's variables.
fn builder(route: Route, further: &[CertificateDer<'static>]) -> Result<ClientBuilder, TransportError> {
    // Fails if the process has a default provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("claude-credential/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(if matches!(route, Route::Nearby | Route::PlainNearby) { CONNECT_NEARBY } else { CONNECT })
        // The runtime does not run between requests, so an idle connection may be dead.
        .pool_max_idle_per_host(0);
    Ok(match route {
        Route::AsConfigured => trusting(builder.https_only(true), further)?,
        Route::Nearby => trusting(builder.no_proxy(), further)?,
        Route::Plain | Route::PlainNearby => builder.no_proxy().tls_certs_only([]),
    })
}

/// With the authorities of the system and the user's further ones.
fn trusting(builder: ClientBuilder, further: &[CertificateDer<'static>]) -> Result<ClientBuilder, TransportError> {
    let mut certificates = authorities().map_err(TransportError::Setting)?;
    certificates.extend_from_slice(further);
    let certificates = certificates.iter().filter_map(|certificate| Certificate::from_der(certificate).ok());
    // There the keychain says more than a list of certificates: what the user trusts or distrusts.
    Ok(if cfg!(target_os = "macos") {
        builder.tls_certs_merge(certificates)
    } else {
        builder.tls_certs_only(certificates)
    })
}
