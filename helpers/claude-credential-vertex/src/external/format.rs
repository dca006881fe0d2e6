use claude_credential_protocol::{Error, Secret};
use serde_json::Value;

use crate::fields::Format;
use crate::sources::AdcFile;

/// Larger than any token; a SAML response may be long.
pub(crate) const MAX_SUBJECT: u64 = 1 << 20;

/// The token in a file or a response: its text, or a field of its JSON. Messages name `place`.
pub(super) fn formatted(file: &AdcFile, place: &str, bytes: &[u8], format: Option<&Format>) -> Result<Secret, Error> {
    let wrong = |what: &str| file.error(format!("{place} {what}"));
    let text = |text: &str| {
        let text = text.trim();
        if text.is_empty() { Err(wrong("holds no token")) } else { Ok(Secret::from(text)) }
    };
    match format.and_then(|format| format.kind.as_deref()).unwrap_or("text") {
        "text" => text(std::str::from_utf8(bytes).map_err(|_| wrong("holds no text"))?),
        "json" => {
            let name = format.and_then(|format| format.subject_token_field_name.as_deref());
            let name = file.require("subject_token_field_name", name)?;
            let value: Value = serde_json::from_slice(bytes)
                .map_err(|error| wrong(&format!("holds no JSON: line {}:{}", error.line(), error.column())))?;
            text(value[name].as_str().ok_or_else(|| wrong(&format!("has no text `{name}` in its JSON")))?)
        }
        _ => Err(file.error("its `format` is neither text nor json; mend it there")),
    }
}
