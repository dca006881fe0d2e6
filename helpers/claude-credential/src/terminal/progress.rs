//! The line that the user reads at the terminal during a long wait (`docs/design/progress-line.md`).
//!
//! ```text
//! waiting for entry vault (vault kv get …) 28 s
//! ```
//!
//! The line is above the cursor and is rewritten from there, so that a program's prompt to the user has a line of its
//! own and keeps it.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use claude_credential_protocol::text;
use rustix::stdio::stderr;
use rustix::termios::{LocalModes, tcgetattr, tcgetwinsize};

/// The time until the line appears, and between two updates of it.
const SECOND: Duration = Duration::from_secs(1);

/// Enough for a thread that writes one line a second.
const STACK: usize = 64 * 1024;

/// Shows what the call waits for, until it is dropped; then the line disappears.
#[derive(Debug)]
pub(crate) struct Progress {
    end: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.end.take());
        // The next writer must find an empty line.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Progress {
    /// Begins to show that the call waits for `what`; `None` if stderr is no terminal.
    pub(crate) fn begin(what: impl FnOnce() -> String) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let (end, ended) = mpsc::channel();
        let what = format!("waiting for {}", text::one_line(&what()));
        let started = Instant::now();
        let watch = move || {
            let mut line = StatusLine { can_go_up: can_go_up(), shown: false };
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
        // Without a thread there is no line, which is no reason to fail.
        let thread = thread::Builder::new().stack_size(STACK).spawn(watch).ok()?;
        Some(Self { end: Some(end), thread: Some(thread) })
    }
}

struct StatusLine {
    can_go_up: bool,
    shown: bool,
}

impl StatusLine {
    fn show(&mut self, text: &str) {
        if (self.shown && !self.can_go_up) || is_terminal_in_use() {
            return;
        }
        let columns = tcgetwinsize(stderr()).map_or(0, |size| usize::from(size.ws_col));
        // A line that wraps into the next row could not be rewritten.
        let room = if columns == 0 { 79 } else { columns.saturating_sub(1) };
        let text: String = text.chars().take(room).collect();
        if self.shown {
            // Save the cursor, go up, write, erase the rest, restore the cursor.
            write(&format!("\x1b7\x1b[1A\r{text}\x1b[K\x1b8"));
        } else {
            write(&format!("{text}\n"));
        }
        self.shown = true;
    }

    fn clear(&self) {
        if self.shown && self.can_go_up && !is_terminal_in_use() {
            write("\x1b[1A\r\x1b[K");
        }
    }
}

fn write(text: &str) {
    // A closed terminal is no reason to fail.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn can_go_up() -> bool {
    env::var_os("TERM").is_some_and(|kind| !kind.is_empty() && kind != "dumb")
}

/// Whether another program asks for a passphrase or fills the screen: such a program turns echo or line mode off.
fn is_terminal_in_use() -> bool {
    let usual = LocalModes::ECHO | LocalModes::ICANON;
    tcgetattr(stderr()).is_ok_and(|terminal| !terminal.local_modes.contains(usual))
}
