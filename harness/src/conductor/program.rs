//! What steps refer to and what becomes of expectations.

use crate::plan::{CasePlan, Judged};
use iut::Ns;
use std::net::SocketAddr;

/// What became of one expectation.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// The step's id within the scenario.
    pub id: String,
    /// Who is judged.
    pub subject: Judged,
    /// The clauses that it decides.
    pub clauses: Vec<String>,
    /// Another defensible reading of these clauses.
    pub reading: Option<String>,
    /// What became of it.
    pub verdict: StepVerdict,
    /// What was expected.
    pub expected: String,
    /// What was seen instead, or that it was seen.
    pub observed: String,
    /// The frames that show it.
    pub frames: Vec<u32>,
    /// When it was decided.
    pub at: Ns,
}

/// The verdict of one expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepVerdict {
    /// As expected.
    Met,
    /// Not as expected.
    NotMet,
    /// The stimulus never took effect, or the positive twin failed: nothing is shown.
    Inconclusive,
    /// The implementation says that it does not support what the step needs.
    Unsupported,
}

/// An address as steps write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// The first address and port of a node.
    Node(usize),
    /// The second address (RFC 5780 section 3) of a node, on its alternate port.
    Alternate(usize),
    /// The relayed transport address that a node was given last.
    RelayOf(usize),
    /// Where the last packet of a node came from, as the receiver saw it.
    Mapped(usize),
    /// Where the datagram that met an expectation came from.
    SourceOf(String),
    /// A literal.
    Literal(SocketAddr),
}

impl Address {
    /// Reads what a step says: `NODE`, `alternate NODE`, `relay-of NODE`, `mapped NODE`, `source-of EXPECTATION`, or an address with port.
    ///
    /// # Errors
    /// What was expected, for a diagnostic.
    pub fn parse(text: &str, node: impl Fn(&str) -> Option<usize>) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Literal(address));
        }
        let (form, name) = text.split_once(' ').unwrap_or(("", text));
        if form == "source-of" {
            return Ok(Self::SourceOf(name.trim().to_owned()));
        }
        let known = node(name.trim()).ok_or_else(|| format!("`{name}` is not a node of this scenario"))?;
        match form {
            "" => Ok(Self::Node(known)),
            "alternate" => Ok(Self::Alternate(known)),
            "relay-of" => Ok(Self::RelayOf(known)),
            "mapped" => Ok(Self::Mapped(known)),
            _ => Err(format!(
                "expected a node, `alternate NODE`, `relay-of NODE`, `mapped NODE`, `source-of EXPECTATION` or an address with port, found `{text}`"
            )),
        }
    }
}

/// The offset of RFC 5780's alternate port from the first one.
pub const ALTERNATE_PORT_OFFSET: u16 = 1;

impl CasePlan {
    /// Reads an address of a step; the scenario has been validated.
    pub fn address(&self, text: &str) -> Address {
        Address::parse(text, |name| self.node(name)).expect("addresses of steps were checked when the scenario was loaded")
    }

    /// Who an expectation judges: the named node, else the one on which it stands if that is an implementation, else the only implementation.
    pub fn judged(&self, subject: Option<&str>, node: usize) -> Judged {
        let named = subject.and_then(|name| self.node(name));
        let own = self.nodes[node].implementation().map(|_| node);
        named.or(own).or(self.only_implementation()).map_or(Judged::Network, Judged::Node)
    }
}
