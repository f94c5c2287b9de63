//! Candidate gathering for stacks that leave it to the application (RFC 8445 section 5.1.1).
//!
//! [`Gatherer`] finds host, server-reflexive and relayed candidates and carries what a stack sends from a relayed address. [`Peer`] is a whole endpoint
//! around such a stack: it keeps the order of offer, answer, candidates and gathering, so that an adapter only has to say what each step is called in its
//! stack ([`Stack`]). Manifests of implementations that use either say `gathering_by_adapter`.
//!
//! Every candidate of a node shares the socket of its host candidate (one port per address), as browsers do it. Transactions start Ta = 50 ms apart
//! (RFC 8445 section 14.2) and follow the retransmission schedule of RFC 8489 section 6.2.1. Server-reflexive candidates are kept alive by further
//! Binding requests until [`Gatherer::conclude`]; allocations and permissions are refreshed until [`Gatherer::close`].
//!
//! Deliberately absent: TURN over TCP and TLS, channels, relayed addresses of another family than the local address.

mod binding;
mod candidate;
mod gatherer;
mod peer;
mod relay;
mod stack;
mod time;

pub use candidate::{LocalCandidate, candidate_address};
pub use gatherer::Gatherer;
pub use peer::Peer;
pub use stack::{Generation, Stack, StackOutput};

use bytes::Bytes;
use std::net::SocketAddr;

/// What gathering wants or has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatherOutput {
    /// Send a datagram.
    Datagram {
        /// From this local address.
        local: SocketAddr,
        /// To this server.
        remote: SocketAddr,
        /// UDP payload.
        bytes: Bytes,
    },
    /// A candidate was found.
    Candidate(LocalCandidate),
    /// Every transaction of this generation has ended.
    Complete,
    /// A transaction failed; the words say which.
    Failed(String),
    /// A line for the log.
    Log(String),
}

/// What became of a datagram that was offered to the gatherer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It has nothing to do with gathering: the stack shall have it.
    NotMine,
    /// It was for the gatherer.
    Consumed,
    /// It came through a relay: the stack shall have what was inside.
    Relayed {
        /// The relayed address that it was sent to.
        relayed: SocketAddr,
        /// The peer that sent it.
        peer: SocketAddr,
        /// What the peer sent.
        bytes: Bytes,
    },
}
