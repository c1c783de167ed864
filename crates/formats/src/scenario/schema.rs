//! The table of parameters as a JSON Schema, for editors and other programs.

use network::scenario::parameters::{Form, LAYERS, Parameter, SCENARIO, Section};
use serde_json::{Map, Value, json};

/// The schema of scenario files, JSON Schema 2020-12.
pub fn json_schema() -> Value {
    let mut definitions = Map::new();
    let mut properties = Map::new();
    for p in SCENARIO.parameters {
        properties.insert(p.name.to_owned(), parameter(p, &mut definitions));
    }
    properties.insert(
        "include".to_owned(),
        json!({
            "description": "Scenario files whose layers come first and whose values count where this file says none.",
            "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        }),
    );
    let kinds: Vec<Value> = LAYERS
        .iter()
        .map(|layer| {
            let body = section(layer, &mut definitions);
            json!({
                "type": "object",
                "description": layer.meaning,
                "properties": { layer.name: body },
                "required": [layer.name],
                "additionalProperties": false,
            })
        })
        .collect();
    properties.insert(
        "layers".to_owned(),
        json!({ "description": "Layers, in the order in which they are stacked.", "type": "array", "items": { "oneOf": kinds } }),
    );
    let required: Vec<&str> = SCENARIO.parameters.iter().filter(|p| p.default.is_none()).map(|p| p.name).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "GridTwin scenario",
        "description": SCENARIO.meaning,
        "type": "object",
        "properties": properties,
        // A file that is only included needs no name of its own.
        "anyOf": [{ "required": required }, { "required": ["layers"] }],
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// A reference to the section, which is defined once.
fn section(section: &'static Section, definitions: &mut Map<String, Value>) -> Value {
    let key = section.name.replace(' ', "_");
    if !definitions.contains_key(&key) {
        // Held open, so that a section that held itself would end.
        definitions.insert(key.clone(), Value::Null);
        let properties: Map<String, Value> = section.parameters.iter().map(|p| (p.name.to_owned(), parameter(p, definitions))).collect();
        let required: Vec<&str> = section.parameters.iter().filter(|p| p.default.is_none()).map(|p| p.name).collect();
        let mut whole =
            json!({ "type": "object", "description": section.meaning, "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            whole["required"] = json!(required);
        }
        if !section.one_of.is_empty() {
            let groups: Vec<Value> = section
                .one_of
                .iter()
                .map(|group| json!({ "anyOf": group.iter().map(|name| json!({ "required": [name] })).collect::<Vec<_>>() }))
                .collect();
            whole["allOf"] = json!(groups);
        }
        definitions.insert(key.clone(), whole);
    }
    json!({ "$ref": format!("#/$defs/{key}") })
}

fn parameter(p: &'static Parameter, definitions: &mut Map<String, Value>) -> Value {
    // A quantity may be written with its unit.
    let number = || if p.unit().is_some() { json!(["number", "string"]) } else { json!("number") };
    let mut schema = match p.form {
        Form::Number(low, high) => json!({ "type": number(), "minimum": low, "maximum": high }),
        Form::Above(low, high) => json!({ "type": number(), "exclusiveMinimum": low, "maximum": high }),
        Form::Whole(low, high) => json!({ "type": "integer", "minimum": low, "maximum": high }),
        Form::Flag => json!({ "type": "boolean" }),
        Form::Text => json!({ "type": "string", "minLength": 1 }),
        Form::AnyText => json!({ "type": "string" }),
        Form::Choice(choices) => json!({ "enum": choices }),
        Form::Day => json!({ "type": "string", "pattern": "^[0-9]{1,2}-[0-9]{1,2}$" }),
        Form::File(_) => json!({ "type": "string", "minLength": 1 }),
        Form::Numbers { lengths, min, max } => {
            let mut list = json!({ "type": "array", "items": { "type": "number", "minimum": min, "maximum": max } });
            if let (Some(low), Some(high)) = (lengths.iter().min(), lengths.iter().max()) {
                list["minItems"] = json!(low);
                list["maxItems"] = json!(high);
            }
            list
        }
        Form::Wholes => json!({ "type": "array", "items": { "type": "integer" } }),
        Form::Texts => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Form::Weights => json!({ "type": "object", "additionalProperties": { "type": "number", "minimum": 0 } }),
        Form::Object(inner) => section(inner, definitions),
        Form::Objects(inner) => json!({ "type": "array", "items": section(inner, definitions) }),
    };
    schema["description"] = json!(p.meaning);
    // Beyond the vocabulary of the standard, which allows that: what editors need to draw a field.
    if let Some(unit) = p.unit() {
        schema["x-unit"] = json!(unit.shown);
    }
    if !p.source.is_empty() {
        schema["x-source"] = json!(p.source);
    }
    if let Form::File(_) = p.form {
        schema["x-file"] = json!(true);
    }
    if let Some(default) = p.default.filter(|d| !matches!(*d, "null" | "{}" | "[]" | "\"\"")) {
        schema["default"] = serde_json::from_str(default).unwrap_or(Value::Null);
    }
    schema
}
