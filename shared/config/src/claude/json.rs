//! A settings file as JSON, with comments.

use std::io;
use std::path::Path;

use claude_credential_files::{FileError, Trust, read};
use claude_credential_protocol::Error;
use jsonc_parser::ParseOptions;
use jsonc_parser::errors::ParseError;
use serde_json::Value;

/// No settings file that a person writes comes near this.
pub(super) const MAX_SETTINGS: u64 = 1 << 20;

pub(super) fn load(file: &Path) -> Result<Option<Value>, Error> {
    match read(file, Trust::Settings, MAX_SETTINGS) {
        Ok(Some(bytes)) => parse(&bytes, file).map(Some),
        // Docker makes a folder where a file that is to be mounted is not there.
        Ok(None) | Err(FileError::Folder(_)) => Ok(None),
        Err(FileError::Io(_, error)) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

pub(super) fn parse(bytes: &[u8], file: &Path) -> Result<Value, Error> {
    let text = text(bytes, file)?;
    if text.trim().is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let parsed = jsonc_parser::parse_to_serde_value::<Value>(text, &parse_options());
    parsed.map_err(|error| not_json(file, &error))
}

pub(super) fn text<'a>(bytes: &'a [u8], file: &Path) -> Result<&'a str, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::config(format!("{} is not UTF-8", file.display())))?;
    Ok(text.strip_prefix('\u{FEFF}').unwrap_or(text))
}

/// A file of nothing sets nothing, and the client accepts plain JSON. Comments and trailing commas are accepted too, so that an editor's habit voids
/// nothing and hides nothing.
#[must_use]
pub fn parse_options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// The parser's own message may quote the file.
pub(super) fn not_json(file: &Path, error: &ParseError) -> Error {
    let (file, line, column) = (file.display(), error.line_display(), error.column_display());
    Error::config(format!("{file}:{line}:{column}: not valid JSON"))
}
