//! The sections of `config.toml` that setup wrote, in a file that was edited since.

use std::iter;
use std::ops::Range;

use toml_edit::{Document, Item, RawString, Table, Value};

use super::{Edited, mask};

/// Whether `text` has the section exactly as setup wrote it.
pub(crate) fn is_ours(text: &str, edited: &Edited, kind: &str, name: &str) -> bool {
    let section = |text: &str| {
        let sections = Sections::parse(text).ok()?;
        sections.get(kind, name).map(|section| sections.body(section))
    };
    let ours = section(&edited.written);
    ours.is_some() && section(text) == ours && section(edited.before.as_deref().unwrap_or_default()) != ours
}

/// `text` without what setup added: its sections, and its words in the chain of a profile. Every other byte stays. The
/// error lists what the user has to do by hand because they changed it, or because something of theirs depends on it.
pub(crate) fn without_ours(text: &str, edited: &Edited) -> Result<String, Vec<String>> {
    let before = Sections::parse(edited.before.as_deref().unwrap_or_default())?;
    let (now, written) = (Sections::parse(text)?, Sections::parse(&edited.written)?);
    let (mut cuts, mut removed, mut done, mut by_hand) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (kind, name, ours) in written.iter() {
        let (old, current) = (before.get(kind, name), now.get(kind, name));
        let (old_body, our_body) = (old.map(|old| before.body(old)), written.body(ours));
        let current_body = current.map(|current| now.body(current));
        if old_body.as_ref() == Some(&our_body) || old_body == current_body {
            continue;
        }
        let step = format!("{} {}", if old.is_some() { "restore" } else { "remove" }, shown(text, kind, name));
        let places = match current {
            Some(Item::Table(table)) if old.is_none() && current_body == Some(our_body) => {
                removed.push(name);
                Some(now.lines(table))
            }
            Some(profile) if kind == "profile" && before.besides_chain(old) == written.besides_chain(Some(ours)) => {
                now.words(profile, old, &chain(ours))
            }
            _ => None,
        };
        if places.is_some() { &mut done } else { &mut by_hand }.push(step);
        cuts.extend(places.into_iter().flatten());
    }
    let is_kept = |at: usize| !cuts.iter().any(|cut| cut.contains(&at));
    let rest: String = text.char_indices().filter(|(at, _)| is_kept(*at)).map(|(_, c)| c).collect();
    for (_, name, profile) in Sections::parse(&rest)?.iter().filter(|(kind, ..)| *kind == "profile") {
        for word in chain(profile).into_iter().filter(|word| removed.contains(word)) {
            by_hand.push(format!("remove {word} from the chain of {}", shown(text, "profile", name)));
        }
    }
    match by_hand.is_empty() {
        // The user may have put a comment between our lines.
        true if mask::toml_comments(&rest) != mask::toml_comments(text) => Err(done),
        true => Ok(rest),
        false => Err(by_hand),
    }
}

/// A file, and its sections by their places in it.
struct Sections<'a>(Document<&'a str>);

impl<'a> Sections<'a> {
    fn parse(text: &'a str) -> Result<Self, Vec<String>> {
        Document::parse(text).map(Self).map_err(|_| vec!["mend the TOML".to_owned()])
    }

    /// Each as `entry`, `vault` and what stands in `[entry.vault]`, which may be an inline table.
    fn iter(&self) -> impl Iterator<Item = (&str, &str, &Item)> {
        let kinds = self.0.iter().filter_map(|(kind, item)| Some((kind, item.as_table_like()?)));
        kinds.flat_map(|(kind, table)| table.iter().map(move |(name, item)| (kind, name, item)))
    }

    fn get(&self, kind: &str, name: &str) -> Option<&Item> {
        self.0.get(kind)?.get(name)
    }

    fn text(&self, place: Option<Range<usize>>) -> String {
        place.and_then(|place| self.0.raw().get(place)).unwrap_or_default().replace("\r\n", "\n")
    }

    /// What stands in a section, with its header, comments and tables.
    fn body(&self, item: &Item) -> String {
        let Item::Table(table) = item else { return self.text(item.span()) };
        table
            .iter()
            .fold(self.text(own_place(table)), |body, (name, item)| format!("{body}\n{name} = {}", self.body(item)))
    }

    /// What a profile says besides its chain.
    fn besides_chain<'b>(&self, profile: Option<&'b Item>) -> Vec<(&'b str, String)> {
        let settings = profile.and_then(Item::as_table_like).into_iter().flat_map(|profile| profile.iter());
        settings.filter(|(name, _)| *name != "chain").map(|(name, item)| (name, self.body(item))).collect()
    }

    /// The lines of a section and its tables, with what is above their headers.
    fn lines(&self, table: &Table) -> Vec<Range<usize>> {
        let above = table.decor().prefix().and_then(RawString::span);
        let own = own_place(table).map(|own| above.map_or(own.start, |above| above.start)..self.line_end(own.end));
        let tables = table.iter().filter_map(|(_, item)| item.as_table());
        own.into_iter().chain(tables.flat_map(|table| self.lines(table))).collect()
    }

    /// The places in a profile of the words that setup put into its chain; `before` is the profile without them. `None`
    /// if they can't be cut out.
    fn words(&self, profile: &Item, before: Option<&Item>, ours: &[&str]) -> Option<Vec<Range<usize>>> {
        let old = before.map(chain).unwrap_or_default();
        // An entry that setup moved to the front would stay there.
        if !ours.iter().filter(|word| old.contains(word)).eq(&old) {
            return None;
        }
        let is_ours = |word: &Value| word.as_str().is_some_and(|word| ours.contains(&word) && !old.contains(&word));
        let chain = profile.get("chain").and_then(Item::as_array).into_iter().flatten();
        let words: Vec<(bool, Range<usize>)> = chain.filter_map(|word| Some((is_ours(word), word.span()?))).collect();
        let last = words.iter().rfind(|(is_ours, _)| !is_ours).map(|(_, place)| place.end);
        // An empty chain answers nothing; without the line the default chain would answer.
        let had_chain = before.is_some_and(|before| before.get("chain").is_some());
        if last.is_none() && !words.is_empty() && !had_chain {
            let (key, chain) = profile.as_table().filter(|table| !table.is_implicit())?.get_key_value("chain")?;
            let start = self.0.raw()[..key.span()?.start].rfind('\n').map_or(0, |end| end + 1);
            return Some(iter::once(start..self.line_end(chain.span()?.end)).collect());
        }
        let cut = |(at, (_, word)): (usize, &(bool, Range<usize>))| match words.get(at + 1) {
            Some((_, next)) => word.start..next.start,
            None => last.unwrap_or(word.start)..word.end,
        };
        Some(words.iter().enumerate().filter(|(_, (is_ours, _))| *is_ours).map(cut).collect())
    }

    fn line_end(&self, at: usize) -> usize {
        self.0.raw()[at..].find('\n').map_or(self.0.raw().len(), |end| at + end + 1)
    }
}

/// From the header of a table to the end of its last value.
fn own_place(table: &Table) -> Option<Range<usize>> {
    let header = table.span().filter(|_| !table.is_implicit())?;
    let values = table.get_values().into_iter().filter_map(|(_, value)| Some(value.span()?.end));
    Some(header.start..values.chain([header.end]).max()?)
}

fn chain(profile: &Item) -> Vec<&str> {
    let words = profile.get("chain").and_then(Item::as_array);
    words.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The header of a section, with its line.
fn shown(text: &str, kind: &str, name: &str) -> String {
    let header = format!("[{kind}.{name}]");
    let line = text.lines().position(|line| line.trim_start().starts_with(&header));
    line.map_or(header.clone(), |line| format!("{header} in line {}", line + 1))
}
