//! Where tokens come from: one module, one source.

pub(crate) mod claude;
pub(crate) mod descriptor;
pub(crate) mod login;
pub(crate) mod provider;
pub(crate) mod variable;
