//! One case, ready to run.

use super::network::NetworkPlan;
use crate::scenario::model::{Actor, DriverName, RoleName, Signalling};
use crate::scenario::span::Spanned;
use crate::scenario::step::Step;
use iut::{NodeConfig, Ns};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// One case.
#[derive(Clone, Debug)]
pub struct CasePlan {
    /// `SCENARIO(/AXIS-VALUE)*(/seed-N)`.
    pub id: String,
    /// The scenario's path without its extension.
    pub scenario: String,
    /// The scenario's title.
    pub title: String,
    /// The seed of the run; every component derives a stream of its own from it and the case id.
    pub seed: u64,
    /// The driver that carries the case.
    pub driver: DriverName,
    /// The parties, in the order of their names.
    pub nodes: Vec<NodePlan>,
    /// The network between them.
    pub network: NetworkPlan,
    /// The signalling room.
    pub signalling: Signalling,
    /// What happens; the cases of a scenario share it.
    pub timeline: Arc<Vec<Spanned<Step>>>,
    /// How two peers must be connected.
    pub outcome: Option<OutcomePlan>,
    /// Library checks that must not be silent.
    pub decides: Vec<String>,
    /// Library checks that are not run.
    pub provokes: BTreeSet<String>,
    /// Virtual time after which the case ends.
    pub max_virtual: Ns,
    /// Another seed changes no byte.
    pub seedless: bool,
    /// Malformed packets are part of the case.
    pub malformed: bool,
    /// The preset of each node's NAT for the report: `full-cone`, `cgn+full-cone`, `custom`.
    pub nat: BTreeMap<String, String>,
}

/// One party.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: RoleName,
    /// Who plays it.
    pub player: PlannedPlayer,
    /// Its addresses, the preferred one first.
    pub addresses: Vec<IpAddr>,
    /// What the implementation or actor is told.
    pub config: NodeConfig,
}

/// Who plays a node.
#[derive(Clone, Debug)]
pub enum PlannedPlayer {
    /// An implementation under test, by name.
    Implementation(String),
    /// The harness.
    Actor(Actor),
}

/// How two peers must be connected.
#[derive(Clone, Debug)]
pub struct OutcomePlan {
    /// The peers; the first one's local candidate stands first in a pair.
    pub between: (usize, usize),
    /// The clauses that it decides.
    pub clauses: Vec<String>,
    /// The allowed outcomes, such as `direct host-srflx` or `failed`.
    pub allowed: Vec<String>,
}

/// Who is judged by an expectation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// This party.
    Node(usize),
    /// No implementation takes part: the expectation is about the simulated network.
    Network,
}

impl CasePlan {
    /// The position of a party by name.
    pub fn node(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// The address and first port of a party, of the family of `like` where the party has one.
    pub fn address_of(&self, node: usize, like: Option<IpAddr>) -> SocketAddr {
        let node = &self.nodes[node];
        let fits = |address: &&IpAddr| like.is_none_or(|like| like.is_ipv4() == address.is_ipv4());
        let address = node.addresses.iter().find(fits).or(node.addresses.first());
        SocketAddr::new(*address.expect("every party has an address"), node.config.port)
    }

    /// The only implementation of the case, if there is just one.
    pub fn only_implementation(&self) -> Option<usize> {
        let mut nodes = self.nodes.iter().enumerate().filter(|(_, node)| node.implementation().is_some());
        match (nodes.next(), nodes.next()) {
            (Some((index, _)), None) => Some(index),
            _ => None,
        }
    }
}

impl NodePlan {
    /// Whether it takes part in the signalling room.
    pub fn signals(&self) -> bool {
        matches!(self.role, RoleName::Peer | RoleName::IceAgent)
    }

    /// The implementation that plays it.
    pub fn implementation(&self) -> Option<&str> {
        match &self.player {
            PlannedPlayer::Implementation(name) => Some(name),
            PlannedPlayer::Actor(_) => None,
        }
    }
}
