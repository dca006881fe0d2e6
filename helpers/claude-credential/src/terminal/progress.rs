//! What a person reads at the terminal while something takes its time.
//!
//! ```text
//! waiting for entry vault (vault kv get …) 28 s
//! ```
//!
//! The line stands above the cursor and is written anew from there: what a program asks the person meanwhile has a line
//! of its own, and stays on it.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use claude_credential_protocol::text;
use rustix::stdio::stderr;
use rustix::termios::{LocalModes, tcgetattr, tcgetwinsize};

/// What takes no longer is not worth a line; and how often the line is written anew.
const SECOND: Duration = Duration::from_secs(1);

/// It makes one system call a second.
const STACK: usize = 64 * 1024;

/// As long as it lives, the person is told what is waited for. When it is dropped, nothing of that is left.
#[derive(Debug)]
pub(crate) struct Progress {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.end.take());
        // Whoever writes next must find an empty line.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Progress {
    /// Begins to wait for `what`; none where nobody would see it.
    pub(crate) fn begin(what: impl FnOnce() -> String) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let (end, ended) = mpsc::channel();
        let what = format!("waiting for {}", text::one_line(&what()));
        let started = Instant::now();
        let watch = move || {
            let mut line = Line { can_go_up: can_go_up(), shown: false };
            let mut seconds = 0;
            loop {
                seconds += 1;
                let left = (SECOND * seconds).saturating_sub(started.elapsed());
                match ended.recv_timeout(left) {
                    Err(RecvTimeoutError::Timeout) => line.show(&format!("{what} {seconds} s")),
                    _ => break line.clear(),
                }
            }
        };
        // No line then: that is no reason to fail.
        let thread = thread::Builder::new().stack_size(STACK).spawn(watch).ok()?;
        Some(Self { end: Some(end), thread: Some(thread) })
    }
}

struct Line {
    can_go_up: bool,
    shown: bool,
}

impl Line {
    fn show(&mut self, text: &str) {
        if (self.shown && !self.can_go_up) || is_someone_else_at_it() {
            return;
        }
        let columns = tcgetwinsize(stderr()).map_or(0, |size| usize::from(size.ws_col));
        // A line that goes on in the next row could not be written anew.
        let room = if columns == 0 { 79 } else { columns.saturating_sub(1) };
        let text: String = text.chars().take(room).collect();
        if self.shown {
            // Keep the place, one up, write, erase the rest, back to the place.
            write(&format!("\x1b7\x1b[1A\r{text}\x1b[K\x1b8"));
        } else {
            write(&format!("{text}\n"));
        }
        self.shown = true;
    }

    fn clear(&self) {
        if self.shown && self.can_go_up && !is_someone_else_at_it() {
            write("\x1b[1A\r\x1b[K");
        }
    }
}

fn write(text: &str) {
    // A terminal that has gone away is no reason to fail.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn can_go_up() -> bool {
    env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb")
}

/// A program that asks for a passphrase, or fills the screen, has set the terminal so: it is left alone.
fn is_someone_else_at_it() -> bool {
    let usual = LocalModes::ECHO | LocalModes::ICANON;
    tcgetattr(stderr()).is_ok_and(|terminal| !terminal.local_modes.contains(usual))
}
