//! The flow chart of RFC 3489, section 10.1.

use super::{Algorithm, Next, Reply, Test, second_address};
use std::net::SocketAddr;

/// Where in the chart the algorithm is: the test that it waits for.
enum Stage {
    /// Test I.
    First,
    /// Test II: an answer from another address and port.
    Second(Known),
    /// Test I again, to CHANGED-ADDRESS.
    FirstElsewhere(Known),
    /// Test III: an answer from another port.
    Third,
}

/// What Test I has told.
#[derive(Clone, Copy)]
struct Known {
    mapped: SocketAddr,
    other: SocketAddr,
}

/// The algorithm. All tests come from one port: Test I is only contradicted by the same port's mapping elsewhere, and no test opens the way for a later one.
pub(super) struct Rfc3489 {
    local: SocketAddr,
    server: SocketAddr,
    stage: Stage,
}

impl Rfc3489 {
    pub(super) fn new(local: SocketAddr, server: SocketAddr) -> Self {
        Self { local, server, stage: Stage::First }
    }

    fn test(&mut self, stage: Stage, to: SocketAddr, change: (bool, bool), from: SocketAddr) -> Next {
        self.stage = stage;
        Next::Test(Test { port: 0, to, change, from })
    }

    fn after_first(&mut self, reply: Reply) -> Next {
        match second_address(self.server, "CHANGED-ADDRESS", reply.other) {
            Ok(other) => self.test(Stage::Second(Known { mapped: reply.mapped, other }), self.server, (true, true), other),
            Err(reason) => Next::Failed(reason),
        }
    }
}

impl Algorithm for Rfc3489 {
    fn ports(&self) -> u16 {
        1
    }

    fn begin(&self) -> Test {
        Test { port: 0, to: self.server, change: (false, false), from: self.server }
    }

    fn proceed(&mut self, reply: Option<Reply>) -> Next {
        match (&self.stage, reply) {
            (Stage::First, None) => found("udp-blocked"),
            (Stage::First, Some(reply)) => self.after_first(reply),
            (Stage::Second(known), Some(_)) => found(if known.mapped == self.local { "open" } else { "full-cone" }),
            (Stage::Second(known), None) if known.mapped == self.local => found("symmetric-udp-firewall"),
            (Stage::Second(known), None) => {
                let known = *known;
                self.test(Stage::FirstElsewhere(known), known.other, (false, false), known.other)
            }
            (Stage::FirstElsewhere(known), None) => {
                Next::Failed(format!("the server does not answer at its second address {}", known.other))
            }
            (Stage::FirstElsewhere(known), Some(reply)) if reply.mapped != known.mapped => found("symmetric"),
            (Stage::FirstElsewhere(known), Some(_)) => {
                let from = SocketAddr::new(self.server.ip(), known.other.port());
                self.test(Stage::Third, self.server, (false, true), from)
            }
            (Stage::Third, Some(_)) => found("restricted"),
            (Stage::Third, None) => found("port-restricted"),
        }
    }
}

fn found(name: &str) -> Next {
    Next::Found(format!("rfc3489={name}"))
}
