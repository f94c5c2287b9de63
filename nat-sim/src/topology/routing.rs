//! Routes, worked out once. A *realm* is a set of segments that share an address space: routers and firewalls join segments into one, NATs end it
//! for IPv4 and (when they route it) not for IPv6. Within a realm packets take a shortest path, the first declared among equals; a destination
//! that the realm does not know leaves it by the NAT whose inside lies in it.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::lookup::Lookup;
use crate::topology::builder::{InterfaceSpec, NodeKind, NodeSpec};
use crate::topology::{Family, NodeId, SegmentId, TopologyError};

#[derive(Debug)]
pub(crate) struct Routing {
    v4: FamilyRoutes,
    v6: FamilyRoutes,
    /// The segment of each interface.
    segment_of: Vec<SegmentId>,
}

#[derive(Debug)]
struct FamilyRoutes {
    /// The realm of each segment, named by its first segment.
    realm_of: Vec<u32>,
    /// By realm and address: which interface has it.
    owners: Owners,
    /// By segment: the inside interface of the NAT that unknown destinations leave by.
    exits: Vec<Option<u32>>,
    /// By segment: the interface on it to hand a packet to.
    from_segment: Vec<Routes>,
    /// By node: its interface to send a packet from.
    from_node: Vec<Routes>,
}

/// An interface for each target segment: most share one.
#[derive(Debug, Clone)]
struct Routes {
    default: Option<u32>,
    exceptions: Lookup<SegmentId, u32>,
}

/// Where a router sends a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) egress: u32,
    pub(crate) next: u32,
}

impl Routing {
    pub(crate) fn new(segments: &[String], nodes: &[NodeSpec], interfaces: &[InterfaceSpec]) -> Result<Self, TopologyError> {
        let graph = Graph::new(segments.len(), nodes, interfaces);
        graph.check_connected(segments)?;
        Ok(Self {
            v4: graph.family_routes(Family::V4)?,
            v6: graph.family_routes(Family::V6)?,
            segment_of: interfaces.iter().map(|interface| interface.segment).collect(),
        })
    }

    /// The interface to hand a packet to, sent from `interface`; `None` without a route.
    pub(crate) fn hop_from_interface(&self, interface: u32, destination: IpAddr) -> Option<u32> {
        let segment = self.segment_of[interface as usize];
        let routes = self.family(destination);
        let target = routes.target(segment, destination)?;
        self.toward(routes, segment, target)
    }

    /// How `node`, which received a packet on `interface`, passes it on; `None` without a route.
    pub(crate) fn hop_from_node(&self, node: NodeId, interface: u32, destination: IpAddr) -> Option<Hop> {
        let routes = self.family(destination);
        let target = routes.target(self.segment_of[interface as usize], destination)?;
        let egress = routes.from_node[node.index()].get(self.segment_of[target as usize])?;
        let next = self.toward(routes, self.segment_of[egress as usize], target)?;
        Some(Hop { egress, next })
    }

    fn toward(&self, routes: &FamilyRoutes, segment: SegmentId, target: u32) -> Option<u32> {
        let target_segment = self.segment_of[target as usize];
        if target_segment == segment { Some(target) } else { routes.from_segment[segment.index()].get(target_segment) }
    }

    fn family(&self, destination: IpAddr) -> &FamilyRoutes {
        match Family::of(destination) {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl FamilyRoutes {
    /// The interface that has the address, else the exit.
    fn target(&self, segment: SegmentId, destination: IpAddr) -> Option<u32> {
        let realm = self.realm_of[segment.index()];
        self.owners.get(realm, destination).or(self.exits[segment.index()])
    }
}

/// Which interface of a realm has an address. The keys are numbers, which are hashed and compared at once.
#[derive(Debug)]
struct Owners {
    v4: Lookup<(u32, u32), u32>,
    v6: Lookup<(u32, u128), u32>,
}

impl Owners {
    fn get(&self, realm: u32, address: IpAddr) -> Option<u32> {
        match address {
            IpAddr::V4(address) => self.v4.get(&(realm, address.to_bits())).copied(),
            IpAddr::V6(address) => self.v6.get(&(realm, address.to_bits())).copied(),
        }
    }

    /// Returns the interface that had the address before.
    fn insert(&mut self, realm: u32, address: IpAddr, interface: u32) -> Option<u32> {
        match address {
            IpAddr::V4(address) => self.v4.insert((realm, address.to_bits()), interface),
            IpAddr::V6(address) => self.v6.insert((realm, address.to_bits()), interface),
        }
    }
}

impl Routes {
    fn new() -> Self {
        Self { default: None, exceptions: Lookup::new() }
    }

    fn get(&self, target: SegmentId) -> Option<u32> {
        self.exceptions.get(&target).copied().or(self.default)
    }

    fn note(&mut self, target: SegmentId, interface: u32, is_default: bool) {
        if is_default {
            self.default = Some(interface);
        } else if self.default != Some(interface) {
            self.exceptions.insert(target, interface);
        }
    }
}

struct Graph<'a> {
    nodes: &'a [NodeSpec],
    interfaces: &'a [InterfaceSpec],
    /// The interfaces on each segment, in the order of declaration.
    on_segment: Vec<Vec<u32>>,
}

impl<'a> Graph<'a> {
    fn new(segments: usize, nodes: &'a [NodeSpec], interfaces: &'a [InterfaceSpec]) -> Self {
        let mut on_segment = vec![Vec::new(); segments];
        for (index, interface) in interfaces.iter().enumerate() {
            on_segment[interface.segment.index()].push(index as u32);
        }
        Self { nodes, interfaces, on_segment }
    }

    fn check_connected(&self, segments: &[String]) -> Result<(), TopologyError> {
        if let Some(empty) = self.on_segment.iter().position(Vec::is_empty) {
            return Err(TopologyError::EmptySegment { segment: segments[empty].clone() });
        }
        let parts = self.realms(|_| true);
        let part_of = |node: &NodeSpec| parts[self.interfaces[node.interfaces[0] as usize].segment.index()];
        let Some(first) = self.nodes.first() else { return Ok(()) };
        match self.nodes.iter().find(|node| part_of(node) != part_of(first)) {
            None => Ok(()),
            Some(node) => Err(TopologyError::Unreachable { first: first.name.clone(), unreachable: node.name.clone() }),
        }
    }

    fn family_routes(&self, family: Family) -> Result<FamilyRoutes, TopologyError> {
        let realm_of = self.realms(|kind| kind.routes(family));
        let owners = self.owners(family, &realm_of)?;
        let exits = match family {
            Family::V4 => self.exits(&realm_of)?,
            Family::V6 => vec![None; realm_of.len()],
        };
        let mut routes = FamilyRoutes {
            from_segment: vec![Routes::new(); realm_of.len()],
            from_node: vec![Routes::new(); self.nodes.len()],
            realm_of,
            owners,
            exits,
        };
        let mut hub_done = vec![false; self.on_segment.len()];
        // The first segment of each realm comes first and sets the defaults; the others add what differs.
        for index in 0..self.on_segment.len() {
            let realm = routes.realm_of[index] as usize;
            let is_hub = !std::mem::replace(&mut hub_done[realm], true);
            self.route_toward(SegmentId(index as u32), family, is_hub, &mut routes);
        }
        Ok(routes)
    }

    /// Breadth-first from the target outwards.
    fn route_toward(&self, target: SegmentId, family: Family, is_hub: bool, routes: &mut FamilyRoutes) {
        let mut segment_seen = vec![false; self.on_segment.len()];
        let mut node_seen = vec![false; self.nodes.len()];
        let mut queue = VecDeque::from([target]);
        segment_seen[target.index()] = true;
        while let Some(segment) = queue.pop_front() {
            for interface in &self.on_segment[segment.index()] {
                let node = self.interfaces[*interface as usize].node.index();
                if !self.nodes[node].kind.routes(family) || std::mem::replace(&mut node_seen[node], true) {
                    continue;
                }
                routes.from_node[node].note(target, *interface, is_hub);
                for other in &self.nodes[node].interfaces {
                    let further = self.interfaces[*other as usize].segment;
                    if !std::mem::replace(&mut segment_seen[further.index()], true) {
                        routes.from_segment[further.index()].note(target, *other, is_hub);
                        queue.push_back(further);
                    }
                }
            }
        }
    }

    /// For each segment the first segment that nodes for which `joins` holds connect it with.
    fn realms(&self, joins: impl Fn(NodeKind) -> bool) -> Vec<u32> {
        let mut realm_of = vec![u32::MAX; self.on_segment.len()];
        for start in 0..self.on_segment.len() {
            if realm_of[start] != u32::MAX {
                continue;
            }
            realm_of[start] = start as u32;
            let mut pending = vec![start];
            while let Some(segment) = pending.pop() {
                let nodes = self.on_segment[segment].iter().map(|interface| self.interfaces[*interface as usize].node.index());
                for node in nodes.filter(|node| joins(self.nodes[*node].kind)) {
                    for interface in &self.nodes[node].interfaces {
                        let further = self.interfaces[*interface as usize].segment.index();
                        if realm_of[further] == u32::MAX {
                            realm_of[further] = start as u32;
                            pending.push(further);
                        }
                    }
                }
            }
        }
        realm_of
    }

    fn owners(&self, family: Family, realm_of: &[u32]) -> Result<Owners, TopologyError> {
        let mut owners = Owners { v4: Lookup::new(), v6: Lookup::new() };
        for (index, interface) in self.interfaces.iter().enumerate() {
            let realm = realm_of[interface.segment.index()];
            for address in interface.addresses.iter().filter(|address| Family::of(**address) == family) {
                if let Some(first) = owners.insert(realm, *address, index as u32) {
                    let name = |interface: &InterfaceSpec| self.nodes[interface.node.index()].name.clone();
                    let (first, second) = (name(&self.interfaces[first as usize]), name(interface));
                    return Err(TopologyError::DuplicateAddress { address: *address, first, second });
                }
            }
        }
        Ok(owners)
    }

    /// NATs with their inside interface and the realms of inside and outside.
    fn nats(&self, realm_of: &[u32]) -> Vec<(usize, u32, u32, u32)> {
        let realm = |interface: u32| realm_of[self.interfaces[interface as usize].segment.index()];
        let nats = self.nodes.iter().enumerate().filter(|(_, node)| matches!(node.kind, NodeKind::Nat(_)));
        nats.map(|(index, node)| (index, node.interfaces[0], realm(node.interfaces[0]), realm(node.interfaces[1]))).collect()
    }

    /// The exit of each segment: a NAT on it, else the first of its realm.
    fn exits(&self, realm_of: &[u32]) -> Result<Vec<Option<u32>>, TopologyError> {
        let nats = self.nats(realm_of);
        if let Some((index, ..)) = nats.iter().find(|(_, _, inside, outside)| inside == outside) {
            return Err(TopologyError::NatBypassed { nat: self.nodes[*index].name.clone() });
        }
        self.check_acyclic(&nats, realm_of.len())?;
        let exit = |segment: usize| {
            let on_it = nats.iter().find(|(_, inside, ..)| self.interfaces[*inside as usize].segment.index() == segment);
            let in_realm = || nats.iter().find(|(_, _, realm, _)| *realm == realm_of[segment]);
            on_it.or_else(in_realm).map(|(_, inside, ..)| *inside)
        };
        Ok((0..realm_of.len()).map(exit).collect())
    }

    /// Removes NATs that lead into a realm without exits until none is left; what stays lies on or behind a circle.
    fn check_acyclic(&self, nats: &[(usize, u32, u32, u32)], realms: usize) -> Result<(), TopologyError> {
        let mut exits = vec![0usize; realms];
        let mut leading_into: Vec<Vec<u32>> = vec![Vec::new(); realms];
        for (_, _, inside, outside) in nats {
            exits[*inside as usize] += 1;
            leading_into[*outside as usize].push(*inside);
        }
        let mut outermost: Vec<usize> = (0..realms).filter(|realm| exits[*realm] == 0).collect();
        let mut settled = vec![false; realms];
        while let Some(realm) = outermost.pop() {
            settled[realm] = true;
            for inside in &leading_into[realm] {
                exits[*inside as usize] -= 1;
                if exits[*inside as usize] == 0 {
                    outermost.push(*inside as usize);
                }
            }
        }
        let circular = nats.iter().filter(|(_, _, inside, outside)| !settled[*inside as usize] && !settled[*outside as usize]);
        let names: Vec<String> = circular.map(|(index, ..)| self.nodes[*index].name.clone()).collect();
        if names.is_empty() { Ok(()) } else { Err(TopologyError::NatCycle { nats: names }) }
    }
}
