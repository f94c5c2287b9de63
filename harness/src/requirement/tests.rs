//! The registry as shipped, and the arithmetic over it.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::{Breach, CheckInfo, Clause, Keyword, Level, Role, State, Testable, registry};

/// Clauses with a keyword, without one, and those of level MUST by testability (wire, interface, neither), testable MUST clauses that repeat
/// no other, and testable SHOULD clauses.
const COUNTS: [(u32, usize, usize, [usize; 3], usize, usize); 16] = [
    (4787, 53, 0, [27, 0, 1], 14, 24),
    (5764, 44, 0, [18, 7, 5], 25, 10),
    (5780, 33, 1, [20, 0, 4], 19, 8),
    (6062, 52, 0, [52, 0, 0], 52, 0),
    (6347, 73, 4, [35, 1, 5], 35, 28),
    (7675, 15, 0, [10, 0, 1], 10, 4),
    (7983, 1, 0, [1, 0, 0], 1, 0),
    (8445, 158, 23, [69, 34, 4], 102, 43),
    (8489, 190, 16, [122, 5, 11], 126, 40),
    (8656, 110, 55, [65, 0, 4], 65, 39),
    (8831, 29, 0, [13, 3, 1], 16, 10),
    (8832, 15, 0, [12, 0, 3], 11, 0),
    (8838, 29, 0, [4, 8, 5], 12, 10),
    (9146, 14, 0, [12, 0, 0], 12, 0),
    (9147, 149, 6, [74, 1, 13], 73, 53),
    (9443, 4, 0, [1, 0, 3], 1, 0),
];

fn count(rfc: u32, keep: impl Fn(&Clause) -> bool) -> usize {
    registry().by_rfc(rfc).filter(|clause| keep(clause)).count()
}

#[test]
fn every_rfc_has_its_number_of_clauses() {
    for (rfc, marked, unmarked, must, unique_must, should) in COUNTS {
        let is_must = |clause: &Clause, testable| clause.level() == Level::Must && clause.testable == testable;
        assert_eq!(count(rfc, |clause| clause.level() != Level::Unmarked), marked, "marked clauses of RFC {rfc}");
        assert_eq!(count(rfc, |clause| clause.level() == Level::Unmarked), unmarked, "unmarked clauses of RFC {rfc}");
        let by_testability = [Testable::Wire, Testable::Api, Testable::No].map(|testable| count(rfc, |clause| is_must(clause, testable)));
        assert_eq!(by_testability, must, "MUST clauses of RFC {rfc}");
        let unique = |clause: &Clause| clause.level() == Level::Must && clause.testable != Testable::No && clause.dup_of.is_empty();
        assert_eq!(count(rfc, unique), unique_must, "unique testable MUST clauses of RFC {rfc}");
        let testable_should = |clause: &Clause| clause.level() == Level::Should && clause.testable != Testable::No;
        assert_eq!(count(rfc, testable_should), should, "testable SHOULD clauses of RFC {rfc}");
    }
    assert_eq!(registry().iter().count(), 969 + 105);
    assert_eq!(registry().rfcs().map(|rfc| rfc.number).collect::<Vec<_>>(), COUNTS.map(|(rfc, ..)| rfc));
}

#[test]
fn ids_are_unique_and_found() {
    let ids: BTreeSet<&str> = registry().iter().map(|clause| clause.id.as_str()).collect();
    assert_eq!(ids.len(), registry().iter().count());
    assert!(registry().iter().all(|clause| registry().get(&clause.id) == Some(clause)));
    assert_eq!(registry().get("RFC8656-9-2"), None);
}

#[test]
fn a_repeated_clause_names_an_original_of_its_own_rfc() {
    for clause in registry().iter() {
        for original in clause.dup_of.iter().filter_map(|id| registry().get(id)) {
            assert_eq!(original.rfc, clause.rfc, "{}", clause.id);
            assert!(original.dup_of.is_empty(), "{} repeats {}, which repeats another clause", clause.id, original.id);
        }
    }
    assert_eq!(registry().iter().filter(|clause| !clause.dup_of.is_empty()).count(), 38);
}

#[test]
fn summaries_are_short_lines_of_our_own() {
    for clause in registry().iter() {
        let length = clause.summary.chars().count();
        assert!((15..=140).contains(&length), "{}: {length} characters", clause.id);
        assert!(!clause.summary.contains(['\n', '\r']) && clause.summary.trim() == clause.summary, "{}", clause.id);
        for sentence in [clause.summary.clone(), format!("{}.", clause.summary)] {
            assert_ne!(hex::encode(Sha256::digest(sentence))[..12], clause.hash, "{} holds the sentence itself", clause.id);
        }
        assert!(clause.hash.len() == 12 && clause.hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", clause.id);
    }
}

#[test]
fn clauses_that_repeat_nothing_have_summaries_of_their_own() {
    let mut seen = BTreeSet::new();
    for clause in registry().iter().filter(|clause| clause.dup_of.is_empty()) {
        assert!(seen.insert((clause.rfc, &clause.summary)), "{}: {}", clause.id, clause.summary);
    }
}

#[test]
fn every_erratum_of_a_clause_corrects_its_rfc() {
    for clause in registry().iter() {
        assert!(
            clause.errata.iter().all(|&number| registry().erratum(number).is_some_and(|erratum| erratum.rfc == clause.rfc)),
            "{}",
            clause.id
        );
    }
}

#[test]
fn a_twin_belongs_to_an_rfc_that_the_clause_replaced() {
    let replaced: [(u32, &[&str]); 4] =
        [(8445, &["RFC5245-"]), (8489, &["RFC5389-"]), (8656, &["RFC5766-", "RFC6156-"]), (9147, &["RFC6347-"])];
    let mut twins = BTreeSet::new();
    for clause in registry().iter() {
        let Some(twin) = &clause.twin else { continue };
        let older = replaced.iter().find(|(rfc, _)| *rfc == clause.rfc).map_or(&[][..], |(_, older)| older);
        assert!(older.iter().any(|prefix| twin.starts_with(prefix)), "{}: {twin}", clause.id);
        assert!(twins.insert(twin), "{twin} is the twin of two clauses");
    }
    assert_eq!(twins.len(), 254);
}

#[test]
fn a_link_leads_to_the_section_or_the_appendix() {
    let url = |id| registry().get(id).unwrap().url();
    assert_eq!(url("RFC8656-7.2-2"), "https://www.rfc-editor.org/rfc/rfc8656#section-7.2");
    assert_eq!(url("RFC8445-B.1-1"), "https://www.rfc-editor.org/rfc/rfc8445#appendix-B.1");
}

#[test]
fn a_breach_weighs_what_the_keyword_says() {
    let weighs = |keyword: &str| keyword.parse::<Keyword>().unwrap().level().breach();
    for keyword in ["MUST", "MUST NOT", "SHALL", "unmarked"] {
        assert_eq!(weighs(keyword), Breach::Fail, "{keyword}");
    }
    for keyword in ["SHOULD", "SHOULD NOT", "RECOMMENDED", "NOT RECOMMENDED"] {
        assert_eq!(weighs(keyword), Breach::Deviates, "{keyword}");
    }
    assert_eq!(weighs("MAY"), Breach::Recorded);
}

fn check<'a>(id: &'a str, clauses: &'a [&'a str], rejects: bool, accepts: bool) -> CheckInfo<'a> {
    CheckInfo { id, clauses, has_rejecting_control: rejects, has_accepting_control: accepts }
}

#[test]
fn without_checks_every_testable_clause_is_open() {
    let coverage = registry().coverage(&[]).unwrap();
    let total = coverage.total;
    assert_eq!((total.must.controlled, total.must.covered), (0, 0));
    let unique = |level: Level| registry().iter().filter(|clause| clause.dup_of.is_empty() && clause.level() == level).count();
    assert_eq!(
        [total.must.total(), total.should.total(), total.unmarked.total()],
        [Level::Must, Level::Should, Level::Unmarked].map(unique)
    );
    assert_eq!(total.must.open, COUNTS.map(|(.., unique_must, _)| unique_must).iter().sum::<usize>());
}

#[test]
fn the_rows_of_the_rfcs_add_up_to_the_total() {
    let checks = [check("a", &["RFC8656-9-1", "RFC8489-6.3-1"], true, true), check("b", &["RFC8656-9-u9"], true, false)];
    let coverage = registry().coverage(&checks).unwrap();
    let whole: Vec<_> = coverage.rows.iter().filter(|row| row.role.is_none()).collect();
    assert_eq!(whole.len(), COUNTS.len());
    let sum = |cell: fn(&super::CoverageRow) -> usize| whole.iter().map(|row| cell(row)).sum::<usize>();
    assert_eq!(sum(|row| row.must.controlled), coverage.total.must.controlled);
    assert_eq!(sum(|row| row.unmarked.covered), coverage.total.unmarked.covered);
    assert_eq!(sum(|row| row.should.total()), coverage.total.should.total());
    assert_eq!((coverage.total.must.controlled, coverage.total.unmarked.covered), (2, 1));
}

#[test]
fn a_clause_of_two_roles_counts_in_both_rows_and_once_in_its_rfc() {
    let coverage = registry().coverage(&[check("a", &["RFC8489-6.3-1"], true, true)]).unwrap();
    let must = |role| coverage.rows.iter().find(|row| row.rfc == Some(8489) && row.role == role).unwrap().must.controlled;
    assert_eq!([must(None), must(Some(Role::StunClient)), must(Some(Role::StunServer))], [1, 1, 1]);
}

#[test]
fn one_check_with_both_controls_suffices_and_two_halves_do_not() {
    let (rejects, accepts, both) = (("r", true, false), ("a", false, true), ("b", true, true));
    let state = |checks: &[(&str, bool, bool)]| {
        let checks: Vec<_> = checks.iter().map(|&(id, rejects, accepts)| check(id, &["RFC8656-9-1"], rejects, accepts)).collect();
        registry().coverage(&checks).unwrap().state("RFC8656-9-1").unwrap()
    };
    assert_eq!(state(&[]), State::Open);
    assert_eq!(state(&[rejects, accepts]), State::Covered);
    assert_eq!(state(&[rejects, both]), State::Controlled);
}

#[test]
fn citing_a_repetition_covers_the_original() {
    let coverage = registry().coverage(&[check("a", &["RFC4787-12-3"], true, true)]).unwrap();
    assert_eq!(coverage.state("RFC4787-4.1-1"), Some(State::Controlled));
    assert_eq!(coverage.state("RFC4787-12-3"), Some(State::Controlled));
    assert_eq!(coverage.total.must.controlled, 1);
}

#[test]
fn a_clause_that_nothing_shows_is_not_applicable_until_a_check_cites_it() {
    let id = "RFC8656-6-2";
    let state = |checks: &[CheckInfo<'_>]| registry().coverage(checks).unwrap().state(id).unwrap();
    assert_eq!(state(&[]), State::NotApplicable);
    assert_eq!(state(&[check("a", &[id], false, false)]), State::Covered);
}

#[test]
fn a_citation_of_an_unknown_clause_is_refused() {
    let refused = registry().coverage(&[check("a", &["RFC8656-9-1", "RFC8656-9-9"], true, true)]).unwrap_err();
    assert_eq!(refused.to_string(), "unknown clause `RFC8656-9-9`, did you mean `RFC8656-9-1`?");
}

#[test]
fn the_coverage_table_reads_as_published() {
    let checks = [check("turn.permission.lifetime", &["RFC8656-9-1"], true, true), check("stun.software", &["RFC8489-6.1-3"], false, true)];
    insta::assert_snapshot!(registry().coverage(&checks).unwrap());
}

#[test]
fn coverage_in_json_has_rows_and_a_total() {
    let json = registry().coverage(&[check("a", &["RFC7983-7-1"], true, true)]).unwrap().to_json();
    let row = json["rows"].as_array().unwrap().iter().find(|row| row["rfc"] == 7983 && row["role"] == "dtls-client").unwrap();
    let none = serde_json::json!({ "controlled": 0, "covered": 0, "not_applicable": 0, "open": 0 });
    let one = serde_json::json!({ "controlled": 1, "covered": 0, "not_applicable": 0, "open": 0 });
    assert_eq!(*row, serde_json::json!({ "rfc": 7983, "role": "dtls-client", "must": one, "should": none, "unmarked": none }));
    assert_eq!(json["total"]["must"]["controlled"], 1);
    assert_eq!(json["total"]["rfc"], serde_json::Value::Null);
}

#[test]
fn an_explanation_names_level_link_errata_readings_and_checks() {
    let checks = [check("stun.auth.nonce-cookie", &["RFC8489-9.2.5-9"], true, true), check("other", &["RFC8656-9-1"], true, true)];
    let pages = ["RFC8489-9.2.5-9", "RFC6062-5.2-9", "RFC4787-12-24", "RFC8656-9-u9"].map(|id| registry().explain(id, &checks).unwrap());
    insta::assert_snapshot!(pages.join("\n"));
}

#[test]
fn the_id_of_an_obsoleted_rfc_explains_the_newer_clause() {
    assert_eq!(registry().explain("RFC5766-6.1-5", &[]), registry().explain("RFC8656-7.1-4", &[]));
    assert_eq!(registry().explain("RFC5766-6.1-99", &[]).unwrap_err().to_string(), "unknown clause `RFC5766-6.1-99`");
}
