//! str0m 0.25: sans-I/O WebRTC peer on RustCrypto.
//!
//! The crate does trickle, peer-reflexive candidates, role conflicts, consent checks and ICE restart itself; it leaves gathering and relaying to the
//! application, which here is [`iut::gather`]. Its own cryptographic backends need C or are not published for this version, so [`crypto`] brings one in
//! pure Rust. It has no `failed` state of ICE: a peer that finds no pair stays `disconnected`, and could come back with new candidates.
#![forbid(unsafe_code)]

pub mod crypto;
mod stack;
mod states;

use iut::gather::Peer;
use iut::{BuildError, Capability, Implementation, Instance, Manifest, NodeConfig, Role};
use std::collections::BTreeSet;
use str0m::RtcConfig;

/// The implementation `str0m`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Str0m;

impl Implementation for Str0m {
    fn manifest(&self) -> Manifest {
        Manifest {
            name: "str0m",
            version: "0.25.0",
            roles: BTreeSet::from([Role::Peer]),
            capabilities: BTreeSet::from([
                Capability::Ipv6,
                Capability::Multihomed,
                Capability::Relay,
                Capability::Trickle,
                Capability::IceRestart,
                Capability::DataChannels,
                Capability::PartialReliability,
                Capability::Dtls12,
                Capability::Dtls13,
                Capability::DtlsMtu,
            ]),
            deterministic: true,
            gathering_by_adapter: true,
            asynchronous: false,
            address_sensitive: false,
        }
    }

    fn prepare(&self) {
        // What is refused here is refused again, and reported, where a peer wants it.
        let _ = crypto::dtls_config(Some(RtcConfig::new().mtu()));
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        if config.role != Role::Peer {
            return Err(BuildError::Unsupported(format!("role {}", config.role.name())));
        }
        let stack = stack::Str0mStack::new(config)?;
        Ok(Instance::Endpoint(Box::new(Peer::new(stack, config))))
    }
}
