//! What differs between operating systems.

use rustls_native_certs::CertificateResult;

/// The system's authorities, whatever the variables say, which stand for them in the library's own search.
#[cfg(not(target_os = "macos"))]
pub(crate) fn system_authorities() -> CertificateResult {
    use std::path::Path;

    // As <https://go.dev/src/crypto/x509/root_linux.go> lists them.
    const FILES: [&str; 6] = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/ssl/ca-bundle.pem",
        "/etc/pki/tls/cacert.pem",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    const FOLDERS: [&str; 2] = ["/etc/ssl/certs", "/etc/pki/tls/certs"];
    let there = |path: &&str| Path::new(path).exists();
    let (file, folder) = (FILES.into_iter().find(there), FOLDERS.into_iter().find(there));
    rustls_native_certs::load_certs_from_paths(file.map(Path::new), folder.map(Path::new))
}

/// The library has no other way to ask the keychain there, which is asked by the verifier as well.
#[cfg(target_os = "macos")]
pub(crate) fn system_authorities() -> CertificateResult {
    rustls_native_certs::load_native_certs()
}
