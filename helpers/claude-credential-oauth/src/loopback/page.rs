//! The page that the browser ends on. Nothing in it is loaded from anywhere, and no script runs.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use claude_credential_config::Provider;
use claude_credential_http::Call;
use claude_credential_protocol::text;
use sha2::{Digest, Sha256};

/// What the browser is shown.
#[derive(Debug)]
pub(crate) struct Page {
    status: &'static str,
    is_good: bool,
    title: String,
    /// The provider's address.
    at: String,
    why: String,
    next: Next,
}

/// What the user is to do.
#[derive(Debug)]
enum Next {
    Say(&'static str),
    /// Run this in a terminal.
    Run(String),
}

const BACK: &str = "You can close this window and go back to your terminal.";

/// In light and dark as the browser has it, readable in a narrow window.
const STYLE: &str = "\
:root{color-scheme:light dark;--back:#f4f4f1;--card:#fff;--text:#1b1b19;--soft:#5c5c57;--line:#dddcd6;\
--good:#1a7f37;--bad:#b3261e}\
@media(prefers-color-scheme:dark){:root{--back:#161615;--card:#21211f;--text:#f0efea;--soft:#aaa9a2;--line:#3b3b38;\
--good:#4ac26b;--bad:#ff8a80}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;\
padding:1.5rem;background:var(--back);color:var(--text);font:1rem/1.55 system-ui,sans-serif}\
main{width:100%;max-width:34rem;padding:2.25rem;background:var(--card);border:1px solid var(--line);\
border-radius:.75rem}\
h1{display:flex;gap:.75rem;align-items:center;margin:0 0 1rem;font-size:1.4rem;line-height:1.3}\
svg{flex:none;width:2rem;height:2rem;fill:none;stroke:var(--good);stroke-width:2;stroke-linecap:round;\
stroke-linejoin:round}\
.bad svg{stroke:var(--bad)}\
p{margin:.75rem 0 0;overflow-wrap:anywhere}\
code{display:block;margin-top:.5rem;padding:.6rem .75rem;border:1px solid var(--line);border-radius:.4rem;\
background:var(--back);font:.9rem/1.4 ui-monospace,monospace}\
.at{margin:-.75rem 0 1rem 2.75rem;color:var(--soft);font-size:.9rem}\
footer{margin-top:1rem;color:var(--soft);font-size:.85rem;text-align:center}";

impl Page {
    pub(crate) fn signed_in(provider: &Provider, who: Option<&str>) -> Self {
        let who = who.map(|who| format!("The account is {who}. ")).unwrap_or_default();
        let why = format!("{who}Commands that use this provider get its token from now on.");
        let title = format!("Signed in to {}", provider.name);
        Self { status: "200 OK", is_good: true, title, at: address(provider), why, next: Next::Say(BACK) }
    }

    /// `why` is what the terminal says, `login` the command that signs in again.
    pub(crate) fn failed(provider: &Provider, why: &str, login: &str) -> Self {
        // The command has a place of its own here.
        let why = why.strip_suffix(&format!("; run: {login}")).unwrap_or(why).to_owned();
        let title = format!("Not signed in to {}", provider.name);
        Self { status: "200 OK", is_good: false, title, at: address(provider), why, next: Next::Run(login.to_owned()) }
    }

    /// For what is not the answer to our sign-in.
    pub(super) fn stray(status: &'static str, title: &str, next: &'static str) -> Self {
        let (at, why) = (String::new(), String::new());
        Self { status, is_good: false, title: title.to_owned(), at, why, next: Next::Say(next) }
    }

    /// The page with its head, as HTTP sends it.
    pub(super) fn response(&self) -> String {
        let page = self.html();
        let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        format!(
            "HTTP/1.1 {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
             Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
             Content-Security-Policy: {policy}\r\n\r\n{page}",
            self.status,
            page.len()
        )
    }

    fn html(&self) -> String {
        let (class, mark) = if self.is_good { ("good", "m7.5 12.5 3 3 6-6.5") } else { ("bad", "M12 7v6m0 3.5v.1") };
        let title = escaped(&self.title);
        let paragraph = |of_class: &str, words: &str| match words {
            "" => String::new(),
            words => format!("<p{of_class}>{}</p>", escaped(words)),
        };
        let (at, why) = (paragraph(" class=\"at\"", &self.at), paragraph("", &self.why));
        let next = match &self.next {
            Next::Say(words) => format!("<p>{words}</p>"),
            Next::Run(command) => {
                format!("<p>The terminal says the same. To try again, run there:<code>{}</code></p>", escaped(command))
            }
        };
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style></head>\
             <body><main class=\"{class}\"><h1><svg viewBox=\"0 0 24 24\" aria-hidden=\"true\">\
             <circle cx=\"12\" cy=\"12\" r=\"10\"/><path d=\"{mark}\"/></svg>{title}</h1>{at}{why}{next}</main>\
             <footer>claude-credential, on this machine</footer></body></html>\n"
        )
    }
}

/// Where the provider is: a page of that name could be anybody's.
fn address(provider: &Provider) -> String {
    let url = provider.issuer.as_deref().or(provider.authorization_endpoint.as_deref());
    url.map(|url| Call { url, ..Call::default() }.host()).unwrap_or_default()
}

fn escaped(words: &str) -> String {
    let words = text::one_line(words);
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use claude_credential_config::{Flow, Provider};

    use super::Page;

    #[test]
    fn what_a_provider_says_is_text_and_nothing_is_loaded() {
        let issuer = Some("https://login.acme.example/tenant".to_owned());
        let acme = &Provider { issuer, ..Provider::new("acme", "/c:1", Flow::default()) };
        let page = Page::failed(
            acme,
            "<script src=//evil.example>&\u{202e}; run: claude-credential login acme",
            "claude-credential login acme",
        );
        let response = page.response();
        assert!(response.contains("&lt;script src=//evil.example&gt;&amp;?</p>"), "{response}");
        assert!(response.contains(">login.acme.example</p>"), "{response}");
        assert!(!response.contains("<script") && !response.contains("http://") && !response.contains("url("));
        assert!(response.contains("Content-Security-Policy: default-src 'none'; style-src 'sha256-"), "{response}");
        assert!(response.contains("<code>claude-credential login acme</code>"), "{response}");
        let page = Page::signed_in(acme, Some("alice@acme.example")).response();
        assert!(
            page.contains("Signed in to acme")
                && page.contains("alice@acme.example")
                && page.contains("close this window")
        );
    }
}
