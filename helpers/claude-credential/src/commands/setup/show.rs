//! Shows the change of each file.

use std::collections::BTreeSet;

use super::file::Edit;
use super::{diff, mask};

/// The change of a settings file, with only the strings that are `known`.
pub(crate) fn show_settings(edit: &Edit, known: &dyn Fn(&str) -> bool, colours: bool) -> String {
    show(edit, &|text| mask::json(text, known), colours)
}

/// The change of `config.toml`, with only the strings that setup wrote: those in `written` that are not in `before`.
pub(crate) fn show_config(edit: &Edit, (before, written): &(&str, Vec<&str>), colours: bool) -> String {
    let theirs = mask::toml_strings(before);
    let ours: BTreeSet<&str> = written.iter().flat_map(|written| mask::toml_strings(written)).collect();
    let known = |literal: &str| ours.contains(literal) && !theirs.contains(literal);
    show(edit, &|text| mask::toml(text, &known), colours)
}

fn show(edit: &Edit, masked: &dyn Fn(&str) -> String, colours: bool) -> String {
    let name = edit.target.path.display().to_string();
    diff::unified(&name, &masked(edit.target.text()), &masked(edit.after()), colours)
}
