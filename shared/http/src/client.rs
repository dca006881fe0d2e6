use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Client;
use tokio::runtime::{Builder, Runtime};

/// Who does not even answer the call is not there.
const CONNECT: Duration = Duration::from_secs(10);

/// One thread, this one. It is never shut down: that would wait for a name resolution that hangs.
pub(crate) fn runtime() -> std::io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Plain HTTP is for loopback alone, and what goes there goes past every proxy.
pub(crate) fn client(plain: bool) -> Result<&'static Client, reqwest::Error> {
    static CLIENTS: [OnceLock<Client>; 2] = [OnceLock::new(), OnceLock::new()];
    let place = &CLIENTS[usize::from(plain)];
    if let Some(client) = place.get() {
        return Ok(client);
    }
    // Somebody else in this process may have done so before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .user_agent(concat!("claude-credential/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT)
        // A connection that was idle while nobody drove it may be dead.
        .pool_max_idle_per_host(0);
    let client = if plain { builder.no_proxy() } else { builder.https_only(true) }.build()?;
    Ok(place.get_or_init(|| client))
}
