//! `gate`, `diff` and `merge`: what is done with stored reports.

use crate::cli::{GateArguments, MergeArguments};
use crate::run::{style, today};
use crate::suite::{self, Source, Suite};
use anyhow::Context as _;
use reports::exit::Exit;
use reports::expectation::{GateOptions, evaluate};
use reports::record::Run;
use reports::render::{json, junit, markdown, text};
use std::collections::BTreeSet;
use std::path::Path;

/// Places that are printed in full.
const SHOWN: usize = 40;

/// Compares a stored report with the expectations.
pub(super) fn gate(options: &GateArguments) -> anyhow::Result<Exit> {
    let mut run = match read(&options.report) {
        Ok(run) => run,
        Err(error) => {
            eprintln!("natproof: {error:#}");
            return Ok(Exit::Usage);
        }
    };
    let source = Source::told(options.scenarios.clone(), options.expected.clone())?;
    let listed = match suite::expectations(&source)? {
        Ok(listed) => listed,
        Err(broken) => {
            for (file, message) in broken {
                eprintln!("natproof: {}: {message}", file.path);
            }
            return Ok(Exit::Usage);
        }
    };
    let terms = GateOptions {
        strict: options.strict,
        allow_partial: options.allow_partial,
        accept_new: options.accept_new,
        new_checks: source.released()?.new_checks(&run),
        catalogue: catalogue(options, &source)?,
        ..GateOptions::on(today())
    };
    let gate = evaluate(&run, &listed, &terms);
    gate.mark(&mut run);
    print!("{}", text::finish(&run, &gate, SHOWN, style()));
    Ok(gate.exit())
}

/// The cases that entries may speak of. Entries of another repository may speak of scenarios that only it has.
fn catalogue(options: &GateArguments, source: &Source) -> anyhow::Result<Option<BTreeSet<String>>> {
    if options.expected.is_some() && options.scenarios.is_none() {
        return Ok(None);
    }
    Ok(Some(Suite::read(source, None)?.case_ids()))
}

/// What changed between two reports.
pub(super) fn diff(before: &Path, after: &Path) -> anyhow::Result<Exit> {
    match (read(before), read(after)) {
        (Ok(before), Ok(after)) => {
            let diff = reports::diff::diff(&before, &after);
            print!("{diff}");
            Ok(if diff.new.is_empty() && diff.changed.is_empty() { Exit::AsExpected } else { Exit::Unexpected })
        }
        (Err(error), _) | (_, Err(error)) => {
            eprintln!("natproof: {error:#}");
            Ok(Exit::Usage)
        }
    }
}

/// Merges reports of parts of one run.
pub(super) fn merge(options: &MergeArguments) -> anyhow::Result<Exit> {
    let runs: anyhow::Result<Vec<Run>> = options.folders.iter().map(|folder| read(&folder.join("report.json"))).collect();
    let merged = runs.and_then(|runs| Ok(reports::merge::merge(runs)?));
    let mut run = match merged {
        Ok(run) => run,
        Err(error) => {
            eprintln!("natproof: {error:#}");
            return Ok(Exit::Usage);
        }
    };
    let source = Source::told(None, None)?;
    let Ok(listed) = suite::expectations(&source)? else { return Ok(Exit::Usage) };
    let gate = evaluate(&run, &listed, &GateOptions { allow_partial: true, ..GateOptions::on(today()) });
    gate.mark(&mut run);
    std::fs::create_dir_all(&options.out).with_context(|| format!("create {}", options.out.display()))?;
    let write = |name: &str, content: String| json::write_atomic(&options.out.join(name), content.as_bytes());
    write("report.json", json::report(&run))?;
    write("junit.xml", junit::render(&run, &gate))?;
    write("report.md", markdown::render(&run, &gate))?;
    print!("{}", text::summary(&run, style()));
    Ok(Exit::AsExpected)
}

/// Reads a stored report; a folder means the report in it.
fn read(path: &Path) -> anyhow::Result<Run> {
    let path = if path.is_dir() { path.join("report.json") } else { path.to_path_buf() };
    let content = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    Run::from_json(&content).with_context(|| path.display().to_string())
}
