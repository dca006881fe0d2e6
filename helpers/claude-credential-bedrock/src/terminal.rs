//! Asks the user at the terminal. It uses /dev/tty, because stdin carries the protocol.

use std::fs::File;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use claude_credential_protocol::text;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Reads a line until `until`. The input is echoed: an MFA code works only once, and a terminal with echo turned off
/// would stay so if this process were killed.
pub(crate) fn ask(question: &str, until: Instant) -> io::Result<String> {
    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    terminal.write_all(text::lines(question).as_bytes())?;
    let mut line = Vec::new();
    while !line.contains(&b'\n') {
        let left = until.saturating_duration_since(Instant::now());
        if left < Duration::from_millis(1) {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let mut polled = [PollFd::new(&terminal, PollFlags::IN)];
        if poll(&mut polled, Timespec::try_from(left).ok().as_ref()).is_ok_and(|ready| ready > 0) {
            let mut chunk = [0; 256];
            match terminal.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => line.extend_from_slice(&chunk[..read]),
            }
        }
    }
    Ok(String::from_utf8_lossy(&line).trim().to_owned())
}
