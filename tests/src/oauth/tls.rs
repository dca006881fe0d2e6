use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::oauth::http::{Stream, Upgrade};
use crate::oauth::{ReceivedRequest, Reply, Server};

/// Signs certificates for whatever name it is asked.
pub struct CertificateAuthority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl std::fmt::Debug for CertificateAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CertificateAuthority")
    }
}

impl CertificateAuthority {
    /// One that nobody has heard of.
    #[must_use]
    pub fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "made-up authority");
        parameters.distinguished_name = name;
        let key = KeyPair::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(parameters, key).expect("a certificate") }
    }

    /// Its certificate, as it stands in a file of trusted ones.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn server(&self, name: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("a certificate");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("TLS has versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .expect("a certificate with its key");
        Arc::new(config)
    }
}

impl Default for CertificateAuthority {
    fn default() -> Self {
        Self::new()
    }
}

/// A proxy for HTTPS that leads every CONNECT to a server of the test's own, under the name that was asked for.
#[derive(Debug)]
pub struct Proxy {
    server: Server,
    connected: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// One whose servers answer so.
    pub fn start(
        authority: CertificateAuthority,
        answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let connected = Arc::new(Mutex::new(Vec::new()));
        let ours = Arc::clone(&connected);
        let upgrade: Upgrade = Box::new(move |stream| {
            let target = connect(&stream)?;
            ours.lock().unwrap_or_else(PoisonError::into_inner).push(target.clone());
            let name = target.rsplit_once(':').map_or(target.as_str(), |(name, _)| name);
            let connection = ServerConnection::new(authority.server(name)).map_err(io::Error::other)?;
            Ok(Box::new(StreamOwned::new(connection, stream)) as Box<dyn Stream>)
        });
        Self { server: Server::behind(upgrade, answer), connected }
    }

    /// For `HTTPS_PROXY`.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url("")
    }

    /// `HOST:PORT` of each CONNECT.
    #[must_use]
    pub fn connected(&self) -> Vec<String> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn connect(stream: &TcpStream) -> io::Result<String> {
    // Until we agree, the client says nothing more, so this reads nothing ahead.
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let target = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next());
    let target = target.ok_or_else(|| io::Error::other("not a CONNECT"))?;
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    Ok(target.to_owned())
}
