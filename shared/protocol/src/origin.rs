use std::fmt;

use thiserror::Error;

use crate::text::is_key_like;

/// Where a credential may go: protocol, host and port, compared whole.
///
/// What is accepted is so narrow that every program reads it alike: no userinfo, no escapes, no white space, no
/// backslash, no trailing dot. A URL library would accept more and make something else of it, and a client with another
/// library something else again; what is merely unusual is refused instead (`docs/design/origins.md`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    protocol: &'static str,
    host: String,
}

/// Why a text names no place that a credential may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not a host, nor a URL of the form https://HOST[:PORT]/…: {0}")]
pub struct NotAnOrigin(&'static str);

impl NotAnOrigin {
    /// For that reason, which reads well after "it is not a host, …: ".
    #[must_use]
    pub fn new(reason: &'static str) -> Self {
        Self(reason)
    }
}

const PROTOCOLS: [(&str, u16); 2] = [("https", 443), ("http", 80)];

impl Origin {
    /// As the user lists it: `HOST[:PORT]` over https, or `http://HOST[:PORT]` in full.
    pub fn listed(text: &str) -> Result<Self, NotAnOrigin> {
        match text.split_once("://") {
            Some((protocol, host)) => Self::new(protocol, host.strip_suffix('/').unwrap_or(host)),
            None => Self::new("https", text),
        }
    }

    /// Of a URL, as `ANTHROPIC_BASE_URL` holds one: any path may follow.
    pub fn of_url(url: &str) -> Result<Self, NotAnOrigin> {
        Self::and_path(url).map(|(origin, _)| origin)
    }

    /// Of a URL, and the rest of it: its path without the slash that begins it, with query and fragment.
    pub fn and_path(url: &str) -> Result<(Self, &str), NotAnOrigin> {
        let (protocol, rest) = url.split_once("://").ok_or(NotAnOrigin("it has no protocol"))?;
        let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        Ok((Self::new(protocol, host)?, path.strip_prefix('/').unwrap_or(path)))
    }

    /// Of the two keys of the wire.
    pub fn new(protocol: &str, host: &str) -> Result<Self, NotAnOrigin> {
        let protocol = protocol.to_ascii_lowercase();
        let known = PROTOCOLS.into_iter().find(|(name, _)| *name == protocol);
        let (protocol, own_port) = known.ok_or(NotAnOrigin("its protocol is neither https nor http"))?;
        let (name, port) = split_port(host)?;
        let name = name.to_ascii_lowercase();
        check_host(&name)?;
        let host = match port {
            Some(port) if port != own_port => format!("{name}:{port}"),
            _ => name,
        };
        Ok(Self { protocol, host })
    }

    /// `https` or `http`.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        self.protocol
    }

    /// The host, with its port where it is not the protocol's own.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// As a line of `hosts` says it.
    #[must_use]
    pub fn as_listed(&self) -> String {
        if self.protocol == "https" { self.host.clone() } else { self.to_string() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.protocol, self.host)
    }
}

fn split_port(host: &str) -> Result<(&str, Option<u16>), NotAnOrigin> {
    let after_name = host.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = host[after_name..].find(':').map(|at| at + after_name) else { return Ok((host, None)) };
    let digits = &host[colon + 1..];
    // `u16::from_str` takes a sign, and leading zeros are a second way to write the same port.
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let port = digits.parse().ok().filter(|_| plain);
    Ok((&host[..colon], Some(port.ok_or(NotAnOrigin("its port is not a number from 1 to 65535"))?)))
}

fn check_host(host: &str) -> Result<(), NotAnOrigin> {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address = address.parse::<std::net::Ipv6Addr>();
        return address.map(|_| ()).map_err(|_| NotAnOrigin("what stands in brackets is no IPv6 address"));
    }
    if host.is_empty() {
        return Err(NotAnOrigin("it has no host"));
    }
    // Resolvers and proxies would see it.
    if is_key_like(host) {
        return Err(NotAnOrigin("its host seems to be the secret itself"));
    }
    if host.len() > 253 {
        return Err(NotAnOrigin("its host is longer than 253 characters"));
    }
    for label in host.split('.') {
        if label.is_empty() {
            return Err(NotAnOrigin("its host begins or ends with a dot, or has two in a row"));
        }
        if !label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')) {
            return Err(NotAnOrigin("its host has a character that is not a letter, digit, hyphen, underscore or dot"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Origin;

    #[test]
    fn what_merely_looks_like_a_listed_host_is_another_or_none() {
        let listed = Origin::listed("api.anthropic.com").unwrap();
        for same in ["https://api.anthropic.com", "https://API.Anthropic.com/v1", "https://api.anthropic.com:443/?x#y"]
        {
            assert_eq!(Origin::of_url(same).as_ref(), Ok(&listed), "{same}");
        }
        for other in [
            "https://api.anthropic.com.evil.example",
            "https://xapi.anthropic.com",
            "https://api.anthropic.com.",
            "https://me@api.anthropic.com",
            "https://api.anthropic.com@evil.example",
            "https://api.anthropic.com:8443",
            "http://api.anthropic.com",
            "https://api.anthropic.com\\@evil.example",
            "https://api.anthropic.com%2eevil.example",
            "https://api.anthropic.com\t",
            " https://api.anthropic.com",
            "https:/api.anthropic.com",
            "https:///api.anthropic.com",
            "https://аpi.anthropic.com",
            "https://xn--pi-7kc.anthropic.com",
            "https://api.anthropic.com:0443",
            "https://api.anthropic.com:+443",
            "https://api.anthropic.com:443:80",
            "ftp://api.anthropic.com",
            "https://",
            "api.anthropic.com",
            "",
        ] {
            assert_ne!(Origin::of_url(other).as_ref(), Ok(&listed), "{other}");
        }
    }

    #[test]
    fn plain_http_has_to_be_listed_in_full() {
        let listed = Origin::listed("http://127.0.0.1:8080").unwrap();
        assert_eq!(listed, Origin::new("http", "127.0.0.1:8080").unwrap());
        assert_ne!(listed, Origin::listed("127.0.0.1:8080").unwrap());
        assert_eq!(Origin::listed("http://[::1]:8080/").unwrap().host(), "[::1]:8080");
        assert!(Origin::listed("[::1").is_err());
    }
}
