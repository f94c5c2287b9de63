//! The suite's own files load and expand.

use harness::scenario::{load, matrix};

#[test]
fn the_truth_table_expands_to_a_case_per_cell_pair_and_variant() {
    let bytes = include_bytes!("../../scenarios/ice/nat-pairs.yaml");
    let scenario = load(bytes).unwrap();
    let cases = matrix::expand(&scenario).unwrap();
    assert_eq!(cases.len(), 9 * 49 * 2);
    assert_eq!(cases[0].suffix, "/rtc+rtc/open+open/no-turn");
    assert!(cases.iter().any(|case| case.suffix == "/rtc+str0m/full-cone+symmetric/turn"));
}
