//! Endpoints as the tables of a NAT know them: one word each, so that a lookup hashes and compares little.

use std::net::SocketAddr;

use super::table::MappingScope;

/// An IPv4 endpoint. IPv6 is never translated: all of its endpoints have one key, which no table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct EndpointKey(u64);

/// The scope of a mapping, of IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ScopeKey(u64);

const PORT_BITS: u32 = 16;
/// Above address and port.
const KIND_BITS: u32 = 48;

impl From<SocketAddr> for EndpointKey {
    fn from(endpoint: SocketAddr) -> Self {
        match endpoint {
            SocketAddr::V4(endpoint) => Self(u64::from(endpoint.ip().to_bits()) << PORT_BITS | u64::from(endpoint.port())),
            SocketAddr::V6(_) => Self(u64::MAX),
        }
    }
}

impl From<MappingScope> for ScopeKey {
    fn from(scope: MappingScope) -> Self {
        let (kind, EndpointKey(key)) = match scope {
            MappingScope::AnyRemote => (0, EndpointKey(0)),
            MappingScope::RemoteAddress(address) => (1, SocketAddr::new(address, 0).into()),
            MappingScope::RemoteEndpoint(remote) => (2, remote.into()),
        };
        Self(kind << KIND_BITS | key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_endpoints_and_scopes_have_different_keys() {
        let endpoints: Vec<SocketAddr> =
            ["0.0.0.0:0", "192.0.2.1:0", "192.0.2.1:1", "192.0.2.2:1", "255.255.255.255:65535", "[2001:db8::1]:1"]
                .map(|text| text.parse().unwrap())
                .to_vec();
        let scopes =
            endpoints.iter().flat_map(|endpoint| [MappingScope::RemoteAddress(endpoint.ip()), MappingScope::RemoteEndpoint(*endpoint)]);
        let mut scopes: Vec<MappingScope> = scopes.filter(|scope| *scope != MappingScope::RemoteAddress([192, 0, 2, 1].into())).collect();
        scopes.extend([MappingScope::AnyRemote, MappingScope::RemoteAddress([192, 0, 2, 1].into())]);
        scopes.retain(|scope| !matches!(scope, MappingScope::RemoteAddress(address) if address.is_ipv6()));
        for (index, endpoint) in endpoints.iter().enumerate() {
            assert!(endpoints[..index].iter().all(|other| EndpointKey::from(*other) != EndpointKey::from(*endpoint)), "{endpoint}");
        }
        for (index, scope) in scopes.iter().enumerate() {
            assert!(scopes[..index].iter().all(|other| ScopeKey::from(*other) != ScopeKey::from(*scope)), "{scope:?}");
        }
    }
}
