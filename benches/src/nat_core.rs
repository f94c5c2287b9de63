//! Datagrams through NATs: the simulator alone, without endpoints.
//!
//! Hosts stand in pairs, each host behind a NAT of its own, all NATs on one segment. Both hosts of a pair have opened the way, and then all of them
//! send round after round. One datagram crosses two NATs and four links.

use nat_sim::{
    Access, Bytes, Direction, Fate, LinkConfig, MS, NatEvent, Net, NetBuilder, NodeId, Ns, Packet, Tap, Vantage, VantageInfo, preset,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Octets of payload: a full WebRTC packet.
pub const PAYLOAD: usize = 1200;
/// The port that every host sends from; NATs with `preserve-with-fallback` keep it.
const PORT: u16 = 5000;
/// Time between two rounds. With 5 ms for each of four links there are always datagrams of several rounds on their way.
const INTERVAL: Ns = MS;
/// Long enough for what is in flight to arrive.
const DRAIN: Ns = 1_000 * MS;

/// Hosts behind port-restricted NATs, with the ways between the hosts of a pair open.
pub struct NatCore {
    net: Net,
    hosts: Vec<Party>,
    payload: Bytes,
    now: Ns,
}

struct Party {
    node: NodeId,
    local: SocketAddr,
    /// Where the peer is seen from outside.
    remote: SocketAddr,
}

/// What a workload has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// Datagrams that hosts have sent.
    pub sent: u64,
    /// Datagrams that reached their host with the whole payload.
    pub delivered: u64,
}

impl NatCore {
    /// A network of this many hosts, an even number from 2 to 65,000.
    ///
    /// # Panics
    /// On another number.
    pub fn new(hosts: u32) -> Self {
        assert!(hosts.is_multiple_of(2) && (2..=65_000).contains(&hosts), "{hosts} hosts");
        let mut builder = NetBuilder::new(LinkConfig::with_latency(5 * MS));
        let internet = builder.segment("internet");
        let Some(Access::Nat(config)) = preset("port-restricted") else { unreachable!("a preset of the simulator") };
        let mut parties = Vec::new();
        for index in 0..hosts {
            let home = builder.segment(&format!("home-{index}"));
            let (inside, outside) = (inside(index), outside(index));
            let node = builder.host(&format!("host-{index}"), &[(home, inside)]);
            builder.nat(&format!("nat-{index}"), config, home, internet, &[outside]);
            parties.push(Party { node, local: SocketAddr::new(inside, PORT), remote: SocketAddr::new(self::outside(index ^ 1), PORT) });
        }
        let net = builder.build(1).expect("the network above is sound");
        let mut core = Self { net, hosts: parties, payload: Bytes::from(vec![0x5A; PAYLOAD]), now: 0 };
        // The first datagram of one side may meet a closed filter.
        core.run(&mut (), 1);
        core
    }

    /// How many datagrams one round sends.
    pub fn round(&self) -> u64 {
        self.hosts.len() as u64
    }

    /// Every host sends one datagram per round; ends when the last has arrived.
    pub fn run(&mut self, tap: &mut dyn Tap, rounds: u64) -> Done {
        let mut done = Done::default();
        for _ in 0..rounds {
            for host in &self.hosts {
                self.net.send(tap, self.now, host.node, Packet::udp(host.local, host.remote, self.payload.clone()));
                done.sent += 1;
            }
            self.now += INTERVAL;
            done.delivered += self.advance(tap);
        }
        self.now += DRAIN;
        done.delivered += self.advance(tap);
        done
    }

    /// A tap that captures this network.
    pub fn capture(&self) -> Capture {
        Capture::new(self.net.vantages())
    }

    fn advance(&mut self, tap: &mut dyn Tap) -> u64 {
        let mut delivered = 0;
        while let Some(delivery) = self.net.advance(tap, self.now) {
            delivered += u64::from(delivery.packet.udp_payload().is_some_and(|payload| payload.len() == PAYLOAD));
        }
        delivered
    }
}

/// All homes use the same private address.
fn inside(_host: u32) -> IpAddr {
    Ipv4Addr::new(192, 168, 1, 2).into()
}

fn outside(host: u32) -> IpAddr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(100, 64, 0, 1)) + host).into()
}

/// Captures as a running case does: each event becomes a block of a capture file at once. What is full is thrown away instead of written.
pub struct Capture {
    writer: harness::trace::CaptureWriter<Vec<u8>>,
    trace: harness::trace::Trace,
    octets: u64,
}

/// Octets of a capture that wait before they would be written.
const CHUNK: usize = 1 << 16;

impl Capture {
    fn new(vantages: &[VantageInfo]) -> Self {
        let vantages = harness::trace::vantages(vantages, |_| None);
        let writer = harness::trace::CaptureWriter::new(Vec::with_capacity(2 * CHUNK), &vantages).expect("memory takes everything");
        Self { writer, trace: harness::trace::Trace { vantages, nodes: Vec::new(), events: Vec::new() }, octets: 0 }
    }

    /// Octets of the capture so far.
    pub fn octets(&self) -> u64 {
        self.octets
    }
}

impl Tap for Capture {
    fn packet(&mut self, at: Ns, place: Vantage, fate: Fate, packet: &Packet) {
        let direction: Direction = place.direction;
        let packet = harness::trace::PacketEvent { vantage: place.id.0 as usize, direction, fate, packet: packet.clone() };
        let event = harness::trace::Event { at, body: harness::trace::Body::Packet(packet) };
        self.writer.event(&self.trace, &event, &[]).expect("memory takes everything");
        let waiting = self.writer.sink();
        if waiting.len() >= CHUNK {
            self.octets += waiting.len() as u64;
            waiting.clear();
        }
    }

    fn nat(&mut self, _at: Ns, _nat: NodeId, _event: &NatEvent) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_datagram_crosses_both_nats_at_any_size_of_the_network() {
        for hosts in [2, 20, 200, 2_000] {
            let mut core = NatCore::new(hosts);
            let rounds = 8_000 / u64::from(hosts);
            assert_eq!(core.run(&mut (), rounds), Done { sent: 8_000, delivered: 8_000 }, "{hosts} hosts");
        }
    }

    #[test]
    fn captures_hold_every_passage() {
        let mut core = NatCore::new(2);
        let mut capture = core.capture();
        assert_eq!(core.run(&mut capture, 1_000).delivered, 2_000);
        // Sent, in and out of two NATs, delivered: six passages with the whole payload each, less what still waits in the buffer.
        let expected = 2_000 * 6 * PAYLOAD as u64;
        assert!(capture.octets() + 2 * CHUNK as u64 >= expected, "{} of {expected}", capture.octets());
    }
}
