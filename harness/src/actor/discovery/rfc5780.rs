//! Mapping and filtering by RFC 5780, sections 4.3 and 4.4.

use super::{Algorithm, Next, Reply, Test, second_address};
use std::net::SocketAddr;

/// The port that the mapping tests come from.
const MAPPING: u16 = 0;
/// The port that the filtering tests come from: one that has talked to nobody, for what it talked to would be let in.
const FILTERING: u16 = 1;

/// The test that the algorithm waits for.
enum Stage {
    /// Test I of both sections.
    Connectivity,
    /// Section 4.3, test II: to the other address; what test I was told.
    OtherAddress(SocketAddr),
    /// Section 4.3, test III: to the other address and port; what test II was told.
    OtherPort(SocketAddr),
    /// Section 4.4, test II: an answer from the other address and port.
    FromOtherAddress,
    /// Section 4.4, test III: an answer from the other port.
    FromOtherPort,
    /// Section 4.4, test IV of erratum 7971: without it a second address that cannot be reached would look like a filter.
    Control,
}

/// The algorithm.
pub(super) struct Rfc5780 {
    local: SocketAddr,
    server: SocketAddr,
    /// The server's other address and port, once it has told it.
    other: SocketAddr,
    /// `mapping=...`, or `no-nat`.
    mapping: String,
    stage: Stage,
}

impl Rfc5780 {
    pub(super) fn new(local: SocketAddr, server: SocketAddr) -> Self {
        Self { local, server, other: server, mapping: String::new(), stage: Stage::Connectivity }
    }

    fn test(&mut self, stage: Stage, port: u16, to: SocketAddr, change: (bool, bool), from: SocketAddr) -> Next {
        self.stage = stage;
        Next::Test(Test { port, to, change, from })
    }

    /// The other address with the first port.
    fn other_address(&self) -> SocketAddr {
        SocketAddr::new(self.other.ip(), self.server.port())
    }

    fn after_connectivity(&mut self, reply: Reply) -> Next {
        match second_address(self.server, "OTHER-ADDRESS", reply.other) {
            Ok(other) => self.other = other,
            Err(reason) => return Next::Failed(reason),
        }
        if reply.mapped == self.local {
            return self.filtering("no-nat".into());
        }
        let to = self.other_address();
        self.test(Stage::OtherAddress(reply.mapped), MAPPING, to, (false, false), to)
    }

    /// The mapping is known: on to the filtering.
    fn filtering(&mut self, mapping: String) -> Next {
        self.mapping = mapping;
        self.test(Stage::FromOtherAddress, FILTERING, self.server, (true, true), self.other)
    }

    fn found(&self, filtering: &str) -> Next {
        Next::Found(match (self.mapping.as_str(), filtering) {
            ("no-nat", "endpoint-independent") => "no-nat".into(),
            (mapping, filtering) => format!("{mapping} filtering={filtering}"),
        })
    }

    fn unreachable(&self, address: SocketAddr) -> Next {
        Next::Failed(format!("the server does not answer at its second address {address}"))
    }
}

impl Algorithm for Rfc5780 {
    fn ports(&self) -> u16 {
        2
    }

    fn begin(&self) -> Test {
        Test { port: MAPPING, to: self.server, change: (false, false), from: self.server }
    }

    fn proceed(&mut self, reply: Option<Reply>) -> Next {
        match (&self.stage, reply) {
            (Stage::Connectivity, None) => Next::Found("udp-blocked".into()),
            (Stage::Connectivity, Some(reply)) => self.after_connectivity(reply),
            (Stage::OtherAddress(first), Some(reply)) if reply.mapped == *first => self.filtering("mapping=endpoint-independent".into()),
            (Stage::OtherAddress(_), Some(reply)) => {
                self.test(Stage::OtherPort(reply.mapped), MAPPING, self.other, (false, false), self.other)
            }
            (Stage::OtherPort(second), Some(reply)) if reply.mapped == *second => self.filtering("mapping=address-dependent".into()),
            (Stage::OtherPort(_), Some(_)) => self.filtering("mapping=address-and-port-dependent".into()),
            (Stage::FromOtherAddress, Some(_)) => self.found("endpoint-independent"),
            (Stage::FromOtherAddress, None) => {
                let from = SocketAddr::new(self.server.ip(), self.other.port());
                self.test(Stage::FromOtherPort, FILTERING, self.server, (false, true), from)
            }
            (Stage::FromOtherPort, Some(_)) => self.found("address-dependent"),
            (Stage::FromOtherPort, None) => {
                let to = self.other_address();
                self.test(Stage::Control, FILTERING, to, (false, false), to)
            }
            (Stage::Control, Some(_)) => self.found("address-and-port-dependent"),
            (Stage::OtherAddress(_) | Stage::Control, None) => self.unreachable(self.other_address()),
            (Stage::OtherPort(_), None) => self.unreachable(self.other),
        }
    }
}
