//! turn-rs 4.1.5 (`turn-server`) as a library: TURN and STUN server.
//!
//! Its relayed addresses are virtual: no socket is bound to them, and what a client sends to the relayed address of another client of the same server is
//! handed over inside. A peer that is no client of it cannot be reached, and CreatePermission looks at ports; so it does not conform, and is here to show
//! as failing.
//!
//! The library ends sessions from a thread of its own that sleeps on the real clock. The adapter ends them in virtual time instead, after the same
//! lifetimes (module `expiry`); the thread still runs, so that the same seed is not promised to give the same bytes.
//!
//! Deliberately absent: TURN over TCP, which the adapter builds the library without.
#![forbid(unsafe_code)]

mod expiry;
mod server;

use iut::{BuildError, Capability, Implementation, Instance, Manifest, NodeConfig, Role};
use std::collections::BTreeSet;

/// turn-rs as an implementation under test.
#[derive(Clone, Copy, Debug, Default)]
pub struct TurnRs;

impl Implementation for TurnRs {
    fn manifest(&self) -> Manifest {
        Manifest {
            name: "turn-rs",
            version: "4.1.5",
            roles: BTreeSet::from([Role::StunServer, Role::TurnServer]),
            capabilities: BTreeSet::from([Capability::Ipv6, Capability::Multihomed, Capability::LongTermCredentials, Capability::Channels]),
            deterministic: false,
            gathering_by_adapter: false,
            asynchronous: false,
            address_sensitive: true,
        }
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        if !matches!(config.role, Role::StunServer | Role::TurnServer) {
            return Err(BuildError::Unsupported(format!("the role {}", config.role.name())));
        }
        if config.relay_addresses.iter().any(|address| !config.addresses.contains(address)) {
            return Err(BuildError::Unsupported("relay addresses that it does not listen on".into()));
        }
        Ok(Instance::Endpoint(Box::new(server::Server::new(config))))
    }
}
