//! What happened in a case, in the order in which it happened: packets at every interface, events of the application interfaces, NAT state, signalling
//! and steps. Checks read a trace and nothing else; the capture file is a rendering of it.
//!
//! Events keep structured packets whose payload is shared; bytes of whole packets are made when a capture or a hash asks for them.

mod digest;
mod json;
mod pcapng;
mod placement;
mod recorder;
mod streamed;

pub use digest::Digest;
pub use pcapng::{CaptureError, CaptureWriter, Comments, read_capture};
pub use recorder::{Recorder, vantages};
pub use streamed::StreamedCapture;

use iut::{ApiEvent, Ns, Signal};
use nat_sim::{Direction, Fate, NatEvent, Packet};

/// A recorded case, or a capture that was read from a file.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The places where packets were seen; events name them by position.
    pub vantages: Vec<Vantage>,
    /// The parties by name; events name them by position.
    pub nodes: Vec<String>,
    /// What happened. The position plus one is the frame number in the capture.
    pub events: Vec<Event>,
}

/// A place where packets are seen: one side of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vantage {
    /// The host, NAT, firewall or router.
    pub node: String,
    /// The node's number in the network, or the interface's number in a capture that was read.
    pub node_index: usize,
    /// Which of its sides: `eth0`, `inside`, `outside`.
    pub side: String,
    /// The position of the party in [`Trace::nodes`], where the place is a party's own interface.
    pub party: Option<usize>,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, in nanoseconds since the case began.
    pub at: Ns,
    /// What.
    pub body: Body,
}

/// What an event is about.
#[derive(Clone, Debug)]
pub enum Body {
    /// A packet at a place.
    Packet(PacketEvent),
    /// An event of the application interface of a party.
    Api {
        /// The party.
        node: usize,
        /// What it reported.
        event: ApiEvent,
    },
    /// A message of the signalling room.
    Signal {
        /// The party that sent it.
        from: usize,
        /// The message.
        signal: Signal,
        /// Whether the room lost it.
        lost: bool,
    },
    /// The state of a NAT changed.
    Nat {
        /// The NAT.
        node: String,
        /// How it changed.
        event: NatEvent,
    },
    /// A step began, was met, or was not met.
    Step {
        /// What the timeline has to say about it.
        text: String,
    },
}

/// A packet at a place.
#[derive(Clone, Debug)]
pub struct PacketEvent {
    /// Position in [`Trace::vantages`].
    pub vantage: usize,
    /// Whether it was leaving or entering the node there.
    pub direction: Direction,
    /// What became of it there.
    pub fate: Fate,
    /// The packet.
    pub packet: Packet,
}

impl Trace {
    /// The packets that a party sent and received at its own interfaces, with their frame numbers; what the party never saw is left out.
    pub fn at_party(&self, party: usize) -> impl Iterator<Item = (u32, Ns, &PacketEvent)> {
        self.packets().filter(move |(_, _, packet)| self.vantages[packet.vantage].party == Some(party))
    }

    /// All packets with their frame numbers.
    pub fn packets(&self) -> impl Iterator<Item = (u32, Ns, &PacketEvent)> {
        self.events.iter().enumerate().filter_map(|(index, event)| match &event.body {
            Body::Packet(packet) => Some((frame_number(index), event.at, packet)),
            _ => None,
        })
    }

    /// The events of a party's application interface with their frame numbers.
    pub fn api(&self, party: usize) -> impl Iterator<Item = (u32, Ns, &ApiEvent)> {
        self.events.iter().enumerate().filter_map(move |(index, event)| match &event.body {
            Body::Api { node, event: api } if *node == party => Some((frame_number(index), event.at, api)),
            _ => None,
        })
    }

    /// The position of a party by name.
    pub fn party(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node == name)
    }
}

/// The frame number of an event: Wireshark counts from one.
pub fn frame_number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// Appends a packet's bytes. What no wire can carry, such as a payload that does not fit, stays out: its fate in the trace says why.
fn encode(packet: &Packet, bytes: &mut Vec<u8>) {
    if packet.encode(bytes).is_err() {
        bytes.clear();
    }
}
