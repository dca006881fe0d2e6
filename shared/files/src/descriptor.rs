use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use claude_credential_protocol::{Error, Secret, TokenProblem, parse_token};

use crate::os::DESCRIPTORS;
use crate::pipe::{open, read_to_end};

/// Enough for the longest key with white space around it; more is no key.
const MAX_BYTES: usize = 64 * 1024;

/// A pipe or regular file that our parent process left open, and whose number a variable holds.
///
/// It is opened anew through its name: no number becomes a descriptor unchecked, a file is read from its beginning
/// however often it was read before, and waiting for a pipe changes nothing for others who have it.
#[derive(Debug)]
pub struct Descriptor {
    variable: String,
    path: PathBuf,
    is_pipe: bool,
}

impl Descriptor {
    /// The descriptor whose number is the `value` of `variable`; `None` if it is closed or of another kind. The
    /// client's variables reach programs that its descriptors don't, so that is no error, and a number that is none is.
    pub fn named_by(variable: &str, value: &str) -> Result<Option<Self>, Error> {
        let value = value.trim();
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        // 0 to 2 are our own streams: the request stands on one of them.
        let number = value.parse::<u16>().ok().filter(|number| is_number && *number > 2);
        let number = number.ok_or_else(|| {
            let wanted = "is not the number of a descriptor, 3 or more";
            Error::config(format!("{variable} {wanted}; run: unset {variable}"))
        })?;
        let path = Path::new(DESCRIPTORS).join(number.to_string());
        let Ok(found) = fs::metadata(&path) else { return Ok(None) };
        let is_pipe = found.file_type().is_fifo();
        Ok((is_pipe || found.is_file()).then(|| Self { variable: variable.to_owned(), path, is_pipe }))
    }

    /// Whether reading it consumes its contents for all other processes that have it.
    #[must_use]
    pub fn is_pipe(&self) -> bool {
        self.is_pipe
    }

    /// The key in it, once its writer has closed it; `None` if it is empty or has been read already.
    pub fn token(&self, patience: Duration) -> Result<Option<Secret>, Error> {
        let until = Instant::now() + patience;
        let bytes = open(&self.path).and_then(|file| read_to_end(&self.path, file, MAX_BYTES, until));
        let bytes = bytes.map_err(|problem| Error::from(problem).with_prefix(&self.variable))?;
        match parse_token(&bytes) {
            Ok(token) => Ok(Some(token)),
            Err(TokenProblem::Empty) => Ok(None),
            Err(problem) => Err(Error::config(format!("what {} leads to is no key: {problem}", self.variable))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write, pipe};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;
    use std::time::{Duration, Instant};

    use claude_credential_protocol::Class;

    use super::Descriptor;

    const LONG: Duration = Duration::from_secs(20);

    fn open(descriptor: &impl AsRawFd) -> Option<Descriptor> {
        Descriptor::named_by("THE_VARIABLE", &descriptor.as_raw_fd().to_string()).unwrap()
    }

    #[test]
    fn a_file_is_read_from_its_beginning_every_time() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"CANARY-file\n").unwrap();
        file.seek(SeekFrom::End(0)).unwrap();
        for _ in 0..2 {
            let token = open(&file).unwrap().token(LONG).unwrap();
            assert_eq!(token.unwrap().expose(), "CANARY-file");
        }
    }

    #[test]
    fn a_pipe_gives_its_key_once() {
        let (reader, mut writer) = pipe().unwrap();
        writer.write_all(b"CANARY-pipe").unwrap();
        drop(writer);
        let descriptor = open(&reader).unwrap();
        assert!(descriptor.is_pipe());
        assert_eq!(descriptor.token(LONG).unwrap().unwrap().expose(), "CANARY-pipe");
        assert_eq!(descriptor.token(LONG).unwrap(), None);
    }

    #[test]
    fn a_pipe_that_is_never_closed_is_waited_for_no_longer_than_asked() {
        let (reader, mut writer) = pipe().unwrap();
        writer.write_all(b"CANARY").unwrap();
        let start = Instant::now();
        let error = open(&reader).unwrap().token(Duration::from_millis(50)).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(error.class(), Class::Unavailable);
        assert!(error.to_string().starts_with("THE_VARIABLE: ") && !error.to_string().contains("CANARY"), "{error}");
    }

    #[test]
    fn a_closed_descriptor_and_a_socket_are_none() {
        let (socket, _other) = UnixStream::pair().unwrap();
        assert!(open(&socket).is_none());
        assert!(Descriptor::named_by("THE_VARIABLE", "65000").unwrap().is_none());
    }

    #[test]
    fn a_number_that_is_none_names_the_variable() {
        for value in ["", "x", "-1", "+3", "3.0", "99999999999", "0", "2", "../../etc/passwd"] {
            let error = Descriptor::named_by("THE_VARIABLE", value).unwrap_err();
            assert_eq!(error.class(), Class::Config, "{value}");
            assert!(error.to_string().starts_with("THE_VARIABLE "), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_is_not_shown() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"CANARY with blanks").unwrap();
        let error = open(&file).unwrap().token(LONG).unwrap_err().to_string();
        assert!(error.contains("THE_VARIABLE") && !error.contains("CANARY"), "{error}");
        file.write_all(&vec![b'k'; 100_000]).unwrap();
        assert_eq!(open(&file).unwrap().token(LONG).unwrap_err().class(), Class::Config);
    }
}
