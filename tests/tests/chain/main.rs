//! The dispatcher: which source answers, what is kept, what the client and git are told, and what becomes of a call that
//! others disturb.

mod broken_files;
mod broken_helpers;
mod canary;
mod client;
mod clouds;
mod config;
mod crowd;
mod destination;
mod driver;
mod front;
mod git;
mod handed_in;
mod hosts;
mod keeping;
mod key;
mod lookup_order;
mod misplaced;
mod not_files;
mod order;
mod progress;
mod project;
mod refresh;
mod refresh_crowd;
mod refused;
mod regressions;
mod signals;
mod tenants;
mod unreadable;
mod whose_folders;
