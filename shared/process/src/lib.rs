//! One child process: its streams, its deadline, its end.
//!
//! The dispatcher runs helpers and commands with it, and a helper the command in one of Claude Code's settings.
#![warn(missing_docs)]

mod active;
mod attached;
mod child;
mod exit;
mod interrupt;
mod key_command;
mod lookup;
mod os;
mod relay;
mod signal_guard;
mod streams;

pub use active::{Active, CLIENT_SECRETS};
pub use attached::run_attached;
pub use child::{Ended, Finished, RunError, Task};
pub use interrupt::{Interrupted, interrupted, survive_closed_pipes};
pub use key_command::{KeyCommand, StderrRule};
pub use lookup::find_on_path;
pub use relay::Relay;
pub use signal_guard::{SignalGuard, exit_if_signalled};
