//! Who was the limit of a trial, and where datagrams were lost.

use crate::load::Outcome;
use crate::proc::Cpu;
use crate::schedule::Pace;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What limited a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// Open loop: the load was offered as planned and nothing was at its limit.
    Ok,
    /// A thread of the server used all of the processor that it could get.
    ServerSaturated,
    /// Nobody known to us was at the limit: others had the processor, or the server is out of our sight.
    Contended,
    /// The generator could not offer more, was late or lost datagrams itself. Says nothing about the server.
    GeneratorLimited,
}

/// Datagrams that were lost, by place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ledger {
    /// At the sockets of clients.
    pub client_sockets: u64,
    /// At the sockets of peers.
    pub peer_sockets: u64,
    /// At the listening socket of the server, where that is on this host.
    pub server_listener: u64,
    /// At the relay sockets of the server, where that is on this host.
    pub server_relay_sockets: u64,
    /// Not sent: refused by the generator's kernel.
    pub refused: u64,
    /// The rest: dropped inside the server or on the network. Negative where more was dropped than lost, as with duplicates.
    pub unexplained: i64,
}

impl Ledger {
    /// Sums up.
    pub fn add(&mut self, other: &Self) {
        self.client_sockets += other.client_sockets;
        self.peer_sockets += other.peer_sockets;
        self.server_listener += other.server_listener;
        self.server_relay_sockets += other.server_relay_sockets;
        self.refused += other.refused;
        self.unexplained += other.unexplained;
    }

    /// Lost by the generator's own fault.
    #[must_use]
    pub fn own(&self) -> u64 {
        self.client_sockets + self.peer_sockets + self.refused
    }
}

/// Share of the processor time to be had from which a thread counts as saturated.
const SATURATED: f64 = 0.95;
/// Share of offered datagrams that must have been sent.
const ACHIEVED: f64 = 0.99;
/// Share of datagrams that may be late.
const LATE: f64 = 0.001;

/// Judges a trial. `busiest` is the CPU time of the busiest thread of the server while datagrams were sent, where that can be told.
#[must_use]
pub fn judge(outcome: &Outcome, pace: Pace, ledger: &Ledger, busiest: Option<Cpu>) -> Verdict {
    let wall = outcome.sending.as_nanos() as f64;
    let saturated = busiest.is_some_and(|cpu| is_saturated(cpu, wall));
    let open_loop = matches!(pace, Pace::Rate(_));
    if ledger.own() > 0 || open_loop && cannot_keep_up(outcome) {
        Verdict::GeneratorLimited
    } else if saturated {
        Verdict::ServerSaturated
    } else if open_loop {
        Verdict::Ok
    } else if outcome.generator.is_some_and(|cpu| is_saturated(cpu, wall)) {
        Verdict::GeneratorLimited
    } else {
        Verdict::Contended
    }
}

fn cannot_keep_up(outcome: &Outcome) -> bool {
    let (sent, offered) = (outcome.sent as f64, outcome.offered as f64);
    sent < offered * ACHIEVED || outcome.late as f64 > sent * LATE
}

/// Time in the run queue is time that the thread could not get.
fn is_saturated(cpu: Cpu, wall: f64) -> bool {
    let to_be_had = wall - cpu.wait as f64;
    to_be_had > 0.0 && cpu.run as f64 >= to_be_had * SATURATED
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Counts, Delays};
    use crate::load::Leg;
    use crate::payload::Way;
    use crate::schedule::{Rate, WINDOW as CLOSED};
    use std::time::{Duration, Instant};

    const SECOND: u64 = 1_000_000_000;
    const OPEN: Pace = Pace::Rate(Rate { per_second: 1000, burst: 1 });

    fn outcome(sent: u64, late: u64) -> Outcome {
        let flows = vec![Counts { sent, delivered: sent, ..Counts::default() }];
        Outcome {
            legs: vec![Leg { way: Way::Up, flows, delays: Delays::default() }],
            sent,
            begin: Instant::now(),
            offered: 10_000,
            refused: 0,
            late,
            torn: 0,
            stalls: 0,
            sending: Duration::from_secs(1),
            span: Duration::from_secs(1),
            generator: Some(Cpu { run: SECOND / 2, wait: 0 }),
            interrupted: false,
        }
    }

    fn cpu(run: u64, wait: u64) -> Option<Cpu> {
        Some(Cpu { run: SECOND / 100 * run, wait: SECOND / 100 * wait })
    }

    #[test]
    fn a_server_that_uses_all_it_can_get_is_saturated() {
        let ledger = Ledger::default();
        assert_eq!(judge(&outcome(10_000, 0), CLOSED, &ledger, cpu(97, 0)), Verdict::ServerSaturated);
        assert_eq!(judge(&outcome(10_000, 0), CLOSED, &ledger, cpu(58, 40)), Verdict::ServerSaturated);
        assert_eq!(judge(&outcome(10_000, 0), CLOSED, &ledger, cpu(50, 0)), Verdict::Contended);
        assert_eq!(judge(&outcome(10_000, 0), CLOSED, &ledger, None), Verdict::Contended);
    }

    #[test]
    fn a_late_generator_or_one_that_falls_short_is_never_the_servers_fault() {
        let ledger = Ledger::default();
        assert_eq!(judge(&outcome(9_800, 0), OPEN, &ledger, cpu(99, 0)), Verdict::GeneratorLimited);
        assert_eq!(judge(&outcome(10_000, 11), OPEN, &ledger, cpu(99, 0)), Verdict::GeneratorLimited);
        assert_eq!(judge(&outcome(10_000, 10), OPEN, &ledger, cpu(50, 0)), Verdict::Ok);
    }

    #[test]
    fn losses_at_own_sockets_are_the_generators() {
        let ledger = Ledger { peer_sockets: 1, ..Ledger::default() };
        assert_eq!(judge(&outcome(10_000, 0), CLOSED, &ledger, cpu(99, 0)), Verdict::GeneratorLimited);
        let ledger = Ledger { server_listener: 1, ..Ledger::default() };
        assert_eq!(judge(&outcome(10_000, 0), CLOSED, &ledger, cpu(99, 0)), Verdict::ServerSaturated);
    }

    #[test]
    fn a_busy_generator_before_an_idle_server_is_the_limit() {
        let mut outcome = outcome(10_000, 0);
        outcome.generator = cpu(99, 0);
        assert_eq!(judge(&outcome, CLOSED, &Ledger::default(), cpu(50, 0)), Verdict::GeneratorLimited);
    }
}
