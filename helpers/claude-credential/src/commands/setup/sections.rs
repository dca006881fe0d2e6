//! The sections of `config.toml` that setup wrote, found again in a file that somebody has changed since.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::{Table, Value};
use toml_edit::{Array, DocumentMut};

use super::config::with_line_ends_of;
use super::edited::Edited;

/// A section's place: `entry` and `vault` for `[entry.vault]`.
type Place = (String, String);

/// Whether the section is in `text` as setup wrote it.
pub(crate) fn is_ours(text: &str, edited: &Edited, kind: &str, name: &str) -> bool {
    let (Some(now), Some(before), Some(written)) = (parse(text), parse(before(edited)), parse(&edited.written)) else {
        return false;
    };
    let place = (kind.to_owned(), name.to_owned());
    let ours = get(&written, &place);
    ours.is_some() && get(&now, &place) == ours && get(&before, &place) != ours
}

/// `text` without what setup wrote:
///
/// - a section that is as setup wrote it becomes what it was before, or goes;
/// - of the chain of a profile in which somebody changed something, were it a comment, what setup put into it goes;
/// - one that somebody made their own is named, and nothing is done.
///
/// None where nothing is left of a file that setup made.
pub(crate) fn without_ours(text: &str, edited: &Edited) -> Result<Option<String>, Vec<String>> {
    let all = || vec!["config.toml".to_owned()];
    let now = parse(text).ok_or_else(all)?;
    let (was, written) = (parse(before(edited)).ok_or_else(all)?, parse(&edited.written).ok_or_else(all)?);
    let mut expected = now.clone();
    let (mut whole, mut chains, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
    for place in places(&written) {
        let (current, old, ours) = (get(&now, &place), get(&was, &place), get(&written, &place));
        if old == ours || current == old || current.is_none() {
            continue;
        }
        // A profile that was there before is somebody's, and so are the comments in it.
        let is_theirs = place.0 == "profile" && old.is_some();
        if current == ours && !(is_theirs && lines_of(text, &place) != lines_of(&edited.written, &place)) {
            put(&mut expected, &place, old.cloned());
            whole.push(place);
        } else if let Some((chain, added)) = chain_of(&place, current, old, ours) {
            put(&mut expected, &place, chain);
            chains.push((place, added));
        } else {
            foreign.push(shown(&place));
        }
    }
    foreign.extend(dangling(&expected, &now));
    if !foreign.is_empty() {
        return Err(foreign);
    }
    let rest = without_words(text, &chains, &expected).and_then(|text| without_sections(&text, edited, &whole));
    let rest = rest.filter(|rest| parse(rest).is_some_and(|rest| bare(rest) == bare(expected)));
    let rest = rest.ok_or_else(|| whole.iter().map(shown).collect::<Vec<_>>())?;
    Ok(Some(rest).filter(|rest| edited.before.is_some() || !rest.trim().is_empty()))
}

/// What becomes of a profile of which setup wrote the chain alone, and the words that it put there.
fn chain_of(
    (kind, _): &Place,
    current: Option<&Value>,
    old: Option<&Value>,
    ours: Option<&Value>,
) -> Option<(Option<Value>, Vec<String>)> {
    let table = |value: Option<&Value>| value.and_then(Value::as_table).cloned().unwrap_or_default();
    let (mut current, mut before, mut ours) = (table(current), table(old), table(ours));
    let words = |table: &mut Table| -> Vec<String> {
        let chain = table.remove("chain");
        let words = chain.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
        words.map(str::to_owned).collect()
    };
    let (mut now, old_words, our_words) = (words(&mut current), words(&mut before), words(&mut ours));
    // What setup moved to the front is somebody's own word, and would be asked first for ever.
    let is_moved = !our_words.iter().filter(|word| old_words.contains(word)).eq(&old_words);
    if kind != "profile" || before != ours || is_moved {
        return None;
    }
    let added: Vec<String> = our_words.into_iter().filter(|word| !old_words.contains(word)).collect();
    now.retain(|word| !added.contains(word));
    if !now.is_empty() {
        current.insert("chain".to_owned(), Value::Array(now.into_iter().map(Value::String).collect()));
    }
    let is_gone = current.is_empty() && old.is_none();
    Some(((!is_gone).then_some(Value::Table(current)), added))
}

/// Profiles of somebody's that ask an entry which would be gone.
fn dangling(expected: &Table, now: &Table) -> Vec<String> {
    let defined = |table: &Table, name: &str| {
        ["entry", "provider"].iter().any(|kind| get(table, &((*kind).to_owned(), name.to_owned())).is_some())
    };
    let profiles = places(expected).into_iter().filter(|(kind, _)| kind == "profile");
    let asks = |place: &Place| {
        let chain = get(expected, place).and_then(|profile| profile.get("chain")).and_then(Value::as_array);
        let mut words = chain.into_iter().flatten().filter_map(Value::as_str);
        words.any(|word| defined(now, word) && !defined(expected, word))
    };
    profiles.filter(asks).map(|place| shown(&place)).collect()
}

fn without_words(text: &str, chains: &[(Place, Vec<String>)], expected: &Table) -> Option<String> {
    if chains.is_empty() {
        return Some(text.to_owned());
    }
    let mut document: DocumentMut = text.parse().ok()?;
    for (place @ (kind, name), words) in chains {
        let sections = document.get_mut(kind)?.as_table_like_mut()?;
        let section = sections.get_mut(name)?.as_table_like_mut()?;
        if get(expected, place).is_none() {
            sections.remove(name);
        } else if get(expected, place)?.get("chain").is_none() {
            section.remove("chain");
        } else {
            take_out(section.get_mut("chain")?.as_array_mut()?, words);
        }
    }
    Some(with_line_ends_of(text, &document.to_string()))
}

fn take_out(chain: &mut Array, words: &[String]) {
    let prefix = |chain: &Array| chain.get(0).and_then(|first| first.decor().prefix()).cloned();
    let first = prefix(chain);
    chain.retain(|value| !value.as_str().is_some_and(|value| words.iter().any(|word| word == value)));
    if let (Some(first), Some(value)) = (first, chain.get_mut(0)) {
        value.decor_mut().set_prefix(first);
    }
}

/// Line by line, so that everything else stays to the byte. Whoever calls it reads the result once more.
fn without_sections(text: &str, edited: &Edited, places: &[Place]) -> Option<String> {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let blocks = blocks(text);
    let (old_blocks, old_lines) = (self::blocks(before(edited)), before(edited).split_inclusive('\n'));
    let old_lines: Vec<&str> = old_lines.collect();
    let mut cuts: Vec<(Range<usize>, &[&str])> = Vec::new();
    for place in places {
        let old = old_blocks.get(&shown(place)).map_or(&[][..], |block| &old_lines[block.clone()]);
        cuts.push((blocks.get(&shown(place))?.clone(), old));
    }
    cuts.sort_by_key(|(block, _)| block.start);
    for (mut block, old) in cuts.into_iter().rev() {
        let is_blank = |line: Option<&&str>| line.is_some_and(|line| line.trim().is_empty());
        // The blank line that was written to set it off.
        if old.is_empty() && block.start > 0 && is_blank(lines.get(block.start - 1)) {
            block.start -= 1;
        } else if old.is_empty() && block.start == 0 && is_blank(lines.get(block.end)) {
            block.end += 1;
        }
        lines.splice(block, old.iter().copied());
    }
    Some(lines.concat())
}

/// The lines of each section, from its header to the last one that is neither blank nor a comment.
fn blocks(text: &str) -> BTreeMap<String, Range<usize>> {
    let mut blocks: BTreeMap<String, Range<usize>> = BTreeMap::new();
    let mut open = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            let header = line.split('#').next().unwrap_or_default().trim().to_owned();
            blocks.insert(header.clone(), number..number + 1);
            open = Some(header);
        } else if let Some(block) = open.as_ref().and_then(|header| blocks.get_mut(header))
            && !line.is_empty()
            && !line.starts_with('#')
        {
            block.end = number + 1;
        }
    }
    blocks
}

fn lines_of<'a>(text: &'a str, place: &Place) -> Vec<&'a str> {
    let block = blocks(text).get(&shown(place)).cloned().unwrap_or_default();
    text.lines().skip(block.start).take(block.len()).collect()
}

fn before(edited: &Edited) -> &str {
    edited.before.as_deref().unwrap_or_default()
}

fn parse(text: &str) -> Option<Table> {
    text.parse().ok()
}

fn places(table: &Table) -> Vec<Place> {
    let sections = |kind: &String| table[kind].as_table().into_iter().flat_map(Table::keys).cloned();
    table.keys().flat_map(|kind| sections(kind).map(|name| (kind.clone(), name))).collect()
}

fn get<'a>(table: &'a Table, (kind, name): &Place) -> Option<&'a Value> {
    table.get(kind)?.get(name)
}

fn put(table: &mut Table, (kind, name): &Place, value: Option<Value>) {
    let Some(sections) = table.get_mut(kind).and_then(Value::as_table_mut) else { return };
    match value {
        Some(value) => drop(sections.insert(name.clone(), value)),
        None => drop(sections.remove(name)),
    }
}

/// Without the tables around sections that are gone.
fn bare(mut table: Table) -> Table {
    table.retain(|_, value| !value.as_table().is_some_and(Table::is_empty));
    table
}

fn shown((kind, name): &Place) -> String {
    format!("[{kind}.{name}]")
}
