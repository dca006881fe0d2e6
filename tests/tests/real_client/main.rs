//! Claude Code itself, as published, with our dispatcher as its `apiKeyHelper`.
//!
//! All of these need the client and a network of their own, in which nothing leads to the real API: `tests/run.sh`.

mod destination;
mod explain;
mod explain_rare;
mod refused;
mod rewritten_settings;
mod shared_answer;
mod situation;
mod trust;
