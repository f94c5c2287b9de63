//! The graph of a network: segments, and nodes attached to them. [`NetBuilder`] collects it, [`NetBuilder::build`] checks it and works out routes.

mod builder;
mod error;
mod routing;

pub use builder::NetBuilder;
pub(crate) use builder::{InterfaceSpec, NodeKind, NodeSpec};
pub use error::TopologyError;
pub(crate) use routing::Routing;

/// A node: host, router, NAT, firewall or on-path actor. Numbered from 0 without gaps, in the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// A segment: a broadcast domain to which nodes are attached. Numbered from 0 without gaps, in the order of declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u32);

impl NodeId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

impl SegmentId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    pub(crate) fn of(address: std::net::IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}
