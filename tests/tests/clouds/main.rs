//! The helpers for AWS and Google, beside the clouds' own libraries.
//!
//! All of them need a network of their own, where the machine's own credentials are out of reach: `tests/run.sh`.

mod bedrock;
mod vertex;
