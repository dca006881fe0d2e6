//! The benchmark that `tests/bench.sh` builds and runs: `claude-credential-bench --bin FOLDER [--quick] [--svg FILE]`.
//!
//! It fails where an answer is wrong, and never because something took long: what is over its budget is printed.

mod budgets;
mod chart;
mod crowd;
mod fixture;
mod measure;
mod ours;
mod peers;
mod report;
mod subject;

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use crate::fixture::Bench;
use crate::measure::Plan;

const USAGE: &str = "usage: claude-credential-bench --bin FOLDER [--quick] [--svg FILE]";

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::read(env::args().skip(1))?;
    let bench = Bench::new(&options.bin)?;
    let mut subjects = ours::references(&bench)?;
    subjects.extend(ours::subjects(&bench)?);
    let peers = peers::installed(&bench)?;
    subjects.extend(peers.subjects);
    let plan = if options.quick { Plan::quick() } else { Plan::usual() };
    let mut results = measure::side_by_side(subjects, &plan)?;
    results.extend(crowd::all(&bench, &plan)?);
    bench.is_as_it_should_be()?;

    let mut out = io::stdout().lock();
    report::table(&mut out, &results, &peers.missing)?;
    report::budgets(&mut out, &results)?;
    if let Some(file) = options.svg {
        fs::write(&file, chart::draw(&results))?;
        writeln!(out, "\nwritten: {}", file.display())?;
    }
    Ok(())
}

struct Options {
    /// Where the executables are.
    bin: PathBuf,
    quick: bool,
    svg: Option<PathBuf>,
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let (mut bin, mut quick, mut svg) = (None, false, None);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--bin" => bin = Some(words.next().ok_or(USAGE)?.into()),
                "--quick" => quick = true,
                "--svg" => svg = Some(words.next().ok_or(USAGE)?.into()),
                _ => return Err(USAGE.into()),
            }
        }
        Ok(Self { bin: bin.ok_or(USAGE)?, quick, svg })
    }
}
