//! `scenarios/schema.json`, which editors read, is the schema of the types.

use harness::scenario::schema;

#[test]
fn the_schema_of_the_suite_is_up_to_date() {
    let kept = include_str!("../../scenarios/schema.json");
    // Not assert_eq: two files of a thousand lines say nothing.
    assert!(kept == schema(), "write it anew: cargo xtask schema > scenarios/schema.json");
}

#[test]
fn every_key_of_the_schema_is_explained() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).expect("it is JSON");
    let mut silent = Vec::new();
    let definitions = schema["$defs"].as_object().expect("it has definitions");
    for (name, definition) in definitions.iter().map(|(name, definition)| (name.as_str(), definition)).chain([("Scenario", &schema)]) {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            if property["description"].as_str().is_none_or(str::is_empty) {
                silent.push(format!("{name}.{key}"));
            }
        }
    }
    assert_eq!(silent, [] as [String; 0]);
}

#[test]
fn unknown_keys_are_refused_by_the_schema_too() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).expect("it is JSON");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["$defs"]["Node"]["additionalProperties"], false);
}
