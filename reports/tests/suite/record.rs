//! The record: what it refuses, and how it grows on disk.

use std::fs;
use std::time::Duration;

use proptest::prelude::*;
use reports::expectation::Expectation;
use reports::record::{Case, CaseFile, Outcome, Partition, ReadError, Run, Seeds, Verdict};
use reports::render::json::{self, ReportFile};

use crate::fixture::{case, fail, header, pair, pass, run};

#[test]
fn a_complete_run_has_exactly_the_documented_keys() {
    let run = run([pair("ice/pairs/rtc+str0m/open+open", ["rtc", "str0m"], Outcome::Direct, [pass("ice.connects")])]);
    insta::assert_snapshot!(json::report(&run));
}

#[test]
fn a_report_that_contradicts_itself_is_refused() {
    let text = json::report(&run([case("turn/a", "rtc", [fail("turn.code")]), case("turn/b", "rtc", [pass("turn.code")])]));
    assert!(Run::from_json(&text).is_ok());
    for (from, to, complaint) in [
        ("natproof.report/1", "natproof.report/2", "schema `natproof.report/2` is not"),
        ("\"fail\": 1", "\"fail\": 0", "the summary does not count the cases"),
        ("\"id\": \"turn/a\"", "\"id\": \"turn/c\"", "out of order"),
        ("\"id\": \"turn/a\"", "\"id\": \"turn/b\"", "out of order or repeated"),
        ("\"id\": \"turn/a\"", "\"id\": \"turn/../a\"", "is not a path"),
        ("\"id\": \"turn/a\"", "\"id\": \"stun/a\"", "does not start with its scenario"),
        ("\"cause\": null", "\"cause\": \"harness\"", "a cause goes with the verdict error"),
        ("\"partial\": false", "\"partial\": true", "partial goes with a selection"),
        ("\"suite\"", "\"suites\"", "unknown field `suites`"),
        ("\"seed\": \"1\"", "\"seed\": \"2..1\"", "seed range `2..1` is empty"),
    ] {
        assert!(text.contains(from), "{from}");
        let error = Run::from_json(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(error.contains(complaint), "{to}: {error}");
    }
    assert!(matches!(Run::from_json(&text[..text.len() / 2]), Err(ReadError::Json(_))));
}

#[test]
fn a_case_finishes_once_and_only_if_it_was_planned() {
    let mut run = Run::started(header(), ["turn/a".to_owned()].into());
    assert!(run.record(case("turn/b", "rtc", [])).is_err());
    run.record(case("turn/a", "rtc", [])).unwrap();
    assert!(run.record(case("turn/a", "rtc", [])).is_err());
    let twice = Case { checks: vec![pass("turn.code"), pass("turn.code")], ..case("turn/a", "rtc", [pass("turn.code")]) };
    assert_eq!(twice.validate().unwrap_err().to_string(), "case `turn/a`: check `turn.code` judges `a` twice");
}

#[test]
fn a_growing_report_is_valid_from_its_start_and_complete_only_at_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out/report.json");
    let read = || Run::from_json(&fs::read_to_string(&path).unwrap()).unwrap();
    let planned = ["turn/a", "turn/b"].map(str::to_owned).into();
    let mut file = ReportFile::create(path.clone(), header(), planned).unwrap();
    assert_eq!((read().complete, read().planned.len(), read().cases.len()), (false, 2, 0));

    file.record(case("turn/b", "rtc", [fail("turn.code")]), Duration::from_millis(999)).unwrap();
    assert_eq!(read().cases.len(), 0, "at most every second");
    file.flush(Duration::from_secs(1)).unwrap();
    assert_eq!((read().complete, read().planned.len(), read().summary.fail), (false, 1, 1));

    file.record(case("turn/a", "rtc", [pass("turn.code")]), Duration::from_millis(1_001)).unwrap();
    let run = file.finish(|run| run.cases[0].expected = false).unwrap();
    assert_eq!(read(), run);
    assert!(run.complete);
    let files: Vec<_> = fs::read_dir(folder.path().join("out")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["report.json"], "no temporary file stays");
}

#[test]
fn a_run_that_ends_early_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = ReportFile::create(folder.path().join("report.json"), header(), ["turn/a".to_owned()].into()).unwrap();
    assert!(!file.finish(|_| ()).unwrap().complete);
}

#[test]
fn an_id_is_taken_apart() {
    let case = case("ice/pairs/rtc+str0m/open+open/seed-7", "rtc", []);
    assert_eq!((case.base_id(), case.axes(), case.area()), ("ice/pairs/rtc+str0m/open+open", "rtc+str0m/open+open/seed-7", "ice"));
    assert_eq!(self::case("ice/seed-of-doubt", "rtc", []).base_id(), "ice/seed-of-doubt");
}

#[test]
fn an_implementation_answers_for_the_checks_on_its_own_nodes() {
    let case = pair("ice/pairs/rtc+str0m/open+open", ["rtc", "str0m"], Outcome::Direct, [fail("ice.nominates")]);
    assert_eq!(case.verdict_for("rtc"), Some(Verdict::Fail));
    assert_eq!(case.verdict_for("str0m"), None);
}

#[test]
fn the_schema_describes_every_key() {
    fn undescribed(at: &str, schema: &serde_json::Value, found: &mut Vec<String>) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            if value["description"].as_str().is_none_or(str::is_empty) {
                found.push(format!("{at}.{key}"));
            }
        }
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            undescribed(name, definition, found);
        }
    }
    let mut found = Vec::new();
    for schema in [schemars::schema_for!(Run), schemars::schema_for!(CaseFile), schemars::schema_for!(Vec<Expectation>)] {
        assert!(schema.as_value()["$defs"].is_object());
        undescribed("", schema.as_value(), &mut found);
    }
    assert_eq!(found, [""; 0]);
}

proptest! {
    #[test]
    fn seeds_and_partitions_read_back(first in any::<u64>(), more in 0_u64..9, of in 1_u32..99) {
        let last = first.saturating_add(more);
        let seeds: Seeds = format!("{first}..{last}").parse().unwrap();
        prop_assert_eq!(seeds.iter().count() as u64, last - first + 1);
        prop_assert_eq!(seeds.to_string().parse::<Seeds>().unwrap(), seeds);
        let (last, beyond) = (format!("{of}/{of}"), format!("{}/{of}", of + 1));
        prop_assert_eq!(last.parse::<Partition>().unwrap().to_string(), last);
        prop_assert!(beyond.parse::<Partition>().is_err());
    }
}
