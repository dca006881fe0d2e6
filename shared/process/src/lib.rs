//! One child process: its streams, its deadline, its end.
//!
//! The dispatcher runs helpers and commands with it, and a helper the command in one of Claude Code's settings.
#![warn(missing_docs)]

mod active;
mod attached;
mod child;
mod exit;
mod held;
mod interrupt;
mod key_command;
mod lookup;
mod relay;
mod streams;

pub use active::Active;
pub use attached::run_attached;
pub use child::{Ended, Failure, Finished, Task};
pub use held::{Held, end_if_asked};
pub use interrupt::{Interrupted, interrupted, survive_closed_pipes};
pub use key_command::{KeyCommand, StderrRule};
pub use lookup::find_on_path;
pub use relay::Relay;

/// The client's own secrets in our environment, which no child of ours gets: with this one a process could pose as the
/// client.
pub const CLIENT_SECRETS: [&str; 1] = ["CLAUDE_CODE_MESSAGING_TOKEN"];
