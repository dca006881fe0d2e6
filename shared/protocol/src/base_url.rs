use std::fmt;

use crate::origin::{NotAnOrigin, Origin};

/// What a line of `hosts` lists: an origin, whole or with the path below which a gateway serves one tenant.
///
/// A path is compared by whole segments, and only if every server reads it alike: no escape, no empty or dotted
/// segment, no backslash, no parameter or query (`docs/design/origins.md`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BaseUrl {
    origin: Origin,
    /// Without slashes around it, as git writes a `path`; empty for the whole origin.
    path: String,
}

impl BaseUrl {
    /// As the user lists it: `HOST[:PORT][/PATH]` over https, or in full with `https://` or `http://`.
    pub fn listed(text: &str) -> Result<Self, NotAnOrigin> {
        if text.contains("://") {
            return Self::of_url(text);
        }
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        Self::new(Origin::new("https", host)?, path)
    }

    /// Of a URL.
    pub fn of_url(url: &str) -> Result<Self, NotAnOrigin> {
        let (origin, path) = Origin::and_path(url)?;
        Self::new(origin, path)
    }

    /// Of an origin, and a path without the slash that begins it.
    pub fn new(origin: Origin, path: &str) -> Result<Self, NotAnOrigin> {
        Ok(Self { path: parsed(path)?.to_owned(), origin })
    }

    /// Whether `path` of `origin` is in it. A path that two servers may read differently is in no other path, but like
    /// all others in the whole origin.
    #[must_use]
    pub fn covers(&self, origin: &Origin, path: &str) -> bool {
        let is_below = |path: &str| {
            let rest = path.strip_prefix(self.path.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.origin == *origin && (self.path.is_empty() || parsed(path).is_ok_and(is_below))
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.covers(&other.origin, &other.path)
    }

    /// Protocol, host and port.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The path, as the wire's `path` has it; empty for the whole origin.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// As a line of `hosts` says it.
    #[must_use]
    pub fn as_listed(&self) -> String {
        format!("{}{}", self.origin.as_listed(), self.after_origin())
    }

    fn after_origin(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("/{}", self.path) }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.after_origin())
    }
}

impl From<Origin> for BaseUrl {
    fn from(origin: Origin) -> Self {
        Self { origin, path: String::new() }
    }
}

/// The path without the slash that may end it, if every server reads it alike.
fn parsed(path: &str) -> Result<&str, NotAnOrigin> {
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return Ok(path);
    }
    for segment in path.split('/') {
        if segment.bytes().all(|byte| byte == b'.') {
            return Err(NotAnOrigin::new("its path has two slashes in a row, or a segment of dots alone"));
        }
        // `;` begins a parameter, which some servers cut off: `..;` is `..` there.
        if !segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:@+=".contains(&byte)) {
            return Err(NotAnOrigin::new("its path has a character that is not a letter, a digit or one of -._~:@+="));
        }
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::BaseUrl;
    use crate::origin::Origin;

    fn covers(listed: &str, url: &str) -> bool {
        let (origin, path) = Origin::and_path(url).unwrap();
        BaseUrl::listed(listed).unwrap().covers(&origin, path)
    }

    #[test]
    fn a_listed_path_is_for_itself_and_what_is_below_it() {
        for listed in ["gateway.example/v1/acct-1", "https://Gateway.example:443/v1/acct-1/"] {
            for same in ["", "/", "/anthropic", "/anthropic/v1/messages", "/a:b@c+d=e~f_g"] {
                assert!(covers(listed, &format!("https://gateway.example/v1/acct-1{same}")), "{listed} {same}");
            }
            for other in [
                "",
                "/",
                "/v1",
                "/v1/acct-10",
                "/v1/acct-1x",
                "/v1/acct-2",
                "/V1/acct-1",
                "/v1/ACCT-1",
                "//v1/acct-1",
                "/v1//acct-1",
                "/v1/acct-1//x",
                "/v1/acct-1/../acct-2",
                "/v1/acct-1/..",
                "/v1/acct-1/.",
                "/./v1/acct-1",
                "/v1/acct-1/..;/acct-2",
                "/v1/acct-1;x",
                "/v1/acct-1/%2e%2e/acct-2",
                "/v1/acct-1%2f..%2facct-2",
                "/v1/acct%2d1",
                "/v1/acct-1\\..\\acct-2",
                "/v1\\acct-1",
                "/v1/acct-1?x",
                "/v1/acct-1#x",
                "/v1/acct-1 ",
                "/v1/acct-1/\t",
                "/v1/аcct-1",
                "?/v1/acct-1",
                "#/v1/acct-1",
            ] {
                assert!(!covers(listed, &format!("https://gateway.example{other}")), "{listed} {other}");
            }
            assert!(!covers(listed, "https://gateway.example:8443/v1/acct-1"), "{listed}");
            assert!(!covers(listed, "http://gateway.example/v1/acct-1"), "{listed}");
        }
    }

    #[test]
    fn a_host_without_a_path_is_for_all_of_them() {
        for path in ["", "/v1/acct-1", "/a%20b?c#d", "//a/../b", "?x"] {
            assert!(covers("gateway.example", &format!("https://gateway.example{path}")), "{path}");
            assert!(covers("https://gateway.example/", &format!("https://gateway.example{path}")), "{path}");
        }
    }

    #[test]
    fn only_a_path_that_every_server_reads_alike_can_be_listed() {
        for text in
            ["a.example/..", "a.example//b", "a.example/b//", "a.example/%41", "a.example/b?c", "a.example/b\\c"]
        {
            assert!(BaseUrl::listed(text).is_err(), "{text}");
        }
        let listed = BaseUrl::listed("http://127.0.0.1:80/v1/acct-1/").unwrap();
        assert_eq!(listed.to_string(), "http://127.0.0.1/v1/acct-1");
        assert_eq!((listed.as_listed(), listed.path()), (listed.to_string(), "v1/acct-1"));
        let listed = BaseUrl::listed("https://gateway.example/").unwrap();
        assert_eq!((listed.as_listed().as_str(), listed.path()), ("gateway.example", ""));
    }
}
