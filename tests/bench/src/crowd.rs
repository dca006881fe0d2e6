//! Two hundred callers at once.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use crate::fixture::{Bench, done};
use crate::measure::{Measured, Plan, at_once};
use crate::ours::DISPATCHER;
use crate::subject::Group;

const CROWD: usize = 200;

/// A helper that takes 300 ms, in the words of git's protocol.
const SLOW: &str = "#!/bin/sh
while read -r line && [ -n \"$line\" ]; do :; done
sleep 0.3
printf 'capability[]=authtype\\nauthtype=x-api-key\\ncredential=%s\\n\\n' \"$(cat \"$1\")\"
";

pub(crate) fn all(bench: &Bench, plan: &Plan) -> Result<Vec<Measured>, Box<dyn Error>> {
    let fixture = bench.fixture("crowd", "")?;
    let helper = fixture.write("slow", SLOW)?;
    done(Command::new("chmod").arg("700").arg(&helper), "")?;
    fixture.write(
        ".config/claude-credential/config.toml",
        &format!(
            "[profile.default]\nchain = [\"slow\"]\n[entry.slow]\nhelper = \"{}\"\nargs = [\"{}\"]\n",
            helper.display(),
            bench.key_file().display()
        ),
    )?;
    let print = || fixture.call(DISPATCHER, &["print"]);
    let cat = || {
        let mut cat = bench.command("cat");
        cat.arg(bench.key_file());
        cat
    };
    let crowd = |one: &dyn Fn() -> Command| at_once((0..CROWD).map(|_| one()).collect(), &bench.key);
    let (mut cold, mut warm, mut cats): (Vec<Duration>, Vec<Duration>, Vec<Duration>) = Default::default();
    for _ in 0..plan.crowds {
        done(&mut fixture.call(DISPATCHER, &["cache", "clear"]), "")?;
        cold.push(crowd(&print)?);
        warm.push(crowd(&print)?);
        cats.push(crowd(&cat)?);
    }
    Ok(vec![
        Measured::alone("crowd-cold", "print, cold, a helper of 300 ms", Group::Crowd, cold),
        Measured::alone("crowd-warm", "print, warm", Group::Crowd, warm),
        Measured::alone("crowd-cat", "cat keyfile", Group::Crowd, cats),
    ])
}
