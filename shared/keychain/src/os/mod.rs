//! What differs between the keychains of operating systems.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(not(target_os = "macos"))]
mod secret_service;

#[cfg(target_os = "macos")]
pub(crate) use macos::{SHOWN, UNLOCK, classify};
#[cfg(not(target_os = "macos"))]
pub(crate) use secret_service::{SHOWN, UNLOCK, classify};
