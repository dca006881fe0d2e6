//! The format of AWS's files, by what the AWS CLI (botocore, which is Python's configparser) and the SDK for JavaScript
//! read alike: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>. AWS's SDK for Rust reads less: it
//! drops sections with names that the AWS CLI itself writes, and one malformed line makes all of the file unreadable.

use std::collections::BTreeMap;

/// One of the two files. They name their sections differently.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Config,
    Credentials,
}

/// What a section is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    Profile,
    SsoSession,
    Services,
}

/// A section. No `Debug`, because it may contain secrets.
#[derive(Clone, Default)]
pub(crate) struct Section {
    pub(super) name: String,
    pub(super) settings: BTreeMap<String, String>,
    /// Whether the file for credentials has keys for it.
    pub(super) has_credentials: bool,
    /// The first line that can't be read, and what is wrong with it. It concerns those who use this section.
    pub(super) fault: Option<String>,
}

impl Section {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The value of a setting; `None` if it is missing or empty.
    pub(crate) fn setting(&self, key: &str) -> Option<String> {
        self.settings.get(key).map(|value| value.trim()).filter(|value| !value.is_empty()).map(str::to_owned)
    }
}

/// All sections of both files.
#[derive(Clone, Default)]
pub(super) struct Sections(BTreeMap<(Type, String), Section>);

impl Sections {
    pub(super) fn get(&self, of: Type, name: &str) -> Option<&Section> {
        self.0.get(&(of, name.to_owned()))
    }

    pub(super) fn names(&self, of: Type) -> impl Iterator<Item = &str> {
        self.0.keys().filter(move |(found, _)| *found == of).map(|(_, name)| name.as_str())
    }

    /// Adds what a file says. Of two values of a setting the later one counts, so the credentials come last.
    pub(super) fn add(&mut self, text: &str, kind: Kind, shown: &str) {
        let mut reader = Reader { sections: self, kind, current: Current::Nothing, option: None };
        let mut prefixed_default = false;
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let number = index + 1;
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            let indent = line.len() - line.trim_start().len();
            if content.starts_with('[') {
                let (names, is_whole) = match header(content) {
                    Some(inside) => (section(inside, kind), true),
                    None => (section(content.trim_start_matches('['), kind), false),
                };
                reader.option = None;
                reader.current = match names {
                    // `[profile default]` replaces `[default]`.
                    Some((Type::Profile, name, false))
                        if kind == Kind::Config && name == DEFAULT && prefixed_default =>
                    {
                        Current::Ignored
                    }
                    Some((of, name, is_prefixed)) => {
                        if of == Type::Profile && name == DEFAULT && is_prefixed && !prefixed_default {
                            prefixed_default = true;
                            reader.sections.0.remove(&(of, name.clone()));
                        }
                        reader.enter(of, name)
                    }
                    None => Current::Ignored,
                };
                if !is_whole {
                    reader.fault(format!("{shown} line {number}: the section has no ]"));
                    reader.current = Current::Ignored;
                }
            } else if reader.continues(indent) {
                reader.go_on(content);
            } else {
                reader.line(content, indent, &|what: &str| format!("{shown} line {number}: {what}"));
            }
        }
    }
}

/// The profile that is used if none is named.
pub(crate) const DEFAULT: &str = "default";

/// Where the lines that follow belong.
enum Current {
    /// To no section yet.
    Nothing,
    In(Type, String),
    /// To a section that is none of ours.
    Ignored,
}

struct Reader<'a> {
    sections: &'a mut Sections,
    kind: Kind,
    current: Current,
    /// The setting above, and how far it is indented.
    option: Option<(String, usize)>,
}

impl Reader<'_> {
    fn enter(&mut self, of: Type, name: String) -> Current {
        let fresh = Section { name: name.clone(), ..Section::default() };
        self.sections.0.entry((of, name.clone())).or_insert(fresh);
        Current::In(of, name)
    }

    fn section(&mut self) -> Option<&mut Section> {
        match &self.current {
            Current::In(of, name) => self.sections.0.get_mut(&(*of, name.clone())),
            Current::Nothing | Current::Ignored => None,
        }
    }

    /// Keeps the first fault of a section. Whoever writes lines before the first one means the default profile.
    fn fault(&mut self, what: String) {
        let is_outside = matches!(self.current, Current::Nothing);
        if is_outside {
            self.current = self.enter(Type::Profile, DEFAULT.to_owned());
        }
        if let Some(section) = self.section() {
            section.fault.get_or_insert(what);
        }
        if is_outside {
            self.current = Current::Nothing;
        }
    }

    /// Whether a line goes on with the setting above: it is indented further.
    fn continues(&self, indent: usize) -> bool {
        self.option.as_ref().is_some_and(|(_, above)| indent > *above)
    }

    fn go_on(&mut self, content: &str) {
        let Some((name, _)) = self.option.clone() else { return };
        if let Some(value) = self.section().and_then(|section| section.settings.get_mut(&name)) {
            value.push('\n');
            value.push_str(without_comment(content));
        }
    }

    fn line(&mut self, content: &str, indent: usize, at: &dyn Fn(&str) -> String) {
        let content = without_comment(content);
        match content.find(['=', ':']).filter(|end| *end > 0) {
            Some(end) => {
                let name = content[..end].trim().to_ascii_lowercase();
                let value = content[end + 1..].trim().to_owned();
                if matches!(self.current, Current::Nothing) {
                    self.fault(at("there is no [section] before it"));
                }
                let is_key = self.kind == Kind::Credentials && name == "aws_access_key_id";
                if let Some(section) = self.section() {
                    section.has_credentials |= is_key && !value.is_empty();
                    section.settings.insert(name.clone(), value);
                }
                self.option = Some((name, indent));
            }
            None => self.fault(at("there is no = after the name of a setting")),
        }
    }
}

/// A comment within a line begins after a blank. The SDKs take it off; the AWS CLI leaves it in the value, where it makes
/// every value wrong.
fn without_comment(content: &str) -> &str {
    let mut before = ' ';
    for (at, letter) in content.char_indices() {
        if matches!(letter, '#' | ';') && before.is_whitespace() {
            return content[..at].trim_end();
        }
        before = letter;
    }
    content
}

/// What a line has between its brackets; `None` if the second one is missing.
fn header(content: &str) -> Option<&str> {
    let inside = |line: &str| line.rfind(']').map(|end| end.max(1));
    // A name may contain what looks like a comment.
    let end = inside(without_comment(content)).or_else(|| inside(content))?;
    Some(&content[1..end])
}

/// What a section is about, its name, and whether that follows `profile`. In `config` names are words as in a shell, so
/// the AWS CLI writes one with a blank in quotes; in `credentials` they are taken as they are.
fn section(inside: &str, kind: Kind) -> Option<(Type, String, bool)> {
    let inside = inside.trim();
    if kind == Kind::Credentials || inside == DEFAULT {
        return Some((Type::Profile, inside.to_owned(), false));
    }
    let (prefix, name) = inside.split_once([' ', '\t'])?;
    let of = match prefix {
        "profile" => Type::Profile,
        "sso-session" => Type::SsoSession,
        "services" => Type::Services,
        _ => return None,
    };
    Some((of, word(name.trim())?, true))
}

/// The one word of a shell that a name is; `None` if it is more, or ends within quotes.
fn word(name: &str) -> Option<String> {
    let (mut word, mut letters) = (String::new(), name.chars());
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => loop {
                match letters.next()? {
                    '\'' => break,
                    letter => word.push(letter),
                }
            },
            '"' => loop {
                match letters.next()? {
                    '"' => break,
                    '\\' => match letters.next()? {
                        escaped @ ('"' | '\\') => word.push(escaped),
                        other => word.extend(['\\', other]),
                    },
                    letter => word.push(letter),
                }
            },
            '\\' => word.push(letters.next()?),
            letter if letter.is_ascii_whitespace() => return None,
            letter => word.push(letter),
        }
    }
    Some(word)
}

#[cfg(test)]
mod tests;
