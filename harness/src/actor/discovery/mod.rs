//! A STUN client that finds out how the NATs on its way behave, by the algorithm of RFC 3489 or that of RFC 5780.
//!
//! Each [`Command::Discover`] is one run, with transaction ids and local ports that no earlier run has used: NATs remember (RFC 3489 section 10.1, RFC 5780
//! section 4.1). Runs that are asked for while another is going on wait for their turn. A run ends with [`ApiEvent::Discovered`], or with
//! [`ApiEvent::Error`] where the server cannot be used: no second address, an answer from the wrong place, an error response.
//!
//! # How long a run takes
//!
//! A test that gets no answer ends only after all retransmissions: 9.5 s by the schedule of RFC 3489 section 9.3 and 39.5 s by that of RFC 8489
//! section 6.2.1, which RFC 5780 uses. Tests with an answer take a round trip, and no two tests begin within 100 ms of each other (RFC 5780 section 5).
//! The silent tests, and so the time that an expectation should allow:
//!
//! | what is there | RFC 3489 | RFC 5780 |
//! |---|---|---|
//! | no NAT, endpoint-independent filtering | none: 1 s | none: 1 s |
//! | address-dependent filtering | one: 11 s | one: 41 s |
//! | address-and-port-dependent filtering | two, one where the mapping is not endpoint-independent: 21 s | two: 81 s |
//! | no UDP | one: 11 s | one: 41 s |
//!
//! Deliberately absent: authentication, binding lifetimes (RFC 3489 section 10.2, RFC 5780 section 4.6), and the watch for answers that contradict each
//! other (RFC 3489 section 9.4).

mod rfc3489;
mod rfc5780;
mod transaction;

use iut::{ApiEvent, Cause, Command, DiscoveryAlgorithm, Endpoint, IcmpError, IcmpKind, Input, MILLISECOND, NodeConfig, Ns, Output};
use nat_sim::Stream;
use rfc3489::Rfc3489;
use rfc5780::Rfc5780;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use transaction::{Answer, Dialect, Transaction};

/// Time between the beginnings of two transactions: at most ten in a second (RFC 5780 section 5).
const PACE: Ns = 100 * MILLISECOND;
/// Local ports that a run needs at most.
const MOST_PORTS: u16 = 2;
/// Runs that may wait for their turn.
const MOST_WAITING: usize = 64;

/// One question of an algorithm to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Test {
    /// Which of the run's local ports asks, counted from 0.
    port: u16,
    /// Where the request goes.
    to: SocketAddr,
    /// The flags of CHANGE-REQUEST: address and port; without any the attribute is left out.
    change: (bool, bool),
    /// Where the answer has to come from.
    from: SocketAddr,
}

/// What the answer to a test says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reply {
    /// The client's address as the server sees it.
    mapped: SocketAddr,
    /// The server's other address and port, where it offers one.
    other: Option<SocketAddr>,
}

/// What an algorithm wants after a test.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Next {
    /// Another test.
    Test(Test),
    /// It has found this.
    Found(String),
    /// It cannot go on.
    Failed(String),
}

/// A discovery algorithm: tests, one after the other, each chosen by the outcome of those before.
trait Algorithm {
    /// Local ports that it needs, at most [`MOST_PORTS`].
    fn ports(&self) -> u16;
    /// The first test.
    fn begin(&self) -> Test;
    /// What comes after the reply, or the silence, to the latest test.
    fn proceed(&mut self, reply: Option<Reply>) -> Next;
}

/// The actor.
pub(super) struct Discovery {
    config: NodeConfig,
    rng: Stream,
    /// The next local port that no run has used; beyond the last port when none is left.
    next_port: u32,
    waiting: VecDeque<(SocketAddr, DiscoveryAlgorithm)>,
    running: Option<Run>,
    /// When the latest transaction began.
    began: Option<Ns>,
    outputs: VecDeque<Output>,
}

struct Run {
    algorithm: Box<dyn Algorithm>,
    dialect: Dialect,
    /// Local address with the first of the run's ports.
    local: SocketAddr,
    transaction: Transaction,
}

impl Discovery {
    pub(super) fn new(config: &NodeConfig) -> Self {
        Self {
            rng: Stream::new(config.seed, "discovery"),
            next_port: config.port.into(),
            config: config.clone(),
            waiting: VecDeque::new(),
            running: None,
            began: None,
            outputs: VecDeque::new(),
        }
    }

    fn command(&mut self, now: Ns, command: Command) {
        match command {
            Command::Start => {}
            Command::Discover { server, algorithm } if self.waiting.len() < MOST_WAITING => {
                self.waiting.push_back((server, algorithm));
                self.work(now);
            }
            Command::Discover { .. } => self.failed(format!("{MOST_WAITING} runs are waiting already")),
            other => self.outputs.push_back(Output::Api(ApiEvent::Unsupported { verb: other.verb().to_owned() })),
        }
    }

    /// Does everything that is due: sends, gives up on silent tests, begins runs that wait.
    fn work(&mut self, now: Ns) {
        loop {
            match &mut self.running {
                Some(run) if run.transaction.due() > now => return,
                Some(run) => match run.transaction.attempt(now) {
                    Some(output) => self.outputs.push_back(output),
                    None => self.proceed(now, None),
                },
                None => match self.waiting.pop_front() {
                    Some((server, algorithm)) => self.begin(now, server, algorithm),
                    None => return,
                },
            }
        }
    }

    fn begin(&mut self, now: Ns, server: SocketAddr, algorithm: DiscoveryAlgorithm) {
        let Some(address) = self.config.addresses.iter().copied().find(|own| own.is_ipv4() == server.is_ipv4()) else {
            return self.failed(format!("no local address can reach {server}"));
        };
        // A run has its ports together or not at all.
        let last = u16::try_from(self.next_port + u32::from(MOST_PORTS - 1));
        let Ok(port) = last.map(|last| last - (MOST_PORTS - 1)) else { return self.failed("no local port is left".into()) };
        let local = SocketAddr::new(address, port);
        let (algorithm, dialect): (Box<dyn Algorithm>, _) = match algorithm {
            DiscoveryAlgorithm::Rfc3489 if server.is_ipv6() => return self.failed("RFC 3489 knows IPv4 only".into()),
            DiscoveryAlgorithm::Rfc3489 => (Box::new(Rfc3489::new(local, server)), Dialect::Rfc3489),
            DiscoveryAlgorithm::Rfc5780 => (Box::new(Rfc5780::new(local, server)), Dialect::Rfc8489),
        };
        self.next_port += u32::from(algorithm.ports());
        let test = algorithm.begin();
        let transaction = self.transaction(now, dialect, local, &test);
        self.running = Some(Run { algorithm, dialect, local, transaction });
    }

    fn transaction(&mut self, now: Ns, dialect: Dialect, local: SocketAddr, test: &Test) -> Transaction {
        let begins = self.began.map_or(now, |began| now.max(began + PACE));
        self.began = Some(begins);
        let local = SocketAddr::new(local.ip(), local.port() + test.port);
        Transaction::new(dialect, &mut self.rng, local, test, begins)
    }

    /// The latest test has ended: with a reply, or in silence.
    fn proceed(&mut self, now: Ns, reply: Option<Reply>) {
        let Some(mut run) = self.running.take() else { return };
        match run.algorithm.proceed(reply) {
            Next::Test(test) => {
                run.transaction = self.transaction(now, run.dialect, run.local, &test);
                self.running = Some(run);
            }
            Next::Found(words) => self.outputs.push_back(Output::Api(ApiEvent::Discovered(words))),
            Next::Failed(reason) => self.failed(reason),
        }
    }

    fn datagram(&mut self, now: Ns, local: SocketAddr, remote: SocketAddr, bytes: &[u8]) {
        let Some(run) = &self.running else { return };
        match run.transaction.read(local, remote, bytes) {
            Answer::NotOurs => return,
            Answer::Reply(reply) => self.proceed(now, Some(reply)),
            Answer::Unusable(reason) => {
                self.running = None;
                self.failed(reason);
            }
        }
        self.work(now);
    }

    /// A hard ICMP error fails a transaction at once (RFC 8489 section 6.2.1); that nothing listens says nothing about NATs.
    fn icmp(&mut self, now: Ns, error: &IcmpError) {
        let about = |run: &Run| run.transaction.goes(error.local, error.remote);
        if error.kind == IcmpKind::PortUnreachable && self.running.as_ref().is_some_and(about) {
            self.running = None;
            self.failed(format!("nothing listens at {}", error.remote));
            self.work(now);
        }
    }

    fn failed(&mut self, message: String) {
        self.outputs.push_back(Output::Api(ApiEvent::Error { operation: "discover".into(), message }));
    }
}

/// The second address that an algorithm needs, if the reply to its first test offers one.
fn second_address(server: SocketAddr, attribute: &str, other: Option<SocketAddr>) -> Result<SocketAddr, String> {
    let usable = |other: &SocketAddr| {
        let (here, there): (IpAddr, IpAddr) = (server.ip(), other.ip());
        here.is_ipv4() == there.is_ipv4() && here != there && server.port() != other.port() && !there.is_unspecified()
    };
    match other {
        Some(other) if usable(&other) => Ok(other),
        Some(other) => Err(format!("the server's {attribute} {other} is no second address and port beside {server}")),
        None => Err(format!("the server offers no second address: its answer has no {attribute}")),
    }
}

impl Endpoint for Discovery {
    fn handle(&mut self, now: Ns, input: Input) {
        match input {
            Input::Timeout => self.work(now),
            Input::Datagram { local, remote, bytes } => self.datagram(now, local, remote, &bytes),
            Input::IcmpError(error) => self.icmp(now, &error),
            Input::Command(command) => self.command(now, command),
            _ => {}
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        self.running.as_ref().map(|run| (run.transaction.due(), "discovery"))
    }
}

#[cfg(test)]
mod tests;
