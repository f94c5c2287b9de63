//! Writes down what happens, as it happens.

use super::{Body, Event, PacketEvent, Trace, Vantage, frame_number};
use iut::{ApiEvent, Ns, Signal};
use nat_sim::{Fate, NatEvent, NodeId, Packet, Tap, Vantage as Place, VantageInfo};

/// Events that a case may have before it counts as flooded: an hour of a connected pair has some 100,000.
const LIMIT: usize = 4_000_000;

/// Takes the trace so far and the position of the newest event.
type Sink = Box<dyn FnMut(&Trace, usize)>;

/// Receives every event of a running case; the hook hands whole events on while the case still runs.
pub struct Recorder {
    trace: Trace,
    sink: Option<Sink>,
}

impl Recorder {
    /// A recorder for these parties and places.
    pub fn new(nodes: Vec<String>, vantages: Vec<Vantage>) -> Self {
        Self { trace: Trace { vantages, nodes, events: Vec::new() }, sink: None }
    }

    /// Hands every event on as soon as it is written down: `sink(trace, index)`.
    pub fn stream_to(&mut self, sink: impl FnMut(&Trace, usize) + 'static) {
        self.sink = Some(Box::new(sink));
    }

    /// What has happened so far.
    pub fn trace(&self) -> &Trace {
        &self.trace
    }

    /// Ends the recording.
    pub fn into_trace(self) -> Trace {
        self.trace
    }

    /// Frame number of the latest event.
    pub fn last_frame(&self) -> u32 {
        frame_number(self.trace.events.len().saturating_sub(1))
    }

    /// Whether the case has produced more than a case can.
    pub fn overflowed(&self) -> bool {
        self.trace.events.len() >= LIMIT
    }

    /// An event of an application interface.
    pub fn api(&mut self, at: Ns, node: usize, event: ApiEvent) {
        self.push(at, Body::Api { node, event });
    }

    /// A message entered the signalling room.
    pub fn signal(&mut self, at: Ns, from: usize, signal: Signal, lost: bool) {
        self.push(at, Body::Signal { from, signal, lost });
    }

    /// The timeline has something to say.
    pub fn step(&mut self, at: Ns, text: String) {
        self.push(at, Body::Step { text });
    }

    fn push(&mut self, at: Ns, body: Body) {
        if self.overflowed() {
            return;
        }
        self.trace.events.push(Event { at, body });
        if let Some(sink) = &mut self.sink {
            sink(&self.trace, self.trace.events.len() - 1);
        }
    }
}

impl Tap for Recorder {
    fn packet(&mut self, at: Ns, place: Place, fate: Fate, packet: &Packet) {
        let event = PacketEvent { vantage: place.id.0 as usize, direction: place.direction, fate, packet: packet.clone() };
        self.push(at, Body::Packet(event));
    }

    fn nat(&mut self, at: Ns, nat: NodeId, event: &NatEvent) {
        // A NAT has two vantages, and the first of either gives its name.
        let index = nat.0 as usize;
        let node =
            self.trace.vantages.iter().find(|vantage| vantage.node_index == index).map_or_else(String::new, |vantage| vantage.node.clone());
        self.push(at, Body::Nat { node, event: event.clone() });
    }
}

/// The vantages of a network as a trace names them.
pub fn vantages(infos: &[VantageInfo], party: impl Fn(NodeId) -> Option<usize>) -> Vec<Vantage> {
    let vantage = |info: &VantageInfo| Vantage {
        node: info.node_name.clone(),
        node_index: info.node.0 as usize,
        side: info.side.clone(),
        party: party(info.node),
    };
    infos.iter().map(vantage).collect()
}
