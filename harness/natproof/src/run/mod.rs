//! `natproof run`: plan, run each case in a child of its own, report.

mod child;
mod files;
mod pool;
mod progress;
pub(crate) use progress::style;
pub(crate) mod replay;
mod select;

use crate::Registry;
use crate::cli::{DriverArgument, Format, Run};
use crate::suite::{self, SUITE, Source, Suite};
use anyhow::Context as _;
use harness::check::catalogue;
use harness::plan::{CasePlan, KNOWN_ELSEWHERE, NodePlan, NotRun, Resolver};
use harness::scenario::model::DriverName;
use reports::exit::Exit;
use reports::expectation::{Expectations, Gate, GateOptions, date_of_unix_seconds};
use reports::record::{CaseFile, Run as Record, RunHeader, Selection, Tool};
use select::Selector;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// One planned case.
pub(crate) struct Planned {
    pub(crate) plan: CasePlan,
    /// Why it does not run.
    pub(crate) not_run: Option<NotRun>,
    pub(crate) replay: String,
}

/// Runs what the command line selects.
pub(crate) fn run(registry: &Registry, aslr: bool, options: &Run) -> anyhow::Result<Exit> {
    // What executed us may have had children of its own: the front door builds first.
    let cpu_before = os::process::cpu_seconds();
    let mut options = options.clone();
    let build = replay::build_hash();
    if let Some(token) = options.replay.clone() {
        let token = match replay::Token::parse(&token) {
            Ok(token) => token,
            Err(message) => {
                eprintln!("natproof: {message}");
                return Ok(Exit::Usage);
            }
        };
        if token.build != build || token.suite != SUITE {
            eprintln!(
                "natproof: the token is of suite {} build {}, this is suite {SUITE} build {build}: bytes may differ",
                token.suite, token.build
            );
        }
        options.filters = vec![token.case];
        options.seed = reports::record::Seeds::one(token.seed);
    }
    let source = Source::told(options.scenarios.clone(), options.expected.clone())?;
    options.expected.clone_from(&source.expected);
    let known = registry.manifests().keys().map(String::as_str).chain(KNOWN_ELSEWHERE.iter().copied()).map(str::to_owned).collect();
    let suite = Suite::read(&source, Some(&known))?;
    for (file, problems) in &suite.broken {
        suite::print(file, problems);
    }
    let mut found = Vec::new();
    if !suite.broken.is_empty() {
        eprintln!("natproof: {} files of the suite cannot be read", suite.broken.len());
        if !options.keep_going {
            return Ok(Exit::Usage);
        }
        found.push(Exit::Usage);
    }
    let expectations = match suite::expectations(&source)? {
        Ok(expectations) => expectations,
        Err(broken) => {
            for (file, message) in broken {
                eprintln!("natproof: {}: {message}", file.path);
            }
            return Ok(Exit::Usage);
        }
    };
    let selector = match Selector::new(&options, registry) {
        Ok(selector) => selector,
        Err(message) => {
            eprintln!("natproof: {message}");
            return Ok(Exit::Usage);
        }
    };
    let (all, wrong) = plan(registry, &suite, &options, &build);
    if wrong > 0 {
        found.push(Exit::Usage);
        if !options.keep_going {
            return Ok(Exit::Usage);
        }
    }
    let total = all.len();
    let selected: Vec<Planned> = all.into_iter().filter(|planned| selector.selects(&planned.plan)).collect();
    if selected.is_empty() {
        eprintln!("natproof: none of {total} cases is selected");
        return Ok(Exit::worst(found.into_iter().chain([Exit::NothingSelected])));
    }
    let mine: Vec<Planned> = selected.into_iter().filter(|planned| selector.in_partition(&planned.plan.id)).collect();
    if options.list {
        for planned in &mine {
            println!("{}", planned.plan.id);
        }
        return Ok(Exit::worst(found));
    }
    if options.dry_run {
        eprintln!("{} of {total} cases planned", mine.len());
        return Ok(Exit::worst(found));
    }
    let header = RunHeader {
        tool: Tool { name: "natproof".into(), version: env!("CARGO_PKG_VERSION").into(), build: build.clone() },
        suite: SUITE.into(),
        seed: options.seed,
        selection: selection(&options, mine.len() < total),
    };
    let checks = catalogue();
    let environment = pool::Environment { registry, checks: &checks, aslr, out: &options.out, jobs: jobs(&options) };
    let terms = gate_options(&options, &suite);
    prepare(registry, &mine);
    // Every child begins with a copy of our page tables: what is not needed any more would cost each of them.
    drop(suite);
    os::process::return_free_memory();
    let outcome = pool::run(&environment, mine, header, &expectations, &terms)?;
    write_renderings(&options, &outcome.run, &outcome.gate)?;
    report(&options, &outcome, cpu_before);
    if options.bless {
        bless(&options, &outcome.run, &expectations, &terms)?;
    }
    found.extend([outcome.gate.exit()]);
    if outcome.interrupted || !outcome.run.complete {
        found.push(Exit::HarnessFault);
    }
    Ok(Exit::worst(found))
}

/// Lets the implementations that will run compute once what each child would compute again.
fn prepare(registry: &Registry, cases: &[Planned]) {
    let names: BTreeSet<&str> = cases
        .iter()
        .filter(|case| case.not_run.is_none())
        .flat_map(|case| case.plan.nodes.iter().filter_map(NodePlan::implementation))
        .collect();
    names.into_iter().filter_map(|name| registry.get(name)).for_each(|implementation| implementation.prepare());
}

/// Plans every case of the suite, for every seed.
fn plan(registry: &Registry, suite: &Suite, options: &Run, build: &str) -> (Vec<Planned>, usize) {
    let mut planned = Vec::new();
    let mut wrong = 0;
    for seed in options.seed.iter() {
        let resolver = Resolver { manifests: registry.manifests(), seed, driver: options.driver.map(driver) };
        for loaded in &suite.scenarios {
            let mut told = Vec::new();
            for case in &loaded.cases {
                let base = format!("{}{}", loaded.path, case.suffix);
                let id = if options.seed.is_range() { format!("{base}/seed-{seed}") } else { base.clone() };
                let replay = replay::Token { suite: SUITE.into(), case: base, seed, build: build.into() }.to_string();
                match resolver.resolve(&id, &loaded.path, &case.scenario) {
                    Ok((plan, not_run)) => planned.push(Planned { plan, not_run, replay }),
                    Err(problems) => {
                        let new: Vec<_> = problems.into_iter().filter(|problem| !told.contains(problem)).collect();
                        suite::print(&loaded.file, &new);
                        wrong += new.len();
                        told.extend(new);
                    }
                }
            }
        }
    }
    planned.sort_by(|a, b| a.plan.id.cmp(&b.plan.id));
    (planned, wrong)
}

fn driver(argument: DriverArgument) -> DriverName {
    match argument {
        DriverArgument::Sim => DriverName::Sim,
        DriverArgument::Tokio => DriverName::Tokio,
        DriverArgument::Turmoil => DriverName::Turmoil,
    }
}

fn jobs(options: &Run) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    options.jobs.unwrap_or_else(|| processors() + 1).clamp(1, 64)
}

fn gate_options(options: &Run, suite: &Suite) -> GateOptions {
    GateOptions { strict: options.strict, allow_partial: true, catalogue: Some(suite.case_ids()), ..GateOptions::on(today()) }
}

/// Today's date, for entries that end.
pub(crate) fn today() -> chrono::NaiveDate {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    date_of_unix_seconds(now)
}

fn selection(options: &Run, left_out: bool) -> Option<Selection> {
    if !left_out {
        return None;
    }
    let mut restrictions = options.filters.clone();
    restrictions.extend(options.role.iter().map(|role| format!("--role {role}")));
    restrictions.extend(options.implementation.iter().map(|name| format!("--implementation {name}")));
    restrictions.extend(options.nat.iter().map(|nat| format!("--nat {nat}")));
    restrictions.extend(options.driver.iter().map(|driver| format!("--driver {driver:?}").to_lowercase()));
    Some(Selection { restrictions, partition: options.partition })
}

/// Writes what is made from the report. Nothing is forked any more, so the page can be made beside the rest.
fn write_renderings(options: &Run, run: &Record, gate: &Gate) -> anyhow::Result<()> {
    use reports::render::{html, json, junit, markdown};
    let write = |name: &str, text: String| {
        let path = options.out.join(name);
        json::write_atomic(&path, text.as_bytes()).with_context(|| format!("write {}", path.display()))
    };
    std::thread::scope(|scope| {
        let page = scope.spawn(|| write("report.html", html::render(run, gate, &ladders(&options.out, run))));
        write("junit.xml", junit::render(run, gate))?;
        write("report.md", markdown::render(run, gate))?;
        page.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The case files whose ladders the page shows.
fn ladders(out: &Path, run: &Record) -> BTreeMap<String, CaseFile> {
    let read = |id: &str| {
        let text = std::fs::read_to_string(out.join("cases").join(id).join("case.json")).ok()?;
        Some((id.to_owned(), serde_json::from_str(&text).ok()?))
    };
    reports::render::html::wanted_ladders(run).into_iter().filter_map(read).collect()
}

/// `--bless`: writes the smallest change of the expectations that turns the gate green.
fn bless(options: &Run, run: &Record, listed: &Expectations, terms: &GateOptions) -> anyhow::Result<()> {
    let folder = options.expected.clone().unwrap_or_else(|| Path::new("scenarios/expected").into());
    let blessing = reports::expectation::bless(run, listed, terms);
    for (name, entries) in &blessing.files {
        let path = folder.join(format!("{name}.yaml"));
        let text = suite::written::expectations(entries)?;
        reports::render::json::write_atomic(&path, text.as_bytes()).with_context(|| format!("write {}", path.display()))?;
    }
    print!("{blessing}");
    Ok(())
}

fn report(options: &Run, outcome: &pool::Outcome, cpu_before: f64) {
    if options.format == Format::Json {
        println!("{}", reports::render::json::report(&outcome.run));
        return;
    }
    let cpu = os::process::cpu_seconds() - cpu_before;
    progress::summary(&outcome.run, &outcome.gate, outcome.wall, cpu, &options.out);
}

/// For `--bless` and the gate: what is listed.
pub(crate) type Listed = Expectations;
