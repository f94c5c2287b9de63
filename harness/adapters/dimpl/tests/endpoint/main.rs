//! Clients and servers of this adapter, on a wire in virtual time.

mod garbage;
mod handshake;

use adapter_dimpl::Dimpl;
use iut::testing::Wire;
use iut::{CertificateChoice, DtlsOptions, DtlsVersion, Implementation, Instance, NodeConfig, Role};

const VERSIONS: [DtlsVersion; 3] = [DtlsVersion::V12, DtlsVersion::V13, DtlsVersion::Default];

fn config(role: Role, address: &str, version: DtlsVersion, mtu: Option<u16>) -> NodeConfig {
    let certificate = if role == Role::DtlsClient { CertificateChoice::A } else { CertificateChoice::B };
    let dtls = DtlsOptions { version, mtu, certificate };
    let addresses = vec![address.parse().expect("an address")];
    NodeConfig { role, addresses, port: 4433, dtls, ..iut::testing::peers::peer(role == Role::DtlsClient) }
}

fn add(wire: &mut Wire, config: &NodeConfig) -> usize {
    let Ok(Instance::Endpoint(endpoint)) = Dimpl.build(config) else { panic!("dimpl is an endpoint") };
    wire.add(endpoint, &config.addresses)
}
