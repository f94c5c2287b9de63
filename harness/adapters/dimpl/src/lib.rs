//! dimpl 0.9: DTLS 1.2 and 1.3 client and server, on RustCrypto.
//!
//! A node is a [`client::Client`] or a [`server::Server`]; both hold [`association::Association`]s, each of which is one `dimpl::Dtls` with the two
//! addresses that it talks between. All that dimpl draws comes from the operating system, which the runner replaces by a stream of the case's seed.
//!
//! Deliberately absent: validation of the peer's certificate, which dimpl leaves to the application (any certificate whose key signs the handshake is
//! taken), pre-shared keys, and retries after a fatal error: dimpl documents that an error ends the association.
#![forbid(unsafe_code)]

mod association;
mod client;
mod server;

use association::Factory;
use iut::{BuildError, Capability, Implementation, Instance, Manifest, NodeConfig, Role};
use std::collections::BTreeSet;

/// dimpl as an implementation under test.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dimpl;

impl Implementation for Dimpl {
    fn manifest(&self) -> Manifest {
        Manifest {
            name: "dimpl",
            version: "0.9.0",
            roles: BTreeSet::from([Role::DtlsClient, Role::DtlsServer]),
            capabilities: BTreeSet::from([
                Capability::Ipv6,
                Capability::Multihomed,
                Capability::Dtls12,
                Capability::Dtls13,
                Capability::DtlsMtu,
            ]),
            deterministic: true,
            gathering_by_adapter: false,
            asynchronous: false,
            address_sensitive: false,
        }
    }

    fn prepare(&self) {
        // What is refused here is refused again, and reported, where a node wants it.
        let _ = association::config(None);
    }

    fn build(&self, config: &NodeConfig) -> Result<Instance, BuildError> {
        let factory = Factory::new(config)?;
        match config.role {
            Role::DtlsClient => Ok(Instance::Endpoint(Box::new(client::Client::new(config, factory)))),
            Role::DtlsServer => Ok(Instance::Endpoint(Box::new(server::Server::new(config, factory)))),
            other => Err(BuildError::Unsupported(format!("the role {}", other.name()))),
        }
    }
}
