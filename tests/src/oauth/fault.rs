use std::time::Duration;

use crate::oauth::Reply;

/// What can be wrong with an answer.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A status, and RFC 6749's words in it.
    Error(u16, &'static str),
    /// A status, and a page for people.
    Page(u16),
    /// 429, to be asked again after so many seconds.
    TooMany(u64),
    /// Not a word.
    Hangs,
    /// A byte now and then: it would take hours.
    Crawls,
    /// The connection is closed without a word.
    Closes,
    /// Part of what was promised.
    Breaks,
    /// To another address.
    Redirects(String),
    /// 200, and JSON that is not what it should be.
    Json(&'static str),
    /// 200, and 10 MB of JSON.
    Huge,
    /// The request is carried out, and its answer is lost on the way.
    Loses,
}

impl Fault {
    /// What comes back in place of an answer.
    #[must_use]
    pub fn reply(&self) -> Reply {
        match self {
            Self::Error(status, error) => Reply::error(*status, error),
            Self::Page(status) => Reply::page(*status, "something went wrong"),
            Self::TooMany(seconds) => Reply::error(429, "slow_down").with("Retry-After", &seconds.to_string()),
            Self::Hangs => Reply::Hangs,
            Self::Crawls => Reply::Slow(Duration::from_secs(2), vec![b' '; 5000]),
            Self::Closes | Self::Loses => Reply::Closes,
            Self::Breaks => Reply::Breaks,
            Self::Redirects(url) => Reply::to(url),
            Self::Json(text) => Self::json(text.as_bytes().to_vec()),
            Self::Huge => Self::json([b"{\"padding\":\"", &vec![b'x'; 10_000_000][..], b"\"}"].concat()),
        }
    }

    fn json(body: Vec<u8>) -> Reply {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        Reply::Answer { status: 200, headers, body }
    }
}
