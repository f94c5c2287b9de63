//! What an observer of the network sees: packets at vantages with their fate, and what happens inside NATs.

use std::fmt;
use std::net::IpAddr;

use crate::drop_reason::DropReason;
use crate::nat::MappingView;
use crate::packet::Packet;
use crate::time::Ns;
use crate::topology::{NodeId, SegmentId};

/// One side of one node: its attachment to one segment. Vantages are numbered from 0 without gaps, in the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VantageId(pub u32);

/// What a vantage is, for names in captures and reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VantageInfo {
    /// Its number.
    pub id: VantageId,
    /// The node.
    pub node: NodeId,
    /// The node's name.
    pub node_name: String,
    /// The segment that this side is attached to.
    pub segment: SegmentId,
    /// `inside` and `outside` for NATs, firewalls and on-path nodes, else the name of the segment.
    pub side: String,
    /// The addresses that the node has on this side.
    pub addresses: Vec<IpAddr>,
}

impl VantageInfo {
    /// A unique name, such as `nat-a/outside`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.node_name, self.side)
    }
}

/// Which way a packet passes a vantage, seen from the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the segment into the node.
    In,
    /// From the node onto the segment.
    Out,
}

/// Where a packet was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vantage {
    /// The side of the node; an index into [`Net::vantages`](crate::Net::vantages).
    pub id: VantageId,
    /// The node.
    pub node: NodeId,
    /// Which way the packet passed.
    pub direction: Direction,
}

/// What became of a packet at a vantage. Each passage yields one record, so a packet that crosses a NAT has two: `In` before it is rewritten and
/// `Out` afterwards.
///
/// `Out` means that the node emitted the packet, also with [`Fate::Dropped`] by the link that follows ([`DropReason::LinkLoss`] and the like);
/// a host's packet without a route ([`DropReason::NoRoute`]) or that cannot exist ([`DropReason::Malformed`]) never leaves it. `In` with
/// [`Fate::Dropped`] means that the packet got no further: lost on the link into the node, or refused by the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// `Out`: the node made and sent the packet.
    Sent,
    /// `In`: the node takes the packet to pass it on. `Out`: the node passes it on.
    Forwarded,
    /// `In`: the packet reached a host.
    Delivered,
    /// The packet goes no further.
    Dropped(DropReason),
    /// The link at this vantage made one more copy of the packet. The passage itself has its own record beside this one.
    Duplicated,
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sent => "sent",
            Self::Forwarded => "forwarded",
            Self::Delivered => "delivered",
            Self::Dropped(reason) => reason.name(),
            Self::Duplicated => "duplicated",
        })
    }
}

/// A change in a NAT's table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NatEvent {
    /// A mapping was made.
    MappingMade(MappingView),
    /// A mapping's timer ran out.
    MappingExpired(MappingView),
    /// A mapping was lost by a flush or reboot.
    MappingFlushed(MappingView),
    /// A mapping lost its port to another one ([`PortAllocation::PreserveAndSteal`](crate::PortAllocation::PreserveAndSteal)).
    MappingStolen(MappingView),
}

/// Observes the network. Both methods are called in the order of events.
pub trait Tap {
    /// A packet passed, or ended at, a vantage.
    fn packet(&mut self, at: Ns, place: Vantage, fate: Fate, packet: &Packet);
    /// A NAT's table changed.
    fn nat(&mut self, at: Ns, nat: NodeId, event: &NatEvent);
}

/// Observes nothing.
impl Tap for () {
    fn packet(&mut self, _at: Ns, _place: Vantage, _fate: Fate, _packet: &Packet) {}
    fn nat(&mut self, _at: Ns, _nat: NodeId, _event: &NatEvent) {}
}
