//! `claude-credential`: asks a chain of helpers, in priority order, for a credential; keeps the answer as long as it is
//! good; shares one lookup among all callers; and notices when a key was refused.
#![cfg_attr(all(not(test), target_os = "linux", target_env = "gnu"), no_main)]

mod cache;
mod chain;
mod cli;
mod client;
mod commands;
mod context;
mod failure;
mod fast_path;
mod lookup;
mod os;
mod prelude;
mod query;
mod terminal;
mod token_output;
mod ttl;

use std::io::Write;

use clap::Parser;
use claude_credential_protocol::Operation;

use cli::{Cli, Command};
use context::Context;
use failure::Failure;
use prelude::Prelude;

/// With glibc, the C library calls this function directly, without the start-up code of the standard library. That code
/// installs a handler for stack overflows, for which it reads /proc/self/maps: a third of all system calls of a hit
/// (`docs/design/no-main.md`).
#[cfg(all(not(test), target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the attribute exports the name that the C library calls; the function itself is safe")]
#[unsafe(no_mangle)]
extern "C" fn main() -> std::ffi::c_int {
    os::open_missing_streams();
    claude_credential_process::survive_closed_pipes();
    start().into()
}

#[cfg(any(test, not(all(target_os = "linux", target_env = "gnu"))))]
fn main() -> std::process::ExitCode {
    start().into()
}

fn start() -> u8 {
    claude_credential_protocol::forbid_core_dumps();
    claude_credential_protocol::report_panics("claude-credential");
    let words: Vec<_> = std::env::args_os().collect();
    let mut prelude = Prelude::here();
    let plain = cli::plain::parse(&words);
    if let Some(outcome) = plain.as_ref().and_then(|cli| fast_path::answer(cli, &words, &mut prelude)) {
        return end(outcome.map(|()| 0).map_err(Failure::from));
    }
    let cli = match plain.map_or_else(|| Cli::try_parse_from(words), Ok) {
        Ok(cli) => cli,
        Err(usage) => return claude_credential_protocol::print_usage(&usage),
    };
    end(dispatch(cli, prelude))
}

fn end(outcome: Result<u8, Failure>) -> u8 {
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            // A closed stderr is no reason for another exit code.
            let _ = writeln!(std::io::stderr(), "claude-credential: {failure}");
            failure.exit_code()
        }
    }
}

fn dispatch(cli: Cli, prelude: Prelude) -> Result<u8, Failure> {
    let Prelude { environment, fast_key, message } = prelude;
    let Some(command) = cli.command else { return Ok(commands::external::usage()) };
    match &command {
        // These have to work even if the configuration can't be loaded.
        Command::Doctor(options) => return commands::doctor::run(cli.options, options),
        Command::Completions { shell } => return Ok(commands::shell::completions(*shell)?),
        Command::Man { to } => return Ok(commands::shell::man(to.as_deref())?),
        _ => {}
    }
    let for_client = match &command {
        Command::ApiKeyHelper => true,
        Command::Explain(options) => options.for_client,
        _ => false,
    };
    let context = match Context::new(cli.options, for_client, environment, fast_key) {
        Ok(context) => context,
        Err(failure) if matches!(command, Command::Get) => return commands::wire::fail(failure, message).map(|()| 0),
        Err(failure) => return Err(failure),
    };
    match command {
        Command::ApiKeyHelper => commands::api_key_helper::run(&context)?,
        Command::Print(options) => commands::print::run(&context, &options)?,
        Command::Get => commands::wire::run(&context, Operation::Get, message)?,
        Command::Store => commands::wire::run(&context, Operation::Store, None)?,
        Command::Erase => commands::wire::run(&context, Operation::Erase, None)?,
        Command::Capability => commands::wire::capability()?,
        Command::Login(options) => return commands::login::run(&context, "login", &options),
        Command::Logout(options) => return commands::login::run(&context, "logout", &options),
        Command::Status(options) => return commands::status::run(&context, options),
        Command::Refresh(options) => commands::refresh::run(&context, &options)?,
        Command::Cache { what } => commands::cache::run(&context, what)?,
        Command::Demo => return commands::demo::run(&context),
        Command::Explain(options) => return commands::explain::run(&context, &options),
        Command::Exec(options) => return commands::exec::run(&context, &options),
        Command::Doctor(_) | Command::Completions { .. } | Command::Man { .. } => {}
        Command::Setup(options) => return commands::setup::run(&context, &options),
        Command::External(words) => return commands::external::run(&context, &words),
    }
    Ok(0)
}
