use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::Sandbox;
use crate::oauth::grants::{Grant, State, answer, lock};
use crate::oauth::{Fault, Server};

/// An authorization server for people: PKCE required, every refresh rotates, and a refresh token that comes twice
/// revokes its grant. It signs everybody in at once.
///
/// The tokens of the `n`th set of grant `g` are the secrets `access-g-n` and `refresh-g-n`, and its log says `code 1`,
/// `refresh 1-1`, `reuse 1-1` (which revokes), `dead 1-2`, `revoked 1-2` and so on, each the moment it is decided.
#[derive(Debug)]
pub struct Authority {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Authority {
    /// With tokens that live for an hour.
    #[must_use]
    pub fn start(sandbox: &Sandbox) -> Self {
        let state = Arc::new(Mutex::new(State {
            canary: sandbox.canary().clone(),
            life: 3600,
            log: Vec::new(),
            grants: Vec::new(),
            codes: BTreeMap::new(),
            devices: Vec::new(),
            faults: Vec::new(),
            pauses: (Duration::ZERO, Duration::ZERO),
            denies: false,
            openid: true,
            secret: None,
        }));
        let ours = Arc::clone(&state);
        Self { server: Server::start(move |asked| answer(&ours, asked)), state }
    }

    /// Where it is, and its clock.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Its name.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.server.url("")
    }

    /// For how many seconds access tokens are good from now on.
    pub fn tokens_live(&self, seconds: u64) {
        self.state().life = seconds;
    }

    /// The next `times` requests for `path` fail.
    pub fn fails(&self, path: &'static str, fault: Fault, times: usize) {
        self.state().faults.push((path, fault, times));
    }

    /// Nothing fails any more.
    pub fn recovers(&self) {
        self.state().faults.clear();
    }

    /// How long it thinks before it decides on a refresh, and after that before it answers.
    pub fn thinks(&self, before: Duration, after: Duration) {
        self.state().pauses = (before, after);
    }

    /// People say no.
    pub fn denies(&self) {
        self.state().denies = true;
    }

    /// It speaks OAuth alone: what it offers is where RFC 8414 says, not where `OpenID` does.
    pub fn is_no_openid_provider(&self) {
        self.state().openid = false;
    }

    /// Its client has to prove itself with a secret.
    pub fn wants_secret(&self, secret: &str) {
        self.state().secret = Some(secret.to_owned());
    }

    /// What happened, in order.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// How often `what` happened.
    #[must_use]
    pub fn count(&self, what: &str) -> usize {
        self.state().log.iter().filter(|event| event.split(' ').next() == Some(what)).count()
    }

    /// A grant that nobody signed in for: the number of the grant. Its first set has been handed out.
    #[must_use]
    pub fn grants(&self) -> usize {
        let mut state = self.state();
        state.grants.push(Grant { newest: 1, alive: true });
        state.grants.len()
    }

    /// Which set of a grant is the newest.
    #[must_use]
    pub fn newest(&self, grant: usize) -> usize {
        self.state().grants[grant - 1].newest
    }

    /// Whether a grant still stands.
    #[must_use]
    pub fn is_alive(&self, grant: usize) -> bool {
        self.state().grants[grant - 1].alive
    }

    /// Somebody revokes it at the provider's own page.
    pub fn revoke(&self, grant: usize) {
        self.state().grants[grant - 1].alive = false;
    }

    /// Somebody opens the page for devices and agrees.
    pub fn approve_devices(&self) {
        self.state().devices.iter_mut().for_each(|device| device.approved = true);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}
