//! From one expanded scenario to one case: players, addresses, configurations and the driver.

use super::case::{CasePlan, NodePlan, OutcomePlan, PlannedPlayer};
use super::driver::{Needs, max_virtual};
use super::network::{GatewayKind, NetworkPlan};
use crate::scenario::model::{Actor, DriverName, DtlsVersionName, NatRef, Node, Outcome, Policy, RoleName, Scenario, Table};
use crate::scenario::problem::{Problem, nearest};
use crate::scenario::span::Spanned;
use iut::{
    CertificateChoice, Credential, DtlsOptions, DtlsVersion, Manifest, NodeConfig, Ns, Role, ServerKind, ServerUrl, TransportPolicy,
};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// The credential where the scenario names none.
const DEFAULT_USER: (&str, &str, &str) = ("alice", "secret", "example.org");

/// What a plan must know beside the scenario.
pub struct Resolver<'a> {
    /// The implementations of this build.
    pub manifests: &'a BTreeMap<String, Manifest>,
    /// The seed of the run.
    pub seed: u64,
    /// A driver that the user asked for.
    pub driver: Option<DriverName>,
}

/// Why a case does not run although its scenario is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRun {
    /// This build lacks an implementation, or it lacks a role or capability.
    Unsupported {
        /// The node whose implementation it is.
        node: String,
        /// What is lacking.
        what: String,
    },
    /// The driver that the user asked for cannot carry it.
    Driver(String),
}

impl Resolver<'_> {
    /// Resolves one case, and says why it does not run although the scenario is right.
    ///
    /// # Errors
    /// Mistakes of the scenario that show only when it is laid out.
    pub fn resolve(&self, id: &str, path: &str, scenario: &Scenario) -> Result<(CasePlan, Option<NotRun>), Vec<Problem>> {
        let network = super::addressing::lay_out(scenario)?;
        let mut problems = Vec::new();
        let offerer = offerer(scenario);
        let mut nodes = Vec::new();
        for (index, (name, node)) in scenario.nodes.iter().enumerate() {
            match self.node(index, name, node, &network, scenario, offerer.as_deref() == Some(name), id) {
                Ok(node) => nodes.push(node),
                Err(problem) => problems.push(problem),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let outcome = match scenario.outcome.as_ref().map(|outcome| resolve_outcome(outcome, scenario)).transpose() {
            Ok(outcome) => outcome,
            Err(problem) => return Err(vec![*problem]),
        };
        let max_virtual = max_virtual(scenario);
        let (driver, not_run) = match self.driver(scenario, &nodes, max_virtual) {
            Ok(driver) => (driver, None),
            Err(reason) => (DriverName::Sim, Some(reason)),
        };
        let nat = nodes.iter().enumerate().map(|(index, node)| (node.name.clone(), nat_label(&network, index))).collect();
        let plan = CasePlan {
            id: id.to_owned(),
            scenario: path.to_owned(),
            title: scenario.title.value.clone(),
            seed: nat_sim::derive_seed(self.seed, path),
            driver,
            nodes,
            network,
            signalling: scenario.signalling.clone(),
            timeline: Arc::clone(&scenario.timeline),
            outcome,
            decides: scenario.decides.iter().map(|check| check.value.clone()).collect(),
            provokes: scenario.provokes.keys().cloned().collect::<BTreeSet<_>>(),
            max_virtual,
            seedless: scenario.seedless,
            malformed: scenario.malformed,
            nat,
        };
        Ok((plan, not_run))
    }

    #[expect(clippy::too_many_arguments, reason = "everything that one node depends on")]
    fn node(
        &self,
        index: usize,
        name: &str,
        node: &Spanned<Node>,
        network: &NetworkPlan,
        scenario: &Scenario,
        offerer: bool,
        case: &str,
    ) -> Result<NodePlan, Problem> {
        let player = match (&node.implementation, &node.actor) {
            (Some(implementation), None) => PlannedPlayer::Implementation(self.known(implementation)?),
            (None, Some(actor)) => PlannedPlayer::Actor(actor.value.clone()),
            _ => {
                let message = format!("node `{name}` needs either `implementation` or `actor`");
                return Err(Problem::new("scenario::player", &node.span, message));
            }
        };
        let servers = node.servers.iter().map(|server| resolve_servers(server, scenario, network));
        let servers: Vec<ServerUrl> = servers.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
        let addresses = network.hosts[index].addresses.clone();
        let families = |server: &ServerUrl| addresses.iter().any(|own| own.is_ipv4() == server.address.is_ipv4());
        let (realm, users) = credentials(node);
        let config = NodeConfig {
            name: name.to_owned(),
            role: role(node.role.value),
            addresses: addresses.clone(),
            port: port_of(node),
            offerer,
            servers: servers.into_iter().filter(families).collect(),
            trickle: node.trickle.unwrap_or(false),
            transport_policy: if node.policy == Some(Policy::Relay) { TransportPolicy::Relay } else { TransportPolicy::All },
            dtls: dtls(node, index),
            realm,
            users,
            relay_addresses: Vec::new(),
            seed: nat_sim::derive_seed(self.seed, &format!("{case}#{name}")),
        };
        Ok(NodePlan { name: name.to_owned(), role: node.role.value, player, addresses, config })
    }

    fn known(&self, implementation: &Spanned<String>) -> Result<String, Problem> {
        if self.manifests.contains_key(&implementation.value) || KNOWN_ELSEWHERE.contains(&implementation.value.as_str()) {
            return Ok(implementation.value.clone());
        }
        let message = format!("`{}` is not an implementation that this build knows", implementation.value);
        let mut problem = Problem::new("scenario::unknown-implementation", &implementation.span, message);
        problem.help = nearest(implementation, self.manifests.keys().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
        Err(problem)
    }

    /// The first driver that carries all nodes.
    fn driver(&self, scenario: &Scenario, nodes: &[NodePlan], max_virtual: Ns) -> Result<DriverName, NotRun> {
        let mut asynchronous = false;
        for node in nodes {
            let lacking = |what: String| NotRun::Unsupported { node: node.name.clone(), what };
            if let PlannedPlayer::Actor(actor) = &node.player
                && let Some(stack) = stack_of(actor, node.role)
                && !self.manifests.contains_key(stack)
            {
                return Err(lacking(format!("the actor needs `{stack}`, which this build does not contain")));
            }
            let Some(name) = node.implementation() else { continue };
            let Some(manifest) = self.manifests.get(name) else {
                return Err(lacking(format!("this build does not contain `{name}` (feature `full`)")));
            };
            if !manifest.roles.contains(&node.config.role) {
                return Err(lacking(format!("`{name}` does not play the role {}", node.config.role.name())));
            }
            asynchronous |= manifest.asynchronous;
        }
        Needs { scenario, asynchronous, max_virtual }.driver(self.driver).map_err(NotRun::Driver)
    }
}

/// Implementations that only a build with feature `full` contains; scenarios may name them in every build.
pub const KNOWN_ELSEWHERE: &[&str] = &["turn-0.17", "dtls-0.17", "rice", "turn-rs"];

/// The peer that makes the offer: the one that says so, else the first by name.
fn offerer(scenario: &Scenario) -> Option<String> {
    let peers = || scenario.nodes.iter().filter(|(_, node)| matches!(node.role.value, RoleName::Peer | RoleName::IceAgent));
    peers()
        .find(|(_, node)| node.offerer == Some(true))
        .or_else(|| peers().find(|(_, node)| node.offerer.is_none()))
        .map(|(name, _)| name.clone())
}

fn role(name: RoleName) -> Role {
    match name {
        RoleName::Peer => Role::Peer,
        RoleName::IceAgent => Role::IceAgent,
        RoleName::StunClient | RoleName::UdpPeer => Role::StunClient,
        RoleName::StunServer => Role::StunServer,
        RoleName::TurnClient => Role::TurnClient,
        RoleName::TurnServer => Role::TurnServer,
        RoleName::DtlsClient => Role::DtlsClient,
        RoleName::DtlsServer => Role::DtlsServer,
    }
}

/// The first local port of a node.
pub(crate) fn port_of(node: &Node) -> u16 {
    node.port.as_ref().map_or_else(|| default_port(node.role.value), |port| port.value)
}

fn default_port(role: RoleName) -> u16 {
    match role {
        RoleName::StunServer | RoleName::TurnServer => 3478,
        RoleName::DtlsServer => 4433,
        _ => 5000,
    }
}

fn dtls(node: &Node, index: usize) -> DtlsOptions {
    let options = node.dtls.clone().unwrap_or_default();
    let version = match options.version {
        None => DtlsVersion::Default,
        Some(DtlsVersionName::V12) => DtlsVersion::V12,
        Some(DtlsVersionName::V13) => DtlsVersion::V13,
    };
    let certificate = if index.is_multiple_of(2) { CertificateChoice::A } else { CertificateChoice::B };
    DtlsOptions { version, mtu: options.mtu.map(|mtu| mtu.value), certificate }
}

fn credentials(node: &Node) -> (String, Vec<Credential>) {
    let (user, password, realm) = DEFAULT_USER;
    match &node.credentials {
        Some(credentials) => {
            let user = |(username, password): (&String, &String)| Credential { username: username.clone(), password: password.clone() };
            (credentials.realm.clone(), credentials.users.iter().map(user).collect())
        }
        None => (realm.to_owned(), vec![Credential { username: user.to_owned(), password: password.to_owned() }]),
    }
}

/// The server's addresses as URLs, one per family.
fn resolve_servers(name: &Spanned<String>, scenario: &Scenario, network: &NetworkPlan) -> Result<Vec<ServerUrl>, Problem> {
    let Some((index, server)) =
        scenario.nodes.iter().enumerate().find(|(_, (other, _))| **other == name.value).map(|(i, (_, node))| (i, node))
    else {
        let mut problem = Problem::new("scenario::unknown-node", &name.span, format!("`{}` is not a node of this scenario", name.value));
        problem.help = nearest(name, scenario.nodes.keys().map(String::as_str)).map(|name| format!("did you mean `{name}`?"));
        return Err(problem);
    };
    let (kind, credential) = match server.role.value {
        RoleName::StunServer => (ServerKind::Stun, None),
        RoleName::TurnServer => (ServerKind::Turn, credentials(server).1.into_iter().next()),
        _ => {
            let message = format!("node `{}` is no STUN or TURN server", name.value);
            return Err(Problem::new("scenario::not-a-server", &name.span, message).help("its role must be `stun-server` or `turn-server`"));
        }
    };
    let port = port_of(server);
    let mut urls: Vec<ServerUrl> = Vec::new();
    for address in &network.hosts[index].addresses {
        if urls.iter().all(|url| url.address.is_ipv4() != address.is_ipv4()) {
            urls.push(ServerUrl { kind, address: SocketAddr::new(*address, port), credential: credential.clone() });
        }
    }
    Ok(urls)
}

/// The preset names of a party's NATs, the outermost first, as the report shows them.
fn nat_label(network: &NetworkPlan, party: usize) -> String {
    let mut names: Vec<String> = network
        .gateways_of(party)
        .iter()
        .filter_map(|gateway| match &gateway.kind {
            GatewayKind::Nat(reference) => Some(preset_name(reference).to_owned()),
            GatewayKind::UdpBlocked => Some("udp-blocked".to_owned()),
            GatewayKind::Router => None,
        })
        .collect();
    names.reverse();
    if names.is_empty() { "open".into() } else { names.join("+") }
}

/// The name of a preset in scenarios and reports.
pub fn preset_name(reference: &NatRef) -> &'static str {
    match reference {
        NatRef::Open => "open",
        NatRef::FullCone => "full-cone",
        NatRef::Restricted => "restricted",
        NatRef::PortRestricted => "port-restricted",
        NatRef::Symmetric => "symmetric",
        NatRef::SymmetricSequential => "symmetric-sequential",
        NatRef::UdpBlocked => "udp-blocked",
        NatRef::LinuxMasqueradeDrop => "linux-masquerade-drop",
        NatRef::LinuxMasqueradeAccept => "linux-masquerade-accept",
        NatRef::Custom(_) => "custom",
    }
}

fn resolve_outcome(outcome: &Spanned<Outcome>, scenario: &Scenario) -> Result<OutcomePlan, Box<Problem>> {
    let position = |name: &Spanned<String>| {
        scenario.nodes.keys().position(|node| *node == name.value).ok_or_else(|| {
            Box::new(Problem::new("scenario::unknown-node", &name.span, format!("`{}` is not a node of this scenario", name.value)))
        })
    };
    let between = (position(&outcome.between.0)?, position(&outcome.between.1)?);
    let allowed = match (&outcome.allowed, &outcome.table) {
        (Some(allowed), None) => allowed.iter().map(|cell| cell.value.clone()).collect(),
        (None, Some(table)) => table_cell(outcome, table, scenario)?,
        _ => return Err(Box::new(Problem::new("scenario::outcome", &outcome.span, "an outcome needs either `allowed` or `table`"))),
    };
    let allowed = if has_relay(scenario, outcome) { allowed } else { without_relay(allowed) };
    Ok(OutcomePlan { between, clauses: outcome.clauses.iter().map(|clause| clause.value.clone()).collect(), allowed })
}

fn nat_of<'a>(scenario: &'a Scenario, name: &str) -> &'a str {
    scenario.nodes.get(name).and_then(|node| node.nat.as_ref()).map_or("open", |nat| preset_name(&nat.value))
}

fn table_cell(outcome: &Outcome, table: &Table, scenario: &Scenario) -> Result<Vec<String>, Box<Problem>> {
    let (row, column) = (nat_of(scenario, &outcome.between.0), nat_of(scenario, &outcome.between.1));
    let lacking = |what: &str, name: &str| {
        Box::new(Problem::new("scenario::table", &outcome.between.0.span, format!("the table has no {what} for `{name}`")))
    };
    let cells = table.rows.get(row).ok_or_else(|| lacking("row", row))?;
    let index = table.columns.iter().position(|name| name.value == column).ok_or_else(|| lacking("column", column))?;
    let cell = cells.value.get(index).ok_or_else(|| {
        Box::new(Problem::new(
            "scenario::table",
            &cells.span,
            format!("the row has {} cells for {} columns", cells.value.len(), table.columns.len()),
        ))
    })?;
    Ok(cell.value.split('|').map(|alternative| alternative.trim().to_owned()).collect())
}

/// Whether a TURN server serves one of the peers: one relay is enough to connect two peers.
fn has_relay(scenario: &Scenario, outcome: &Outcome) -> bool {
    let turn = |name: &Spanned<String>| scenario.nodes.get(&name.value).is_some_and(|node| node.role.value == RoleName::TurnServer);
    [&outcome.between.0, &outcome.between.1]
        .into_iter()
        .filter_map(|peer| scenario.nodes.get(&peer.value))
        .any(|peer| peer.servers.iter().any(turn))
}

/// What a table cell means where nobody relays.
fn without_relay(allowed: Vec<String>) -> Vec<String> {
    let direct: Vec<String> = allowed.iter().filter(|cell| !cell.starts_with("relayed")).cloned().collect();
    if direct.len() == allowed.len() || !direct.is_empty() { direct } else { vec!["failed".into()] }
}

/// The implementation that an actor in this role needs: dimpl for DTLS, also inside a peer, where str0m brings it along.
pub fn stack_of(actor: &Actor, role: RoleName) -> Option<&'static str> {
    match (actor, role) {
        (Actor::Dtls(_), RoleName::Peer) => Some("str0m"),
        (Actor::Dtls(_), _) => Some("dimpl"),
        _ => None,
    }
}
