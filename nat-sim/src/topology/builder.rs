//! Collects a graph and turns it into a network.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::firewall::FirewallConfig;
use crate::link::LinkConfig;
use crate::nat::{Ipv6Policy, Nat, NatConfig};
use crate::net::Net;
use crate::rng::derive_seed;
use crate::topology::{NodeId, Routing, SegmentId, TopologyError};

/// Declares segments and nodes. Mistakes are reported by [`NetBuilder::build`].
#[derive(Debug)]
pub struct NetBuilder {
    default_link: LinkConfig,
    segments: Vec<String>,
    nodes: Vec<NodeSpec>,
    interfaces: Vec<InterfaceSpec>,
    links: Vec<LinkSpec>,
}

#[derive(Debug)]
pub(crate) struct NodeSpec {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    /// Indices of its interfaces; for two-sided nodes inside, then outside.
    pub(crate) interfaces: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Host,
    Router,
    Nat(NatConfig),
    Firewall(FirewallConfig),
    OnPath,
}

#[derive(Debug)]
pub(crate) struct InterfaceSpec {
    pub(crate) node: NodeId,
    pub(crate) segment: SegmentId,
    pub(crate) side: String,
    pub(crate) addresses: Vec<IpAddr>,
    /// From the node onto the segment.
    pub(crate) up: LinkConfig,
    /// From the segment into the node.
    pub(crate) down: LinkConfig,
}

#[derive(Debug)]
struct LinkSpec {
    node: NodeId,
    segment: SegmentId,
    up: LinkConfig,
    down: LinkConfig,
}

impl NetBuilder {
    /// An empty graph. Attachments have `default_link` in both directions unless [`NetBuilder::link`] says otherwise.
    #[must_use]
    pub fn new(default_link: LinkConfig) -> Self {
        Self { default_link, segments: Vec::new(), nodes: Vec::new(), interfaces: Vec::new(), links: Vec::new() }
    }

    /// A broadcast domain.
    pub fn segment(&mut self, name: &str) -> SegmentId {
        self.segments.push(name.to_owned());
        SegmentId((self.segments.len() - 1) as u32)
    }

    /// A host with its addresses, of both families and on any number of segments. It sends each packet from the side that owns the source address.
    pub fn host(&mut self, name: &str, addresses: &[(SegmentId, IpAddr)]) -> NodeId {
        let mut sides: Vec<(SegmentId, Vec<IpAddr>)> = Vec::new();
        for (segment, address) in addresses {
            match sides.iter_mut().find(|(known, _)| known == segment) {
                Some((_, addresses)) => addresses.push(*address),
                None => sides.push((*segment, vec![*address])),
            }
        }
        let sides = sides.into_iter().map(|(segment, addresses)| (segment, self.segment_name(segment), addresses)).collect();
        self.node(name, NodeKind::Host, sides)
    }

    /// A router between segments of one address space. It is silent: it sends no ICMP errors and has no addresses.
    pub fn router(&mut self, name: &str, segments: &[SegmentId]) -> NodeId {
        let sides = segments.iter().map(|segment| (*segment, self.segment_name(*segment), Vec::new())).collect();
        self.node(name, NodeKind::Router, sides)
    }

    /// A NAT with its external addresses: one of IPv4, any of IPv6 (the box's own; IPv6 is routed or absent, never translated).
    pub fn nat(&mut self, name: &str, config: NatConfig, inside: SegmentId, outside: SegmentId, external: &[IpAddr]) -> NodeId {
        self.two_sided(name, NodeKind::Nat(config), inside, outside, external)
    }

    /// A firewall: a router that refuses.
    pub fn firewall(&mut self, name: &str, config: FirewallConfig, inside: SegmentId, outside: SegmentId) -> NodeId {
        self.two_sided(name, NodeKind::Firewall(config), inside, outside, &[])
    }

    /// A node that hands every packet which would cross it to the driver ([`Net::advance`]) instead of forwarding it. The driver passes packets on,
    /// changed or not, or makes new ones, by [`Net::send`] from this node.
    pub fn on_path(&mut self, name: &str, inside: SegmentId, outside: SegmentId) -> NodeId {
        self.two_sided(name, NodeKind::OnPath, inside, outside, &[])
    }

    /// Sets both directions of the link between a node and a segment: `up` from the node, `down` to it.
    pub fn link(&mut self, node: NodeId, segment: SegmentId, up: LinkConfig, down: LinkConfig) {
        self.links.push(LinkSpec { node, segment, up, down });
    }

    /// Checks the graph, works out routes, and starts at time 0.
    ///
    /// # Errors
    /// The first mistake found.
    pub fn build(mut self, seed: u64) -> Result<Net, TopologyError> {
        self.check_names()?;
        self.check_attachments()?;
        self.apply_links()?;
        let routing = Routing::new(&self.segments, &self.nodes, &self.interfaces)?;
        let mut nats = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if let NodeKind::Nat(config) = node.kind {
                let external = &self.interfaces[node.interfaces[1] as usize].addresses;
                let nat = Nat::new(config, external, derive_seed(seed, &format!("nat/{}", node.name)));
                nats.insert(index, nat.map_err(|error| TopologyError::Nat { nat: node.name.clone(), error })?);
            }
        }
        Ok(Net::new(seed, self.nodes, self.interfaces, nats, routing))
    }

    fn segment_name(&self, segment: SegmentId) -> String {
        self.segments.get(segment.index()).cloned().unwrap_or_default()
    }

    fn two_sided(&mut self, name: &str, kind: NodeKind, inside: SegmentId, outside: SegmentId, external: &[IpAddr]) -> NodeId {
        self.node(name, kind, vec![(inside, "inside".to_owned(), Vec::new()), (outside, "outside".to_owned(), external.to_vec())])
    }

    fn node(&mut self, name: &str, kind: NodeKind, sides: Vec<(SegmentId, String, Vec<IpAddr>)>) -> NodeId {
        let node = NodeId(self.nodes.len() as u32);
        let first = self.interfaces.len() as u32;
        for (segment, side, addresses) in sides {
            let (up, down) = (self.default_link, self.default_link);
            self.interfaces.push(InterfaceSpec { node, segment, side, addresses, up, down });
        }
        let interfaces = (first..self.interfaces.len() as u32).collect();
        self.nodes.push(NodeSpec { name: name.to_owned(), kind, interfaces });
        node
    }

    fn check_names(&self) -> Result<(), TopologyError> {
        let nodes: Vec<&str> = self.nodes.iter().map(|node| node.name.as_str()).collect();
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        for (what, mut names) in [("segment", segments), ("node", nodes)] {
            names.sort_unstable();
            if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(TopologyError::DuplicateName { what, name: pair[0].to_owned() });
            }
        }
        Ok(())
    }

    fn check_attachments(&self) -> Result<(), TopologyError> {
        for node in &self.nodes {
            let name = || node.name.clone();
            let interfaces: Vec<_> = node.interfaces.iter().map(|interface| &self.interfaces[*interface as usize]).collect();
            if interfaces.is_empty() {
                return Err(TopologyError::Unattached { node: name() });
            }
            if interfaces.iter().any(|interface| interface.segment.index() >= self.segments.len()) {
                return Err(TopologyError::UnknownSegment { node: name() });
            }
            let mut segments: Vec<_> = interfaces.iter().map(|interface| interface.segment).collect();
            segments.sort_unstable();
            if let Some(pair) = segments.windows(2).find(|pair| pair[0] == pair[1]) {
                return Err(TopologyError::SameSegment { node: name(), segment: self.segment_name(pair[0]) });
            }
            let mut addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
            if let Some(address) = addresses.find(|address| address.is_unspecified() || address.is_multicast() || address.is_loopback()) {
                return Err(TopologyError::UnusableAddress { node: name(), address: *address });
            }
        }
        Ok(())
    }

    fn apply_links(&mut self) -> Result<(), TopologyError> {
        for LinkSpec { node, segment, up, down } in &self.links {
            let own = self.nodes.get(node.index()).map_or(&[][..], |node| &node.interfaces);
            let Some(index) = own.iter().copied().find(|index| self.interfaces[*index as usize].segment == *segment) else {
                let node = self.nodes.get(node.index()).map_or_else(String::new, |node| node.name.clone());
                return Err(TopologyError::NotAttached { node, segment: self.segment_name(*segment) });
            };
            let interface = &mut self.interfaces[index as usize];
            (interface.up, interface.down) = (*up, *down);
        }
        Ok(())
    }
}

impl NodeKind {
    /// Whether the node joins its segments into one address space of the family.
    pub(crate) fn routes(self, family: super::Family) -> bool {
        match self {
            Self::Host => false,
            Self::Router | Self::Firewall(_) | Self::OnPath => true,
            Self::Nat(config) => family == super::Family::V6 && config.ipv6 == Ipv6Policy::Routed,
        }
    }
}
