//! turn-client-proto and turn-server-proto 0.7: sans-I/O TURN client and server, and the STUN client of stun-proto.
//!
//! [`TurnClientProto`] plays a TURN client (module `turn_client`) or a STUN client (module `stun_client`); [`TurnServerProto`] plays a TURN server or a STUN server,
//! which is the same program (module `server`). Retransmissions, refreshes and expiry are the crates' own, with their defaults.
//!
//! Deliberately absent: TURN over TCP and TCP allocations (RFC 6062), which the crates offer and no driver carries yet.
#![forbid(unsafe_code)]

mod icmp;
mod relay_ports;
mod server;
mod stun_client;
mod turn_client;

use bytes::Bytes;
use iut::{ApiEvent, BuildError, Capability, Implementation, Instance, Manifest, NodeConfig, Ns, Output, Role};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use stun_proto::Instant;

/// turn-client-proto as an implementation under test.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnClientProto;

impl Implementation for TurnClientProto {
    fn manifest(&self) -> Manifest {
        manifest("turn-client-proto", [Role::StunClient, Role::TurnClient])
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        match config.role {
            Role::StunClient => Ok(Instance::Endpoint(Box::new(stun_client::StunClient::new(config)))),
            Role::TurnClient => Ok(Instance::Endpoint(Box::new(turn_client::TurnClient::new(config)))),
            other => Err(BuildError::Unsupported(format!("the role {}", other.name()))),
        }
    }
}

/// turn-server-proto as an implementation under test.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnServerProto;

impl Implementation for TurnServerProto {
    fn manifest(&self) -> Manifest {
        manifest("turn-server-proto", [Role::StunServer, Role::TurnServer])
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        match config.role {
            Role::StunServer | Role::TurnServer => Ok(Instance::Endpoint(Box::new(server::Server::new(config)?))),
            other => Err(BuildError::Unsupported(format!("the role {}", other.name()))),
        }
    }
}

fn manifest(name: &'static str, roles: [Role; 2]) -> Manifest {
    Manifest {
        name,
        version: "0.7.3",
        roles: BTreeSet::from(roles),
        capabilities: BTreeSet::from([Capability::Ipv6, Capability::Multihomed, Capability::LongTermCredentials, Capability::Channels]),
        deterministic: true,
        gathering_by_adapter: false,
        asynchronous: false,
        address_sensitive: false,
    }
}

/// The crates' time, which begins with the case.
fn at(now: Ns) -> Instant {
    Instant::from_nanos(i64::try_from(now).unwrap_or(i64::MAX))
}

/// The driver's time; what lies before the case is its beginning.
fn ns(instant: Instant) -> Ns {
    u64::try_from(instant.as_nanos()).unwrap_or(0)
}

fn datagram(local: SocketAddr, remote: SocketAddr, bytes: impl Into<Bytes>) -> Output {
    Output::Datagram { local, remote, bytes: bytes.into() }
}

fn error(operation: &str, message: impl ToString) -> Output {
    Output::Api(ApiEvent::Error { operation: operation.into(), message: message.to_string() })
}

fn unsupported(verb: &str) -> Output {
    Output::Api(ApiEvent::Unsupported { verb: verb.into() })
}

/// The preferred address of the family of `remote`.
fn address_towards(addresses: &[IpAddr], remote: SocketAddr) -> Option<IpAddr> {
    addresses.iter().copied().find(|address| address.is_ipv4() == remote.is_ipv4())
}
