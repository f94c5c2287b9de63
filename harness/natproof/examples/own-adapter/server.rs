//! The adapter: what an implementation must offer to be tested.

use bytes::Bytes;
use iut::{BuildError, Cause, Endpoint, Implementation, Input, Instance, Manifest, NodeConfig, Ns, Output, Role};
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;

/// The implementation under test.
pub(crate) struct OwnServer;

impl Implementation for OwnServer {
    fn manifest(&self) -> Manifest {
        Manifest {
            name: "own-server",
            version: "1.0.0",
            roles: BTreeSet::from([Role::StunServer]),
            capabilities: BTreeSet::new(),
            deterministic: true,
            gathering_by_adapter: false,
            asynchronous: false,
            address_sensitive: false,
        }
    }

    fn build(&self, _config: &NodeConfig) -> Result<Instance, BuildError> {
        Ok(Instance::Endpoint(Box::new(Server { outputs: VecDeque::new() })))
    }
}

struct Server {
    outputs: VecDeque<Output>,
}

impl Endpoint for Server {
    fn handle(&mut self, _now: Ns, input: Input) {
        if let Input::Datagram { local, remote, bytes } = input
            && let Some(answer) = answer(&bytes, remote)
        {
            self.outputs.push_back(Output::Datagram { local, remote, bytes: answer });
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        None
    }
}

/// A Binding success response with XOR-MAPPED-ADDRESS (RFC 8489 sections 6.3.1 and 14.2).
fn answer(request: &[u8], remote: SocketAddr) -> Option<Bytes> {
    const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
    let SocketAddr::V4(remote) = remote else { return None };
    if request.len() < 20 || request[..2] != [0, 1] || request[4..8] != COOKIE {
        return None;
    }
    let mut answer = vec![1, 1, 0, 12];
    answer.extend(&request[4..20]);
    answer.extend([0, 0x20, 0, 8, 0, 1]);
    answer.extend((remote.port() ^ 0x2112).to_be_bytes());
    answer.extend(remote.ip().octets().iter().zip(COOKIE).map(|(octet, mask)| octet ^ mask));
    Some(answer.into())
}
