//! Implementations, what they can do, and what a scenario tells a node of theirs.

use crate::Endpoint;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// One implementation under test.
pub trait Implementation: Send + Sync {
    /// Who it is and what it claims to be able to do.
    fn manifest(&self) -> Manifest;

    /// Computes what is the same for every node, such as tables of curves. The runner calls it once, before it forks a child for each case: what is
    /// kept here is not computed again in each of them. It runs in the harness's own process, so it starts no thread and takes no input.
    fn prepare(&self) {}

    /// Builds one node.
    ///
    /// # Errors
    /// [`BuildError::Unsupported`] when the configuration asks for something that the implementation does not offer; [`BuildError::Failed`] when the
    /// implementation refused a configuration that it should have taken.
    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError>;
}

/// A node of an implementation, ready to be hosted by a driver.
pub enum Instance {
    /// A state machine, for every driver.
    Endpoint(Box<dyn Endpoint>),
    /// An asynchronous program, for the drivers that have an executor.
    #[cfg(feature = "async")]
    Async(Box<dyn crate::AsyncEndpoint>),
}

/// Why a node could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The implementation does not offer this.
    #[error("does not support {0}")]
    Unsupported(String),
    /// The implementation refused.
    #[error("{0}")]
    Failed(String),
}

/// Who an implementation is and what it claims.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The name in scenarios, reports and expectations: `rtc`.
    pub name: &'static str,
    /// The version of the implementation, not of the adapter.
    pub version: &'static str,
    /// The roles that it can play.
    pub roles: BTreeSet<Role>,
    /// What it claims; claims are probed.
    pub capabilities: BTreeSet<Capability>,
    /// Whether the same seed gives the same bytes.
    pub deterministic: bool,
    /// Whether the adapter gathers server-reflexive and relayed candidates for it, because it leaves that to the application. Faults there are not
    /// blamed on the implementation.
    pub gathering_by_adapter: bool,
    /// Whether it needs an executor (`tokio` or `turmoil` driver).
    pub asynchronous: bool,
    /// Whether the values it draws depend on addresses in memory, so that address randomisation changes its bytes.
    pub address_sensitive: bool,
}

/// What a node is in a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A WebRTC peer: ICE, DTLS, SCTP, data channels.
    Peer,
    /// An ICE agent alone (RFC 8445).
    IceAgent,
    /// A STUN client (RFC 8489).
    StunClient,
    /// A STUN server (RFC 8489).
    StunServer,
    /// A TURN client (RFC 8656).
    TurnClient,
    /// A TURN server (RFC 8656).
    TurnServer,
    /// A DTLS client.
    DtlsClient,
    /// A DTLS server.
    DtlsServer,
}

impl Role {
    /// All roles.
    pub const ALL: [Role; 8] = [
        Role::Peer,
        Role::IceAgent,
        Role::StunClient,
        Role::StunServer,
        Role::TurnClient,
        Role::TurnServer,
        Role::DtlsClient,
        Role::DtlsServer,
    ];

    /// The name in scenarios and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Role::Peer => "peer",
            Role::IceAgent => "ice-agent",
            Role::StunClient => "stun-client",
            Role::StunServer => "stun-server",
            Role::TurnClient => "turn-client",
            Role::TurnServer => "turn-server",
            Role::DtlsClient => "dtls-client",
            Role::DtlsServer => "dtls-server",
        }
    }
}

/// What an implementation may or may not be able to do, beyond its roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// IPv6 candidates, clients or relays.
    Ipv6,
    /// Several addresses on one node.
    Multihomed,
    /// Relayed candidates, natively or gathered by the adapter.
    Relay,
    /// Trickled candidates (RFC 8838).
    Trickle,
    /// ICE restart (RFC 8445 section 9).
    IceRestart,
    /// Data channels (RFC 8831).
    DataChannels,
    /// Unordered and partially reliable data channels (RFC 8831 section 6.1).
    PartialReliability,
    /// DTLS 1.2 (RFC 6347).
    Dtls12,
    /// DTLS 1.3 (RFC 9147).
    Dtls13,
    /// A configurable maximum DTLS datagram size.
    DtlsMtu,
    /// The TURN long-term credential mechanism (RFC 8489 section 9.2).
    LongTermCredentials,
    /// TURN channels (RFC 8656 section 12).
    Channels,
}

impl Capability {
    /// The name in scenarios and reports.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Ipv6 => "ipv6",
            Capability::Multihomed => "multihomed",
            Capability::Relay => "relay",
            Capability::Trickle => "trickle",
            Capability::IceRestart => "ice-restart",
            Capability::DataChannels => "data-channels",
            Capability::PartialReliability => "partial-reliability",
            Capability::Dtls12 => "dtls-1.2",
            Capability::Dtls13 => "dtls-1.3",
            Capability::DtlsMtu => "dtls-mtu",
            Capability::LongTermCredentials => "long-term-credentials",
            Capability::Channels => "channels",
        }
    }
}

/// What a scenario tells a node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// The node's name in the scenario.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Its addresses, the first is the preferred one.
    pub addresses: Vec<IpAddr>,
    /// The first local UDP port: servers listen on it, peers and clients bind it and count up.
    pub port: u16,
    /// Peers: whether this node makes the offer, and so is the controlling agent (RFC 8445 section 6.1.1).
    pub offerer: bool,
    /// Peers and clients: the STUN and TURN servers to use.
    pub servers: Vec<ServerUrl>,
    /// Peers: send candidates one by one (RFC 8838) rather than in the description.
    pub trickle: bool,
    /// Peers: which candidates may be used.
    pub transport_policy: TransportPolicy,
    /// DTLS options.
    pub dtls: DtlsOptions,
    /// Servers: realm of the long-term credential mechanism (RFC 8489 section 9.2).
    pub realm: String,
    /// Servers: the users that may allocate.
    pub users: Vec<Credential>,
    /// Servers: the addresses to relay on; empty means [`NodeConfig::addresses`].
    pub relay_addresses: Vec<IpAddr>,
    /// A seed of this node's own, for what the implementation lets the application choose.
    pub seed: u64,
}

/// A STUN or TURN server to use, its name already resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl {
    /// STUN or TURN.
    pub kind: ServerKind,
    /// Its address.
    pub address: SocketAddr,
    /// TURN: the credential.
    pub credential: Option<Credential>,
}

/// The two kinds of server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerKind {
    /// `stun:` (RFC 7064).
    Stun,
    /// `turn:` over UDP (RFC 7065).
    Turn,
}

/// A long-term credential (RFC 8489 section 9.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

/// Which candidates a peer may use (RFC 8828 section 5.2, RFC 8829 section 4.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportPolicy {
    /// All.
    All,
    /// Only relayed candidates.
    Relay,
}

/// DTLS options of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DtlsOptions {
    /// The version to speak.
    pub version: DtlsVersion,
    /// Largest DTLS datagram in bytes; `None` leaves it to the implementation.
    pub mtu: Option<u16>,
    /// Which of the two fixture certificates to present.
    pub certificate: CertificateChoice,
}

/// DTLS versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtlsVersion {
    /// Only DTLS 1.2 (RFC 6347).
    V12,
    /// Only DTLS 1.3 (RFC 9147).
    V13,
    /// Whatever the implementation negotiates by default.
    Default,
}

/// The fixture certificates: two fixed P-256 key pairs, so that no key is generated in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateChoice {
    /// For the offerer, the client, the first node.
    A,
    /// For the other.
    B,
}

impl CertificateChoice {
    /// The certificate in DER (X.509, self-signed, ECDSA with P-256).
    pub fn certificate_der(self) -> &'static [u8] {
        match self {
            CertificateChoice::A => include_bytes!("../fixtures/a.cer"),
            CertificateChoice::B => include_bytes!("../fixtures/b.cer"),
        }
    }

    /// The private key in DER (PKCS #8 or SEC 1, as the fixture was generated).
    pub fn private_key_der(self) -> &'static [u8] {
        match self {
            CertificateChoice::A => include_bytes!("../fixtures/a.key"),
            CertificateChoice::B => include_bytes!("../fixtures/b.key"),
        }
    }
}
