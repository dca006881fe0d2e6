//! The sections of `config.toml` that setup wrote, in a file that was edited since.

use toml_edit::{DocumentMut, Item, Table, Value};

use super::{Edited, mask, with_line_ends_of};

/// Whether `text` has the section exactly as setup wrote it.
pub(crate) fn is_ours(text: &str, edited: &Edited, kind: &str, name: &str) -> bool {
    let section = |text: &str| section(&text.parse().ok()?, kind, name).map(body);
    let ours = section(&edited.written);
    ours.is_some() && section(text) == ours && section(edited.before.as_deref().unwrap_or_default()) != ours
}

/// `text` without what setup added: its sections, and its words in the chain of a profile. The error lists what the user
/// has to do by hand because they changed it, or because something of theirs depends on it.
pub(crate) fn without_ours(text: &str, edited: &Edited) -> Result<String, Vec<String>> {
    let parse = |text: &str| text.parse::<DocumentMut>().map_err(|_| vec!["mend the TOML".to_owned()]);
    let before = parse(edited.before.as_deref().unwrap_or_default())?;
    let (mut now, written) = (parse(text)?, parse(&edited.written)?);
    let (mut removed, mut done, mut by_hand) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, name, ours) in sections(&written) {
        let old = section(&before, kind, name);
        let Some(current) = section(&now, kind, name).map(body) else { continue };
        if old.map(body) == Some(body(ours)) || old.map(body).as_ref() == Some(&current) {
            continue;
        }
        let verb = if old.is_some() { "restore" } else { "remove" };
        let step = format!("{verb} {}", shown(text, kind, name));
        if old.is_none() && current == body(ours) {
            now[kind].as_table_like_mut().map(|sections| sections.remove(name));
            removed.push(name);
        } else if kind != "profile" || !take_out_of_chain(&mut now[kind][name], old, ours) {
            by_hand.push(step);
            continue;
        }
        done.push(step);
    }
    for (_, name, profile) in sections(&now).filter(|(kind, ..)| *kind == "profile") {
        for word in chain(profile).into_iter().filter(|word| removed.contains(word)) {
            by_hand.push(format!("remove {word} from the chain of {}", shown(text, "profile", name)));
        }
    }
    now.as_table_mut().retain(|_, item| !item.as_table().is_some_and(Table::is_empty));
    let rest = with_line_ends_of(text, &now.to_string());
    match by_hand.is_empty() {
        // The user may have put a comment between our lines.
        true if mask::toml_comments(&rest) != mask::toml_comments(text) => Err(done),
        true => Ok(rest),
        false => Err(by_hand),
    }
}

/// Takes out of a profile's chain what setup put there. False if setup changed more of the profile than that.
fn take_out_of_chain(current: &mut Item, old: Option<&Table>, ours: &Table) -> bool {
    let empty = Table::new();
    let old = old.unwrap_or(&empty);
    let without_chain = |table: &Table| {
        let mut table = table.clone();
        table.remove("chain");
        body(&table)
    };
    let (old_chain, our_chain) = (chain(old), chain(ours));
    // An entry that setup moved to the front would stay there.
    let is_moved = !our_chain.iter().filter(|word| old_chain.contains(word)).eq(&old_chain);
    if is_moved || without_chain(old) != without_chain(ours) {
        return false;
    }
    let Some(words) = current.get_mut("chain").and_then(Item::as_array_mut) else { return true };
    let prefix = words.get(0).and_then(|first| first.decor().prefix()).cloned();
    let is_ours = |word: &str| our_chain.contains(&word) && !old_chain.contains(&word);
    words.retain(|value| !value.as_str().is_some_and(is_ours));
    if let (Some(prefix), Some(first)) = (prefix, words.get_mut(0)) {
        first.decor_mut().set_prefix(prefix);
    }
    if words.is_empty() {
        current.as_table_like_mut().map(|profile| profile.remove("chain"));
    }
    true
}

/// The sections of a file: `entry`, `vault` and what stands in it for `[entry.vault]`.
fn sections(document: &DocumentMut) -> impl Iterator<Item = (&str, &str, &Table)> {
    let kinds = document.iter().filter_map(|(kind, item)| Some((kind, item.as_table()?)));
    kinds.flat_map(|(kind, table)| table.iter().filter_map(move |(name, item)| Some((kind, name, item.as_table()?))))
}

fn section<'a>(document: &'a DocumentMut, kind: &str, name: &str) -> Option<&'a Table> {
    document.get(kind)?.get(name)?.as_table()
}

/// What stands in a section, with its comments and tables.
fn body(table: &Table) -> String {
    let tables = table.iter().filter_map(|(name, item)| Some((name, item.as_table()?)));
    tables.fold(table.to_string(), |text, (name, table)| format!("{text}[{name}]\n{}", body(table)))
}

fn chain(profile: &Table) -> Vec<&str> {
    let words = profile.get("chain").and_then(Item::as_array);
    words.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The header of a section, with its line.
fn shown(text: &str, kind: &str, name: &str) -> String {
    let header = format!("[{kind}.{name}]");
    let line = text.lines().position(|line| line.trim_start().starts_with(&header));
    line.map_or(header.clone(), |line| format!("{header} in line {}", line + 1))
}
