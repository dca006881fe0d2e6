//! What is said in documents, and what install.sh puts where.

mod examples;
mod install;
mod tools;
