//! The coverage tables.

use reports::coverage::{Coverage, Row, State};
use reports::record::Level;

fn row(clause: &str, rfc: &str, role: &str, level: Level, state: State) -> Row {
    Row { clause: clause.into(), rfc: rfc.into(), role: role.into(), level, state, checks: vec![] }
}

fn rows() -> Vec<Row> {
    use Level::{May, Must, Should, Unmarked};
    use State::{BothControls, Covered, NotApplicable, Open};
    vec![
        row("RFC8656-9-1", "RFC 8656", "turn-server", Must, BothControls),
        row("RFC8656-9-2", "RFC 8656", "turn-server", Must, Open),
        row("RFC8656-9-3", "RFC 8656", "turn-server", Should, Covered),
        row("RFC8656-9-4", "RFC 8656", "turn-client", Must, BothControls),
        row("RFC8489-6-1", "RFC 8489", "stun-client", Unmarked, NotApplicable),
        row("RFC8489-6-2", "RFC 8489", "stun-client", May, Open),
        row("RFC8489-6-3", "RFC 8489", "stun-client", Must, Open),
    ]
}

#[test]
fn levels_are_counted_apart() {
    insta::assert_snapshot!(Coverage::of(&rows()).text());
}

#[test]
fn markdown_says_the_same() {
    insta::assert_snapshot!(Coverage::of(&rows()).markdown());
}

#[test]
fn every_row_is_counted_once() {
    let coverage = Coverage::of(&rows());
    let levels = [Level::Must, Level::Should, Level::May, Level::Unmarked];
    let sum: u64 = levels.into_iter().flat_map(|level| coverage.total(level).into_values().collect::<Vec<_>>()).sum();
    assert_eq!(sum, rows().len() as u64);
}
