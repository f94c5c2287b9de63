//! What the nodes of a network remember.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::firewall::FirewallConfig;
use crate::lookup::Lookup;
use crate::nat::Nat;
use crate::time::Ns;
use crate::topology::{NodeKind, NodeSpec};

/// Packets of large networks find little of it in the cache, so what each packet needs is close together.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// The first of its interfaces; the others follow it.
    pub(super) first_interface: u32,
    pub(super) interface_count: u32,
}

#[derive(Debug)]
pub(super) enum Kind {
    Host(Host),
    Router,
    Nat(Box<NatNode>),
    Firewall(FirewallConfig),
    OnPath,
}

#[derive(Debug)]
pub(super) struct NatNode {
    pub(super) nat: Nat,
    /// The earliest pending expiry event.
    pub(super) expiry_at: Option<Ns>,
}

/// What a host does with a UDP datagram to a port without a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortPolicy {
    /// Every port counts as open: the driver gets everything, and may answer with [`Net::refuse`](crate::Net::refuse).
    AllOpen,
    /// Ports are closed unless opened; a datagram to a closed one is dropped and answered with ICMP port unreachable (RFC 1122, section 4.1.3.1).
    Unreachable,
    /// Ports are closed unless opened; a datagram to a closed one is dropped silently.
    Silent,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) policy: PortPolicy,
    /// Local endpoints with a listener; an unspecified address stands for every address of its family.
    open: Lookup<SocketAddr, ()>,
    /// The identification of the packet sent last.
    last_id: u16,
}

impl Host {
    fn new() -> Self {
        Self { policy: PortPolicy::AllOpen, open: Lookup::new(), last_id: 0 }
    }

    pub(super) fn open(&mut self, local: SocketAddr) {
        self.open.insert(local, ());
    }

    pub(super) fn close(&mut self, local: SocketAddr) {
        self.open.remove(&local);
    }

    pub(super) fn listens(&self, local: SocketAddr) -> bool {
        let any = if local.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { IpAddr::from(Ipv6Addr::UNSPECIFIED) };
        self.policy == PortPolicy::AllOpen || self.open.contains(&local) || self.open.contains(&SocketAddr::new(any, local.port()))
    }

    /// 1 to 65,535 in turn: 0 asks for a number.
    pub(super) fn next_id(&mut self) -> u16 {
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        self.last_id
    }
}

impl Node {
    pub(super) fn new(spec: &NodeSpec, nat: Option<Nat>) -> Self {
        let kind = match (spec.kind, nat) {
            (NodeKind::Host, _) => Kind::Host(Host::new()),
            (NodeKind::Nat(_), Some(nat)) => Kind::Nat(Box::new(NatNode { nat, expiry_at: None })),
            (NodeKind::Nat(_), None) => unreachable!("the builder makes a nat for each nat node"),
            (NodeKind::Router, _) => Kind::Router,
            (NodeKind::Firewall(config), _) => Kind::Firewall(config),
            (NodeKind::OnPath, _) => Kind::OnPath,
        };
        Self { kind, first_interface: spec.interfaces[0], interface_count: spec.interfaces.len() as u32 }
    }
}
