//! Deterministic network with NATs: links, routers, NATs, firewalls and taps in virtual time.
//!
//! Packets are sent by hosts of a [`Net`], travel through events ordered by (virtual time, insertion), and are delivered at hosts. There are no
//! sockets, clocks, threads or entropy here: the same network, seed and sends give the same events. [`Nat`] and [`Link`] are also
//! usable alone.
//!
//! ```
//! use nat_sim::{Access, LinkConfig, MS, NetBuilder, Packet, preset};
//!
//! let mut builder = NetBuilder::new(LinkConfig::with_latency(5 * MS));
//! let (internet, home) = (builder.segment("internet"), builder.segment("home"));
//! let alice = builder.host("alice", &[(home, "192.168.1.2".parse()?)]);
//! let server = builder.host("server", &[(internet, "192.0.2.1".parse()?)]);
//! let Some(Access::Nat(config)) = preset("port-restricted") else { unreachable!() };
//! builder.nat("nat-a", config, home, internet, &["203.0.113.1".parse()?]);
//! let mut net = builder.build(1)?;
//!
//! net.send(&mut (), 0, alice, Packet::udp("192.168.1.2:5000".parse()?, "192.0.2.1:3478".parse()?, &b"hello"[..]));
//! let delivery = net.advance(&mut (), 1_000 * MS).expect("it arrives");
//! assert_eq!((delivery.at, delivery.host), (20 * MS, server));
//! assert_eq!(delivery.packet.udp_source(), Some("203.0.113.1:5000".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Not modelled
//!
//! A scenario that asks for one of these is refused; none is silently ignored.
//!
//! - TCP in NATs, which drop it ([`DropReason::NatTcpUntranslated`]), and in hosts, which hand segments ([`Segment`]) to the driver as they come.
//! - Every protocol but UDP, TCP and ICMP errors ([`IcmpKind`]); ICMP queries (ping).
//! - IP fragments, options, extension headers, flow labels; MTU. A packet of any size that IP allows crosses every link.
//! - Corruption on links.
//! - ICMP errors sent by routers (time exceeded, no route, too big).
//! - NATs: single static mappings (port forwarding), application gateways, port mapping protocols (NAT-PMP, PCP, UPnP), NAT64, NPTv6, translation of IPv6
//!   to IPv6.
//! - Stateful firewalls without translation (RFC 6092), rules by address or port.
//! - Broadcast, multicast, link-local scopes, address resolution, DHCP, routing protocols, addresses that change or move at run time.
//! - On-link detection: a packet to a private address that the own network does not have leaves it by the NAT, as it would with another subnet.
#![forbid(unsafe_code)]

mod drop_reason;
mod event_queue;
mod firewall;
mod link;
mod lookup;
mod nat;
mod net;
mod packet;
mod rng;
mod tap;
mod time;
mod topology;

pub use bytes::Bytes;

pub use drop_reason::DropReason;
pub use firewall::{FirewallConfig, UdpPolicy};
pub use link::{GilbertElliott, JitterOrder, JitterShape, Link, LinkConfig, NotAProbability, Passage, Probability, QueueManagement, Rate};
pub use nat::{
    Access, AfterExpiry, FilteringBehaviour, Hairpinning, Ipv6Policy, LimitReply, MappingBehaviour, MappingId, MappingScope, MappingView,
    Nat, NatConfig, NatConfigError, NatLimits, Outbound, PRESETS, Pooling, PortAllocation, PortBlocks, PortContiguity, PortOverloading,
    PortParity, PortRange, Refresh, ReverseBinding, Side, Timer, Translation, UnsolicitedInbound, UnsolicitedReply, preset,
};
pub use net::{Delivery, MAX_IN_FLIGHT, Net, OperationError, PortPolicy};
pub use packet::{
    Body, DEFAULT_TTL, DecodeError, Icmp, IcmpKind, MAX_UDP_PAYLOAD_V4, MAX_UDP_PAYLOAD_V6, Packet, PacketError, Quote, Quoted, Segment,
    TcpFlags,
};
pub use rng::{Stream, derive_seed};
pub use tap::{Direction, Fate, NatEvent, Tap, Vantage, VantageId, VantageInfo};
pub use time::{MS, Ns, SEC, US};
pub use topology::{NetBuilder, NodeId, SegmentId, TopologyError};
