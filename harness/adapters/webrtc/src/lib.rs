//! webrtc-rs `webrtc` 0.21: asynchronous WebRTC peer on a simulated runtime.
//!
//! The crate lets the application supply a `Runtime` per connection, and takes protocol time from it alone. Module `runtime` is that runtime on tokio, with
//! sockets of the node's [`iut::Network`]; module `peer` is the application: it turns commands and signals into calls, and callbacks into events.
//!
//! The crate binds its UDP sockets itself, with `std::net::UdpSocket::bind`, and hands them to the runtime. So the address of a simulated node can only be
//! bound where libc's `bind` is interposed (crate `os`); elsewhere the node fails to start with the error of the kernel.
//!
//! Deliberately absent: media, ICE over TCP, mDNS (switched off), reactions to a change of the node's addresses (the crate has none but an ICE restart).
#![forbid(unsafe_code)]

mod certificate;
mod handler;
mod peer;
mod runtime;

use iut::{AsyncEndpoint, BuildError, Capability, DtlsVersion, Implementation, Instance, Manifest, NodeConfig, Role};

/// The implementation `webrtc`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Webrtc;

impl Implementation for Webrtc {
    fn manifest(&self) -> Manifest {
        Manifest {
            name: "webrtc",
            version: "0.21.1",
            roles: [Role::Peer].into(),
            capabilities: [
                Capability::Ipv6,
                Capability::Multihomed,
                Capability::Relay,
                Capability::Trickle,
                Capability::IceRestart,
                Capability::DataChannels,
                Capability::PartialReliability,
                Capability::Dtls12,
            ]
            .into(),
            deterministic: true,
            gathering_by_adapter: false,
            asynchronous: true,
            address_sensitive: false,
        }
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        let unsupported = |what: &str| Err(BuildError::Unsupported(what.into()));
        if config.role != Role::Peer {
            return unsupported(&format!("the role {}", config.role.name()));
        }
        if config.dtls.version == DtlsVersion::V13 {
            return unsupported("DTLS 1.3");
        }
        if config.dtls.mtu.is_some() {
            return unsupported("a maximum DTLS datagram size");
        }
        if config.addresses.is_empty() {
            return Err(BuildError::Failed("a peer needs an address".into()));
        }
        let node: Box<dyn AsyncEndpoint> = Box::new(peer::Node::new(config.clone())?);
        Ok(Instance::Async(node))
    }
}
