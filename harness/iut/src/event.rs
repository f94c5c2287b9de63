//! What an application would learn from the interface of an implementation.

use bytes::Bytes;
use std::net::SocketAddr;

/// One event of the application interface. Events are evidence for expectations such as "the data was delivered"; whether packets were right is judged
/// from the packets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ApiEvent {
    /// Gathering of candidates moved on (RFC 8445 section 5.1).
    Gathering(GatheringState),
    /// A local candidate was found; the candidate attribute without `a=` (RFC 8839 section 5.1).
    LocalCandidate(String),
    /// The state of ICE.
    Ice(ConnectionState),
    /// The state of the DTLS association.
    Dtls(ConnectionState),
    /// The state of the connection as a whole.
    Connection(ConnectionState),
    /// The implementation says that it selected this candidate pair.
    SelectedPair(PairView),
    /// A data channel is open.
    ChannelOpen {
        /// Its label.
        label: String,
    },
    /// A data channel is closed.
    ChannelClosed {
        /// Its label.
        label: String,
    },
    /// Application data was delivered.
    Data {
        /// Label of the data channel, or empty where there are no channels.
        channel: String,
        /// The message.
        bytes: Bytes,
    },
    /// STUN client: a Binding transaction succeeded.
    MappedAddress(SocketAddr),
    /// TURN client: the allocation exists.
    Allocated {
        /// The relayed transport address.
        relayed: SocketAddr,
        /// The client's address as the server sees it, where the implementation tells it.
        mapped: Option<SocketAddr>,
        /// Lifetime in seconds, where the implementation tells it.
        lifetime: Option<u32>,
    },
    /// TURN client: a permission is installed.
    PermissionCreated {
        /// The peer.
        peer: SocketAddr,
    },
    /// TURN client: a channel is bound.
    ChannelBound {
        /// The peer.
        peer: SocketAddr,
        /// The channel number, where the implementation tells it.
        number: Option<u16>,
    },
    /// TURN client: data came from a peer.
    PeerData {
        /// The peer.
        peer: SocketAddr,
        /// The data.
        bytes: Bytes,
    },
    /// STUN client: what a discovery algorithm found, as `KEY=VALUE` words in a fixed order: `rfc3489=port-restricted`,
    /// `mapping=endpoint-independent filtering=address-dependent`.
    Discovered(String),
    /// Actor: a fault of the scenario took effect.
    Fault {
        /// Its place in the actor's list, from 1.
        number: u32,
        /// What was done: `drop flight 2`.
        what: String,
    },
    /// An operation failed, or the implementation reported an error of its own accord.
    Error {
        /// The verb that failed, or the part that reported it.
        operation: String,
        /// The implementation's own words.
        message: String,
    },
    /// The command is not supported.
    Unsupported {
        /// [`crate::Command::verb`] of the command.
        verb: String,
    },
    /// A line for the log of the case; never evidence.
    Log(String),
}

impl ApiEvent {
    /// A short stable name for expectations, traces and ladders: `ice:connected`, `data`.
    pub fn name(&self) -> String {
        match self {
            ApiEvent::Gathering(state) => format!("gathering:{}", state.name()),
            ApiEvent::LocalCandidate(_) => "local-candidate".into(),
            ApiEvent::Ice(state) => format!("ice:{}", state.name()),
            ApiEvent::Dtls(state) => format!("dtls:{}", state.name()),
            ApiEvent::Connection(state) => format!("connection:{}", state.name()),
            ApiEvent::SelectedPair(_) => "selected-pair".into(),
            ApiEvent::ChannelOpen { .. } => "channel-open".into(),
            ApiEvent::ChannelClosed { .. } => "channel-closed".into(),
            ApiEvent::Data { .. } => "data".into(),
            ApiEvent::MappedAddress(_) => "mapped-address".into(),
            ApiEvent::Allocated { .. } => "allocated".into(),
            ApiEvent::PermissionCreated { .. } => "permission-created".into(),
            ApiEvent::ChannelBound { .. } => "channel-bound".into(),
            ApiEvent::PeerData { .. } => "peer-data".into(),
            ApiEvent::Discovered(_) => "discovered".into(),
            ApiEvent::Fault { .. } => "fault".into(),
            ApiEvent::Error { .. } => "error".into(),
            ApiEvent::Unsupported { .. } => "unsupported".into(),
            ApiEvent::Log(_) => "log".into(),
        }
    }
}

/// How far the gathering of candidates is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatheringState {
    /// In progress.
    Gathering,
    /// All candidates of this generation are known.
    Complete,
}

impl GatheringState {
    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            GatheringState::Gathering => "gathering",
            GatheringState::Complete => "complete",
        }
    }
}

/// The states that ICE, DTLS and peer connections share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// Trying.
    Connecting,
    /// Usable.
    Connected,
    /// Usable, and nothing is left to check (ICE).
    Completed,
    /// Was usable, and may become so again.
    Disconnected,
    /// Given up.
    Failed,
    /// Closed in order.
    Closed,
}

impl ConnectionState {
    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            ConnectionState::Connecting => "connecting",
            ConnectionState::Connected => "connected",
            ConnectionState::Completed => "completed",
            ConnectionState::Disconnected => "disconnected",
            ConnectionState::Failed => "failed",
            ConnectionState::Closed => "closed",
        }
    }
}

/// A candidate pair as the implementation describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairView {
    /// The local candidate.
    pub local: (SocketAddr, CandidateType),
    /// The remote candidate.
    pub remote: (SocketAddr, CandidateType),
}

/// Types of candidates (RFC 8445 section 5.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CandidateType {
    /// Host.
    Host,
    /// Server-reflexive.
    ServerReflexive,
    /// Peer-reflexive.
    PeerReflexive,
    /// Relayed.
    Relayed,
}

impl CandidateType {
    /// The `typ` token of RFC 8839 section 5.1.
    pub fn token(self) -> &'static str {
        match self {
            CandidateType::Host => "host",
            CandidateType::ServerReflexive => "srflx",
            CandidateType::PeerReflexive => "prflx",
            CandidateType::Relayed => "relay",
        }
    }
}
