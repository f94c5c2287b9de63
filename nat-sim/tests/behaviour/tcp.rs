//! TCP segments in the network: carried and delivered everywhere but through NATs, which translate none.

use nat_sim::{
    Delivery, DropReason, FirewallConfig, IcmpKind, LinkConfig, MS, NetBuilder, Packet, PortPolicy, SEC, Segment, TcpFlags, UdpPolicy,
};

use crate::support::{SERVER_A, World, at, home, ip, nat};

fn syn(src: &str, dst: &str) -> Packet {
    let (src, dst) = (at(src), at(dst));
    let segment = Segment { sequence: 7, payload: b"early"[..].into(), ..Segment::new(src.port(), dst.port(), TcpFlags::SYN) };
    Packet::tcp(src.ip(), dst.ip(), segment)
}

fn send(world: &mut World, host: &str, packet: Packet) -> Option<Delivery> {
    let (node, now) = (world.id(host), world.net.now());
    world.net.send(&mut world.tap, now, node, packet);
    let mut deliveries = world.run(SEC);
    assert!(deliveries.len() <= 1, "{deliveries:?}");
    deliveries.pop()
}

#[test]
fn a_datagram_pays_nothing_for_the_segments_beside_it() {
    assert_eq!(size_of::<Packet>(), 80);
}

#[test]
fn a_segment_arrives_as_it_was_sent_also_where_udp_is_blocked() {
    for (udp, datagram_passes) in [(UdpPolicy::Pass, true), (UdpPolicy::Block, false)] {
        let mut builder = NetBuilder::new(LinkConfig::with_latency(5 * MS));
        let (internet, lan) = (builder.segment("internet"), builder.segment("home"));
        builder.host("alice", &[(lan, ip("198.51.100.2"))]);
        builder.host("server-a", &[(internet, ip("192.0.2.1"))]);
        builder.firewall("firewall", FirewallConfig { udp }, lan, internet);
        let mut world = World::new(builder.build(1).unwrap());
        let sent = syn("198.51.100.2:5000", SERVER_A);
        let arrived = send(&mut world, "alice", sent.clone()).unwrap().packet;
        assert_eq!((arrived.segment(), arrived.endpoints(), arrived.ttl), (sent.segment(), sent.endpoints(), sent.ttl - 1));
        let datagram = world.deliver("alice", "198.51.100.2:5000", SERVER_A);
        assert_eq!(datagram.is_some(), datagram_passes);
    }
}

#[test]
fn ports_closed_for_udp_say_nothing_about_tcp() {
    let mut world = home(nat("full-cone"), 1);
    let server = world.id("server-a");
    world.net.set_port_policy(server, PortPolicy::Silent).unwrap();
    assert!(send(&mut world, "server-b", syn("192.0.2.2:5000", SERVER_A)).is_some(), "the driver's stack decides");
    assert_eq!(world.dropped("server-b", "192.0.2.2:5000", SERVER_A), DropReason::PortClosed);
}

#[test]
fn a_nat_translates_no_tcp_and_no_error_about_it() {
    let mut world = home(nat("full-cone"), 1);
    assert_eq!(world.seen_source("alice", "192.168.1.2:5000", SERVER_A), at("203.0.113.1:5000"), "udp passes");
    let inbound = syn(SERVER_A, "203.0.113.1:5000");
    let error = syn("203.0.113.1:5000", SERVER_A).answer_with(ip("192.0.2.1"), IcmpKind::HostUnreachable).unwrap();
    let hairpin = syn("192.168.1.2:5000", "203.0.113.1:5000");
    let inside_error = syn(SERVER_A, "192.168.1.2:5000").answer_with(ip("192.168.1.2"), IcmpKind::PortUnreachable).unwrap();
    let packets = [
        ("alice", syn("192.168.1.2:5000", SERVER_A)),
        ("server-a", inbound),
        ("server-a", error),
        ("alice", hairpin),
        ("alice", inside_error),
    ];
    for (sent, (host, packet)) in packets.into_iter().enumerate() {
        assert_eq!(send(&mut world, host, packet.clone()), None, "{packet:?}");
        assert_eq!(world.tap.drops().len(), sent + 1);
        assert_eq!(world.tap.drops()[sent], DropReason::NatTcpUntranslated, "{packet:?}");
    }
    assert_eq!(world.mappings("nat").len(), 1, "no mapping for tcp");
}
