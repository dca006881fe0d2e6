//! What of ours is measured, and what it is compared with.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::thread;

use crate::fixture::{Bench, Fixture, done};
use crate::subject::{Group, Subject};

pub(crate) const DISPATCHER: &str = "claude-credential";

/// `cat`, the floor, and the shell that the client calls everything by.
pub(crate) fn references(bench: &Bench) -> Result<Vec<Subject>, Box<dyn Error>> {
    let cat = bench.installed("cat").ok_or("no cat on PATH")?;
    let mut direct = bench.command(&cat);
    direct.arg(bench.key_file());
    let mut by_shell = bench.command("/bin/sh");
    by_shell.arg("-c").arg(format!("cat {}", bench.key_file().display()));
    let mut found = vec![
        Subject::new(Group::Reference, "cat", "cat keyfile", direct, &bench.key),
        Subject::new(Group::Reference, "sh-cat", "/bin/sh -c 'cat keyfile'", by_shell, &bench.key).of_client()?,
    ];
    // Where there is no static C library, nobody's floor is known.
    let empty = bench.ours("empty");
    if empty.is_file() {
        found.push(Subject::new(Group::Reference, "empty", "an empty static executable", bench.command(empty), ""));
    }
    Ok(found)
}

pub(crate) fn subjects(bench: &Bench) -> Result<Vec<Subject>, Box<dyn Error>> {
    let mut subjects = warm(bench)?;
    subjects.extend(cold(bench)?);
    subjects.extend(helpers(bench)?);
    subjects.extend(growth(bench)?);
    Ok(subjects)
}

fn warm(bench: &Bench) -> Result<Vec<Subject>, Box<dyn Error>> {
    let config = format!("ttl = \"1h\"\n[profile.default]\nchain = [\"vault\"]\n{}", bench.counted("vault"));
    let fixture = bench.fixture("warm", &config)?;
    // A command's answer depends on the whole environment, and a client has variables that others have not.
    fixture.expects_runs(1)?;
    let print = fixture.call(DISPATCHER, &["print"]);
    let helper = fixture.call(DISPATCHER, &["api-key-helper"]);
    let get = fixture.call(DISPATCHER, &["get"]);
    let mut by_shell = fixture.shell_free("/bin/sh");
    by_shell.arg("-c").arg(format!("{} api-key-helper", bench.ours(DISPATCHER).display()));
    let key = &bench.key;
    let unconfigured = bench.fixture("kept", "")?;
    done(&mut unconfigured.call(DISPATCHER, &["login", "api-key", "--stdin"]), key)?;
    // The setting that people have who installed it.
    fs::create_dir(unconfigured.home.join(".claude"))?;
    let setting = format!("{{\"apiKeyHelper\": \"{} api-key-helper\"}}", bench.ours(DISPATCHER).display());
    unconfigured.write(".claude/settings.json", &setting)?;
    let kept = unconfigured.call(DISPATCHER, &["print"]);
    Ok(vec![
        Subject::new(Group::Warm, "print", "print", print, key),
        Subject::new(Group::Warm, "api-key-helper", "api-key-helper", helper, key),
        Subject::new(Group::Warm, "client", "/bin/sh -c api-key-helper, record written", by_shell, key).of_client()?,
        Subject::new(Group::Warm, "get", "get", get, key).reads(bench.request_file()),
        Subject::new(Group::Warm, "kept", "print, no configuration, a key kept by login", kept, key),
    ])
}

fn cold(bench: &Bench) -> Result<Vec<Subject>, Box<dyn Error>> {
    let entry = "[entry.file]\nhelper = \"apikey\"\n";
    let config = format!(
        "[profile.default]\nchain = [\"file\"]\n{entry}args = [\"--file\", \"{}\"]\n",
        bench.key_file().display()
    );
    let fixture = bench.fixture("cold", &config)?;
    let cold = fixture.call(DISPATCHER, &["print"]);
    let clear = fixture.call(DISPATCHER, &["cache", "clear"]);
    let uncached = fixture.call(DISPATCHER, &["--no-cache", "print"]);
    // As where there is no runtime folder, and the cache is below the home.
    let fixture = bench.fixture("cold-disk", &config)?;
    let on_disk = |words: &[&str]| {
        let mut call = fixture.call(DISPATCHER, words);
        call.env_remove("XDG_RUNTIME_DIR");
        call
    };
    let (cold_on_disk, clear_on_disk) = (on_disk(&["print"]), on_disk(&["cache", "clear"]));
    let mut built_in = bench.fixture("built-in", "")?.call(DISPATCHER, &["print"]);
    built_in.env("ANTHROPIC_API_KEY", &bench.key);
    let key = &bench.key;
    Ok(vec![
        Subject::new(Group::Cold, "cold", "print through one helper, cache written", cold, key).after(clear),
        Subject::new(Group::Cold, "cold-disk", "the same, the cache on a disk", cold_on_disk, key).after(clear_on_disk),
        Subject::new(Group::Cold, "uncached", "print through one helper, --no-cache", uncached, key),
        Subject::new(Group::Cold, "built-in", "print, only ANTHROPIC_API_KEY set", built_in, key),
    ])
}

fn helpers(bench: &Bench) -> Result<Vec<Subject>, Box<dyn Error>> {
    let key = &bench.key;
    let oauth = signed_in(bench)?.call("claude-credential-oauth", &["--provider", "acme", "get"]);
    let fixture = bench.fixture("apikey", "")?;
    let mut apikey = fixture.call("claude-credential-apikey", &["--file"]);
    apikey.arg(bench.key_file()).arg("get");
    let fixture = bench.fixture("bedrock", "")?;
    let request = fixture.write(
        "request",
        "capability[]=authtype\ncapability[]=claude.v1\nprotocol=https\nhost=bedrock-runtime.us-east-1.amazonaws.com\n\n",
    )?;
    let mut bedrock = fixture.call("claude-credential-bedrock", &["get"]);
    bedrock.env("AWS_ACCESS_KEY_ID", "AKIAMADEUP").env("AWS_SECRET_ACCESS_KEY", key).env("AWS_REGION", "us-east-1");
    Ok(vec![
        Subject::new(Group::Helper, "apikey", "apikey get, a key in a file", apikey, key).reads(bench.request_file()),
        Subject::new(Group::Helper, "oauth", "oauth get, a good token in a file", oauth, key)
            .reads(bench.request_file()),
        Subject::new(Group::Helper, "bedrock", "bedrock get, keys in the environment", bedrock, key).reads(request),
    ])
}

/// A home with a token that a provider on this machine gave, once.
fn signed_in(bench: &Bench) -> Result<Fixture<'_>, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let fixture = bench.fixture(
        "oauth",
        &format!(
            "[provider.acme]\nflow = \"client-credentials\"\nstore = \"file\"\nclient_id = \"bench\"\n\
             client_secret_variable = \"BENCH_SECRET\"\ntoken_endpoint = \"http://{address}/token\"\n\
             hosts = [\"api.anthropic.com\"]\n"
        ),
    )?;
    let key = bench.key.clone();
    let provider = thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        // Its body may come later than its head; whoever asks says no more once he has his answer.
        let mut asked = [0; 4096];
        let mut length = stream.read(&mut asked)?;
        while !asked[..length].windows(10).any(|part| part == b"grant_type") {
            length += stream.read(&mut asked[length..])?;
        }
        let body = format!("{{\"access_token\":\"{key}\",\"token_type\":\"Bearer\",\"expires_in\":86400}}");
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n")?;
        write!(stream, "Content-Length: {}\r\n\r\n{body}", body.len())
    });
    let mut first = fixture.call("claude-credential-oauth", &["--provider", "acme", "get"]);
    done(first.env("BENCH_SECRET", "made-up"), &fs::read_to_string(bench.request_file())?)?;
    provider.join().map_err(|_| "the provider broke")??;
    Ok(fixture)
}

/// What must not make a warm call slower: answers to other questions, and entries that are not asked.
fn growth(bench: &Bench) -> Result<Vec<Subject>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for (id, count) in [("entries-10", 10), ("entries-1000", 1000), ("entries-10000", 10_000)] {
        let (fixture, print) = grown(bench, id, 1)?;
        fill(&fixture, count)?;
        rows.push(Subject::new(Group::Growth, id, format!("{count} cached answers"), print, &bench.key));
    }
    for (id, count) in [("chain-1", 1), ("chain-10", 10), ("chain-50", 50)] {
        let (_, print) = grown(bench, id, count)?;
        let name = format!("a chain of {count} {}", if count == 1 { "entry" } else { "entries" });
        rows.push(Subject::new(Group::Growth, id, name, print, &bench.key));
    }
    for (id, count) in [("cold-10", 10), ("cold-10000", 10_000)] {
        // Over before anybody can ask again: to empty the cache would take the other answers away.
        let config = format!(
            "ttl = \"1ms\"\n[profile.default]\nchain = [\"file\"]\n[entry.file]\nhelper = \"apikey\"\n\
             args = [\"--file\", \"{}\"]\n",
            bench.key_file().display()
        );
        let fixture = bench.fixture(id, &config)?;
        let print = || fixture.call(DISPATCHER, &["print"]);
        done(&mut print(), "")?;
        fill(&fixture, count)?;
        let name = format!("{count} cached answers, and a cold print");
        rows.push(Subject::new(Group::Growth, id, name, print(), &bench.key));
    }
    Ok(rows)
}

/// A home whose chain has so many entries, of which the last one answers; warm.
fn grown<'a>(bench: &'a Bench, name: &str, entries: usize) -> Result<(Fixture<'a>, Command), Box<dyn Error>> {
    let names: Vec<String> = (1..entries).map(|number| format!("none-{number}")).chain(["last".to_owned()]).collect();
    let mut config = format!("ttl = \"1h\"\n[profile.default]\nchain = {names:?}\n{}", bench.counted("last"));
    for number in 1..entries {
        // Writing into a string never fails.
        let _ = writeln!(config, "[entry.none-{number}]\ncommand = [\"false\"]\nnone_exit = [1]");
    }
    let fixture = bench.fixture(name, &config)?;
    fixture.expects_runs(1)?;
    let print = || fixture.call(DISPATCHER, &["print"]);
    done(&mut print(), "")?;
    let print = print();
    Ok((fixture, print))
}

/// Copies the one answer that is there under other names, with its lock and its state.
fn fill(fixture: &Fixture<'_>, count: usize) -> Result<(), Box<dyn Error>> {
    let runtime = fixture.runtime();
    let files: Vec<_> = fs::read_dir(&runtime)?.flatten().map(|entry| entry.path()).collect();
    for file in files {
        let Some(ending) = file.extension().and_then(std::ffi::OsStr::to_str) else { continue };
        if ["cache", "lock", "state"].contains(&ending) && !file.ends_with("random.lock") {
            for number in 1..count {
                fs::copy(&file, runtime.join(format!("{number:032x}.{ending}")))?;
            }
        }
    }
    Ok(())
}
