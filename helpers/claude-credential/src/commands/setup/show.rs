//! Shows the change of each file.

use std::collections::BTreeSet;
use std::path::Path;

use super::{diff, mask};

/// The change of a settings file, with only the strings that are `known`.
pub(crate) fn show_settings(file: &Path, old: &str, new: &str, known: &dyn Fn(&str) -> bool, colours: bool) -> String {
    diff::unified(&file.display().to_string(), &mask::json(old, known), &mask::json(new, known), colours)
}

/// The change of `config.toml`, with only the strings that setup wrote: those in `written` that are not in `before`.
pub(crate) fn show_config(
    name: &str,
    old: &str,
    new: &str,
    (before, written): &(&str, Vec<&str>),
    colours: bool,
) -> String {
    let theirs = mask::toml_strings(before);
    let ours: BTreeSet<&str> = written.iter().flat_map(|written| mask::toml_strings(written)).collect();
    let known = |literal: &str| ours.contains(literal) && !theirs.contains(literal);
    diff::unified(name, &mask::toml(old, &known), &mask::toml(new, &known), colours)
}
