use std::io::{self, Read, Write};
use std::{fmt, str};

use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use crate::append_wiped;

/// The longest line, with its line feed.
pub const MAX_LINE: usize = 65_535;

/// The longest message, with its empty line.
pub const MAX_MESSAGE: usize = 1 << 20;

/// Why a message is void. Names the line and never shows it: it may be the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("malformed message, line {line}: {problem}")]
pub struct Malformed {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Problem {
    /// No `=` in it.
    #[error("it has no `=`")]
    NoEquals,
    /// The key is not `[a-z][a-z0-9_.]*(\[\])?`.
    #[error("its key is not of the form [a-z][a-z0-9_.]* or that with []")]
    Key,
    /// A NUL, or a CR that is not part of the line end.
    #[error("its value has a NUL or CR in it")]
    Value,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    Encoding,
    /// Longer than [`MAX_LINE`].
    #[error("it is longer than {MAX_LINE} bytes")]
    LineTooLong,
    /// The message goes beyond [`MAX_MESSAGE`].
    #[error("the message is longer than {MAX_MESSAGE} bytes")]
    MessageTooLong,
    /// A key whose value is not of its form.
    #[error("the value of `{0}` is not of its form")]
    Form(&'static str),
    /// A key without which the message means nothing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
}

impl Problem {
    /// This problem, found at `line`.
    #[must_use]
    pub fn at(self, line: usize) -> Malformed {
        Malformed { line, problem: self }
    }
}

/// One message: fields in their order. Values are wiped on drop, whatever they are.
#[derive(Default)]
pub struct Message {
    fields: Vec<Field>,
    ended: bool,
    cut: bool,
}

struct Field {
    key: String,
    value: Zeroizing<String>,
    line: usize,
}

impl Message {
    /// Reads one message, up to its empty line or the end of the stream.
    pub fn read(stream: &mut dyn Read) -> io::Result<Result<Self, Malformed>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1024));
        let mut chunk = [0; 4096];
        let mut seen = 0;
        while !has_end(&bytes, seen) && bytes.len() <= MAX_MESSAGE {
            seen = bytes.len();
            match stream.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => {
                    append_wiped(&mut bytes, &chunk[..read]);
                    chunk[..read].zeroize();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self::parse(&bytes))
    }

    /// The message that `bytes` begin with. Lines end at byte 0x0A and nowhere else, whatever else Unicode calls a
    /// line end; one 0x0D directly before it belongs to the end (CVE-2024-52006, CVE-2024-50338).
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut message = Self::default();
        let mut rest = bytes;
        let mut number = 0;
        while !rest.is_empty() {
            number += 1;
            let (line, after, ended) = match rest.iter().position(|byte| *byte == b'\n') {
                Some(end) => (&rest[..end], &rest[end + 1..], 1),
                None => (rest, &rest[rest.len()..], 0),
            };
            if line.len() + ended > MAX_LINE {
                return Err(Problem::LineTooLong.at(number));
            }
            if bytes.len() - after.len() > MAX_MESSAGE {
                return Err(Problem::MessageTooLong.at(number));
            }
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                message.ended = true;
                break;
            }
            message.fields.push(Field::parse(line, number)?);
            message.cut = ended == 0;
            rest = after;
        }
        Ok(message)
    }

    /// Whether the stream ended in the middle of a line: what stands there may be half a secret.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether the empty line was there. Who speaks `claude.v1` always writes it, so without it the message was cut.
    #[must_use]
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// The value of a single key: the last one wins.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.find(key).map(|field| field.value.as_str())
    }

    /// The values of a `key[]`, less those before the last empty one, which empties the list.
    #[must_use]
    pub fn list(&self, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for field in self.fields.iter().filter(|field| field.key == key) {
            if field.value.is_empty() {
                values.clear();
            } else {
                values.push(field.value.as_str());
            }
        }
        values
    }

    /// The same if each value is of its form; an empty one only empties the list.
    pub fn checked_list(&self, key: &'static str, is_valid: impl Fn(&str) -> bool) -> Result<Vec<&str>, Malformed> {
        let mut fields = self.fields.iter().filter(|field| field.key == key && !field.value.is_empty());
        match fields.find(|field| !is_valid(&field.value)) {
            Some(field) => Err(Problem::Form(key).at(field.line)),
            None => Ok(self.list(key)),
        }
    }

    /// The value of `key` as a number from `range`.
    pub fn number(&self, key: &'static str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Malformed> {
        let Some(field) = self.find(key) else { return Ok(None) };
        // `u64::from_str` takes a sign; the wire does not.
        let decimal = !field.value.is_empty() && field.value.bytes().all(|byte| byte.is_ascii_digit());
        let number = field.value.parse().ok().filter(|number| decimal && range.contains(number));
        number.map(Some).ok_or(Problem::Form(key).at(field.line))
    }

    /// Whether a flag is set. As in git, `1`, `true`, `yes` and `on` set it.
    #[must_use]
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.get(key), Some("1" | "true" | "yes" | "on"))
    }

    /// The line of `key`, or the last one: where to say that its value is wrong or that it is missing.
    #[must_use]
    pub fn line_of(&self, key: &str) -> usize {
        self.find(key).map_or(self.fields.last().map_or(1, |field| field.line + 1), |field| field.line)
    }

    /// Adds a field. What can't stand on a line is refused here, so that nothing malformed is ever written.
    pub fn push(&mut self, key: &str, value: &str) -> Result<(), Malformed> {
        let line = self.fields.len() + 1;
        if !is_key(key) {
            return Err(Problem::Key.at(line));
        }
        if value.bytes().any(|byte| matches!(byte, 0 | b'\n' | b'\r')) {
            return Err(Problem::Value.at(line));
        }
        if key.len() + 1 + value.len() + 1 > MAX_LINE {
            return Err(Problem::LineTooLong.at(line));
        }
        self.fields.push(Field { key: key.to_owned(), value: Zeroizing::new(value.to_owned()), line });
        Ok(())
    }

    /// Adds a field if there is a value.
    pub fn push_some(&mut self, key: &str, value: Option<&str>) -> Result<(), Malformed> {
        value.map_or(Ok(()), |value| self.push(key, value))
    }

    /// Writes the whole message in one piece, with its empty line, and flushes. One without a field is silence.
    pub fn write(&self, stream: &mut dyn Write) -> io::Result<()> {
        if self.fields.is_empty() {
            return Ok(());
        }
        stream.write_all(&self.to_bytes())?;
        stream.flush()
    }

    /// The message as it stands on the wire.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let size = self.fields.iter().map(|field| field.key.len() + field.value.len() + 2).sum::<usize>() + 1;
        // Sized beforehand: a buffer that grows leaves unwiped copies of what it held.
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        for Field { key, value, line: _ } in &self.fields {
            bytes.extend_from_slice(key.as_bytes());
            bytes.push(b'=');
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        bytes
    }

    fn find(&self, key: &str) -> Option<&Field> {
        self.fields.iter().rev().find(|field| field.key == key)
    }
}

impl Field {
    fn parse(line: &[u8], number: usize) -> Result<Self, Malformed> {
        let equals = line.iter().position(|byte| *byte == b'=').ok_or(Problem::NoEquals.at(number))?;
        let (key, value) = (&line[..equals], &line[equals + 1..]);
        let key = str::from_utf8(key).ok().filter(|key| is_key(key)).ok_or(Problem::Key.at(number))?;
        if value.iter().any(|byte| matches!(byte, 0 | b'\r')) {
            return Err(Problem::Value.at(number));
        }
        let value = str::from_utf8(value).map_err(|_| Problem::Encoding.at(number))?;
        Ok(Self { key: key.to_owned(), value: Zeroizing::new(value.to_owned()), line: number })
    }
}

fn is_key(key: &str) -> bool {
    let name = key.strip_suffix("[]").unwrap_or(key).as_bytes();
    name.first().is_some_and(u8::is_ascii_lowercase)
        && name.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'))
}

/// Whether the empty line is among `bytes`, of which the first `seen` have been looked at.
fn has_end(bytes: &[u8], seen: usize) -> bool {
    let at_start = bytes.starts_with(b"\n") || bytes.starts_with(b"\r\n");
    let bytes = &bytes[seen.saturating_sub(2)..];
    at_start || bytes.windows(2).any(|pair| pair == b"\n\n") || bytes.windows(3).any(|three| three == b"\n\r\n")
}

/// Keys alone.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields.iter().map(|field| &field.key)).finish()
    }
}
