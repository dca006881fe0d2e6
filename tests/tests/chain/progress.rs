//! What a person at the terminal reads while something takes its time, and that nobody else does.

use std::fs;

use claude_credential_tests::script::{Does, Script};
use claude_credential_tests::{Call, Expired, Fake, Input, Output, Sandbox, skip, tool, wait_until};

/// One up, to its beginning, nothing left of it.
const CLEARED: &str = "\x1b[1A\r\x1b[K";

#[test]
fn whoever_waits_for_an_entry_reads_which_and_for_how_long_yet_and_then_nothing_is_left_of_it() {
    if !has_script() {
        return;
    }
    for command in ["print", "--no-input print", "exec -- true"] {
        let (sandbox, fake, gate) = fixture();
        let running = terminal(&sandbox, command).shows_secret().start();
        wait_until(|| running.stdout().contains("waiting for entry acme (fake) 2 s"));
        assert!(running.stdout().starts_with("waiting for entry acme (fake) 1 s\r\n"), "{}", running.stdout());
        fs::write(gate, "").expect("a gate");
        let output = running.finish();
        let (_, after) = output.exits(0).stdout.rsplit_once(CLEARED).unwrap_or_else(|| panic!("{output:#?}"));
        assert_eq!(after.contains("-key-1"), command.contains("print"), "{output:#?}");
        assert!(!after.contains("waiting"), "{output:#?}");
        assert_eq!(fake.runs(), 1);
        // A hit is not waited for.
        let output = terminal(&sandbox, command).shows_secret().run();
        assert!(!output.exits(0).stdout.contains("waiting"), "{output:#?}");
    }
}

#[test]
fn the_client_git_and_a_pipe_read_none_of_it() {
    if !has_script() {
        return;
    }
    let slow = |call: &dyn Fn(&Sandbox) -> Output| {
        let (sandbox, fake, _) = fixture();
        fake.does(&Script::secrets(sandbox.keys(1)).slow(1300));
        let output = call(&sandbox);
        assert!(!format!("{output:?}").contains("waiting"), "{output:#?}");
        assert_eq!(output.exits(0).stdout.matches("-key-1").count(), 1, "{output:#?}");
    };
    slow(&|sandbox| terminal(sandbox, "api-key-helper").shows_secret().run());
    slow(&|sandbox| sandbox.print().run());
    slow(&|sandbox| terminal(sandbox, "print 2>said; cat said").shows_secret().run());
    slow(&|sandbox| {
        let request = "printf 'protocol=https\\nhost=api.anthropic.com\\n\\n' | claude-credential get";
        shell(sandbox, request).shows_secret().run()
    });
}

#[test]
fn whoever_waits_for_another_call_reads_so() {
    if !has_script() {
        return;
    }
    let (sandbox, fake, gate) = fixture();
    let holder = sandbox.print().start();
    fake.wait_for_runs(1);
    let running = terminal(&sandbox, "print").shows_secret().start();
    wait_until(|| running.stdout().contains("waiting for another call that asks for profile default 1 s"));
    fs::write(gate, "").expect("a gate");
    assert!(running.finish().exits(0).stdout.contains(CLEARED));
    holder.finish().key();
    assert_eq!(fake.runs(), 1);
}

#[test]
fn whoever_waits_for_another_session_s_sign_in_reads_so() {
    if !has_script() {
        return;
    }
    let fixture = Expired::new();
    let gate = fixture.behind_a_gate();
    let holder = fixture.refresh().start();
    wait_until(|| fixture.runs() == 1);
    let running = terminal(&fixture.sandbox, "refresh acme -- sign-in").start();
    wait_until(|| running.stdout().contains("waiting for the sign-in of another session for acme 1 s"));
    fs::write(gate, "").expect("a gate");
    assert!(running.finish().exits(0).stdout.ends_with(CLEARED));
    holder.finish().exits(0);
}

#[test]
fn on_a_terminal_that_knows_no_movements_it_is_one_line() {
    if !has_script() {
        return;
    }
    let (sandbox, fake, _) = fixture();
    fake.does(&Script::secrets(sandbox.keys(1)).slow(2300));
    let output = terminal(&sandbox, "print").with("TERM", "dumb").shows_secret().run();
    assert!(output.exits(0).stdout.starts_with("waiting for entry acme (fake) 1 s\r\n"), "{output:#?}");
    assert!(output.stdout.matches("waiting").count() == 1 && !output.stdout.contains('\x1b'), "{output:#?}");
}

#[test]
fn a_program_that_reads_a_passphrase_has_the_terminal_for_itself() {
    if !has_script() {
        return;
    }
    let (sandbox, _, _) = fixture();
    let asks = "stty -echo </dev/tty; sleep 1.5; stty echo </dev/tty; echo key";
    sandbox.script("ask", asks);
    sandbox.config("[profile.default]\nchain = [\"ask\"]\n[entry.ask]\ncommand = [\"ask\"]\n");
    let output = terminal(&sandbox, "print").run();
    assert_eq!(output.exits(0).stdout, "key\r\n");
}

/// A chain of one helper that waits for a file.
fn fixture() -> (Sandbox, Fake, std::path::PathBuf) {
    let sandbox = Sandbox::new();
    let gate = sandbox.root().join("gate");
    let fake = sandbox.fake("acme", &Script::new(Does::answers(sandbox.secret("key-1"))).behind(&gate));
    sandbox.chain(&[&fake]);
    (sandbox, fake, gate)
}

/// A command of the dispatcher's at a terminal.
fn terminal<'a>(sandbox: &'a Sandbox, command: &str) -> Call<'a> {
    shell(sandbox, &format!("claude-credential {command}"))
}

fn shell<'a>(sandbox: &'a Sandbox, command: &str) -> Call<'a> {
    let script = tool("script").expect("it was looked for");
    let call = sandbox.call(script, &["-qec", command, "/dev/null"]).with("TERM", "xterm");
    call.input(Input::Open(Vec::new()))
}

fn has_script() -> bool {
    let found = tool("script").is_some();
    if !found {
        skip("what is read at a terminal", "no script");
    }
    found
}
