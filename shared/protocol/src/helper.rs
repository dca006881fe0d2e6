use std::ffi::OsString;
use std::io::{IsTerminal, Read, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::request::{Capabilities, Request};
use crate::{Class, Credential, Error, Family, Message, PrintOptions, Secret, written};

/// A helper: its options, and what it does for each operation.
///
/// `get` is all that one needs. `Ok(None)` is "not mine" or "not found" and lets the chain go on; every error stops it.
pub trait Helper: Args {
    /// The name of the executable.
    const NAME: &'static str;

    /// Commands for people beyond the wire: `login`, `logout`, `status`; [`NoCommands`] where there are none.
    type Commands: Subcommand;

    /// What its bearer tokens are, where they are those of a cloud: `print` writes them into that cloud's variables.
    const BEARER: Option<Family> = None;

    /// The credential for `request`, if this helper has one.
    fn get(&self, request: &Request) -> Result<Option<Credential>, Error>;

    /// Keeps `credential`, where this helper keeps any. Silence is right for all others.
    fn store(&self, _request: &Request, _credential: &Credential) -> Result<(), Error> {
        Ok(())
    }

    /// Forgets what it keeps for `request`, if it is `secret`; without one, whatever it is.
    fn erase(&self, _request: &Request, _secret: Option<&Secret>) -> Result<(), Error> {
        Ok(())
    }

    /// Runs a command for people.
    fn run(&self, _command: Self::Commands) -> Result<(), Error> {
        Ok(())
    }

    /// The host that `print` asks for, as protocol and host.
    fn print_host(&self) -> Result<(String, String), Error> {
        Ok(("https".to_owned(), "api.anthropic.com".to_owned()))
    }
}

/// The commands of a helper that has none.
#[derive(Debug, Subcommand)]
pub enum NoCommands {}

#[derive(Parser)]
#[command(version, disable_help_subcommand = true, subcommand_value_name = "OPERATION")]
struct Cli<H: Helper> {
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
    People(C),
    #[command(external_subcommand)]
    Unknown(#[expect(dead_code, reason = "clap puts the unknown words here; nobody reads them")] Vec<OsString>),
}

/// The whole of a helper's `main`: reads argv, works on stdin and stdout, and says an error in one line and one number.
#[must_use]
pub fn main<H: Helper>() -> ExitCode {
    crate::forbid_core_dumps();
    if let Some((helper, operation)) = operation_of_wire::<H>() {
        return end::<H>(serve(&helper, operation, &mut std::io::stdin(), &mut std::io::stdout()));
    }
    let parsed = command::<H>().try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::<H>::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(usage) => {
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(Class::Config.exit_code()));
        }
    };
    let (mut stdin, mut stdout) = (std::io::stdin(), std::io::stdout());
    let outcome = match cli.operation {
        Some(Word::Get) => serve(&cli.helper, "get", &mut stdin, &mut stdout),
        Some(Word::Store) => serve(&cli.helper, "store", &mut stdin, &mut stdout),
        Some(Word::Erase) => serve(&cli.helper, "erase", &mut stdin, &mut stdout),
        Some(Word::Capability) => serve(&cli.helper, "capability", &mut stdin, &mut stdout),
        Some(Word::Print(options)) => print(&cli.helper, options, &mut stdout),
        Some(Word::People(command)) => cli.helper.run(command),
        // Later versions of git and of this protocol may have operations that we don't know: they get silence.
        Some(Word::Unknown(_)) if !stdin.is_terminal() => Ok(()),
        Some(Word::Unknown(_)) | None => {
            let _ = writeln!(std::io::stderr(), "{}", command::<H>().render_usage());
            return ExitCode::from(2);
        }
    };
    end::<H>(outcome)
}

fn end<H: Helper>(outcome: Result<(), Error>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{}: {error}", H::NAME);
            ExitCode::from(error.class().exit_code())
        }
    }
}

/// A call of the dispatcher's: the helper's own options, and then one operation. Read without the commands for people,
/// which clap takes longer to build than most answers take. Whatever is not plainly such a call, a mistake included, is
/// none.
fn operation_of_wire<H: Helper>() -> Option<(H, &'static str)> {
    let mut words: Vec<OsString> = std::env::args_os().collect();
    let last = words.pop()?;
    let operation = ["get", "store", "erase"].into_iter().find(|operation| last == *operation)?;
    let options = H::augment_args(clap::Command::new(H::NAME)).disable_help_flag(true).disable_version_flag(true);
    let matches = options.try_get_matches_from(words).ok()?;
    Some((H::from_arg_matches(&matches).ok()?, operation))
}

/// The command line, described by the words of the helper: of all that is flattened into it, clap takes the last.
fn command<H: Helper>() -> clap::Command {
    let own = H::augment_args(clap::Command::new(H::NAME));
    let command = Cli::<H>::command().name(H::NAME);
    match own.get_about() {
        Some(about) => command.about(about.clone()),
        None => command,
    }
}

/// One operation of the wire, on streams: what [`main`] does, without a process around it.
pub fn serve<H: Helper>(
    helper: &H,
    operation: &str,
    stdin: &mut dyn Read,
    stdout: &mut dyn Write,
) -> Result<(), Error> {
    if operation == "capability" {
        return capability::<H>(stdout);
    }
    if !matches!(operation, "get" | "store" | "erase") {
        return Ok(());
    }
    let unreadable = |error: std::io::Error| Error::broke(format!("can't read stdin: {error}"));
    let message = Message::read(stdin).map_err(unreadable)??;
    let request = Request::from_message(&message)?;
    match operation {
        "store" => Credential::offered(&message)?.map_or(Ok(()), |credential| helper.store(&request, &credential)),
        "erase" => {
            let offered = Credential::offered(&message)?;
            // What is not of our kinds is not kept here; to forget all there is would be another matter.
            if offered.is_none() && message.get("credential").is_some() {
                return Ok(());
            }
            helper.erase(&request, offered.as_ref().map(|credential| credential.auth.secret()))
        }
        _ => {
            let answer = helper.get(&request).and_then(|found| match found {
                Some(credential) => credential.answer(&request),
                None => Ok(Message::default()),
            });
            let (message, outcome) = match answer {
                Ok(message) => (message, Ok(())),
                Err(error) => (quit(request.capabilities)?, Err(error)),
            };
            written(message.write(stdout))?;
            outcome
        }
    }
}

/// What stops git, which looks at no exit code, from asking the next helper.
fn quit(capabilities: Capabilities) -> Result<Message, Error> {
    let mut message = Message::default();
    capabilities.write(&mut message)?;
    message.push("quit", "1")?;
    Ok(message)
}

fn capability<H: Helper>(stdout: &mut dyn Write) -> Result<(), Error> {
    let mut lines = vec!["version 0".to_owned()];
    lines.extend(Capabilities::ALL.names().map(|name| format!("capability {name}")));
    lines.extend(
        ["login", "logout", "status"]
            .iter()
            .filter(|word| H::Commands::has_subcommand(word))
            .map(|word| format!("capability claude.{word}")),
    );
    let text = lines.join("\n") + "\n";
    written(stdout.write_all(text.as_bytes()))
}

fn print<H: Helper>(helper: &H, options: PrintOptions, stdout: &mut dyn Write) -> Result<(), Error> {
    let (protocol, host) = helper.print_host()?;
    let request = Request::new(protocol, host);
    let none = || Error::not_found(format!("nothing found for {}", request.origin()));
    let credential = helper.get(&request)?.ok_or_else(none)?;
    crate::print(&credential, Family::of(&credential, H::BEARER), options, stdout)
}
