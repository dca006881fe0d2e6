//! HTTP clients for AWS: TLS by rustls with ring, the user's proxies and the user's certificate authorities.

use std::fmt::Write;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use claude_credential_files::{NamedFile, Trust};
use claude_credential_http::{authorities, authorities_in, check_proxy};
use claude_credential_protocol::{Error, text};
use rustls_pki_types::CertificateDer;

use crate::clock::{Ahead, ServerClock};
use crate::profile::DEFAULT;
use crate::source_context::SourceContext;

const BUNDLE: &str = "AWS_CA_BUNDLE";

/// A URL of AWS, by which `NO_PROXY` is judged before it is known which service will be asked.
const ANY_SERVICE: &str = "https://sts.amazonaws.com/";

/// The HTTP client for AWS's services.
pub(super) fn client(context: &SourceContext<'_>) -> Result<SharedHttpClient, Error> {
    check_proxy(ANY_SERVICE)?;
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

/// The authorities that every helper trusts and those in `AWS_CA_BUNDLE`, else in the profile's `ca_bundle`. Each can be
/// used: the SDK assumes so.
fn tls(context: &SourceContext<'_>) -> Result<TlsContext, Error> {
    let mut certificates = authorities()?;
    if let Some(file) = bundle(context)? {
        certificates.extend(authorities_in(&file, Trust::Unchecked)?);
    }
    let store = TrustStore::empty().with_pem_certificate(pem(&certificates));
    TlsContext::builder().with_trust_store(store).build().map_err(|error| Error::broke(error.to_string()))
}

/// The user's further file of authorities.
fn bundle(context: &SourceContext<'_>) -> Result<Option<NamedFile>, Error> {
    if let Some(path) = context.environment.get_os(BUNDLE) {
        let (path, removal) = (context.folders.expand(path), format!("run: unset {BUNDLE}"));
        return Ok(Some(NamedFile { path, named_by: BUNDLE.to_owned(), removal }));
    }
    let name = context.named_profile()?.unwrap_or(DEFAULT);
    let path = context.profiles()?.get(name).and_then(|profile| profile.setting("ca_bundle"));
    Ok(path.map(|path| NamedFile {
        path: context.folders.expand(path),
        named_by: format!("ca_bundle of profile {}", text::shown(name)),
        removal: "remove that line".to_owned(),
    }))
}

/// The SDK takes no certificates in another form (RFC 7468).
fn pem(certificates: &[CertificateDer<'_>]) -> String {
    certificates.iter().fold(String::new(), |mut pem, certificate| {
        let _ = writeln!(pem, "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", BASE64.encode(certificate));
        pem
    })
}
