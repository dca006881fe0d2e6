use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::Sandbox;
use crate::oauth::certified::folder;
use crate::oauth::{Browser, Fixture, fetch, post};

/// A provider that others wrote: `tests/servers/NAME_provider.py`, in a process of its own. `tests/run.sh` installs it.
#[derive(Debug)]
pub struct ForeignProvider {
    process: Child,
    kind: ForeignKind,
    issuer: String,
    /// Of somebody who is signed in there, where the script says so.
    session: String,
    port: u16,
}

/// Whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForeignKind {
    /// django-oauth-toolkit.
    Django,
    /// Canaille.
    Canaille,
    /// Debian's glewlwyd.
    Glewlwyd,
}

impl ForeignKind {
    fn name(self) -> &'static str {
        match self {
            Self::Django => "django",
            Self::Canaille => "canaille",
            Self::Glewlwyd => "glewlwyd",
        }
    }

    fn python(self) -> PathBuf {
        match self {
            Self::Glewlwyd => "python3".into(),
            _ => folder().join(self.name()).join("bin/python"),
        }
    }
}

impl ForeignProvider {
    /// A new one, with nothing in it but its client and alice.
    #[must_use]
    pub fn start(kind: ForeignKind, sandbox: &Sandbox) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
        let redirect = match kind {
            ForeignKind::Canaille => format!("http://localhost:{port}/oauth/callback"),
            _ => format!("http://127.0.0.1:{port}/callback"),
        };
        let script = crate::workspace().join(format!("tests/servers/{}_provider.py", kind.name()));
        let log = sandbox.root().join("provider.log");
        let mut process = Command::new(kind.python())
            .arg(script)
            .arg(redirect)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a file"))
            .spawn()
            .expect("python is installed");
        let mut lines = BufReader::new(process.stdout.take().expect("its stdout")).lines().map_while(Result::ok);
        let issuer = lines.next().filter(|line| line.starts_with("http://"));
        let issuer = issuer.unwrap_or_else(|| panic!("it does not start: {:?}", std::fs::read_to_string(&log)));
        let session = if kind == ForeignKind::Glewlwyd { lines.next().expect("a session") } else { String::new() };
        Self { process, kind, issuer, session, port }
    }

    /// Configures it in `fixture`, with these scopes beside `openid`.
    pub fn configure(&self, fixture: &Fixture, scopes: &[&str]) {
        let (issuer, port) = (&self.issuer, self.port);
        let scopes: Vec<String> = scopes.iter().map(|scope| format!(", \"{scope}\"")).collect();
        let scopes = scopes.concat();
        let own = match self.kind {
            // It publishes none.
            ForeignKind::Django => format!("revocation_endpoint = \"{}\"", self.revocation()),
            ForeignKind::Canaille => format!("redirect_uri = \"http://localhost:{port}/oauth/callback\""),
            ForeignKind::Glewlwyd => format!("redirect_port = {port}"),
        };
        fixture.people(issuer, &format!("client_id = \"people\"\nscopes = [\"openid\"{scopes}]\n{own}"));
    }

    /// What a browser in which alice is signed in is sent back to.
    #[must_use]
    pub fn sends_back(&self, url: &str) -> String {
        if self.session.is_empty() {
            return Browser::default().sign_in(url);
        }
        let page = fetch(&format!("{url}&g_continue"), &[("Cookie", &self.session)]);
        page.location.clone().unwrap_or_else(|| panic!("it leads nowhere: {page:?}"))
    }

    /// What it says itself of an access token.
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        let path = match self.kind {
            ForeignKind::Django => "/userinfo/",
            ForeignKind::Canaille => "/oauth/userinfo",
            ForeignKind::Glewlwyd => "/userinfo",
        };
        let url = format!("{}{path}", self.issuer);
        fetch(&url, &[("Authorization", &format!("Bearer {token}"))]).status == 200
    }

    /// Ends a sign-in there by its refresh token, which is used up.
    pub fn uses_up(&self, refresh: &str) {
        let path = match self.kind {
            ForeignKind::Django => "/token/",
            ForeignKind::Canaille => "/oauth/token",
            ForeignKind::Glewlwyd => "/token",
        };
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("client_id", "people")];
        assert_eq!(post(&format!("{}{path}", self.issuer), &fields).status, 200);
    }

    fn revocation(&self) -> String {
        format!("{}/revoke_token/", self.issuer)
    }
}

impl Drop for ForeignProvider {
    fn drop(&mut self) {
        // The script ends what it has started.
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.process.wait();
    }
}
