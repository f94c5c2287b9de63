//! webrtc-rs `rtc` 0.21: sans-I/O WebRTC peer.
//!
//! The crate does trickle, peer-reflexive candidates, role conflicts, consent checks and ICE restart itself; it leaves gathering and relaying to the
//! application, which here is [`iut::gather`]. It speaks DTLS 1.2 only and offers no way to set the size of DTLS datagrams.
#![forbid(unsafe_code)]

mod candidate;
mod certificate;
mod events;
mod stack;

use iut::gather::Peer;
use iut::{BuildError, Capability, DtlsVersion, Implementation, Instance, Manifest, NodeConfig, Role};
use std::collections::BTreeSet;

/// The implementation `rtc`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rtc;

impl Implementation for Rtc {
    fn manifest(&self) -> Manifest {
        Manifest {
            name: "rtc",
            version: "0.21.1",
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
            ]),
            deterministic: true,
            gathering_by_adapter: true,
            asynchronous: false,
            address_sensitive: false,
        }
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        if config.role != Role::Peer {
            return Err(BuildError::Unsupported(format!("role {}", config.role.name())));
        }
        if config.dtls.version == DtlsVersion::V13 {
            return Err(BuildError::Unsupported("DTLS 1.3".into()));
        }
        if config.dtls.mtu.is_some() {
            return Err(BuildError::Unsupported("a maximum DTLS datagram size".into()));
        }
        let stack = stack::RtcStack::new(config).map_err(|error| BuildError::Failed(error.to_string()))?;
        Ok(Instance::Endpoint(Box::new(Peer::new(stack, config))))
    }
}
