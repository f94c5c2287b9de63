//! Controls: for every check a trace that it has to reject and one that it has to pass.
//!
//! A check without both proves nothing: it may never fire, or always. The list in `src/check/controls.csv`, from which `natproof coverage` knows what is
//! covered by controls, is held against the controls that ran here. `BLESS=1 cargo test -p harness --test controls` writes it.

mod discovery;
mod dtls;
mod ice;
mod stun;
mod support;
mod turn;
mod turn_client;
mod turn_server;

use harness::check::{Check, CheckRecord, Judgement, Level, catalogue, controls};
use harness::requirement::{Level as ClauseLevel, registry};
use std::collections::{BTreeMap, BTreeSet};
use support::{Control, with_variant};

fn all() -> impl Iterator<Item = &'static Control> {
    [discovery::CONTROLS, dtls::CONTROLS, ice::CONTROLS, stun::CONTROLS, turn::CONTROLS, turn_client::CONTROLS, turn_server::CONTROLS]
        .into_iter()
        .flatten()
}

fn of_check(records: Vec<CheckRecord>, check: &str) -> Option<Judgement> {
    records.into_iter().find(|record| record.id == check).map(|record| record.judgement)
}

#[test]
fn every_rejecting_control_is_rejected() {
    let wrong: Vec<String> = all()
        .filter(|control| control.rejects)
        .filter_map(|control| match of_check((control.case)().judge(), control.check) {
            Some(Judgement::Violation { frames, .. }) if !frames.is_empty() => None,
            other => Some(format!("{}: {}: {other:?}", control.check, control.name)),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_accepting_control_is_passed() {
    let wrong: Vec<String> = all()
        .filter(|control| !control.rejects)
        .filter_map(|control| match of_check((control.case)().judge(), control.check) {
            Some(Judgement::Pass { frames, .. }) if !frames.is_empty() => None,
            other => Some(format!("{}: {}: {other:?}", control.check, control.name)),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A false accusation is worse than a missing check: what one check calls correct, no other may call wrong.
#[test]
fn no_check_rejects_what_another_one_has_to_pass() {
    let mut wrong = Vec::new();
    for control in all().filter(|control| !control.rejects) {
        for record in (control.case)().judge() {
            if let Judgement::Violation { observed, .. } = record.judgement {
                wrong.push(format!("{}: {}: rejected by {}: {observed}", control.check, control.name, record.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_check_has_a_rejecting_and_an_accepting_control() {
    let names = |rejects| all().filter(move |control| control.rejects == rejects).map(|control| control.check).collect::<BTreeSet<_>>();
    let checks: BTreeSet<_> = catalogue().iter().map(|check| check.id).collect();
    assert_eq!(names(true), checks, "rejecting controls on the left, checks on the right");
    assert_eq!(names(false), checks, "accepting controls on the left, checks on the right");
}

#[test]
fn no_two_controls_of_a_check_have_one_name() {
    let mut names = BTreeSet::new();
    for control in all() {
        assert!(names.insert((control.check, control.rejects, control.name)), "{}: {}", control.check, control.name);
    }
}

#[test]
fn the_list_of_controls_is_what_ran_here() {
    let mut lines: Vec<String> = all()
        .map(|control| format!("{},{},\"{}\"", control.check, if control.rejects { "rejects" } else { "accepts" }, control.name))
        .collect();
    lines.sort();
    let list = format!("check,verdict,control\n{}\n", lines.join("\n"));
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/check/controls.csv");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &list).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), list, "run BLESS=1 cargo test -p harness --test controls");
}

#[test]
fn the_embedded_list_names_every_check() {
    let embedded = controls();
    for check in catalogue() {
        let of_check = &embedded[check.id];
        assert!(!of_check.rejecting.is_empty() && !of_check.accepting.is_empty(), "{}", check.id);
    }
    assert_eq!(embedded.len(), catalogue().len());
}

#[test]
fn what_a_check_observes_is_the_same_for_every_seed() {
    let observed = |variant, control: &Control| {
        let case = with_variant(variant, control.case);
        let records = case.judge().into_iter();
        records.filter_map(|record| fingerprint(&record)).collect::<BTreeMap<_, _>>()
    };
    for control in all() {
        let first = observed(0, control);
        for variant in [1, 7, 93] {
            assert_eq!(observed(variant, control), first, "{}: {}", control.check, control.name);
        }
    }
}

fn fingerprint(record: &CheckRecord) -> Option<(&'static str, String)> {
    let Judgement::Violation { expected, observed, .. } = &record.judgement else { return None };
    let check = reports::record::Check {
        id: record.id.into(),
        subject: "subject".into(),
        clauses: Vec::new(),
        level: reports::record::Level::Must,
        verdict: reports::record::Verdict::Fail,
        cause: None,
        expected_text: expected.clone(),
        observed_text: observed.clone(),
        packets: Vec::new(),
    };
    Some((record.id, reports::expectation::fingerprint(&check)))
}

#[test]
fn checks_cite_clauses_that_exist() {
    for check in catalogue() {
        assert!(!check.clauses.is_empty(), "{} cites nothing", check.id);
        for clause in check.clauses {
            assert!(registry().get(clause).is_some(), "{} cites {clause}, which does not exist", check.id);
        }
    }
}

/// A check may be milder than its clauses where two readings can be defended, and never stricter.
#[test]
fn no_check_is_stricter_than_its_clauses() {
    for check in catalogue() {
        let levels: BTreeSet<ClauseLevel> = check.clauses.iter().filter_map(|id| registry().get(id)).map(|clause| clause.level()).collect();
        let allowed = match check.level {
            Level::Must => levels.contains(&ClauseLevel::Must),
            Level::Unmarked => levels.contains(&ClauseLevel::Unmarked),
            Level::Should => true,
        };
        assert!(allowed, "{} is {:?} by clauses of {levels:?}", check.id, check.level);
    }
}

#[test]
fn check_ids_are_dotted_sorted_and_used_once() {
    let ids: Vec<&str> = catalogue().iter().map(|check| check.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    for id in ids {
        let fine = |part: &str| {
            !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
        };
        assert!(id.split('.').count() >= 2 && id.split('.').all(fine), "{id}");
    }
}

#[test]
fn summaries_are_sentences_without_an_end() {
    for Check { id, summary, .. } in catalogue() {
        assert!(summary.len() > 20 && !summary.ends_with('.'), "{id}: {summary}");
    }
}

#[test]
fn silence_is_no_pass() {
    use harness::scenario::model::RoleName as R;
    for role in [R::Peer, R::IceAgent, R::StunClient, R::StunServer, R::TurnClient, R::TurnServer, R::DtlsClient, R::DtlsServer] {
        for record in support::Case::turn(role).judge() {
            assert_eq!(record.judgement, Judgement::NotApplicable, "{}", record.id);
        }
    }
}
