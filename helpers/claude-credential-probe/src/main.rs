//! `claude-credential probe URL` sends a key that a gateway has to reject and prints the answers, which `doctor --live`
//! judges. It is an executable of its own, because the dispatcher links no TLS.

mod request;

use std::io::{Read, Write};
use std::process::ExitCode;

use clap::Parser;
use claude_credential_protocol::{Error, Origin, print_usage, text, written};

const NAME: &str = "claude-credential-probe";

/// Longer than any URL that a client accepts.
const MAX_URL: u64 = 64 * 1024;

/// Ask a gateway with a made-up key what it says to one that is refused, and print it as JSON
#[derive(Debug, Parser)]
#[command(name = NAME, version)]
struct Probe {
    /// Where the client is sent: what `ANTHROPIC_BASE_URL` holds; `-` reads it from stdin
    #[arg(value_name = "URL|-")]
    url: String,
}

fn main() -> ExitCode {
    claude_credential_protocol::forbid_core_dumps();
    claude_credential_http::also_trust(claude_credential_config::claude::extra_authorities);
    let probe = match Probe::try_parse() {
        Ok(probe) => probe,
        Err(usage) => {
            return ExitCode::from(print_usage(&usage));
        }
    };
    match run(&probe.url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{NAME}: {error}");
            ExitCode::from(error.class().exit_code())
        }
    }
}

fn run(url: &str) -> Result<(), Error> {
    let url = if url == "-" { read()? } else { url.to_owned() };
    let origin = Origin::of_url(&url).map_err(|error| Error::config(format!("the URL is {error}")))?;
    // A base URL has neither query nor fragment; the client appends its own path to it.
    let base = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    let report = request::send(base, &origin)?;
    written(writeln!(std::io::stdout(), "{}", text::json(&report.to_string())))
}

/// Reads the URL from stdin: its path may contain a secret, which must not appear on a command line.
fn read() -> Result<String, Error> {
    let mut url = String::new();
    let read = std::io::stdin().take(MAX_URL).read_to_string(&mut url);
    read.map_err(|error| Error::broke(format!("can't read stdin: {error}")))?;
    Ok(url.trim().to_owned())
}
