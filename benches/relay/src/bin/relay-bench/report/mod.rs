//! The report: figures with what limits them, and four renderings.

mod allocations;
mod chart;
mod csv;
pub(crate) mod folder;
mod html;
mod human;
mod markdown;
mod openmetrics;
mod soak;
mod table;

pub(crate) use self::allocations::{Allocations, Resident, Round};
pub(crate) use self::soak::{Lap, Soak};
use crate::environment::Environment;
use crate::gate::Gate;
use crate::run::Contender;
use clap::ValueEnum;
use relay_bench::bench::{Direction, Series};
use relay_bench::io::Mode;
use relay_bench::load::Load;
use relay_bench::schedule::Pace;
use relay_bench::search::Bounds;
use relay_bench::stats::{Interval, Spread};
use relay_bench::summary::{self, Delay, Figures};
use relay_bench::verdict::Verdict;
use schemars::JsonSchema;
use serde::Serialize;
use std::net::SocketAddr;

/// How to print a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Tables for a terminal.
    Human,
    /// One document with everything.
    Json,
    /// A line for each cell.
    Csv,
    /// Tables for a page or a pull request.
    Md,
    /// One page with charts, which needs nothing from elsewhere.
    Html,
    /// OpenMetrics text, for Prometheus.
    Openmetrics,
}

/// Name and version of the JSON document; the number changes when a reader must.
pub(crate) const SCHEMA: &str = "relay-bench/1";

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Report {
    schema: &'static str,
    /// False when the run was broken off: what is missing was not measured.
    pub(crate) complete: bool,
    pub(crate) environment: Option<Environment>,
    /// The load without a relay: what the generator can do at most.
    pub(crate) calibration: Vec<Calibration>,
    pub(crate) cells: Vec<Cell>,
    /// What allocating takes; present instead of cells.
    pub(crate) allocations: Vec<Allocations>,
    /// Long runs; present instead of cells.
    pub(crate) soaks: Vec<Soak>,
    /// The comparison with an earlier report, where one was given.
    pub(crate) gate: Option<Gate>,
    #[serde(skip)]
    runs: u32,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            schema: SCHEMA,
            complete: false,
            environment: None,
            calibration: Vec::new(),
            cells: Vec::new(),
            allocations: Vec::new(),
            soaks: Vec::new(),
            gate: None,
            runs: 0,
        }
    }
}

impl Report {
    /// How many servers failed, in how many cells.
    pub(crate) fn errors(&self) -> usize {
        let cells = self.cells.iter().filter(|cell| cell.error.is_some()).count();
        let allocations = self.allocations.iter().filter(|entry| entry.error.is_some() || entry.rounds.iter().any(|round| round.made == 0));
        let soaks = self.soaks.iter().filter(|soak| soak.error.is_some() || soak.laps.is_empty());
        cells + allocations.count() + soaks.count()
    }

    /// A number for the trials of a series, far enough from the last that none repeats.
    pub(crate) fn next_run(&mut self) -> u32 {
        self.runs = self.runs.wrapping_add(1 << 16);
        self.runs
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Calibration {
    pub(crate) direction: &'static str,
    /// What datagrams are like: their size, or the name of a mix.
    pub(crate) content: String,
    /// Bytes of payload, on average.
    pub(crate) size: usize,
    pub(crate) rate: Option<u64>,
    pub(crate) tx: Mode,
    pub(crate) figures: Option<Figures>,
}

/// One server under one load.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Cell {
    pub(crate) server: String,
    pub(crate) direction: &'static str,
    /// What datagrams are like: their size, or the name of a mix.
    pub(crate) content: String,
    /// Bytes of payload, on average.
    pub(crate) size: usize,
    pub(crate) flows: usize,
    pub(crate) allocations: usize,
    pub(crate) carrier: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) ip: &'static str,
    pub(crate) auth: &'static str,
    pub(crate) tx: Mode,
    /// How many allocations a datagram passes.
    pub(crate) hops: usize,
    /// Datagrams on the way in each flow, where as many were sent as the server takes.
    pub(crate) window: Option<u64>,
    /// Datagrams a second, where they were sent at fixed times.
    pub(crate) rate: Option<u64>,
    pub(crate) burst: u64,
    /// CPU time of the server per delivered datagram, in ns.
    pub(crate) ns_per_packet: Option<Spread>,
    /// The same over that of null-plain in the same round: above 1 costs more.
    pub(crate) ratio_to_null: Option<Interval>,
    /// Best and worst place by cost that the intervals allow, among the servers that were saturated.
    pub(crate) place: Option<(usize, usize)>,
    pub(crate) pps: Pps,
    /// Share of sent datagrams that never arrived whole, 0 to 1.
    pub(crate) loss: Option<f64>,
    pub(crate) delay_up: Option<Delay>,
    pub(crate) delay_down: Option<Delay>,
    pub(crate) delay_round_trip: Option<Delay>,
    /// The trials that delays are from, where those for CPU time ran at another load.
    pub(crate) paced: Option<Paced>,
    /// Bounds of the highest rate at which no more than a share was lost.
    pub(crate) search: Option<Bounds>,
    /// Bounds of the largest burst of which nothing was lost, in datagrams that leave by one flow.
    pub(crate) burst_tolerance: Option<Bounds>,
    pub(crate) limit: Option<Verdict>,
    pub(crate) figures: Option<Figures>,
    /// Why there are fewer trials than planned, or none.
    pub(crate) error: Option<String>,
}

/// Datagrams per second.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct Pps {
    /// As measured.
    pub(crate) delivered: Option<Spread>,
    /// What one processor of its own would give the server: 1e9 / ns_per_packet. Only where it was saturated.
    pub(crate) projected: Option<f64>,
}

/// Trials at a fixed rate beside the saturating ones.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Paced {
    /// Datagrams a second in each direction.
    pub(crate) rate: u64,
    pub(crate) ns_per_packet: Option<Spread>,
    pub(crate) loss: f64,
    pub(crate) limit: Verdict,
    figures: Figures,
}

impl Paced {
    pub(crate) fn of(rate: u64, series: &Series) -> Option<Self> {
        let figures = summary::figures(series)?;
        Some(Self { rate, ns_per_packet: figures.ns_per_packet, loss: figures.loss, limit: figures.limit, figures })
    }
}

impl Cell {
    pub(crate) fn new(direction: Direction, load: &Load, flows: usize, contender: &Contender) -> Self {
        let (hops, server) = (contender.hops(direction), &contender.server);
        let (window, rate, burst) = match load.pace {
            Pace::Window(window) => (Some(window), None, 1),
            Pace::Rate(rate) => (None, Some(rate.per_second), rate.burst),
        };
        Self {
            server: contender.name.clone(),
            direction: direction.name(),
            content: load.content.to_string(),
            size: load.content.mean(),
            flows,
            allocations: if direction == Direction::C2c { 2 * flows } else { flows },
            carrier: server.carrier.name(),
            transport: "udp",
            ip: match server.address {
                _ if server.peers.is_some() => "cross",
                SocketAddr::V4(_) => "v4",
                SocketAddr::V6(_) => "v6",
            },
            auth: contender.auth,
            tx: load.mode,
            hops,
            window,
            rate,
            burst,
            ns_per_packet: None,
            ratio_to_null: None,
            place: None,
            pps: Pps::default(),
            loss: None,
            delay_up: None,
            delay_down: None,
            delay_round_trip: None,
            paced: None,
            search: None,
            burst_tolerance: None,
            limit: None,
            figures: None,
            error: None,
        }
    }

    /// `shared`: server and generator had one processor, so that no rate means anything.
    pub(crate) fn add_figures(&mut self, series: &Series, reference: Option<&Series>, shared: bool) {
        self.error.clone_from(&series.error);
        let Some(figures) = summary::figures(series) else { return };
        self.ns_per_packet = figures.ns_per_packet;
        self.ratio_to_null = reference.and_then(|reference| summary::ratio(series, reference));
        self.loss = Some(figures.loss);
        self.limit = Some(figures.limit);
        if !shared {
            self.pps.delivered = figures.delivered_per_second;
            let saturated = figures.limit == Verdict::ServerSaturated;
            self.pps.projected = figures.ns_per_packet.filter(|_| saturated).map(|ns| 1e9 / ns.median);
        }
        self.figures = Some(figures);
    }
}

/// Gives places to the saturated servers of a cell.
pub(crate) fn place(cells: &mut [Cell]) {
    let saturated = |cell: &Cell| cell.limit == Some(Verdict::ServerSaturated) && cell.ratio_to_null.is_some();
    let intervals: Vec<Interval> = cells.iter().filter(|cell| saturated(cell)).filter_map(|cell| cell.ratio_to_null).collect();
    let places = summary::places(&intervals);
    for (cell, place) in cells.iter_mut().filter(|cell| saturated(cell)).zip(places) {
        cell.place = Some(place);
    }
}

/// The JSON Schema of the JSON document.
pub(crate) fn schema() -> anyhow::Result<String> {
    let generator = schemars::generate::SchemaSettings::default().for_serialize().into_generator();
    Ok(serde_json::to_string_pretty(&generator.into_root_schema_for::<Report>())? + "\n")
}

/// The report as text.
pub(crate) fn render(report: &Report, format: Format) -> anyhow::Result<String> {
    Ok(match format {
        Format::Human => human::render(report),
        Format::Json => serde_json::to_string_pretty(report)? + "\n",
        Format::Csv => csv::render(report)?,
        Format::Md => markdown::render(report),
        Format::Html => html::render(report),
        Format::Openmetrics => openmetrics::render(report),
    })
}
