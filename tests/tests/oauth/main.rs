//! `claude-credential-oauth`, from the first sign-in to the last refresh.
//!
//! `certified` and `foreign` need servers of its own: `tests/run.sh` starts them, and runs `killed` with a keychain as well.

mod authorities;
mod certified;
mod crowd;
mod foreign;
mod killed;
mod machines;
mod refresh;
mod servers;
mod sign_in;
mod wire;
