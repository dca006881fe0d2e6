pub(crate) mod plain;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use claude_credential_protocol::PrintOptions;

/// Hands Claude Code and scripts the right credential, cached and shared
#[derive(Debug, Parser)]
#[command(name = "claude-credential", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Options {
    /// The profile to use, instead of the one that the working directory or the host selects
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The entries to ask, in this order, instead of the profile's
    #[arg(long, global = true, value_name = "ENTRY,…", value_delimiter = ',')]
    pub(crate) chain: Vec<String>,
    /// The configuration to use, instead of ~/.config/claude-credential/config.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Ask the entries now, and neither read, lock nor write the cache
    #[arg(long, global = true)]
    pub(crate) no_cache: bool,
    /// Never ask the user at the terminal
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Report each step on stderr; no secrets
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print a key for Claude Code's `apiKeyHelper` setting
    ApiKeyHelper,
    /// Print a credential for a script
    Print(Print),
    /// Answer the request on stdin, as git's credential helpers do
    Get,
    /// Store the credential on stdin
    Store,
    /// Erase the credential on stdin, which was refused
    Erase,
    /// List what this program understands
    Capability,
    /// Sign in, or store a key, for an entry, a provider, or claude
    Login(SignIn),
    /// Sign out, or remove a key
    Logout(SignIn),
    /// Show the credential of each profile, or the sign-in or kept keys of an entry, a provider, or claude
    Status(Status),
    /// Sign in with a command if an entry's credential is not good, once for all sessions
    Refresh(Refresh),
    /// Show the cache, or empty it
    Cache {
        #[command(subcommand)]
        what: CacheCommand,
    },
    /// Show how it works, with no account and no network
    Demo,
    /// Show which credential a request would get and why, and what Claude Code itself would send; no secrets
    Explain(Explain),
    /// Check this installation, and show the command that mends each problem
    Doctor(Doctor),
    /// Run a command with the credential in its environment, and with no other credential
    Exec(Exec),
    /// Print the completions for a shell
    Completions {
        #[arg(value_enum)]
        shell: CompletedShell,
    },
    /// Print the manual page
    Man {
        /// Write it, and a page for each command, into this folder
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
    /// Set up where Claude Code gets its key; shows each change before it writes, and --undo reverts it
    Setup(Setup),
    #[command(external_subcommand)]
    External(Vec<OsString>),
}

#[derive(Debug, Default, Args)]
pub(crate) struct Print {
    #[command(flatten)]
    pub(crate) format: PrintOptions,
    /// The host to which the credential will be sent, instead of the profile's first
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// The account, if keys of several are kept
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// The last credential was refused: get another
    #[arg(long)]
    pub(crate) rejected: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SignIn {
    /// An entry, a provider, or claude
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Options for the helper
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    pub(crate) options: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Exit 1 if a credential expires sooner than this, such as 10m
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, conflicts_with = "name")]
    pub(crate) min_ttl: Option<Duration>,
    /// For programs: docs/schema/status.json
    #[arg(long)]
    pub(crate) json: bool,
    /// An entry, a provider, or claude
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Options for the helper
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    pub(crate) options: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Refresh {
    /// An entry
    #[arg(value_name = "ENTRY")]
    pub(crate) entry: String,
    /// The command that signs in, instead of the one in Claude Code's `awsAuthRefresh` or `gcpAuthRefresh`
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum CacheCommand {
    /// Show what is cached and where keys are kept; no secrets
    List,
    /// Remove every cached answer
    Clear,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The host to which the credential will be sent, instead of the profile's first
    #[arg(long, value_name = "HOST", conflicts_with = "for_client")]
    pub(crate) host: Option<String>,
    /// The account, if keys of several are kept
    #[arg(long, value_name = "NAME", conflicts_with = "for_client")]
    pub(crate) account: Option<String>,
    /// What Claude Code would get from `api-key-helper`, instead of what `print` prints
    #[arg(long)]
    pub(crate) for_client: bool,
    /// Also ask the entries after the one that answers
    #[arg(long)]
    pub(crate) all: bool,
    /// For programs: docs/schema/explain.json
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Also send a made-up key to the profile's hosts, to see how they refuse it
    #[arg(long)]
    pub(crate) live: bool,
    /// For programs: docs/schema/doctor.json
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The account, if keys of several are kept
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// The command and its arguments, after `--`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// The shells that we write completions for.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum CompletedShell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and clap says which exclude each other")]
pub(crate) struct Setup {
    /// Preset to use, instead of being asked
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
    /// Answer to a question of the preset; may be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "preset")]
    pub(crate) set: Vec<String>,
    /// Read the API key from stdin
    #[arg(long, requires = "preset")]
    pub(crate) stdin: bool,
    /// Write the change without asking
    #[arg(long, short)]
    pub(crate) yes: bool,
    /// Replace settings that setup did not write
    #[arg(long)]
    pub(crate) replace: bool,
    /// Restore both files as they were before the first setup
    #[arg(long, conflicts_with_all = ["preset", "set", "stdin"])]
    pub(crate) undo: bool,
}
