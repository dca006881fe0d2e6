//! Real outputs against the schemas in docs/schema.

use std::fs;

use claude_credential_tests::workspace;
use serde_json::Value;

/// Fails unless `value` is what docs/schema/NAME.json says, and holds nothing besides: readers ignore what they don't
/// know, and so an output that the schema has forgotten would never be noticed.
#[track_caller]
pub(crate) fn conforms(name: &str, value: &Value) {
    let path = workspace().join("docs/schema").join(name).with_extension("json");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
    jsonschema::meta::validate(&schema).expect("a schema");
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "not as docs/schema/{name}.json says: {errors:#?}\n{value:#}");
}

fn close(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            object.values_mut().for_each(close);
            if object.get("properties").is_some_and(Value::is_object) && object.contains_key("type") {
                object.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
        }
        Value::Array(list) => list.iter_mut().for_each(close),
        _ => {}
    }
}
