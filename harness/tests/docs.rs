//! The examples of `docs/scenario-format.md` are scenarios, and what they cite exists.

use harness::requirement::registry;
use harness::scenario::{load, matrix};

/// The blocks of the page that are marked as YAML.
fn examples() -> Vec<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/scenario-format.md")).expect("the page is there");
    page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_example_is_a_scenario_that_cites_registered_clauses() {
    let text = &examples()[0];
    let scenario = load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(scenario.timeline.len(), 10);
    let cited: Vec<&str> =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c))).filter(|word| word.starts_with("RFC")).collect();
    assert_eq!(cited.len(), 6);
    assert_eq!(registry().unknown(cited), []);
}

#[test]
fn the_matrix_of_the_page_makes_eight_cases() {
    let nodes =
        "{ a: { role: peer, implementation: x }, b: { role: peer, implementation: x }, relay: { role: turn-server, implementation: x } }";
    let text = format!("title: Pairs\nnodes: {nodes}\n{}", examples()[1]);
    let scenario = load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let cases = matrix::expand(&scenario).unwrap_or_else(|problems| panic!("{problems:?}"));
    assert_eq!(cases.len(), 8);
    assert!(cases.iter().any(|case| case.suffix == "/full-cone+open/turn"), "the id that the page names");
}
