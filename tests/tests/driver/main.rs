//! A random driver: 1 to 16 processes at once look up, edit sources and `config.toml`, erase, store, refuse, and are
//! killed. A model of its own says which answers each call may give; any other answer is a divergence.
//!
//! A few seconds, or five minutes with `--long`. `CLAUDE_CREDENTIAL_DRIVER_SEED` repeats the choices of a run, though not
//! the order in which the system runs its processes; `CLAUDE_CREDENTIAL_DRIVER_SECONDS` is for how long.

mod model;
mod world;

use std::thread;
use std::time::{Duration, Instant};

use claude_credential_tests::long_tests;
use model::Model;
use world::{Random, World};

const SHORT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_mins(5);

#[test]
fn every_answer_is_one_that_the_model_allows() {
    let seed = number("CLAUDE_CREDENTIAL_DRIVER_SEED").unwrap_or_else(|| std::process::id().into());
    let span = number("CLAUDE_CREDENTIAL_DRIVER_SECONDS").map(Duration::from_secs);
    let span = span.unwrap_or(if long_tests() { LONG } else { SHORT });
    let mut random = Random::new(seed);
    let world = World::new();
    let mut model = Model::new();
    world.begin(&mut random);
    let until = Instant::now() + span;
    let mut answers = 0;
    while Instant::now() < until {
        let drivers = 1 + random.below(16);
        let seeds: Vec<u64> = (0..drivers).map(|_| random.next()).collect();
        thread::scope(|scope| {
            for seed in seeds {
                let world = &world;
                scope.spawn(move || {
                    let mut random = Random::new(seed);
                    for _ in 0..=random.below(3) {
                        world.act(&mut random);
                    }
                });
            }
        });
        let history = world.history();
        let checked = model.check(&history);
        answers += checked.unwrap_or_else(|divergence| panic!("seed {seed}: {divergence}"));
    }
    assert!(answers > 0, "seed {seed}: no call had an answer");
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
