//! Whose certificates are believed: the authorities of the system, and those that the user adds to them.

use std::path::PathBuf;
use std::sync::OnceLock;

use claude_credential_files::{NamedFile, Trust, read};
use claude_credential_protocol::{Error, text};
use rustls::RootCertStore;
use rustls_native_certs::CertificateResult;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::os::system_authorities;

/// OpenSSL's variables (<https://docs.openssl.org/master/man7/openssl-env/>), which most programs read.
const FILE: &str = "SSL_CERT_FILE";
const FOLDERS: &str = "SSL_CERT_DIR";

/// Larger than the certificate bundle of any system.
const MAX_BUNDLE: u64 = 16 << 20;

/// Says which further file has authorities.
type Find = fn() -> Result<Option<NamedFile>, Error>;

static FURTHER: OnceLock<Find> = OnceLock::new();

/// Adds the authorities of the file that `find` names, which is asked when the first connection with TLS is made: it may
/// have to read settings. Of several calls the first counts.
pub fn also_trust(find: Find) {
    let _ = FURTHER.set(find);
}

/// The authorities of the system, of `SSL_CERT_FILE` and `SSL_CERT_DIR`, and of what [`also_trust`] names: all that can
/// be used, at least one.
pub fn authorities() -> Result<Vec<CertificateDer<'static>>, Error> {
    let (file, folders) = (std::env::var_os(FILE), std::env::var_os(FOLDERS));
    // If one of the variables is there, even empty, the library takes it for the system's.
    let is_set = file.is_some() || folders.is_some();
    let mut all = usable(if is_set { system_authorities() } else { rustls_native_certs::load_native_certs() });
    if let Some(file) = file.filter(|value| !value.is_empty()) {
        all.extend(authorities_in(&named(file.into(), FILE), Trust::Unchecked)?);
    }
    let folders = folders.filter(|value| !value.is_empty());
    let (mut of_folders, mut last) = (Vec::new(), None);
    for folder in folders.iter().flat_map(std::env::split_paths).filter(|folder| !folder.as_os_str().is_empty()) {
        of_folders.extend(usable(rustls_native_certs::load_certs_from_paths(None, Some(&folder))));
        last = Some(folder);
    }
    // One of several may be gone, as for OpenSSL.
    if let Some(folder) = last.filter(|_| of_folders.is_empty()) {
        return Err(unusable(&named(folder, FOLDERS), "is no folder with certificates of authorities in PEM"));
    }
    all.extend(of_folders);
    if let Some(file) = FURTHER.get().map_or(Ok(None), |find| find())? {
        all.extend(authorities_in(&file, Trust::Unchecked)?);
    }
    if all.is_empty() {
        return Err(Error::config(format!(
            "this system has no certificates of authorities, so no server can be trusted; install the package \
             ca-certificates, or set {FILE} to a file of them"
        )));
    }
    // A system has many of them under several names.
    all.sort_unstable_by(|a, b| a.cmp(b));
    all.dedup();
    Ok(all)
}

/// The authorities in a file of certificates in PEM. Those that can't be used are left out, as every system's bundle has
/// some; a file without any is an error. `trust` says who may write it.
pub fn authorities_in(file: &NamedFile, trust: Trust) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bytes = read(&file.path, trust, MAX_BUNDLE);
    let bytes = bytes.map_err(|problem| Error::from(problem).with_prefix(&file.named_by))?;
    let bytes = bytes.ok_or_else(|| unusable(file, "does not exist"))?;
    let (certificates, broken): (Vec<_>, Vec<_>) = CertificateDer::pem_slice_iter(&bytes).partition(Result::is_ok);
    let certificates: Vec<_> = certificates.into_iter().flatten().collect();
    if certificates.is_empty() && !broken.is_empty() {
        return Err(unusable(file, "contains something other than certificates in PEM"));
    }
    let good: Vec<_> = certificates.iter().filter(|certificate| is_usable(certificate)).cloned().collect();
    match (good.is_empty(), certificates.is_empty()) {
        (false, _) => Ok(good),
        (true, false) => Err(unusable(file, "has no certificate of an authority that can be used")),
        (true, true) if bytes.is_empty() => Err(unusable(file, "is empty")),
        (true, true) if is_usable(&CertificateDer::from(bytes.to_vec())) => {
            let path = text::shown_path(&file.path);
            let mend = format!("run: openssl x509 -inform der -in {path} -out {path}.pem, and name that file");
            Err(Error::config(format!("{}: {path} is a certificate in DER, not in PEM; {mend}", file.named_by)))
        }
        (true, true) => Err(unusable(file, "has no certificate in PEM")),
    }
}

/// A file that is named by a variable of the environment.
fn named(path: PathBuf, variable: &str) -> NamedFile {
    NamedFile { path, named_by: variable.to_owned(), removal: format!("run: unset {variable}") }
}

fn unusable(file: &NamedFile, what: &str) -> Error {
    let NamedFile { path, named_by, removal } = file;
    let path = text::shown_path(path);
    Error::config(format!(
        "{named_by}: {path} {what}; name a file of certificates in PEM by its absolute path, or {removal}"
    ))
}

fn is_usable(certificate: &CertificateDer<'static>) -> bool {
    RootCertStore::empty().add(certificate.clone()).is_ok()
}

/// What can be used of what was found. A file of the system's that can't be read is left to what else there is.
fn usable(found: CertificateResult) -> Vec<CertificateDer<'static>> {
    found.certs.into_iter().filter(is_usable).collect()
}
