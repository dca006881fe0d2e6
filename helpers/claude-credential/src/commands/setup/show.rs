//! Changes of both files, as they are shown.

use std::collections::BTreeSet;
use std::path::Path;

use super::{diff, mask, mask_toml};

/// The change of a settings file; of its values those that are `known` are shown.
pub(crate) fn show_settings(file: &Path, old: &str, new: &str, known: &dyn Fn(&str) -> bool, colours: bool) -> String {
    diff::unified(&file.display().to_string(), &mask::masked(old, known), &mask::masked(new, known), colours)
}

/// The change of `config.toml`; of its values those are shown that setup wrote, which is what it made of a file.
pub(crate) fn show_config(
    name: &str,
    old: &str,
    new: &str,
    (before, written): &(&str, Vec<&str>),
    colours: bool,
) -> String {
    let theirs = mask_toml::strings(before);
    let ours: BTreeSet<&str> = written.iter().flat_map(|written| mask_toml::strings(written)).collect();
    let known = |literal: &str| ours.contains(literal) && !theirs.contains(literal);
    diff::unified(name, &mask_toml::masked(old, &known), &mask_toml::masked(new, &known), colours)
}
