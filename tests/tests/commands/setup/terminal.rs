//! `setup` with a person at the terminal, who first answers everything wrongly.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use claude_credential_tests::{Output, Running, Sandbox, process, skip, tool, wait_until};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::json;

#[test]
fn every_answer_is_asked_for_again_until_it_is_one() {
    let sandbox = Sandbox::new();
    let Some(mut terminal) = Terminal::start(&sandbox, "setup") else { return };
    let key = sandbox.secret("typed");
    terminal.answers("number or name", "99");
    terminal.answers("please enter a number from 1 to 15", "1password");
    terminal.answers("op is not on PATH", "1");
    terminal.answers("write this?", "perhaps");
    terminal.answers("please answer y or n", "y");
    terminal.waits_for_another("API key for https://api.anthropic.com:", 1);
    terminal.waits_until_hidden();
    terminal.types("not a key");
    terminal.waits_for_another("please try again", 1);
    terminal.waits_for_another("API key for https://api.anthropic.com:", 2);
    terminal.waits_until_hidden();
    terminal.types(&key);
    let output = terminal.ends();
    assert_eq!(output.code(), Some(0), "{output:#?}");
    assert!(!sandbox.canary().is_in(output.stdout.as_bytes()), "the key was shown: {output:#?}");
    assert!(output.stdout.contains("claude-credential setup --undo"), "{output:#?}");
    assert_eq!(sandbox.print().run().key(), "typed");
    let settings = fs::read_to_string(sandbox.home().join(".claude/settings.json")).expect("settings");
    assert!(settings.contains(&format!("{} api-key-helper", sandbox.bin("claude-credential").display())), "{settings}");
}

#[test]
fn what_a_preset_asks_is_checked_as_it_is_typed() {
    let sandbox = Sandbox::new();
    sandbox.script("vault", "exit 1");
    sandbox.settings(&json!({ "apiKeyHelper": "their own" }));
    let Some(mut terminal) = Terminal::start(&sandbox, "setup") else { return };
    terminal.answers("number or name", "vault");
    terminal.answers("path of the secret, such as secret/claude:", "two words");
    terminal.answers("enter one word", "secret/claude");
    terminal.answers("its field", "-x");
    terminal.waits_for_another("enter one word", 2);
    terminal.types("");
    terminal.answers("`apiKeyHelper` already has another value", "what?");
    terminal.answers("please answer y or n", "y");
    terminal.answers("write this?", "");
    let output = terminal.ends();
    assert_eq!(output.code(), Some(0), "{output:#?}");
    let config = fs::read_to_string(sandbox.config_file()).expect("config.toml");
    assert!(config.contains("\"-field=key\", \"secret/claude\""), "{config}");
}

#[test]
fn who_does_not_agree_finds_everything_as_it_was() {
    for (question, answer, code) in
        [("write this?", Some("n"), 1), ("write this?", None, 130), ("number or name", None, 130)]
    {
        let sandbox = Sandbox::new();
        let file = sandbox.settings(&json!({ "model": "opus" }));
        let Some(mut terminal) = Terminal::start(&sandbox, "setup") else { return };
        if question == "write this?" {
            terminal.answers("number or name", "api-key");
        }
        terminal.waits_for_another(question, 1);
        match answer {
            Some(answer) => terminal.types(answer),
            // Ctrl-C
            None => terminal.write("\x03"),
        }
        let output = terminal.ends();
        assert_eq!(output.code(), Some(code), "{output:#?}");
        assert_eq!(fs::read_to_string(&file).expect("settings"), "{\"model\":\"opus\"}");
        assert!(!sandbox.home().join(".local/share/claude-credential").exists() && !sandbox.config_file().exists());
    }
}

#[test]
fn ctrl_c_at_the_key_ends_it_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let Some(mut terminal) = Terminal::start(&sandbox, "setup --preset api-key") else { return };
    terminal.answers("write this?", "y");
    terminal.waits_for_another("API key for https://api.anthropic.com:", 1);
    terminal.waits_until_hidden();
    terminal.write("\x03");
    let output = terminal.ends();
    assert_eq!(output.code(), Some(130), "{output:#?}");
    assert!(!sandbox.home().join(".claude").exists());
}

#[test]
fn the_best_preset_is_proposed_and_a_kept_key_goes_on_and_undo_asks() {
    let mut sandbox = Sandbox::new();
    sandbox.script("vault", "exit 1");
    let key = sandbox.secret("kept");
    sandbox.dispatcher(&["login", "api-key", "--stdin"]).says(key).run().exits(0);
    sandbox.set("NO_COLOR", "1");
    let Some(mut terminal) = Terminal::start(&sandbox, "setup") else { return };
    terminal.answers("number or name [api-key]", "");
    terminal.answers("found: a key for api.anthropic.com is stored", "");
    terminal.answers("use it?", "");
    terminal.answers("write this?", "y");
    let output = terminal.ends();
    assert_eq!(output.code(), Some(0), "{output:#?}");
    assert!(!output.stdout.contains('\x1b'), "{output:#?}");
    let Some(mut terminal) = Terminal::start(&sandbox, "setup --undo") else { return };
    terminal.answers("undo this?", "y");
    assert_eq!(terminal.ends().code(), Some(0));
    assert!(!sandbox.home().join(".claude").exists());
    sandbox.unset("NO_COLOR");
    sandbox.set("TERM", "xterm");
    sandbox.set("VAULT_ADDR", "https://vault.example");
    sandbox.dispatcher(&["logout", "api-key"]).run().exits(0);
    let Some(mut terminal) = Terminal::start(&sandbox, "setup") else { return };
    terminal.answers("number or name [vault]", "vault");
    terminal.answers("path of the secret", "secret/claude");
    terminal.answers("its field", "");
    terminal.answers("write this?", "n");
    assert!(terminal.ends().stdout.contains("\x1b[32m+"));
}

#[test]
fn no_input_asks_nothing_even_at_a_terminal() {
    let sandbox = Sandbox::new();
    let Some(terminal) = Terminal::start(&sandbox, "--no-input setup") else { return };
    let output = terminal.ends();
    assert_eq!(output.code(), Some(78), "{output:#?}");
}

#[test]
fn a_line_that_the_terminal_cut_is_said_to_be_and_never_used() {
    let long = "x".repeat(5000);
    let sandbox = Sandbox::new();
    sandbox.script("vault", "exit 1");
    let Some(mut terminal) = Terminal::start(&sandbox, "setup --preset vault") else { return };
    terminal.answers("path of the secret", &long);
    terminal.answers("the terminal cut that line off", "secret/claude");
    terminal.answers("its field", "");
    terminal.answers("write this?", "y");
    assert_eq!(terminal.ends().code(), Some(0));
    let config = fs::read_to_string(sandbox.config_file()).expect("config.toml");
    assert!(config.contains("\"secret/claude\"") && !config.contains("xxxx"), "{config}");

    let Some(mut terminal) = Terminal::start(&sandbox, "login api-key --stdin") else { return };
    terminal.types(&long);
    terminal.write("\x04");
    let output = terminal.ends();
    assert_eq!(output.code(), Some(78), "{output:#?}");
    assert!(output.stdout.contains("the terminal cut that line off, so nothing is kept"), "{output:#?}");

    let sandbox = Sandbox::new();
    sandbox.config(
        "[provider.acme]\nstore = \"file\"\nclient_id = \"cli\"\nauthorization_endpoint = \"http://127.0.0.1:1/a\"\n\
         token_endpoint = \"http://127.0.0.1:1/t\"\n",
    );
    let Some(mut terminal) = Terminal::start(&sandbox, "login acme --no-browser") else { return };
    terminal.answers("paste here", &format!("http://127.0.0.1:1/callback?code={long}&state=x"));
    terminal.waits_for_another("the terminal cut that line off, so it is not used", 1);
    terminal.write("\x03");
    assert_ne!(terminal.ends().code(), Some(0));
}

#[test]
fn a_key_of_any_length_is_taken_whole_where_it_is_asked_for() {
    let sandbox = Sandbox::new();
    let Some(mut terminal) = Terminal::start(&sandbox, "login api-key") else { return };
    let key = format!("{}{}", sandbox.secret("typed"), "x".repeat(6000));
    terminal.waits_for_another("API key for https://api.anthropic.com:", 1);
    terminal.waits_until_hidden();
    terminal.types(&key);
    assert_eq!(terminal.ends().code(), Some(0));
    assert_eq!(sandbox.print().run().succeeds().stdout.trim_end(), key);
}

/// The dispatcher at a terminal, and somebody who types when he has read.
struct Terminal<'a> {
    running: Running<'a>,
    keyboard: File,
}

impl<'a> Terminal<'a> {
    fn start(sandbox: &'a Sandbox, words: &str) -> Option<Self> {
        let Some(script) = tool("script") else {
            skip("setup at a terminal", "no script");
            return None;
        };
        let keyboard: PathBuf = sandbox.root().join("keyboard");
        let _ = fs::remove_file(&keyboard);
        mknodat(CWD, &keyboard, FileType::Fifo, Mode::from_raw_mode(0o600), 0).expect("a named pipe");
        // Open for both ways, so that neither end waits for the other.
        let file = OpenOptions::new().read(true).write(true).open(&keyboard).expect("the pipe");
        // Where the tests run in the background, Ctrl-C is ignored from the beginning.
        let line = "exec env --default-signal=INT \"$0\" -qec \"$1\" /dev/null <\"$2\"";
        let call = sandbox.call("/bin/sh", &["-c", line]).arg(script).arg(format!("claude-credential {words}"));
        Some(Self { running: call.arg(&keyboard).start(), keyboard: file })
    }

    /// Types an answer when the question is there.
    #[track_caller]
    fn answers(&mut self, question: &str, answer: &str) {
        self.waits_for_another(question, 1);
        self.types(answer);
    }

    #[track_caller]
    fn waits_for_another(&self, text: &str, times: usize) {
        wait_until(|| self.running.stdout().matches(text).count() >= times);
    }

    /// The question is there a moment before the terminal shows no more what is typed.
    #[track_caller]
    fn waits_until_hidden(&self) {
        let is_hidden = |pid: u32| {
            let terminal = File::open(format!("/proc/{pid}/fd/0")).ok();
            let modes = terminal.and_then(|terminal| tcgetattr(terminal).ok());
            modes.is_some_and(|modes| !modes.local_modes.contains(LocalModes::ECHO))
        };
        wait_until(|| process::family(self.running.pid()).into_iter().any(is_hidden));
    }

    fn types(&mut self, answer: &str) {
        self.write(&format!("{answer}\n"));
    }

    fn write(&mut self, text: &str) {
        self.keyboard.write_all(text.as_bytes()).expect("the keyboard");
    }

    fn ends(self) -> Output {
        self.running.finish()
    }
}
