//! The network of a case: segments, gateways and hosts with their addresses, and how it is built in the simulator.

use super::nat::nat_config;
use crate::scenario::model::{LinkPair, NatRef};
use nat_sim::{
    FilteringBehaviour as Filtering, FirewallConfig, LinkConfig, MappingBehaviour as Mapping, NatConfig, Net, NetBuilder, NodeId,
    SegmentId, TopologyError, UdpPolicy, UnsolicitedInbound, VantageId,
};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// The name of the segment that everything else is behind.
pub const INTERNET: &str = "internet";
/// One-way delay of an access where the scenario says nothing.
pub const DEFAULT_LATENCY: u64 = 10_000_000;
/// One-way delay between a host and its gateway.
const LAN_LATENCY: u64 = 1_000_000;

/// The network of a case.
#[derive(Clone, Debug, Default)]
pub struct NetworkPlan {
    /// Names of the segments; the first is [`INTERNET`].
    pub segments: Vec<String>,
    /// NATs, firewalls and routers between segments.
    pub gateways: Vec<GatewayPlan>,
    /// The parties' hosts, in the order of the parties.
    pub hosts: Vec<HostPlan>,
}

/// A box between two segments.
#[derive(Clone, Debug)]
pub struct GatewayPlan {
    /// Its name in captures: `nat-a`.
    pub name: String,
    /// Names under which steps may refer to it: the node that it serves alone, or the network.
    pub serves: String,
    /// What it does.
    pub kind: GatewayKind,
    /// Position of the inner segment.
    pub inside: usize,
    /// Position of the outer segment.
    pub outside: usize,
    /// Addresses on the inside.
    pub inside_addresses: Vec<IpAddr>,
    /// Addresses on the outside.
    pub outside_addresses: Vec<IpAddr>,
    /// The uplink.
    pub link: LinkPair,
}

/// What a gateway does.
#[derive(Clone, Debug)]
pub enum GatewayKind {
    /// Translates.
    Nat(NatRef),
    /// Lets no UDP pass.
    UdpBlocked,
    /// Forwards.
    Router,
}

/// A party's host.
#[derive(Clone, Debug)]
pub struct HostPlan {
    /// The party's name.
    pub name: String,
    /// Position of its segment.
    pub segment: usize,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its link to the segment.
    pub link: LinkPair,
}

/// The simulator's view of a built network.
pub struct Built {
    /// The network.
    pub net: Net,
    /// The hosts in the order of the parties.
    pub hosts: Vec<NodeId>,
    /// The gateways by the name that steps use.
    pub gateways: BTreeMap<String, NodeId>,
    /// The uplink of every node and network: whose, and to which segment.
    uplinks: BTreeMap<String, VantageId>,
}

impl Built {
    /// The uplink that a step means: of a node's own gateway, of the node itself, or of a network's gateway.
    pub fn uplink(&self, of: &str) -> VantageId {
        self.uplinks[of]
    }
}

impl NetworkPlan {
    /// Builds the network in the simulator.
    ///
    /// # Errors
    /// When the plan contradicts itself, which validation of the scenario rules out.
    pub fn build(&self, seed: u64) -> Result<Built, TopologyError> {
        let mut builder = NetBuilder::new(LinkConfig::with_latency(LAN_LATENCY));
        let segments: Vec<SegmentId> = self.segments.iter().map(|name| builder.segment(name)).collect();
        let (mut gateways, mut uplinks) = (BTreeMap::new(), BTreeMap::new());
        for plan in &self.gateways {
            let (inside, outside) = (segments[plan.inside], segments[plan.outside]);
            let node = match &plan.kind {
                GatewayKind::Nat(reference) => {
                    let config = nat_config(reference, plan.first_subscriber());
                    builder.nat(&plan.name, config, inside, outside, &plan.outside_addresses)
                }
                GatewayKind::UdpBlocked => builder.firewall(&plan.name, FirewallConfig { udp: UdpPolicy::Block }, inside, outside),
                GatewayKind::Router => builder.router(&plan.name, &[inside, outside]),
            };
            let (up, down) = plan.link.directions(DEFAULT_LATENCY);
            builder.link(node, outside, up, down);
            gateways.insert(plan.serves.clone(), node);
            uplinks.insert(plan.serves.clone(), (node, outside));
        }
        let mut hosts = Vec::new();
        for plan in &self.hosts {
            let attachments: Vec<_> = plan.addresses.iter().map(|address| (segments[plan.segment], *address)).collect();
            let node = builder.host(&plan.name, &attachments);
            let latency = if plan.segment == 0 { DEFAULT_LATENCY } else { LAN_LATENCY };
            let (up, down) = plan.link.directions(latency);
            builder.link(node, segments[plan.segment], up, down);
            uplinks.entry(plan.name.clone()).or_insert((node, segments[plan.segment]));
            hosts.push(node);
        }
        let net = builder.build(seed)?;
        let vantage = |(node, segment): (NodeId, SegmentId)| {
            let found = net.vantages().iter().find(|vantage| vantage.node == node && vantage.segment == segment);
            found.expect("every link that was declared has a vantage").id
        };
        let uplinks = uplinks.into_iter().map(|(of, link)| (of, vantage(link))).collect();
        Ok(Built { net, hosts, gateways, uplinks })
    }

    /// The gateways between a party and the internet, the nearest first.
    pub fn gateways_of(&self, party: usize) -> Vec<&GatewayPlan> {
        let mut chain = Vec::new();
        let mut segment = self.hosts[party].segment;
        while let Some(gateway) = self.gateways.iter().find(|gateway| gateway.inside == segment) {
            chain.push(gateway);
            segment = gateway.outside;
        }
        chain
    }

    /// What a discovery algorithm must find for a party, in the words of [`iut::ApiEvent::Discovered`]: of several NATs in a row the strictest terms show.
    pub fn discoverable(&self, party: usize, rfc3489: bool) -> String {
        let gateways = self.gateways_of(party);
        if gateways.iter().any(|gateway| matches!(gateway.kind, GatewayKind::UdpBlocked)) {
            return if rfc3489 { "rfc3489=udp-blocked".into() } else { "udp-blocked".into() };
        }
        let nats: Vec<NatConfig> = gateways.iter().filter_map(|gateway| gateway.config()).collect();
        let mapping = nats.iter().map(|nat| nat.mapping).max();
        let filtering = nats.iter().map(|nat| nat.filtering).max();
        let (Some(mapping), Some(filtering)) = (mapping, filtering) else {
            return if rfc3489 { "rfc3489=open".into() } else { "no-nat".into() };
        };
        if !rfc3489 {
            return format!("mapping={} filtering={}", mapping_word(mapping), filtering_word(filtering));
        }
        // The algorithm asks for an answer from elsewhere first: a NAT that lets it in is a full cone to it, whatever its mapping (section 10.1). The
        // outermost NAT that does not let it in may remember it as a session of its own; then the client's next packet there needs another mapping.
        let refuses = nats.iter().rev().find(|nat| nat.filtering != Filtering::EndpointIndependent);
        let mapping = match refuses.map(|nat| nat.unsolicited_inbound) {
            Some(UnsolicitedInbound::CreatesState { .. }) => Mapping::AddressAndPortDependent,
            _ => mapping,
        };
        let name = match (mapping, filtering) {
            (_, Filtering::EndpointIndependent) => "full-cone",
            (Mapping::EndpointIndependent | Mapping::EndpointIndependentUntilConflict, Filtering::AddressDependent) => "restricted",
            (Mapping::EndpointIndependent | Mapping::EndpointIndependentUntilConflict, Filtering::AddressAndPortDependent) => {
                "port-restricted"
            }
            _ => "symmetric",
        };
        format!("rfc3489={name}")
    }
}

impl GatewayPlan {
    /// The first host address of the inside, which follows that of the gateway.
    fn first_subscriber(&self) -> Ipv4Addr {
        let gateway = self.inside_addresses.iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        });
        Ipv4Addr::from_bits(gateway.unwrap_or(Ipv4Addr::UNSPECIFIED).to_bits().saturating_add(1))
    }

    /// The terms, where it is a NAT that translates.
    pub fn config(&self) -> Option<NatConfig> {
        match &self.kind {
            GatewayKind::Nat(reference) => Some(nat_config(reference, self.first_subscriber())),
            _ => None,
        }
    }
}

fn mapping_word(mapping: Mapping) -> &'static str {
    match mapping {
        // The only host behind such a NAT meets no conflict.
        Mapping::EndpointIndependent | Mapping::EndpointIndependentUntilConflict => "endpoint-independent",
        Mapping::AddressDependent => "address-dependent",
        Mapping::AddressAndPortDependent => "address-and-port-dependent",
    }
}

fn filtering_word(filtering: Filtering) -> &'static str {
    match filtering {
        Filtering::EndpointIndependent => "endpoint-independent",
        Filtering::AddressDependent => "address-dependent",
        Filtering::AddressAndPortDependent => "address-and-port-dependent",
    }
}
