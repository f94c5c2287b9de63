//! Asynchronous nodes joined by a perfect wire: what the tests of an adapter run on, before any network, plan or conductor is involved.
//!
//! Every datagram arrives after [`LATENCY`] in the order in which it was sent, unless a filter takes it; signals go to the other node of the two-person room
//! after [`SIGNALLING`]. Time is tokio's: run it under [`paused`](super::paused::paused). What nodes send and report is kept, with the time since the case began.
//!
//! Deliberately absent: NATs, loss, streams, ICMP, endpoints. Those are the drivers' work.

use super::sockets::SocketTable;
use bytes::Bytes;
use iut::{ApiEvent, Command, Emitter, Host, Input, Instance, NodeConfig, Output, Signal};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long a datagram travels.
pub const LATENCY: Duration = Duration::from_millis(10);

/// How long a signal travels.
pub const SIGNALLING: Duration = Duration::from_millis(25);

/// A datagram that a node sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// When, since the case began.
    pub sent: Duration,
    /// Source.
    pub from: SocketAddr,
    /// Destination.
    pub to: SocketAddr,
    /// UDP payload.
    pub bytes: Bytes,
}

/// The nodes of a case, the wire between them, and what was seen. Needs a tokio runtime.
pub struct Direct {
    wire: Arc<Wire>,
    pump: JoinHandle<()>,
    nodes: BTreeMap<String, Node>,
    signals: Vec<(Instant, String, Signal)>,
    /// Events of all nodes, with the time since the case began and the name of the node.
    pub events: Vec<(Duration, String, ApiEvent)>,
    /// Signals of all nodes, with the name of the sender.
    pub signalled: Vec<(String, Signal)>,
}

struct Wire {
    start: Instant,
    tables: Mutex<BTreeMap<IpAddr, SocketTable>>,
    packets: Mutex<Vec<Packet>>,
    filter: Mutex<Filter>,
    queue: mpsc::UnboundedSender<(Instant, Packet)>,
}

type Filter = Box<dyn Fn(&Packet) -> bool + Send>;

struct Node {
    inputs: mpsc::UnboundedSender<Input>,
    outputs: mpsc::UnboundedReceiver<Output>,
    task: JoinHandle<()>,
    table: SocketTable,
}

impl Default for Direct {
    fn default() -> Self {
        Self::new()
    }
}

impl Direct {
    /// A case without nodes; its time begins now.
    #[must_use]
    pub fn new() -> Self {
        let (queue, due) = mpsc::unbounded_channel();
        let wire = Arc::new(Wire {
            start: Instant::now(),
            tables: Mutex::default(),
            packets: Mutex::default(),
            filter: Mutex::new(Box::new(|_| true)),
            queue,
        });
        let pump = tokio::spawn(pump(Arc::clone(&wire), due));
        Self { wire, pump, nodes: BTreeMap::new(), signals: Vec::new(), events: Vec::new(), signalled: Vec::new() }
    }

    /// Adds a node and starts it.
    ///
    /// # Panics
    /// When the instance is not asynchronous.
    pub fn add(&mut self, instance: Instance, config: &NodeConfig) {
        let Instance::Async(program) = instance else { panic!("only asynchronous nodes can be joined directly") };
        let wire = Arc::clone(&self.wire);
        let addresses: Vec<IpAddr> = config.addresses.iter().chain(&config.relay_addresses).copied().collect();
        let table = SocketTable::new(addresses.clone(), move |from, to, bytes| wire.send(from, to, bytes));
        lock(&self.wire.tables).extend(addresses.into_iter().map(|address| (address, table.clone())));
        let (emitter, outputs) = Emitter::channel();
        let (inputs, receiver) = mpsc::unbounded_channel();
        let task = tokio::spawn(program.run(Host { network: table.network(), inputs: receiver, emitter }));
        self.nodes.insert(config.name.clone(), Node { inputs, outputs, task, table });
        self.command(&config.name, Command::Start);
    }

    /// Gives a node an instruction. A node that has ended, or was never added, takes none.
    pub fn command(&self, name: &str, command: Command) {
        self.input(name, Input::Command(command));
    }

    fn input(&self, name: &str, input: Input) {
        if let Some(node) = self.nodes.get(name) {
            // A node that has ended has dropped its receiver.
            let _ = node.inputs.send(input);
        }
    }

    /// From now on only those packets arrive of which `filter` is true; packets on their way arrive.
    pub fn set_filter(&self, filter: impl Fn(&Packet) -> bool + Send + 'static) {
        *lock(&self.wire.filter) = Box::new(filter);
    }

    /// Everything that was sent so far, also what the filter took.
    pub fn packets(&self) -> Vec<Packet> {
        lock(&self.wire.packets).clone()
    }

    /// Time since the case began.
    pub fn now(&self) -> Duration {
        self.wire.start.elapsed()
    }

    /// Whether the node's program has ended.
    pub fn has_ended(&self, name: &str) -> bool {
        self.nodes.get(name).is_none_or(|node| node.task.is_finished())
    }

    /// Whether the node has no open socket.
    pub fn has_no_sockets(&self, name: &str) -> bool {
        self.nodes.get(name).is_none_or(|node| node.table.is_empty())
    }

    /// Whether the node reported this event.
    pub fn saw(&self, name: &str, wanted: &ApiEvent) -> bool {
        self.count(name, |event| event == wanted) > 0
    }

    /// How many events of the node are wanted ones.
    pub fn count(&self, name: &str, wanted: impl Fn(&ApiEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, node, event)| node == name && wanted(event)).count()
    }

    /// Runs until `done` holds for what was seen, or `limit` has passed; tells whether it held.
    pub async fn until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let end = Instant::now() + limit;
        while !done(self) {
            let next = self.signals.iter().map(|(at, ..)| *at).min().unwrap_or(end).min(end);
            tokio::select! {
                biased;
                (name, output) = next_output(&mut self.nodes) => self.take(name, output),
                () = tokio::time::sleep_until(next) => {
                    if Instant::now() >= end {
                        return done(self);
                    }
                    self.deliver_signals();
                }
            }
        }
        true
    }

    /// Runs for `time`.
    pub async fn run_for(&mut self, time: Duration) {
        self.until(time, |_| false).await;
    }

    fn take(&mut self, name: String, output: Output) {
        match output {
            Output::Api(event) => self.events.push((self.now(), name, event)),
            Output::Signal(signal) => {
                self.signalled.push((name.clone(), signal.clone()));
                let others: Vec<String> = self.nodes.keys().filter(|other| **other != name).cloned().collect();
                // The room is for two peers; a server in the case hears the signals too, and has no ear for them.
                self.signals.extend(others.into_iter().map(|other| (Instant::now() + SIGNALLING, other, signal.clone())));
            }
            // The emitter of the contract has no other way.
            other => unreachable!("an asynchronous node emitted {other:?}"),
        }
    }

    fn deliver_signals(&mut self) {
        let now = Instant::now();
        let (due, later): (Vec<_>, Vec<_>) = std::mem::take(&mut self.signals).into_iter().partition(|(at, ..)| *at <= now);
        self.signals = later;
        for (_, to, signal) in due {
            self.input(&to, Input::Signal(signal));
        }
    }

    /// Ends all nodes as a crash would, and lets the executor drop them.
    pub async fn crash(self) {
        drop(self);
        // An aborted task is dropped at its next turn, and one that it owned at the turn after.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        for node in self.nodes.values() {
            node.table.close();
            node.task.abort();
        }
        self.pump.abort();
    }
}

impl Wire {
    fn send(&self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let packet = Packet { sent: self.start.elapsed(), from, to, bytes };
        lock(&self.packets).push(packet.clone());
        if (lock(&self.filter))(&packet) {
            // The pump is gone once the case has ended.
            let _ = self.queue.send((Instant::now() + LATENCY, packet));
        }
    }
}

async fn pump(wire: Arc<Wire>, mut due: mpsc::UnboundedReceiver<(Instant, Packet)>) {
    while let Some((at, packet)) = due.recv().await {
        tokio::time::sleep_until(at).await;
        let table = lock(&wire.tables).get(&packet.to.ip()).cloned();
        if let Some(table) = table {
            table.deliver(packet.to, packet.from, packet.bytes);
        }
    }
}

async fn next_output(nodes: &mut BTreeMap<String, Node>) -> (String, Output) {
    std::future::poll_fn(|context| {
        for (name, node) in nodes.iter_mut() {
            if let Poll::Ready(Some(output)) = node.outputs.poll_recv(context) {
                return Poll::Ready((name.clone(), output));
            }
        }
        Poll::Pending
    })
    .await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
