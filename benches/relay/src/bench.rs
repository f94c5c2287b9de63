//! Goes round the servers: each round has one trial of every server, so that drift of the machine meets all alike.

use crate::client::RequestError;
use crate::flow::{Flow, Server, Target};
use crate::load::{self, Load, Outcome, Stop, Traffic};
use crate::proc::{self, Cpu};
use crate::schedule::Pace;
use crate::verdict::{self, Ledger, Verdict};
use std::collections::BTreeMap;
use std::io;

/// A server in the benchmark.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Name in reports.
    pub name: String,
    /// Where it is.
    pub target: Target,
    /// Its process, where that is on this host; gives CPU time and drops.
    pub process: Option<u32>,
}

/// One trial of one server.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Number of the round, from 0.
    pub round: usize,
    /// What the generator saw.
    pub outcome: Outcome,
    /// CPU time of all threads of the server, from the first datagram until the last had arrived.
    pub server: Option<Cpu>,
    /// Where datagrams were lost.
    pub ledger: Ledger,
    /// Who was the limit.
    pub verdict: Verdict,
}

impl Trial {
    /// CPU time of the server per delivered datagram in ns; `None` where nothing arrived or nothing can be told.
    #[must_use]
    pub fn ns_per_packet(&self) -> Option<f64> {
        let delivered = self.outcome.total().delivered;
        let run = self.server.map(|cpu| cpu.run).filter(|run| *run > 0)?;
        (delivered > 0).then(|| run as f64 / delivered as f64)
    }

    /// CPU time of the generator per sent datagram in ns, receiving included.
    #[must_use]
    pub fn generator_ns_per_packet(&self) -> Option<f64> {
        let sent = self.outcome.total().sent;
        self.outcome.generator.filter(|_| sent > 0).map(|cpu| cpu.run as f64 / sent as f64)
    }

    /// Datagrams delivered a second.
    #[must_use]
    pub fn pps(&self) -> f64 {
        let seconds = self.outcome.span.as_secs_f64();
        if seconds > 0.0 { self.outcome.total().in_window as f64 / seconds } else { 0.0 }
    }
}

/// All trials of a server under one load.
#[derive(Debug)]
pub struct Series {
    /// Name of the server.
    pub name: String,
    /// Its trials in order of rounds, without the first round.
    pub trials: Vec<Trial>,
    /// What ended the series early.
    pub error: Option<String>,
}

/// Runs `rounds` rounds and one before them that does not count: the first one after a start is slower. `stop` breaks off between datagrams.
/// `progress` is told the number of each trial that begins.
pub fn run(
    subjects: &[Subject],
    load: &Load,
    flows: usize,
    rounds: usize,
    stop: Stop<'_>,
    progress: &mut dyn FnMut(&str, usize),
) -> Vec<Series> {
    let mut open: Vec<Result<Vec<Flow>, String>> = subjects.iter().map(|subject| open(subject, load, flows)).collect();
    let mut series: Vec<Series> =
        subjects.iter().map(|subject| Series { name: subject.name.clone(), trials: Vec::new(), error: None }).collect();
    let mut load = load.clone();
    for round in 0..=rounds {
        for (index, subject) in subjects.iter().enumerate() {
            let Ok(flows) = &open[index] else { continue };
            if stop() {
                break;
            }
            progress(&subject.name, round);
            load.run = load.run.wrapping_add(1);
            match trial(subject, flows, &load, round, stop) {
                // What was broken off is no trial.
                Ok(trial) if trial.outcome.interrupted => {}
                Ok(trial) if trial.outcome.total().delivered == 0 => open[index] = Err("nothing arrived".into()),
                Ok(_) if round == 0 => {}
                Ok(trial) => series[index].trials.push(trial),
                Err(error) => open[index] = Err(error),
            }
        }
    }
    for (series, flows) in series.iter_mut().zip(open) {
        match flows {
            Ok(flows) => close(flows),
            Err(error) => series.error = Some(error),
        }
    }
    series
}

/// Runs trials of one server, each at the pace that `next` wants after it has seen the last; `None` ends it. Trials count from the first.
///
/// # Errors
/// What ended it early: no allocation, nothing arrived, the server ended.
pub fn explore(
    subject: &Subject,
    load: &Load,
    flows: usize,
    stop: Stop<'_>,
    next: &mut dyn FnMut(Option<&Trial>) -> Option<Pace>,
) -> Result<(), String> {
    let flows = open(subject, load, flows)?;
    let (mut load, mut pace) = (load.clone(), next(None));
    while let Some(wanted) = pace.filter(|_| !stop()) {
        load.pace = wanted;
        load.run = load.run.wrapping_add(1);
        let trial = trial(subject, &flows, &load, 0, stop)?;
        if trial.outcome.interrupted {
            break;
        }
        if trial.outcome.total().delivered == 0 {
            return Err("nothing arrived".into());
        }
        pace = next(Some(&trial));
    }
    close(flows);
    Ok(())
}

/// A server that dies with its benchmark cannot answer, and the figures are complete.
fn close(flows: Vec<Flow>) {
    flows.into_iter().for_each(|flow| drop(flow.close()));
}

fn open(subject: &Subject, load: &Load, flows: usize) -> Result<Vec<Flow>, String> {
    let flow = |number| Flow::open(&subject.target, load.mode).map_err(|error| format!("flow {number}: {}", chain(&error)));
    (0..flows).map(flow).collect()
}

fn trial(subject: &Subject, flows: &[Flow], load: &Load, round: usize, stop: Stop<'_>) -> Result<Trial, String> {
    flows.iter().try_for_each(Flow::keep).map_err(|error: RequestError| chain(&error))?;
    let (drops, threads) = (proc::udp_drops(), cpu(subject));
    let outcome = load::run(flows, load, stop).map_err(|error: io::Error| error.to_string())?;
    let (drops_after, threads_after) = (proc::udp_drops(), cpu(subject));
    if subject.process.is_some() && threads_after.is_empty() {
        return Err("the server has ended".into());
    }
    let used = |(id, after): (&u32, &Cpu)| *after - threads.get(id).copied().unwrap_or_default();
    let threads: Vec<Cpu> = threads_after.iter().map(used).collect();
    let ledger = ledger(subject, flows, &outcome, &drops, &drops_after);
    let busiest = threads.iter().copied().max_by_key(|cpu| cpu.run);
    let server =
        subject.process.map(|_| Cpu { run: threads.iter().map(|cpu| cpu.run).sum(), wait: threads.iter().map(|cpu| cpu.wait).sum() });
    let verdict = verdict::judge(&outcome, load.pace, &ledger, busiest);
    Ok(Trial { round, outcome, server, ledger, verdict })
}

fn cpu(subject: &Subject) -> BTreeMap<u32, Cpu> {
    subject.process.map(proc::threads).unwrap_or_default()
}

fn ledger(subject: &Subject, flows: &[Flow], outcome: &Outcome, before: &BTreeMap<u16, u64>, after: &BTreeMap<u16, u64>) -> Ledger {
    let at = |addresses: Vec<_>| proc::dropped_at(&addresses, before, after);
    let listener = match (&subject.target, subject.process) {
        (Target::Peer(server) | Target::Client(server), Some(_)) => at(vec![server.address]),
        _ => 0,
    };
    let relayed = if subject.process.is_some() { flows.iter().flat_map(Flow::relayed).collect() } else { Vec::new() };
    let mut ledger = Ledger {
        client_sockets: at(flows.iter().map(|flow| flow.own_addresses()[0]).collect()),
        peer_sockets: at(flows.iter().map(|flow| flow.own_addresses()[1]).collect()),
        server_listener: listener,
        server_relay_sockets: at(relayed),
        refused: outcome.refused,
        unexplained: 0,
    };
    let explained = ledger.own() + ledger.server_listener + ledger.server_relay_sockets;
    ledger.unexplained = outcome.total().lost() as i64 - explained as i64;
    ledger
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Who sends to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Client to peer.
    Up,
    /// Peer to client.
    Down,
    /// Client to peer and back.
    Echo,
    /// Client to peer and peer to client at the same time.
    Bidir,
    /// Client to client.
    C2c,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Up, Self::Down, Self::Echo, Self::Bidir, Self::C2c];

    /// Name in commands and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Echo => "echo",
            Self::Bidir => "bidir",
            Self::C2c => "c2c",
        }
    }

    /// What carries load.
    #[must_use]
    pub fn traffic(self) -> Traffic {
        match self {
            Self::Up | Self::C2c => Traffic::Up,
            Self::Down => Traffic::Down,
            Self::Echo => Traffic::Echo,
            Self::Bidir => Traffic::Both,
        }
    }

    /// Where the load goes that a server is to relay.
    #[must_use]
    pub fn through(self, server: Server) -> Target {
        if self == Self::C2c { Target::Client(server) } else { Target::Peer(server) }
    }
}
