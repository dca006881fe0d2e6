//! Edits `config.toml` and keeps its comments and order.

use std::path::Path;

use claude_credential_config::Config;
use claude_credential_protocol::Error;
use diffy::{DiffOptions, Line};
use toml_edit::{Array, DocumentMut, Item, Table, TableLike, Value};

use super::settings::BOM;

/// Adds the sections of a preset to `text`. A section of the same name with other contents is replaced only if
/// `may_replace` allows it.
pub(crate) fn edited(
    text: &str,
    file: &Path,
    wanted: &Table,
    config: &Config,
    may_replace: &dyn Fn(&str, &str) -> bool,
) -> Result<String, Error> {
    let shown = file.display();
    let mut document: DocumentMut = text.parse().map_err(|_| {
        Error::config(format!("{shown} is not valid TOML; correct it, then run: claude-credential setup"))
    })?;
    let mut is_changed = false;
    for (kind, sections) in wanted {
        for (name, section) in sections.as_table().into_iter().flatten() {
            let Some(section) = section.as_table() else { continue };
            let replace = may_replace(kind, name);
            is_changed |= if kind == "profile" {
                profile(&mut document, name, section, config, replace)
            } else {
                self::section(&mut document, kind, name, section, replace)
            }
            .map_err(|message| Error::config(format!("{shown}: {message}; to replace it, add: --replace")))?;
        }
    }
    Ok(if is_changed { with_line_ends_of(text, &document.to_string()) } else { text.to_owned() })
}

/// Gives each line of `edited` the end that it has in `text`, and a new one that of the first; `toml_edit` always writes
/// LF, and no byte order mark.
fn with_line_ends_of(text: &str, edited: &str) -> String {
    if let Some(text) = text.strip_prefix(BOM) {
        return BOM.to_owned() + &with_line_ends_of(text, edited);
    }
    let [old, new] = [text, edited].map(|text| text.replace("\r\n", "\n"));
    let mut lines = text.split_inclusive('\n');
    let end = if lines.clone().next().is_some_and(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    let patch = DiffOptions::new().set_context_len(text.len()).create_patch(&old, &new);
    // With so much context, one hunk has all lines.
    let Some(hunk) = patch.hunks().first() else { return text.to_owned() };
    let line = |line: &Line<'_, str>| match line {
        Line::Insert(line) => line.replace('\n', end),
        line => lines.next().filter(|_| matches!(line, Line::Context(_))).unwrap_or_default().to_owned(),
    };
    hunk.lines().iter().map(line).collect()
}

fn section(document: &mut DocumentMut, kind: &str, name: &str, wanted: &Table, replace: bool) -> Result<bool, String> {
    let sections = sections(document, kind);
    let wanted = bare(wanted);
    match sections.get(name).and_then(Item::as_table_like) {
        Some(there) if is_same(there, &wanted) => return Ok(false),
        Some(_) if !replace => return Err(format!("[{kind}.{name}] already exists with other contents")),
        _ => {}
    }
    sections.insert(name, Item::Table(wanted));
    Ok(true)
}

/// In the profile `default`, puts the entries of a preset first in the chain and keeps the others after them. In a profile
/// of the preset's own, each list becomes the preset's: the hosts of two gateways must not be in one list.
fn profile(
    document: &mut DocumentMut,
    name: &str,
    wanted: &Table,
    config: &Config,
    replace: bool,
) -> Result<bool, String> {
    let known = config.profiles.get(name);
    let is_in_effect = |key: &str, word: &str| match (key, known) {
        ("chain", Some(known)) => known.chain.iter().any(|entry| entry == word),
        _ => false,
    };
    let sections = sections(document, "profile");
    let is_written = |sections: &mut dyn TableLike, key: &str| {
        sections.get(name).and_then(Item::as_table_like).is_some_and(|table| table.contains_key(key))
    };
    let mut is_changed = false;
    for (key, words) in wanted {
        let words: Vec<&str> = words.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        // The chain in effect has the entry already; written out, it would lose its other entries.
        if !is_written(sections, key) && words.iter().all(|word| is_in_effect(key, word)) {
            continue;
        }
        if sections.get(name).is_none() {
            sections.insert(name, Item::Table(Table::new()));
        }
        let Some(table) = sections.get_mut(name).and_then(Item::as_table_like_mut) else { continue };
        if let Some(there) = table.get_mut(key).and_then(Item::as_array_mut).filter(|_| name != "default") {
            if there.iter().map(Value::as_str).eq(words.iter().copied().map(Some)) {
                continue;
            }
            if !replace {
                return Err(format!("[profile.{name}] already exists with other contents"));
            }
            let decor = there.decor().clone();
            *there = words.iter().copied().collect();
            *there.decor_mut() = decor;
            is_changed = true;
        } else if let Some(there) = table.get_mut(key).and_then(Item::as_array_mut) {
            is_changed |= put_first(there, &words);
        } else {
            table.insert(key, Item::Value(Value::Array(words.iter().copied().collect())));
            is_changed = true;
        }
    }
    Ok(is_changed)
}

fn put_first(there: &mut Array, words: &[&str]) -> bool {
    let first: Vec<&str> = there.iter().take(words.len()).filter_map(Value::as_str).collect();
    if first == words {
        return false;
    }
    there.retain(|value| !value.as_str().is_some_and(|value| words.contains(&value)));
    for word in words.iter().rev() {
        // The new first word takes over the spaces and line break at the beginning of the list.
        let decor = there.get(0).map(|value| value.decor().clone());
        if let (Some(decor), Some(second)) = (&decor, there.get_mut(0))
            && decor.prefix().and_then(|prefix| prefix.as_str()).is_none_or(|prefix| !prefix.contains('\n'))
        {
            second.decor_mut().set_prefix(" ");
        }
        let mut value = Value::from(*word);
        if let Some(prefix) = decor.as_ref().and_then(|decor| decor.prefix()) {
            value.decor_mut().set_prefix(prefix.clone());
        }
        there.insert_formatted(0, value);
    }
    true
}

fn sections<'a>(document: &'a mut DocumentMut, kind: &str) -> &'a mut dyn TableLike {
    let item = document.entry(kind).or_insert_with(|| {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    });
    if !item.is_table_like() {
        *item = Item::Table(Table::new());
    }
    item.as_table_like_mut().unwrap_or_else(|| unreachable!("the line above makes it a table"))
}

/// Whether both have the same values, in whatever format.
fn is_same(there: &dyn TableLike, wanted: &Table) -> bool {
    let plain = |item: &Item| item.as_value().map(plain);
    there.len() == wanted.len()
        && wanted
            .iter()
            .all(|(key, value)| there.get(key).and_then(plain).is_some_and(|item| Some(item) == plain(value)))
}

fn plain(value: &Value) -> String {
    match value {
        Value::Array(array) => array.iter().map(|value| plain(value) + ",").collect(),
        value => value.clone().decorated("", "").to_string(),
    }
}

/// A section without the comments and spaces of the preset file.
fn bare(wanted: &Table) -> Table {
    let mut table = Table::new();
    for (key, item) in wanted {
        if let Some(value) = item.as_value().filter(|value| !value.as_array().is_some_and(Array::is_empty)) {
            table.insert(key, Item::Value(value.clone().decorated(" ", "")));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use claude_credential_config::Config;
    use toml_edit::DocumentMut;

    use super::edited;

    const PRESET: &str =
        "[entry.vault]\ncommand = [\"/bin/vault\", \"kv\"]\nnone_exit = []\n[profile.default]\nchain = [\"vault\"]\n";

    fn edit(text: &str, replace: bool) -> Result<String, String> {
        let wanted: DocumentMut = PRESET.parse().unwrap();
        let result = edited(text, Path::new("/c.toml"), wanted.as_table(), &Config::built_in(), &|_, _| replace);
        result.map_err(|error| error.to_string())
    }

    #[test]
    fn sections_are_added_and_comments_and_order_stay() {
        let ours = "[entry.vault]\ncommand = [\"/bin/vault\", \"kv\"]\n";
        let new = edit("", false).unwrap();
        assert_eq!(new, format!("{ours}\n[profile.default]\nchain = [\"vault\"]\n"));
        assert_eq!(edit(&new, false).as_deref(), Ok(new.as_str()));
        let mine = "# mine\nttl = \"5m\" # short\n\n[profile.default]\nhosts = [\"a.example\"]\nchain = [\"x\", \"vault\"] # all\n\n[entry.x]\nshell = 'x'\n";
        let edited = edit(mine, false).unwrap();
        assert!(edited.starts_with("# mine\nttl = \"5m\" # short\n\n[profile.default]\nhosts = [\"a.example\"]\nchain = [\"vault\", \"x\"] # all\n\n[entry.x]\nshell = 'x'\n"), "{edited}");
        assert!(edited.contains(ours), "{edited}");
    }

    #[test]
    fn a_section_of_the_user_is_replaced_only_if_that_is_allowed() {
        let mine = "[entry.vault]\nshell = \"CANARY\"\n";
        let error = edit(mine, false).unwrap_err();
        assert!(
            error.contains("[entry.vault]") && error.ends_with("--replace") && !error.contains("CANARY"),
            "{error}"
        );
        assert!(!edit(mine, true).unwrap().contains("CANARY"));
    }

    #[test]
    fn lines_end_as_they_did() {
        let edited = edit("# mine\r\nttl = \"5m\"\r\n", false).unwrap();
        assert_eq!(edited.matches('\n').count(), edited.matches("\r\n").count(), "{edited:?}");
    }
}
