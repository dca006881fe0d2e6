//! Where keys come from: one module, one source.

pub(crate) mod descriptor;
pub(crate) mod file;
pub(crate) mod setting;
pub(crate) mod stored;
pub(crate) mod variable;
