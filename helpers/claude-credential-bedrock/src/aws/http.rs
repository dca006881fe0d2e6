//! HTTP clients for AWS: TLS by rustls with ring, the user's proxies and the user's certificate authorities.

use std::fmt::Write;
use std::path::PathBuf;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use claude_credential_config::Environment;
use claude_credential_files::NamedFile;
use claude_credential_http::{authorities, authorities_in, check_proxy};
use claude_credential_protocol::Error;
use rustls_pki_types::CertificateDer;

const BUNDLE: &str = "AWS_CA_BUNDLE";

/// A URL of AWS, by which `NO_PROXY` is judged before it is known which service will be asked.
const ANY_SERVICE: &str = "https://sts.amazonaws.com/";

/// The HTTP client for AWS's services.
pub(super) fn client(environment: &Environment) -> Result<SharedHttpClient, Error> {
    check_proxy(ANY_SERVICE)?;
    let context = tls(environment)?;
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context.clone()).build()
    }))
}

/// The HTTP client for the instance metadata service, which is link-local: no proxy is used.
pub(crate) fn without_proxy() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, _| {
        let mut builder = Connector::builder();
        builder.set_connector_settings(settings.cloned());
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// The authorities that every helper trusts and those in `AWS_CA_BUNDLE`, each of which can be used: the SDK assumes so.
fn tls(environment: &Environment) -> Result<TlsContext, Error> {
    let mut certificates = authorities()?;
    if let Some(path) = environment.get_os(BUNDLE).map(PathBuf::from) {
        let removal = format!("run: unset {BUNDLE}");
        certificates.extend(authorities_in(&NamedFile { path, named_by: BUNDLE.to_owned(), removal })?);
    }
    let store = TrustStore::empty().with_pem_certificate(pem(&certificates));
    TlsContext::builder().with_trust_store(store).build().map_err(|error| Error::broke(error.to_string()))
}

/// The SDK takes no certificates in another form (RFC 7468).
fn pem(certificates: &[CertificateDer<'_>]) -> String {
    certificates.iter().fold(String::new(), |mut pem, certificate| {
        let _ = writeln!(pem, "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", BASE64.encode(certificate));
        pem
    })
}
