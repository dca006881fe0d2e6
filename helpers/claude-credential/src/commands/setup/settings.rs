//! Edits Claude Code's settings and keeps every other byte.

use std::path::{Path, PathBuf};

use claude_credential_config::claude;
use claude_credential_files::{hex, random};
use claude_credential_protocol::Error;
use jsonc_parser::cst::{CstInputValue, CstObject, CstObjectProp, CstRootNode};
use serde_json::{Map, Value};

use super::{Change, SettingChange};

/// Some editors write it; the parser does not accept it.
pub(super) const BOM: &str = "\u{FEFF}";

/// A settings file that is being edited.
pub(crate) struct SettingsDocument {
    root: CstRootNode,
    object: CstObject,
    file: PathBuf,
    has_bom: bool,
}

impl SettingsDocument {
    /// Parses `text`; an empty file means `{}`.
    pub(crate) fn parse(text: &str, file: &Path) -> Result<Self, Error> {
        let shown = file.display().to_string();
        let (has_bom, text) = text.strip_prefix(BOM).map_or((false, text), |text| (true, text));
        // The parser's message may quote the file.
        let root = CstRootNode::parse(text, &claude::parse_options()).map_err(|error| {
            let (line, column) = (error.line_display(), error.column_display());
            Error::config(format!(
                "{shown}:{line}:{column}: not valid JSON; correct it, then run: claude-credential setup"
            ))
        })?;
        let object = root.object_value_or_create().ok_or_else(|| {
            Error::config(format!("{shown} holds something other than an object; move it away, or put {{}} into it"))
        })?;
        Ok(Self { root, object, file: file.to_owned(), has_bom })
    }

    /// The text of the value at `path`, one or two names long.
    pub(crate) fn raw(&self, path: &[String]) -> Result<Option<String>, Error> {
        Ok(self.property(path)?.and_then(|property| property.value()).map(|value| value.to_string()))
    }

    /// Replaces the text of a property's value.
    fn set_raw(&mut self, property: &CstObjectProp, raw: &str) -> Result<(), Error> {
        // The tree takes parsed values only; this one stands in for the text, and nothing in the file equals it.
        let unique = hex(&random::<16>());
        property.set_value(unique.as_str().into());
        let text = self.root.to_string().replace(&json(&unique), raw);
        *self = Self { has_bom: self.has_bom, ..Self::parse(&text, &self.file)? };
        Ok(())
    }

    /// Sets `path` to `value`, in place if it exists, else at the end.
    pub(crate) fn set(&mut self, path: &[String], value: &str) -> Result<(), Error> {
        match (self.property(path)?, path) {
            (Some(property), _) => property.set_value(value.into()),
            (None, [name]) => self.append(&self.object.clone(), name, value.into(), &json(value))?,
            (None, [folder, name]) => {
                if let Some(object) = self.folder(folder)? {
                    self.append(&object, name, value.into(), &json(value))?;
                } else {
                    let inner = CstInputValue::Object(vec![(name.clone(), value.into())]);
                    let text = format!("{{{}: {}}}", json(name), json(value));
                    self.append(&self.object.clone(), folder, inner, &text)?;
                }
            }
            _ => return Err(Error::broke("a setting has one or two names")),
        }
        Ok(())
    }

    /// Adds a property. In an object on one line it is added as text, since the tree would break the line.
    fn append(&mut self, object: &CstObject, name: &str, value: CstInputValue, text: &str) -> Result<(), Error> {
        let last = object.properties().pop().filter(|_| !object.to_string().contains('\n'));
        if let Some((before, last)) = last.and_then(|last| Some((last.value()?.to_string(), last))) {
            return self.set_raw(&last, &format!("{before}, {}: {text}", json(name)));
        }
        object.append(name, value);
        Ok(())
    }

    /// Removes `path`, and the object around it if setup made that and it is empty.
    pub(crate) fn remove(&self, path: &[String], was_made_for_it: bool) -> Result<(), Error> {
        if let Some(property) = self.property(path)? {
            property.remove();
        }
        let [folder, _] = path else { return Ok(()) };
        let is_empty = self.folder(folder)?.is_some_and(|object| object.properties().is_empty());
        if let Some(property) = self.property(&path[..1])?.filter(|_| is_empty && was_made_for_it) {
            property.remove();
        }
        Ok(())
    }

    /// Restores the value from before a change. `made_env` says that the file had no `env`.
    pub(crate) fn restore(&mut self, change: &Change, made_env: bool) -> Result<(), Error> {
        match &change.before {
            Some(before) => {
                // The user may have deleted what setup wrote.
                if self.property(&change.path)?.is_none() {
                    self.set(&change.path, "")?;
                }
                self.property(&change.path)?.map_or(Ok(()), |property| self.set_raw(&property, before))
            }
            None => self.remove(&change.path, made_env),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some()
    }

    pub(crate) fn text(&self) -> String {
        format!("{}{}", if self.has_bom { BOM } else { "" }, self.root)
    }

    fn property(&self, path: &[String]) -> Result<Option<CstObjectProp>, Error> {
        match path {
            [name] => self.only(&self.object, name),
            [folder, name] => self.folder(folder)?.map_or(Ok(None), |object| self.only(&object, name)),
            _ => Ok(None),
        }
    }

    fn folder(&self, name: &str) -> Result<Option<CstObject>, Error> {
        let Some(property) = self.only(&self.object, name)? else { return Ok(None) };
        let object = property.object_value();
        object
            .map(Some)
            .ok_or_else(|| Error::config(format!("{}: `{name}` is not an object; correct it", self.file.display())))
    }

    /// Fails if there are two: the last one counts, so an edit of the first would have no effect.
    fn only(&self, object: &CstObject, name: &str) -> Result<Option<CstObjectProp>, Error> {
        let is_it = |property: &CstObjectProp| property.decoded_name().as_deref() == Some(name);
        let mut found = object.properties().into_iter().filter(is_it);
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => {
                Err(Error::config(format!("{}: `{name}` is set twice; remove one of them", self.file.display())))
            }
            (property, _) => Ok(property),
        }
    }
}

fn json(text: &str) -> String {
    Value::from(text).to_string()
}

/// Fails unless `new` differs from `old` by exactly the restored and the wanted settings. A bug in an editor must not
/// damage the file of a user, who might notice much later.
pub(crate) fn check(
    old: &str,
    new: &str,
    (stale, made_env): (&[Change], bool),
    wanted: &[SettingChange],
    file: &Path,
) -> Result<(), Error> {
    let unsafe_ = || Error::broke(format!("{} can't be edited safely; add the settings by hand", file.display()));
    let mut expected = object(old).ok_or_else(unsafe_)?;
    for Change { path, before, .. } in stale {
        put(&mut expected, path, before.as_deref().and_then(value));
    }
    if made_env && expected.get("env").and_then(Value::as_object).is_some_and(Map::is_empty) {
        expected.remove("env");
    }
    for SettingChange { path, value } in wanted {
        put(&mut expected, path, Some(Value::String(value.clone())));
    }
    if object(new).is_some_and(|new| new == expected) { Ok(()) } else { Err(unsafe_()) }
}

/// Sets `path` to `value`, or removes it.
fn put(object: &mut Map<String, Value>, path: &[String], value: Option<Value>) {
    match (path, value) {
        ([name], Some(value)) => drop(object.insert(name.clone(), value)),
        ([name], None) => drop(object.remove(name)),
        ([folder, rest @ ..], value) => {
            let inner = object.entry(folder.clone()).or_insert_with(|| Value::Object(Map::new()));
            if let Some(inner) = inner.as_object_mut() {
                put(inner, rest, value);
            }
        }
        ([], _) => {}
    }
}

/// The object in a file. An empty file means `{}`.
fn object(text: &str) -> Option<Map<String, Value>> {
    match value(text) {
        Some(Value::Null) => Some(Map::new()),
        Some(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// The value in a file; null if there is none. `None` if the file is not valid.
pub(super) fn value(text: &str) -> Option<Value> {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    jsonc_parser::parse_to_serde_value(text, &claude::parse_options()).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{SettingsDocument, check};
    use crate::commands::setup::placeholders::SettingChange;

    fn edited(text: &str) -> String {
        let file = Path::new("/s.json");
        let mut settings = SettingsDocument::parse(text, file).unwrap();
        let wanted =
            [("apiKeyHelper", None, "a \"b\""), ("env", Some("X"), "1")].map(|(name, inner, value)| SettingChange {
                path: [Some(name), inner].into_iter().flatten().map(str::to_owned).collect(),
                value: value.to_owned(),
            });
        for SettingChange { path, value } in &wanted {
            settings.set(path, value).unwrap();
        }
        check(text, &settings.text(), (&[], false), &wanted, file).unwrap();
        settings.text()
    }

    #[test]
    fn everything_else_stays_to_the_byte() {
        assert_eq!(edited(""), "{\n  \"apiKeyHelper\": \"a \\\"b\\\"\",\n  \"env\": {\n    \"X\": \"1\"\n  }\n}\n");
        assert_eq!(
            edited("\u{FEFF}{\r\n\t// mine\r\n\t\"env\": { \"A\": \"2\", }, // end\r\n}"),
            "\u{FEFF}{\r\n\t// mine\r\n\t\"env\": { \"A\": \"2\", \"X\": \"1\", }, // end\r\n\t\"apiKeyHelper\": \"a \\\"b\\\"\",\r\n}"
        );
        assert_eq!(
            edited("{\"z\": 1.0e3,\n \"apiKeyHelper\" : \"old\" /* c */, \"env\":{\"X\":null}}\n\n"),
            "{\"z\": 1.0e3,\n \"apiKeyHelper\" : \"a \\\"b\\\"\" /* c */, \"env\":{\"X\":\"1\"}}\n\n"
        );
    }

    #[test]
    fn what_is_broken_is_named_by_its_place_and_nothing_of_it_shown() {
        for (text, says) in [
            ("{\n  \"a\": CANARY }", "/s.json:2:8: not valid JSON"),
            ("[\"CANARY\"]", "something other than an object"),
        ] {
            let error = SettingsDocument::parse(text, Path::new("/s.json")).err().unwrap().to_string();
            assert!(error.contains(says) && !error.contains("CANARY"), "{error}");
        }
        let settings =
            SettingsDocument::parse("{\"a\":\"CANARY\",\"a\":1,\"env\":\"CANARY\"}", Path::new("/s.json")).unwrap();
        let path = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        for (path, says) in [(path(&["a"]), "set twice"), (path(&["env", "X"]), "not an object")] {
            let error = settings.raw(&path).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("CANARY"), "{error}");
        }
    }
}
