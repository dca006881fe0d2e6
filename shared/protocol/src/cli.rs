use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::helper::{Helper, capability, serve};
use crate::request::Request;
use crate::{BaseUrl, Class, Error, Family, PrintOptions, text};

/// A [`Helper`] that is an executable: a struct of command-line options, with a name.
pub trait HelperCli: Helper + Args {
    /// The name of the executable.
    const NAME: &'static str;

    /// Commands for users beyond the wire: `login`, `logout`, `status`; [`NoCommands`] if it has none.
    type Commands: Subcommand;

    /// The cloud that its bearer tokens belong to, if any: `print` writes them into that cloud's variables.
    const BEARER: Option<Family> = None;

    /// Runs a command for users.
    fn run(&self, _command: Self::Commands) -> Result<(), Error> {
        Ok(())
    }

    /// What `print` asks for.
    fn print_host(&self) -> Result<BaseUrl, Error> {
        BaseUrl::listed("api.anthropic.com").map_err(|error| Error::broke(error.to_string()))
    }
}

/// The commands of a helper that has none.
#[derive(Debug, Subcommand)]
pub enum NoCommands {}

#[derive(Parser)]
#[command(version, disable_help_subcommand = true, subcommand_value_name = "OPERATION")]
struct Cli<H: HelperCli> {
    #[command(flatten)]
    helper: H,
    #[command(subcommand)]
    operation: Option<Word<H::Commands>>,
}

#[derive(Subcommand)]
#[command(subcommand_help_heading = "Operations")]
enum Word<C: Subcommand> {
    /// Answer the request on stdin
    Get,
    /// Keep the credential on stdin
    Store,
    /// Forget the credential on stdin
    Erase,
    /// List what this helper understands
    Capability,
    /// Print the credential
    Print(PrintOptions),
    #[command(flatten)]
    User(C),
    #[command(external_subcommand)]
    Unknown(#[expect(dead_code, reason = "clap puts the unknown words here, and they are ignored")] Vec<OsString>),
}

/// The whole of a helper's `main`: reads the command line, serves stdin and stdout, and reports an error as one line on
/// stderr and an exit code.
#[must_use]
pub fn main<H: HelperCli>() -> ExitCode {
    crate::forbid_core_dumps();
    report_panics(H::NAME);
    let (mut stdin, mut stdout) = (std::io::stdin(), std::io::stdout());
    if let Some((helper, operation)) = wire_call::<H>() {
        return exit::<H>(serve(&helper, operation, &mut stdin, &mut stdout));
    }
    let parsed = command::<H>().try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::<H>::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(usage) => return ExitCode::from(print_usage(&usage)),
    };
    exit::<H>(match cli.operation {
        Some(Word::Get) => serve(&cli.helper, "get", &mut stdin, &mut stdout),
        Some(Word::Store) => serve(&cli.helper, "store", &mut stdin, &mut stdout),
        Some(Word::Erase) => serve(&cli.helper, "erase", &mut stdin, &mut stdout),
        Some(Word::Capability) => capability(&user_commands::<H>(), &mut stdout),
        Some(Word::Print(options)) => print(&cli.helper, options, &mut stdout),
        Some(Word::User(command)) => cli.helper.run(command),
        // Later versions of git and of this protocol may have operations that this one doesn't know.
        Some(Word::Unknown(_)) if !stdin.is_terminal() => Ok(()),
        Some(Word::Unknown(_)) | None => {
            let _ = writeln!(std::io::stderr(), "{}", command::<H>().render_usage());
            return ExitCode::from(2);
        }
    })
}

/// Makes a panic end this process as a class of [`Error`] does: one line on stderr, and an exit code. A panic's own message
/// may quote what the program held.
pub fn report_panics(name: &'static str) {
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let _ = writeln!(std::io::stderr(), "{name}: it broke{place}; report it, and run: claude-credential doctor");
        std::process::exit(Class::Broke.exit_code().into());
    }));
}

/// Prints what is wrong with the command line, or the help that it asks for, and returns the exit code. A key that was
/// given in the place of a word is not repeated, nor what a terminal would act on.
#[must_use]
pub fn print_usage(usage: &clap::Error) -> u8 {
    let _ = if usage.use_stderr() {
        let message = text::without_hidden(&usage.to_string(), std::env::args_os().skip(1));
        std::io::stderr().write_all(text::lines(&message).as_bytes())
    } else {
        usage.print()
    };
    u8::try_from(usage.exit_code()).unwrap_or(Class::Config.exit_code())
}

fn exit<H: HelperCli>(outcome: Result<(), Error>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}: {error}", H::NAME);
            ExitCode::from(error.class().exit_code())
        }
    }
}

/// A call by the dispatcher: the helper's own options, then one operation. It is parsed without the user commands, which
/// take clap longer to build than most answers take. `None` if the call is anything else, a mistake included.
fn wire_call<H: HelperCli>() -> Option<(H, &'static str)> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let last = words.pop()?;
    let operation = ["get", "store", "erase"].into_iter().find(|operation| last == *operation)?;
    let options = H::augment_args(clap::Command::new(H::NAME)).disable_help_flag(true).disable_version_flag(true);
    let matches = options.try_get_matches_from(words).ok()?;
    Some((H::from_arg_matches(&matches).ok()?, operation))
}

/// The command line, with the helper's own description: clap takes the one of the last struct that is flattened in.
fn command<H: HelperCli>() -> clap::Command {
    let own = H::augment_args(clap::Command::new(H::NAME));
    let command = Cli::<H>::command().name(H::NAME);
    match own.get_about() {
        Some(about) => command.about(about.clone()),
        None => command,
    }
}

fn user_commands<H: HelperCli>() -> Vec<&'static str> {
    ["login", "logout", "status"].into_iter().filter(|word| H::Commands::has_subcommand(word)).collect()
}

fn print<H: HelperCli>(helper: &H, options: PrintOptions, stdout: &mut dyn Write) -> Result<(), Error> {
    let request = Request::at(&helper.print_host()?);
    let none = || Error::not_found(format!("nothing found for {}", request.origin()));
    let credential = helper.get(&request)?.ok_or_else(none)?;
    crate::print(&credential, Family::of(&credential, H::BEARER), options, stdout)
}
