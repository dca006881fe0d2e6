use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::oauth::percent;

/// A browser without a window: it keeps cookies and follows redirects.
#[derive(Debug, Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

/// What it came to.
#[derive(Debug, Clone)]
pub struct Page {
    /// 200 and so on.
    pub status: u16,
    /// Where it leads, if anywhere.
    pub location: Option<String>,
    /// What is on it.
    pub text: String,
    cookies: Vec<(String, String)>,
}

impl Browser {
    /// Follows redirects as long as they stay with the server of `url`: the address that it is sent to then.
    #[must_use]
    pub fn sign_in(&mut self, url: &str) -> String {
        let home = origin(url).to_owned();
        let mut url = url.to_owned();
        for _ in 0..20 {
            let page = self.open(&url);
            let to = page.location.clone().unwrap_or_else(|| panic!("{url} leads nowhere: {page:?}"));
            url = if to.starts_with('/') { format!("{home}{to}") } else { to };
            if origin(&url) != home {
                return url;
            }
        }
        panic!("no end of redirects at {url}")
    }

    /// Opens a page, and keeps its cookies.
    pub fn open(&mut self, url: &str) -> Page {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let page = fetch(url, &[("Cookie", &cookies.join("; "))]);
        self.cookies.extend(page.cookies.iter().cloned());
        page
    }
}

/// GET, of loopback, without following where it leads.
pub fn fetch(url: &str, headers: &[(&str, &str)]) -> Page {
    send("GET", url, headers, "")
}

/// POST of a form.
pub fn post(url: &str, fields: &[(&str, &str)]) -> Page {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
    send("POST", url, &[("Content-Type", "application/x-www-form-urlencoded")], &fields.join("&"))
}

/// A request to loopback.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &str) -> Page {
    let address = origin(url).strip_prefix("http://").unwrap_or_else(|| panic!("{url} is not plain http"));
    let target = url.get(origin(url).len()..).filter(|target| !target.is_empty()).unwrap_or("/");
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
    let mut request = format!("{method} {target} HTTP/1.0\r\nHost: {address}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes()).expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    parse(&String::from_utf8_lossy(&answer))
}

fn parse(answer: &str) -> Page {
    let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let mut page = Page { status: 0, location: None, text: text.to_owned(), cookies: Vec::new() };
    page.status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        match name.to_ascii_lowercase().as_str() {
            "location" => page.location = Some(value.to_owned()),
            "set-cookie" => {
                let cookie = value.split(';').next().and_then(|cookie| cookie.split_once('='));
                page.cookies.extend(cookie.map(|(name, value)| (name.to_owned(), value.to_owned())));
            }
            _ => {}
        }
    }
    page
}

/// `http://HOST:PORT` of an address.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    &url[..end]
}
