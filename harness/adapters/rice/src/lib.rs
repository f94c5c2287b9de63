//! rice-proto 0.4: sans-I/O ICE agent with one stream of one component.
//!
//! The agent gathers host, server-reflexive and relayed candidates itself, over UDP: for each TURN server it asks for a socket of its own, which here is
//! the next port of the node. What an application adds is the signalling (module `description`) and the drain loop (module `agent`).
//!
//! Deliberately absent: TCP candidates (RFC 6544), which the crate offers and no driver carries yet: a request for a TCP socket is refused; and what the
//! crate does not offer, ICE restart and consent freshness (RFC 7675).
#![forbid(unsafe_code)]

mod agent;
mod description;

use iut::{BuildError, Capability, Implementation, Instance, Manifest, NodeConfig, Role, TransportPolicy};
use std::collections::BTreeSet;

/// rice-proto as an implementation under test.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rice;

impl Implementation for Rice {
    fn manifest(&self) -> Manifest {
        Manifest {
            name: "rice",
            version: "0.4.3",
            roles: BTreeSet::from([Role::IceAgent]),
            capabilities: BTreeSet::from([Capability::Ipv6, Capability::Multihomed, Capability::Relay, Capability::Trickle]),
            deterministic: true,
            gathering_by_adapter: false,
            asynchronous: false,
            address_sensitive: false,
        }
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        if config.role != Role::IceAgent {
            return Err(BuildError::Unsupported(format!("the role {}", config.role.name())));
        }
        if config.transport_policy == TransportPolicy::Relay && config.servers.is_empty() {
            return Err(BuildError::Failed("relayed candidates only, and no server to get them from".into()));
        }
        Ok(Instance::Endpoint(Box::new(agent::IceAgent::new(config))))
    }
}
