//! webrtc-rs 0.17 family: TURN server and client (`turn`), DTLS client and server (`dtls`), STUN as far as the `turn` crate speaks it.
//!
//! The crates take their sockets as a `util::Conn`, which module `conn` makes of the node's [`iut::Network`], and their time and tasks from tokio. They start tasks
//! of their own that nobody can abort; those end when the node's sockets are closed, at the latest when a running retransmission or reservation (30 s) ends.
//!
//! What the crates leave to the application and this adapter does, so that faults there are not theirs: the choice of relayed transport addresses, the
//! password store, and the association of a DTLS server's datagrams with its clients.
//!
//! Deliberately absent: the full peer of 0.17; TCP; a TURN client's explicit refreshes and channel bindings, because the crate makes them of its own accord
//! and offers no call.
#![forbid(unsafe_code)]

mod conn;
mod dtls;
mod turn_client;
mod turn_server;

use iut::{AsyncEndpoint, BuildError, Capability, DtlsVersion, Implementation, Instance, Manifest, NodeConfig, Role};

/// The implementation `turn-0.17`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Turn;

impl Implementation for Turn {
    fn manifest(&self) -> Manifest {
        let roles = [Role::StunClient, Role::StunServer, Role::TurnClient, Role::TurnServer];
        let capabilities = [Capability::Ipv6, Capability::Multihomed, Capability::LongTermCredentials, Capability::Channels];
        manifest("turn-0.17", &roles, &capabilities)
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        let config = checked(config)?;
        let node: Box<dyn AsyncEndpoint> = match config.role {
            Role::TurnServer | Role::StunServer => Box::new(turn_server::Node(config)),
            Role::TurnClient | Role::StunClient => Box::new(turn_client::Node(config)),
            other => return Err(BuildError::Unsupported(format!("the role {}", other.name()))),
        };
        Ok(Instance::Async(node))
    }
}

/// The implementation `dtls-0.17`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dtls;

impl Implementation for Dtls {
    fn manifest(&self) -> Manifest {
        let capabilities = [Capability::Ipv6, Capability::Multihomed, Capability::Dtls12, Capability::DtlsMtu];
        manifest("dtls-0.17", &[Role::DtlsClient, Role::DtlsServer], &capabilities)
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        let config = checked(config)?;
        if config.dtls.version == DtlsVersion::V13 {
            return Err(BuildError::Unsupported("DTLS 1.3".into()));
        }
        if !matches!(config.role, Role::DtlsClient | Role::DtlsServer) {
            return Err(BuildError::Unsupported(format!("the role {}", config.role.name())));
        }
        Ok(Instance::Async(Box::new(dtls::Node::new(config)?)))
    }
}

fn manifest(name: &'static str, roles: &[Role], capabilities: &[Capability]) -> Manifest {
    Manifest {
        name,
        version: "0.17.2",
        roles: roles.iter().copied().collect(),
        capabilities: capabilities.iter().copied().collect(),
        deterministic: true,
        gathering_by_adapter: false,
        asynchronous: true,
        address_sensitive: false,
    }
}

fn checked(config: &NodeConfig) -> Result<NodeConfig, BuildError> {
    if config.addresses.is_empty() {
        return Err(BuildError::Failed("a node needs an address".into()));
    }
    Ok(config.clone())
}
