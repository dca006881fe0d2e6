//! HTTP clients for AWS: TLS by rustls with ring, the user's proxies and the user's certificate authorities.

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use claude_credential_files::{Trust, read};
use claude_credential_protocol::{Error, text};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::clock::{Ahead, ServerClock};
use crate::profile::DEFAULT;
use crate::source_context::SourceContext;

const BUNDLE: &str = "AWS_CA_BUNDLE";

/// Larger than the certificate bundle of any system.
const MAX_BUNDLE: u64 = 16 << 20;

/// The HTTP client for AWS's services.
pub(super) fn client(context: &SourceContext<'_>) -> Result<SharedHttpClient, Error> {
    let tls = tls(context)?;
    let client = Builder::new().build_with_connector_fn(move |settings, components| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls.clone()).build()
    });
    let clock = context.clock.clone();
    Ok(http_client_fn(move |settings, components| {
        let (inner, clock) = (client.http_connector(settings, components), clock.clone());
        SharedHttpConnector::new(Clocked { inner, clock })
    }))
}

/// Notes the `Date` of each answer.
#[derive(Debug)]
struct Clocked {
    inner: SharedHttpConnector,
    clock: ServerClock,
}

impl HttpConnector for Clocked {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (answer, clock) = (self.inner.call(request), self.clock.clone());
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            clock.note(Ahead::of_date(answer.headers().get("date")));
            Ok(answer)
        })
    }
}

/// The HTTP client for the instance metadata service, which is link-local: no proxy is used.
pub(crate) fn without_proxy() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, _| {
        let mut builder = Connector::builder();
        builder.set_connector_settings(settings.cloned());
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// The system's certificate authorities and those in `AWS_CA_BUNDLE`, else in the profile's `ca_bundle`. Each certificate
/// is checked here, because the SDK assumes that they are valid.
fn tls(context: &SourceContext<'_>) -> Result<TlsContext, Error> {
    let (path, named_by, removal) = if let Some(path) = context.environment.get_os(BUNDLE) {
        (context.folders.expand(path), BUNDLE.to_owned(), format!("run: unset {BUNDLE}"))
    } else {
        let profile = context.named_profile()?.unwrap_or(DEFAULT);
        let path = context.profiles()?.get(profile).and_then(|profile| profile.setting("ca_bundle"));
        let Some(path) = path else { return Ok(TlsContext::default()) };
        let named_by = format!("ca_bundle of profile {}", text::shown(profile));
        (context.folders.expand(path), named_by, "remove that line".to_owned())
    };
    let shown = text::shown_path(&path);
    let mend = |what: &str| Error::config(format!("{named_by}: {shown} {what}; mend it, or {removal}"));
    let pem = read(&path, Trust::Unchecked, MAX_BUNDLE).map_err(|error| Error::from(error).with_prefix(&named_by))?;
    let pem = pem.ok_or_else(|| mend("does not exist"))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|_| mend("contains something other than certificates"))?;
    let mut roots = RootCertStore::empty();
    if certificates.is_empty() || certificates.into_iter().any(|certificate| roots.add(certificate).is_err()) {
        return Err(mend("has no CA certificate, or one that is malformed"));
    }
    let store = TrustStore::default().with_pem_certificate(pem.to_vec());
    TlsContext::builder().with_trust_store(store).build().map_err(|_| mend("can't be used"))
}
