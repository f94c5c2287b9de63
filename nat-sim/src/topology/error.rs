//! Why a graph is not a network.

use std::net::IpAddr;

use crate::nat::NatConfigError;

/// Why a graph is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopologyError {
    /// Two segments, or two nodes, share a name. Names seed random numbers and appear in captures.
    #[error("the {what} name `{name}` is used twice")]
    DuplicateName {
        /// `segment` or `node`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A segment identifier of another builder.
    #[error("node `{node}` is attached to a segment that does not exist")]
    UnknownSegment {
        /// The node.
        node: String,
    },
    /// A link is configured where the node has no attachment.
    #[error("node `{node}` is not attached to segment `{segment}`")]
    NotAttached {
        /// The node.
        node: String,
        /// The segment.
        segment: String,
    },
    /// A node without any attachment.
    #[error("node `{node}` is attached to no segment")]
    Unattached {
        /// The node.
        node: String,
    },
    /// A segment without any node.
    #[error("no node is attached to segment `{segment}`")]
    EmptySegment {
        /// The segment.
        segment: String,
    },
    /// A node with two sides on one segment.
    #[error("node `{node}` has two sides on segment `{segment}`")]
    SameSegment {
        /// The node.
        node: String,
        /// The segment.
        segment: String,
    },
    /// An address that no node can have.
    #[error("node `{node}` cannot have the address {address}")]
    UnusableAddress {
        /// The node.
        node: String,
        /// The address.
        address: IpAddr,
    },
    /// Two nodes, or one node twice, have the same address within one routing realm. Realms end at NATs, so two homes may use the same range.
    #[error("the address {address} of node `{second}` is already that of node `{first}`, with no nat between them")]
    DuplicateAddress {
        /// The address.
        address: IpAddr,
        /// Its first owner.
        first: String,
        /// Its second owner.
        second: String,
    },
    /// A part of the graph is not connected to the rest.
    #[error("no path leads from node `{first}` to node `{unreachable}`")]
    Unreachable {
        /// The first node.
        first: String,
        /// A node that cannot be reached from it.
        unreachable: String,
    },
    /// Following NATs outwards comes back to where it began.
    #[error("the nats {} lead outwards in a circle", .nats.join(", "))]
    NatCycle {
        /// The NATs on the circle.
        nats: Vec<String>,
    },
    /// A NAT whose sides are also joined by routers.
    #[error("inside and outside of nat `{nat}` are also joined by a path without a nat")]
    NatBypassed {
        /// The NAT.
        nat: String,
    },
    /// A NAT that cannot be.
    #[error("nat `{nat}`: {error}")]
    Nat {
        /// The NAT.
        nat: String,
        /// What is wrong with it.
        error: NatConfigError,
    },
}
