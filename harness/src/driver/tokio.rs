//! The driver of asynchronous nodes: tokio's paused clock owns time, and one loop moves packets, signals and events between the network, the conductor and
//! the nodes. State machines take part as in the `sim` driver.
//!
//! # Time
//!
//! The network computes in nanoseconds, tokio wakes in milliseconds. What is due in the network is handed over at the next whole millisecond: up to one
//! late, never early. Everything that is due at one wake-up leaves the network before any of it reaches a node, so that the trace stays in the order of
//! time, and an answer can only meet what was sent after it.
//!
//! Time moves only when every task waits. So a node that never waits keeps the case at one instant; what it emits there is counted by the conductor, and one
//! that emits nothing is ended by the limits of the process that runs the case.
//!
//! # Life cycle
//!
//! Nodes are tasks. They end with the case: their sockets close, their tasks are aborted, and the runtime, with whatever an implementation has started
//! on it, is dropped before [`run`] returns.

use super::network_steps::apply;
use super::paused::{paused, virtual_time};
use super::sim::input_of;
use super::sockets::SocketTable;
use crate::conductor::{Action, Conductor, Ending};
use crate::plan::Built;
use iut::{AsyncEndpoint, Emitter, Host, Input, Ns, Output};
use nat_sim::Delivery;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// An asynchronous node of a case.
pub struct Program {
    /// Its position in the plan.
    pub node: usize,
    /// The addresses that it may bind.
    pub addresses: Vec<IpAddr>,
    /// What it does.
    pub program: Box<dyn AsyncEndpoint>,
}

/// Runs a case. The time that implementations should read meanwhile is [`virtual_time`].
///
/// # Panics
/// When the program of a node panics, with its panic.
pub fn run(network: Built, conductor: Conductor, programs: Vec<Program>) -> Ending {
    paused(async move {
        let mut tasks = JoinSet::new();
        let nodes = programs.into_iter().map(|program| Node::start(program, &mut tasks)).collect();
        Pump { start: Instant::now(), network, conductor, nodes, tasks }.run().await
    })
}

struct Pump {
    start: Instant,
    network: Built,
    conductor: Conductor,
    nodes: BTreeMap<usize, Node>,
    tasks: JoinSet<()>,
}

impl Pump {
    async fn run(mut self) -> Ending {
        self.conductor.start(now());
        self.act();
        while !self.conductor.finished(now()) && !self.conductor.recorder.overflowed() {
            match self.wait().await {
                Some((node, output)) => self.conductor.emitted(now(), node, output),
                None => self.wake(),
            }
            self.act();
        }
        self.nodes.values().for_each(|node| node.table.close());
        self.conductor.finish(now())
    }

    /// Waits for what a node emits, or `None` for the time of the next event. Nodes go first: an instant is over when none of them has more to say.
    async fn wait(&mut self) -> Option<(usize, Output)> {
        let wake = self.conductor.poll_timeout();
        let wake = self.network.net.next_event().map_or(wake, |event| event.min(wake));
        let deadline = self.start + Duration::from_nanos(wake);
        loop {
            tokio::select! {
                biased;
                output = next_output(&mut self.nodes) => return Some(output),
                Some(ended) = self.tasks.join_next() => {
                    if let Err(error) = ended && error.is_panic() {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
                () = tokio::time::sleep_until(deadline) => return None,
            }
        }
    }

    /// Something is due.
    fn wake(&mut self) {
        let now = now();
        let mut arrived = Vec::new();
        while let Some(delivery) = self.network.net.advance(&mut self.conductor.recorder, now) {
            arrived.push(delivery);
        }
        for delivery in arrived {
            self.deliver(now, delivery);
            self.act();
        }
        if self.conductor.poll_timeout() <= now {
            self.conductor.handle_timeout(now);
        }
    }

    fn deliver(&mut self, now: Ns, Delivery { host, packet, .. }: Delivery) {
        let Some(node) = self.network.hosts.iter().position(|other| *other == host) else { return };
        if let (Some(program), Some(local)) = (self.nodes.get(&node), packet.udp_destination())
            && !program.table.listens(local)
        {
            self.network.net.refuse(&mut self.conductor.recorder, now, host, &packet);
        }
        if let Some(input) = input_of(packet) {
            self.conductor.deliver(now, node, input);
        }
    }

    /// Carries out what the conductor wants.
    fn act(&mut self) {
        let now = now();
        while let Some(action) = self.conductor.poll_action() {
            match action {
                Action::Send { node, local, remote, bytes } => {
                    let packet = nat_sim::Packet::udp(local, remote, bytes);
                    self.network.net.send(&mut self.conductor.recorder, now, self.network.hosts[node], packet);
                }
                Action::Network(action) => apply(&mut self.network, &mut self.conductor.recorder, now, &action),
                Action::ToNode { node, input } => self.nodes[&node].take(input),
            }
        }
    }
}

/// Nanoseconds since the case began.
fn now() -> Ns {
    virtual_time().expect("the pump runs on a paused runtime")
}

struct Node {
    inputs: UnboundedSender<Input>,
    outputs: UnboundedReceiver<Output>,
    table: SocketTable,
}

impl Node {
    fn start(program: Program, tasks: &mut JoinSet<()>) -> (usize, Self) {
        let Program { node, addresses, program } = program;
        let (emitter, outputs) = Emitter::channel();
        let (inputs, receiver) = mpsc::unbounded_channel();
        let socket = emitter.clone();
        let table = SocketTable::new(addresses, move |local, remote, bytes| socket.datagram(local, remote, bytes));
        tasks.spawn(program.run(Host { network: table.network(), inputs: receiver, emitter }));
        (node, Self { inputs, outputs, table })
    }

    fn take(&self, input: Input) {
        if let Input::Datagram { local, remote, bytes } = input {
            // Where nobody listens the sender was told so when the datagram arrived.
            self.table.deliver(local, remote, bytes);
        } else {
            // A node that has ended takes no more.
            let _ = self.inputs.send(input);
        }
    }
}

/// The next output of any node, in the order of the nodes.
async fn next_output(nodes: &mut BTreeMap<usize, Node>) -> (usize, Output) {
    std::future::poll_fn(|context| {
        for (index, node) in nodes.iter_mut() {
            if let Poll::Ready(Some(output)) = node.outputs.poll_recv(context) {
                return Poll::Ready((*index, output));
            }
        }
        Poll::Pending
    })
    .await
}
