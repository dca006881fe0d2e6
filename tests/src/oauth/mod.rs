//! OAuth servers of the tests' own, on loopback: strict where a provider may be, wrong where a test says so, and with
//! an exact log.

mod authority;
mod browser;
mod certified;
mod fault;
mod fixture;
mod foreign;
mod grants;
mod http;
mod jwt;
mod machine;
mod percent;
mod tls;

pub use authority::Authority;
pub use browser::{Browser, Page, fetch, post, send};
pub use certified::Certified;
pub use fault::Fault;
pub use fixture::{Fixture, Login, NOT_GIT, PROVIDER, Stored, ask, now, token};
pub use foreign::{ForeignKind, ForeignProvider};
pub use http::{ReceivedRequest, Reply, Server, parameters};
pub use jwt::{Claims, Signer};
pub use machine::{Federation, Machines};
pub use percent::percent;
pub use tls::{CertificateAuthority, Proxy};
