//! The dispatcher's other commands, one a module; those that print JSON are held to docs/schema.

mod control;
mod doctor;
mod exec;
mod exec_settings;
mod explain;
mod explain_client;
mod general;
mod schema;
mod setup;
mod shell;
mod status;
