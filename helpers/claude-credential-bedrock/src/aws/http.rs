//! How AWS is reached: TLS by rustls with ring, the user's proxies, and the user's own authorities.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use claude_credential_protocol::Error;

use crate::asked::Asked;

const BUNDLE: &str = "AWS_CA_BUNDLE";

/// For AWS's services.
pub(super) fn client(asked: &Asked<'_>) -> Result<SharedHttpClient, Error> {
    let context = tls(asked)?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context.clone()).build()
    }))
}

/// For the machine's metadata, and the container's: link-local, so past every proxy.
pub(crate) fn nearby() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, _| connector(settings.cloned().unwrap_or_default()))
}

/// The same for a single request.
pub(crate) fn connector(settings: HttpConnectorSettings) -> Connector {
    let mut builder = Connector::builder();
    builder.set_connector_settings(Some(settings));
    builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
}

/// The system's authorities, and those in the file that AWS's tools are told by `AWS_CA_BUNDLE`.
fn tls(asked: &Asked<'_>) -> Result<TlsContext, Error> {
    let Some(path) = asked.environment.get(BUNDLE) else { return Ok(TlsContext::default()) };
    let pem = std::fs::read(path).map_err(|error| Error::config(format!("{BUNDLE}: can't read {path}: {error}")))?;
    let store = TrustStore::default().with_pem_certificate(pem);
    let context = TlsContext::builder().with_trust_store(store).build();
    context.map_err(|_| Error::config(format!("{BUNDLE}: {path} has no certificates in it; run: unset {BUNDLE}")))
}
