//! What a call costs, warm and cold, and that it does not grow.

use std::fs;
use std::io::Write;
use std::path::Path;

use claude_credential_tests::{Input, executable, skip, static_executable};

use crate::budgets::{API_KEY_HELPER, CHAINS, CLIENT, COLD, Cost, ENTRIES, GET, PRINT, SIZE};
use crate::gauge::{Gauge, Measured};

#[test]
fn a_call_stays_within_its_budgets() {
    let Some(gauge) = fixture() else { return };
    let print = || Measured { words: &["print"], input: Input::Null, is_client: false, is_cold: false };
    let helper = || Measured { words: &["api-key-helper"], ..print() };
    let asked = Input::Bytes(b"protocol=https\nhost=api.anthropic.com\n\n".to_vec());
    let over: Vec<String> = [
        judged("print, warm", gauge.cost(&print()), PRINT),
        judged("api-key-helper, warm", gauge.cost(&helper()), API_KEY_HELPER),
        judged(
            "api-key-helper of the client, warm",
            gauge.cost(&Measured { input: Input::Socket, is_client: true, ..helper() }),
            CLIENT,
        ),
        judged("get, warm", gauge.cost(&Measured { words: &["get"], input: asked, ..print() }), GET),
        judged("print, cold, through one helper", gauge.cost(&Measured { is_cold: true, ..print() }), COLD),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(over.is_empty(), "over budget (tests/tests/gates/budgets.rs): {over:#?}");
}

#[test]
fn the_dispatcher_is_small() {
    let dispatcher = match static_executable("claude-credential") {
        Ok(dispatcher) => dispatcher,
        Err(reason) => return skip("the gate on size", &format!("no static executable: {reason}")),
    };
    let size = fs::metadata(dispatcher).expect("the dispatcher").len();
    say(&format!("the dispatcher: {size} bytes of {SIZE}"));
    assert!(size <= SIZE || !cfg!(target_arch = "x86_64"), "{size} bytes; at most {SIZE}");
}

#[test]
fn no_variable_of_the_tests_is_read_by_a_release_build() {
    const VARIABLES: &[u8] = b"CLAUDE_CREDENTIAL_TEST_";
    let names = |file: &Path| {
        let bytes = fs::read(file).expect("an executable");
        bytes.windows(VARIABLES.len()).any(|window| window == VARIABLES)
    };
    if cfg!(debug_assertions) {
        assert!(names(executable("claude-credential")), "the tests set a variable that nothing reads");
    }
    match static_executable("claude-credential") {
        Ok(dispatcher) => assert!(!names(&dispatcher), "{}", dispatcher.display()),
        Err(reason) => skip("the variables of a release build", &format!("no static executable: {reason}")),
    }
}

#[test]
fn a_warm_call_costs_the_same_among_ten_thousand_cached_answers() {
    let Some(gauge) = fixture() else { return };
    let print = Measured { words: &["print"], input: Input::Null, is_client: false, is_cold: false };
    let counted = |gauge: &Gauge| (gauge.instructions(&print), gauge.traced(&print).0);
    fill(&gauge, 0..10);
    let among_few = counted(&gauge);
    fill(&gauge, 10..10_000);
    let among_many = counted(&gauge);
    let grown = grown("10,000 cached answers", among_few, among_many, ENTRIES);
    assert!(grown.is_empty(), "{grown:#?}");
}

#[test]
fn a_warm_call_costs_the_same_with_a_long_chain() {
    let print = Measured { words: &["print"], input: Input::Null, is_client: false, is_cold: false };
    let counted = |entries: usize| {
        let gauge = Gauge::new("growth with the chain", &[])?;
        let key = gauge.sandbox.write("key", gauge.sandbox.secret("key"));
        let mut names: Vec<String> = (1..entries).map(|number| format!("none-{number}")).collect();
        let without = names.iter().map(|name| format!("[entry.{name}]\ncommand = [\"false\"]\nnone_exit = [1]\n"));
        let without: String = without.collect();
        names.push("last".to_owned());
        gauge.sandbox.config(&format!(
            "[profile.default]\nchain = {names:?}\n[entry.last]\ncommand = [\"cat\", \"{}\"]\nvary = []\n{without}",
            key.display()
        ));
        Some((gauge.instructions(&print), gauge.traced(&print).0))
    };
    let Some(with_one) = counted(1) else { return };
    let counted = |entries| counted(entries).expect("it was counted a moment ago");
    let compared =
        |(entries, at_most)| grown(&format!("a chain of {entries} entries"), with_one, counted(entries), at_most);
    let grown: Vec<String> = CHAINS.into_iter().flat_map(compared).collect();
    assert!(grown.is_empty(), "{grown:#?}");
}

/// A home with a chain of one helper that reads a file.
fn fixture() -> Option<Gauge> {
    let helper = static_executable("claude-credential-apikey").ok()?;
    let gauge = Gauge::new("the gates on instructions and system calls", &[helper])?;
    let key = gauge.sandbox.write("key", gauge.sandbox.secret("key"));
    gauge.sandbox.config(&format!(
        "[profile.default]\nchain = [\"file\"]\n[entry.file]\nhelper = \"apikey\"\nargs = [\"--file\", \"{}\"]\n",
        key.display()
    ));
    Some(gauge)
}

/// Copies of an answer, of its lock and its state, as other questions would have left them.
fn fill(gauge: &Gauge, numbers: std::ops::Range<usize>) {
    gauge.sandbox.print().run().succeeds();
    let one = |ending: &str| {
        let is_it = |file: &std::path::PathBuf| {
            file.extension().is_some_and(|found| found == ending) && !file.ends_with("random.lock")
        };
        gauge.sandbox.runtime_files().into_iter().find(is_it).expect("a file of an answer")
    };
    for from in ["cache", "lock", "state"].map(one) {
        let ending = from.extension().and_then(std::ffi::OsStr::to_str).expect("an ending");
        for number in numbers.clone() {
            fs::copy(&from, gauge.sandbox.runtime().join(format!("{number:032x}.{ending}"))).expect("a copy");
        }
    }
}

/// Says what a call costs, and returns what is too much.
fn judged(what: &str, cost: Cost, budget: Cost) -> Vec<String> {
    let figures = [
        ("instructions", cost.instructions, budget.instructions),
        ("system calls", cost.system_calls, budget.system_calls),
        ("page faults", cost.page_faults, budget.page_faults),
        ("processes", cost.processes, budget.processes),
        ("threads", cost.threads, budget.threads),
    ];
    let said: Vec<String> = figures.iter().map(|(name, cost, budget)| format!("{cost} {name} of {budget}")).collect();
    say(&format!("{what}: {}", said.join(", ")));
    let counts = |name: &str| cfg!(target_arch = "x86_64") || name != "instructions";
    let over = figures.into_iter().filter(|(name, cost, budget)| cost > budget && counts(name));
    over.map(|(name, cost, budget)| format!("{what}: {cost} {name}, at most {budget}")).collect()
}

/// Says how much more the second pair of instructions and system calls is, and returns what is more by so many
/// hundredths or beyond.
fn grown(what: &str, before: (u64, u64), after: (u64, u64), at_most: u64) -> Vec<String> {
    let pairs = [("instructions", before.0, after.0), ("system calls", before.1, after.1)];
    for (name, before, after) in pairs {
        say(&format!("{what}: {after} {name}, {before} without"));
    }
    let is_too_much = |(_, before, after): &(&str, u64, u64)| after * 100 > before * (100 + at_most);
    let over = pairs.into_iter().filter(is_too_much);
    over.map(|(name, before, after)| format!("{what}: {after} {name} in place of {before}")).collect()
}

fn say(what: &str) {
    // Not by a macro: the test runner swallows what those print.
    let _ = writeln!(std::io::stderr(), "gate: {what}");
}
