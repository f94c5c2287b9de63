//! Each rendering of one run that holds every kind of verdict and finding, as a snapshot, and what must hold beyond it.

use std::collections::BTreeMap;

use quick_junit::{Report, TestCaseStatus};
use reports::expectation::evaluate;
use reports::record::{Run, Verdict};
use reports::render::text::{self, Style};
use reports::render::{html, json, junit, markdown};

use crate::fixture::{case, everything, expectations, fail, header, options, pass, run};

#[test]
fn the_report_holds_every_verdict() {
    let everything = everything();
    for verdict in Verdict::ALL {
        assert!(everything.run.summary.count(verdict) > 0, "{verdict}");
    }
    insta::assert_json_snapshot!(everything.run, { ".tool" => "[tool]", ".cases[].trace_sha256" => "[hash]" });
}

#[test]
fn a_case_file_reads_back() {
    let everything = everything();
    for file in everything.files.values() {
        assert_eq!(serde_json::from_str::<reports::record::CaseFile>(&json::case(file)).unwrap(), *file);
    }
}

#[test]
fn junit() {
    let everything = everything();
    let xml = junit::render(&everything.run, &everything.gate);
    insta::assert_snapshot!(xml);
    let report = Report::deserialize_from_str(&xml).unwrap();
    let cases: u64 = everything.run.summary.cases;
    assert_eq!(report.tests as u64, cases + 2, "every case, and two stale entries");
}

#[test]
fn junit_fails_exactly_what_turns_the_gate_red() {
    let everything = everything();
    let report = Report::deserialize_from_str(&junit::render(&everything.run, &everything.gate)).unwrap();
    let tests = report.test_suites.iter().filter(|suite| suite.name.as_str() != "natproof").flat_map(|suite| &suite.test_cases);
    for test in tests {
        let id = test.properties.iter().find(|property| property.name.as_str() == "id").unwrap();
        let failed = matches!(test.status, TestCaseStatus::NonSuccess { .. });
        assert_eq!(failed, !everything.run.case(id.value.as_str()).unwrap().expected, "{}", id.value.as_str());
    }
}

#[test]
fn an_interrupted_run_is_no_green_junit() {
    let mut run = Run::started(header(), ["turn/a".to_owned(), "turn/b".to_owned()].into());
    run.record(case("turn/a", "rtc", [pass("turn.code")])).unwrap();
    run.finish();
    let report = Report::deserialize_from_str(&junit::render(&run, &evaluate(&run, &expectations([]), &options()))).unwrap();
    assert_eq!((report.tests, report.errors), (2, 1));
}

#[test]
fn markdown() {
    let everything = everything();
    insta::assert_snapshot!(markdown::render(&everything.run, &everything.gate));
}

#[test]
fn a_markdown_report_that_does_not_fit_says_what_it_left_out() {
    let mut run = run((0..2_000).map(|number| case(&format!("turn/case-{number:04}"), "rtc", [fail("turn.code")])));
    let gate = evaluate(&run, &expectations([]), &options());
    gate.mark(&mut run);
    let text = markdown::render(&run, &gate);
    assert!(text.len() < markdown::LIMIT);
    let shown = text.matches("  - replay: ").count();
    assert!(shown > 50, "{shown}");
    assert!(text.contains(&format!("_{} more left out here; see report.html and report.json._", 2_000 - shown)));
}

#[test]
fn terminal() {
    let everything = everything();
    let findings = everything.gate.by_case();
    let mut said = text::header(&header(), 31, Style::plain());
    for case in &everything.run.cases {
        said += &text::case_line(case, Some(findings.get(case.id.as_str()).map(Vec::as_slice).unwrap_or_default()), Style::plain());
    }
    said += &text::finish(&everything.run, &everything.gate, 5, Style::plain());
    said += &text::progress(&everything.run.summary, 40, &["ice/restart", "dtls/loss"]);
    insta::assert_snapshot!(said);
}

#[test]
fn colour_adds_nothing_but_colour() {
    let everything = everything();
    let plain = text::finish(&everything.run, &everything.gate, 99, Style::plain());
    let coloured = text::finish(&everything.run, &everything.gate, 99, Style::coloured());
    assert!(!plain.contains('\u{1b}') && coloured.contains('\u{1b}'));
    let mut stripped = String::new();
    for (index, part) in coloured.split('\u{1b}').enumerate() {
        stripped += if index == 0 { part } else { part.split_once('m').unwrap().1 };
    }
    assert_eq!(stripped, plain);
}

#[test]
fn what_an_implementation_says_cannot_steer_the_terminal() {
    let mut hostile = fail("turn.code");
    hostile.observed_text = "error \u{1b}[2J\u{7} after\nall".into();
    let run = run([case("turn/a", "rtc", [hostile])]);
    let said = text::finish(&run, &evaluate(&run, &expectations([]), &options()), 9, Style::plain());
    assert!(said.chars().all(|letter| letter == '\n' || !letter.is_control()), "{said}");
}

#[test]
fn terminal_ladder() {
    let file = everything().files.into_values().next().unwrap();
    insta::assert_snapshot!(text::ladder(&file.ladder, 120, Style::plain()) + &text::nat_table(&file.nat_table));
}

#[test]
fn html() {
    let everything = everything();
    let page = html::render(&everything.run, &everything.gate, &everything.files);
    // Style and script are files of their own; the snapshot is for the markup, one element a line.
    let (head, body) = page.split_once("<style>").unwrap();
    let (_, body) = body.split_once("</style>").unwrap();
    let (body, _) = body.split_once("<script>").unwrap();
    insta::assert_snapshot!(format!("{head}{body}").replace("><", ">\n<"));
}

#[test]
fn the_page_loads_nothing() {
    let everything = everything();
    let page = html::render(&everything.run, &everything.gate, &everything.files);
    for loading in ["<link", "<img", "<iframe", " src=", "@import", "url(", "fetch(", "XMLHttpRequest", "import("] {
        assert!(!page.contains(loading), "{loading}");
    }
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn what_an_implementation_says_is_text_in_the_page() {
    let mut hostile = fail("turn.code");
    hostile.observed_text = "</td><script>alert(1)</script>\" onclick=\"x".into();
    let run = run([case("turn/a", "rtc", [hostile])]);
    let page = html::render(&run, &evaluate(&run, &expectations([]), &options()), &BTreeMap::new());
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(!page.contains("\" onclick="));
}

#[test]
fn ladders_are_embedded_for_unexpected_cases_and_one_per_scenario() {
    let everything = everything();
    let wanted = html::wanted_ladders(&everything.run);
    for case in &everything.run.cases {
        assert!(case.expected || wanted.contains(case.id.as_str()), "{}", case.id);
        assert!(wanted.iter().any(|id| everything.run.case(id).unwrap().scenario == case.scenario), "{}", case.scenario);
    }
    assert!(wanted.len() < everything.run.cases.len());
}
