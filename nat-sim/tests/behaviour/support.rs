//! Small networks, and a tap that remembers everything.

use std::net::{IpAddr, SocketAddr};

use nat_sim::{
    Access, Delivery, Direction, DropReason, Fate, LinkConfig, MS, MappingView, NatConfig, NatEvent, Net, NetBuilder, NodeId, Ns, Packet,
    SEC, Tap, Vantage, preset,
};

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The terms of a NAT preset.
pub(crate) fn nat(name: &str) -> NatConfig {
    match preset(name) {
        Some(Access::Nat(config)) => config,
        other => panic!("{name} is {other:?}"),
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    pub(crate) at: Ns,
    pub(crate) place: Vantage,
    pub(crate) fate: Fate,
    pub(crate) packet: Packet,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Recorder {
    pub(crate) packets: Vec<Seen>,
    pub(crate) nat_events: Vec<(Ns, NodeId, NatEvent)>,
}

impl Tap for Recorder {
    fn packet(&mut self, at: Ns, place: Vantage, fate: Fate, packet: &Packet) {
        self.packets.push(Seen { at, place, fate, packet: packet.clone() });
    }

    fn nat(&mut self, at: Ns, nat: NodeId, event: &NatEvent) {
        self.nat_events.push((at, nat, event.clone()));
    }
}

impl Recorder {
    pub(crate) fn drops(&self) -> Vec<DropReason> {
        let reason = |seen: &Seen| if let Fate::Dropped(reason) = seen.fate { Some(reason) } else { None };
        self.packets.iter().filter_map(reason).collect()
    }
}

/// A network and its tap.
pub(crate) struct World {
    pub(crate) net: Net,
    pub(crate) tap: Recorder,
}

impl World {
    pub(crate) fn new(net: Net) -> Self {
        Self { net, tap: Recorder::default() }
    }

    /// Sends now, without running anything.
    pub(crate) fn send(&mut self, host: &str, src: &str, dst: &str) {
        let (node, now) = (self.id(host), self.net.now());
        self.net.send(&mut self.tap, now, node, Packet::udp(at(src), at(dst), &b"payload"[..]));
    }

    /// Sends, and what arrives anywhere within a second.
    pub(crate) fn deliveries(&mut self, host: &str, src: &str, dst: &str) -> Vec<Delivery> {
        self.send(host, src, dst);
        self.run(SEC)
    }

    /// Sends, and the one packet that this leads to.
    pub(crate) fn deliver(&mut self, host: &str, src: &str, dst: &str) -> Option<Delivery> {
        let mut deliveries = self.deliveries(host, src, dst);
        assert!(deliveries.len() <= 1, "{deliveries:?}");
        deliveries.pop()
    }

    /// Sends, and the source that the receiver sees.
    pub(crate) fn seen_source(&mut self, host: &str, src: &str, dst: &str) -> SocketAddr {
        let delivery = self.deliver(host, src, dst);
        delivery.unwrap_or_else(|| panic!("{src} -> {dst}: {:?}", self.tap.drops())).packet.udp_source().unwrap()
    }

    /// Sends a packet that must be dropped, and why it was.
    pub(crate) fn dropped(&mut self, host: &str, src: &str, dst: &str) -> DropReason {
        let known = self.tap.drops().len();
        assert_eq!(self.deliver(host, src, dst), None);
        let drops = self.tap.drops();
        assert_eq!(drops.len(), known + 1, "{drops:?}");
        drops[known]
    }

    pub(crate) fn run(&mut self, span: Ns) -> Vec<Delivery> {
        let until = self.net.now() + span;
        std::iter::from_fn(|| self.net.advance(&mut self.tap, until)).collect()
    }

    pub(crate) fn id(&self, name: &str) -> NodeId {
        self.net.node(name).unwrap_or_else(|| panic!("no node {name}"))
    }

    pub(crate) fn mappings(&self, nat: &str) -> Vec<MappingView> {
        self.net.mappings(self.id(nat)).unwrap()
    }

    /// The names of vantage, direction and fate of every packet seen so far.
    pub(crate) fn ladder(&self) -> Vec<String> {
        let line = |seen: &Seen| {
            let arrow = if seen.place.direction == Direction::Out { "<-" } else { "->" };
            let vantage = &self.net.vantages()[seen.place.id.0 as usize];
            let ends = match (seen.packet.udp_source(), seen.packet.udp_destination()) {
                (Some(src), Some(dst)) => format!("{src} {dst}"),
                _ => format!("{} {} icmp", seen.packet.src, seen.packet.dst),
            };
            format!("{:>3} ms {arrow} {:<16} {} {}", seen.at / MS, vantage.name(), ends, seen.fate)
        };
        self.tap.packets.iter().map(line).collect()
    }
}

pub(crate) const SERVER_A: &str = "192.0.2.1:3478";
pub(crate) const SERVER_A_OTHER_PORT: &str = "192.0.2.1:3479";
pub(crate) const SERVER_B: &str = "192.0.2.2:3478";
pub(crate) const SERVER_B_OTHER_PORT: &str = "192.0.2.2:3479";

/// `alice` (192.168.1.2) and `bob` (192.168.1.3) behind `nat` (203.0.113.1); `server-a` (192.0.2.1), `server-b` (192.0.2.2) outside.
pub(crate) fn home(config: NatConfig, seed: u64) -> World {
    pool(config, &["203.0.113.1"], seed)
}

/// The same with several external addresses.
pub(crate) fn pool(config: NatConfig, externals: &[&str], seed: u64) -> World {
    let mut builder = NetBuilder::new(LinkConfig::with_latency(5 * MS));
    let (internet, lan) = (builder.segment("internet"), builder.segment("home"));
    builder.host("server-a", &[(internet, ip("192.0.2.1"))]);
    builder.host("server-b", &[(internet, ip("192.0.2.2"))]);
    builder.host("alice", &[(lan, ip("192.168.1.2"))]);
    builder.host("bob", &[(lan, ip("192.168.1.3"))]);
    builder.nat("nat", config, lan, internet, &externals.iter().map(|address| ip(address)).collect::<Vec<_>>());
    World::new(builder.build(seed).unwrap())
}
