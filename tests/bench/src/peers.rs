//! What people use instead of us, where it is installed: each set up as its manual says, in a home of its own.

use std::error::Error;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::fixture::{Bench, done};
use crate::measure::works;
use crate::subject::{Group, Subject};

type Made = Result<Subject, Box<dyn Error>>;

/// Its name, what has to be installed, and how it is set up.
type Peer = (&'static str, &'static [&'static str], fn(&Place) -> Made);

/// Those that are installed, and those that are not, with the reason.
pub(crate) struct Peers<'a> {
    pub(crate) subjects: Vec<Subject>,
    pub(crate) missing: Vec<(&'static str, String)>,
    _daemons: Daemons<'a>,
}

pub(crate) fn installed(bench: &Bench) -> io::Result<Peers<'_>> {
    let folder = bench.root().join("peers");
    fs::create_dir(&folder)?;
    let all: [Peer; 7] = [
        ("dash script", &["dash"], dash),
        ("git credential-store get", &["git"], git_store),
        ("git credential-cache get", &["git"], git_cache),
        ("secret-tool lookup", &["secret-tool"], secret_tool),
        ("pass show", &["pass", "gpg"], pass),
        ("aws configure get", &["aws"], aws),
        ("gcloud auth print-access-token", &["gcloud"], gcloud),
    ];
    let place = Place { bench, folder };
    let (mut subjects, mut missing) = (Vec::new(), Vec::new());
    for (name, programs, make) in all {
        match programs.iter().find(|program| bench.installed(program).is_none()) {
            Some(program) => missing.push((name, format!("no {program}"))),
            None => match make(&place).and_then(works) {
                Ok(subject) => subjects.push(subject),
                Err(error) => missing.push((name, error.to_string())),
            },
        }
    }
    Ok(Peers { subjects, missing, _daemons: Daemons(place) })
}

struct Place<'a> {
    bench: &'a Bench,
    folder: PathBuf,
}

impl Place<'_> {
    fn command(&self, program: &str, words: &[&str]) -> Command {
        let mut command = self.bench.command(self.bench.installed(program).unwrap_or_else(|| program.into()));
        command.env("HOME", &self.folder).env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(words);
        command
    }

    fn subject(&self, id: &'static str, name: &str, command: Command) -> Subject {
        Subject::new(Group::Peer, id, name, command, &self.bench.key)
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn credential(&self) -> String {
        format!("protocol=https\nhost=api.anthropic.com\nusername=x-api-key\npassword={}\n\n", self.bench.key)
    }

    fn git(&self, words: &[&str]) -> Command {
        let mut git = self.command("git", words);
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        git
    }

    fn gpg(&self, program: &str, words: &[&str]) -> Command {
        let mut command = self.command(program, words);
        command.env("GNUPGHOME", self.file("gpg")).env("PASSWORD_STORE_DIR", self.file("store"));
        command
    }
}

fn dash(place: &Place) -> Made {
    let script = place.file("script");
    fs::write(&script, format!("echo {}\n", place.bench.key))?;
    Ok(place.subject("dash", "dash script", place.command("dash", &[&script])))
}

fn git_store(place: &Place) -> Made {
    let file = format!("--file={}", place.file("git-credentials"));
    done(&mut place.git(&["credential-store", &file, "store"]), &place.credential())?;
    let get = place.git(&["credential-store", &file, "get"]);
    Ok(place.subject("git-store", "git credential-store get", get).reads(place.bench.request_file()))
}

fn git_cache(place: &Place) -> Made {
    let socket = socket(place);
    let words = ["credential-cache", "--timeout=3600", &socket];
    done(&mut place.git(&[&words[..], &["store"]].concat()), &place.credential())?;
    let get = place.git(&[&words[..], &["get"]].concat());
    Ok(place.subject("git-cache", "git credential-cache get", get).reads(place.bench.request_file()))
}

fn socket(place: &Place) -> String {
    format!("--socket={}", place.file("git-cache/socket"))
}

fn secret_tool(place: &Place) -> Made {
    let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").ok_or("no session bus with a keychain")?;
    let tool = |words: &[&str]| {
        let mut command = place.command("secret-tool", words);
        command.env("DBUS_SESSION_BUS_ADDRESS", &bus);
        command
    };
    let which = ["service", "claude-credential-bench"];
    done(&mut tool(&[&["store", "--label=bench"], &which[..]].concat()), &place.bench.key)?;
    Ok(place.subject("secret-tool", "secret-tool lookup", tool(&[&["lookup"], &which[..]].concat())))
}

/// With a key that has no passphrase: what an unlocked agent takes.
fn pass(place: &Place) -> Made {
    let folder = place.file("gpg");
    done(Command::new("mkdir").args(["-m", "700", &folder]), "")?;
    let who = "bench@example.invalid";
    let generate = ["--batch", "--passphrase", "", "--quick-generate-key", who, "default", "default"];
    done(&mut place.gpg("gpg", &generate), "")?;
    done(&mut place.gpg("pass", &["init", who]), "")?;
    done(&mut place.gpg("pass", &["insert", "--multiline", "claude"]), &place.bench.key)?;
    Ok(place.subject("pass", "pass show", place.gpg("pass", &["show", "claude"])))
}

fn aws(place: &Place) -> Made {
    let file = place.file("aws-credentials");
    fs::write(&file, format!("[default]\naws_secret_access_key = {}\n", place.bench.key))?;
    let mut get = place.command("aws", &["configure", "get", "aws_secret_access_key"]);
    get.env("AWS_SHARED_CREDENTIALS_FILE", &file).env("AWS_CONFIG_FILE", place.file("aws-config"));
    Ok(place.subject("aws", "aws configure get", get))
}

/// With a token in a file: what it prints without asking anybody.
fn gcloud(place: &Place) -> Made {
    let file = place.file("gcloud-token");
    fs::write(&file, &place.bench.key)?;
    let mut print = place.command("gcloud", &["auth", "print-access-token"]);
    print.env("CLOUDSDK_CONFIG", place.file("gcloud")).env("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", file);
    print.env("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1").env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1");
    print.env("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1");
    Ok(place.subject("gcloud", "gcloud auth print-access-token", print))
}

/// What the peers left running ends with the benchmark.
struct Daemons<'a>(Place<'a>);

impl Drop for Daemons<'_> {
    fn drop(&mut self) {
        let place = &self.0;
        let quiet = |mut command: Command| {
            // Where none runs there is none to end.
            let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        };
        quiet(place.git(&["credential-cache", &socket(place), "exit"]));
        quiet(place.gpg("gpgconf", &["--kill", "all"]));
    }
}
