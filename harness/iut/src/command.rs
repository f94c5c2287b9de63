//! Instructions of a scenario to an implementation: the verbs that an application would call.

use bytes::Bytes;
use std::net::SocketAddr;

/// One instruction. An endpoint that does not know a verb, or cannot carry it out, answers [`crate::ApiEvent::Unsupported`] with [`Command::verb`] and
/// does nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// The node begins its life: servers listen, peers and agents gather nothing yet.
    Start,
    /// Peer: create an offer and begin to gather. The answering peer needs no command, it acts on the offer it receives.
    CreateOffer,
    /// Peer: open a data channel. Before [`Command::CreateOffer`] it becomes part of the first offer.
    OpenChannel(ChannelOptions),
    /// Peer: restart ICE with a new offer (RFC 8445 section 9).
    RestartIce,
    /// Peer, ICE agent, DTLS endpoint: send application data. `channel` is the label of a data channel, and empty where there are no channels.
    SendData {
        /// Label of the data channel, or empty.
        channel: String,
        /// The message.
        data: Bytes,
    },
    /// DTLS client: begin the handshake with this server.
    Connect {
        /// The server.
        remote: SocketAddr,
    },
    /// STUN client: do one Binding transaction with this server.
    Bind {
        /// The server.
        server: SocketAddr,
    },
    /// TURN client: create an allocation (RFC 8656 section 7).
    Allocate {
        /// The server.
        server: SocketAddr,
    },
    /// TURN client: install permissions (RFC 8656 section 9).
    CreatePermission {
        /// Peers; only their addresses count, the ports are ignored.
        peers: Vec<SocketAddr>,
    },
    /// TURN client: bind a channel (RFC 8656 section 12).
    BindChannel {
        /// The peer.
        peer: SocketAddr,
    },
    /// TURN client: send data to a peer through the allocation.
    SendToPeer {
        /// The peer.
        peer: SocketAddr,
        /// The data.
        data: Bytes,
    },
    /// TURN client: refresh the allocation (RFC 8656 section 8).
    Refresh {
        /// The lifetime to ask for, in seconds; 0 deletes the allocation.
        lifetime: u32,
    },
    /// STUN client: find out how the NATs on the way behave.
    Discover {
        /// The server, which must offer a second address and port.
        server: SocketAddr,
        /// The algorithm.
        algorithm: DiscoveryAlgorithm,
    },
    /// Close in order what can be closed: the peer connection, the DTLS association, the allocation.
    Close,
    /// A verb that no implementation knows. The harness sends one to see that "unsupported" is answered honestly.
    Probe {
        /// A name that means nothing.
        verb: String,
    },
}

/// Algorithms that find out how NATs behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiscoveryAlgorithm {
    /// RFC 3489 section 10.1.
    Rfc3489,
    /// RFC 5780 sections 4.3 and 4.4.
    Rfc5780,
}

/// Options of a data channel (RFC 8832 section 5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelOptions {
    /// The label.
    pub label: String,
    /// Whether messages arrive in order.
    pub ordered: bool,
    /// Retransmissions of a message before it is given up; `None` is fully reliable.
    pub max_retransmits: Option<u16>,
}

impl Command {
    /// The verb as scenarios and [`crate::ApiEvent::Unsupported`] name it.
    pub fn verb(&self) -> &str {
        match self {
            Command::Start => "start",
            Command::CreateOffer => "create-offer",
            Command::OpenChannel(_) => "open-channel",
            Command::RestartIce => "restart-ice",
            Command::SendData { .. } => "send-data",
            Command::Connect { .. } => "connect",
            Command::Bind { .. } => "bind",
            Command::Allocate { .. } => "allocate",
            Command::CreatePermission { .. } => "create-permission",
            Command::BindChannel { .. } => "bind-channel",
            Command::SendToPeer { .. } => "send-to-peer",
            Command::Refresh { .. } => "refresh",
            Command::Discover { .. } => "discover",
            Command::Close => "close",
            Command::Probe { verb } => verb,
        }
    }
}
