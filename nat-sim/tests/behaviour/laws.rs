//! Laws that hold for every NAT, whatever it is asked to do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use nat_sim::{
    AfterExpiry, Body, Bytes, DropReason, FilteringBehaviour, Hairpinning, IcmpKind, Ipv6Policy, LimitReply, MappingBehaviour, Nat,
    NatConfig, NatLimits, Ns, Packet, Pooling, PortAllocation, PortBlocks, PortContiguity, PortOverloading, PortParity, PortRange, Refresh,
    ReverseBinding, SEC, Segment, Side, TcpFlags, Timer, Translation, UnsolicitedInbound, UnsolicitedReply,
};
use proptest::prelude::*;

use crate::support::ip;

/// A NAT has the first one or more.
const EXTERNALS: [&str; 3] = ["203.0.113.1", "203.0.113.2", "203.0.113.3"];

#[derive(Debug, Clone)]
enum Step {
    /// Internal host and port, remote host and port.
    Out(u8, u16, u8, u16),
    /// Remote host and port, external port as an index into the live mappings or a number.
    In(u8, u16, u16),
    /// Internal host and port to an external port of the NAT itself.
    Hairpin(u8, u16, u16),
    Wait(Ns),
    Flush,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0..2u8, 0..2u16, 0..2u8, 0..2u16).prop_map(|(a, b, c, d)| Step::Out(a, b, c, d)),
        8 => (0..2u8, 0..2u16, 0..12u16).prop_map(|(a, b, c)| Step::In(a, b, c)),
        2 => (0..2u8, 0..2u16, 0..12u16).prop_map(|(a, b, c)| Step::Hairpin(a, b, c)),
        3 => (0..40 * SEC).prop_map(Step::Wait),
        1 => Just(Step::Flush),
    ];
    prop::collection::vec(step, 1..80)
}

fn timers() -> impl Strategy<Value = Timer> {
    let refresh = prop::sample::select(vec![Refresh::Outbound, Refresh::Inbound, Refresh::Both]);
    (10 * SEC..90 * SEC, refresh).prop_map(|(duration, refresh)| Timer { duration, refresh })
}

prop_compose! {
    /// Terms of which a part contradict each other.
    fn allocations()(
        port_allocation in prop::sample::select(vec![
            PortAllocation::PreserveWithFallback, PortAllocation::Sequential, PortAllocation::Random, PortAllocation::Preserve, PortAllocation::PreserveAndSteal,
        ]),
        port_parity in prop::sample::select(vec![PortParity::Ignored, PortParity::Preserved]),
        port_contiguity in prop::sample::select(vec![PortContiguity::Ignored, PortContiguity::Attempted]),
        port_overloading in prop::sample::select(vec![PortOverloading::Off, PortOverloading::DifferentRemotes]),
        port_blocks in prop::sample::select(vec![
            PortBlocks::Off,
            PortBlocks::Off,
            PortBlocks::OnDemand { size: 2 },
            PortBlocks::Deterministic { size: 3, first_subscriber: [192, 168, 1, 2].into() },
        ]),
        port_hold_down in prop::sample::select(vec![0, 20 * SEC]),
        after_expiry in prop::sample::select(vec![AfterExpiry::AllocateAnew, AfterExpiry::SameEndpoint]),
        pooling in prop::sample::select(vec![Pooling::Paired, Pooling::Arbitrary]),
        translation in prop::sample::select(vec![
            Translation::AddressAndPort,
            Translation::AddressAndPort,
            Translation::DynamicPool,
            Translation::OneToOne { first_subscriber: [192, 168, 1, 2].into() },
        ]),
        unanswered_timer in prop::option::of(5 * SEC..20 * SEC),
    ) -> NatConfig {
        NatConfig {
            port_allocation, port_parity, port_contiguity, port_overloading, port_blocks, port_hold_down, after_expiry, pooling, translation, unanswered_timer,
            ..crate::support::nat("full-cone")
        }
    }
}

prop_compose! {
    fn any_configs()(
        base in prop_oneof![Just(crate::support::nat("full-cone")), allocations()],
        mapping in prop::sample::select(crate::probe::MAPPINGS.iter().copied().chain([MappingBehaviour::EndpointIndependentUntilConflict]).collect::<Vec<_>>()),
        filtering in prop::sample::select(crate::probe::FILTERS.to_vec()),
        fallback in prop::sample::select(vec![PortAllocation::PreserveWithFallback, PortAllocation::Sequential, PortAllocation::Random]),
        ports in 4..40u16,
        hairpinning in prop::sample::select(vec![Hairpinning::Off, Hairpinning::ExternalSource, Hairpinning::InternalSource]),
        mapping_timer in timers(),
        filter_timer in timers(),
        reverse_binding in prop::sample::select(vec![ReverseBinding::Session, ReverseBinding::Mapping]),
        state in any::<bool>(),
        (mappings, mappings_per_subscriber, filters_per_mapping, bindings_per_mapping, unsolicited) in (1..20u32, 1..20u32, 1..6u32, 1..4u32, 1..6u32),
    ) -> NatConfig {
        NatConfig {
            mapping, filtering, hairpinning, mapping_timer, filter_timer, reverse_binding,
            port_allocation: if base == crate::support::nat("full-cone") { fallback } else { base.port_allocation },
            port_range: PortRange { first: 20_000, last: 20_000 + ports },
            unsolicited_inbound: if state { UnsolicitedInbound::CreatesState { lifetime: 30 * SEC } } else { UnsolicitedInbound::Ignore },
            unsolicited_reply: UnsolicitedReply::Silent,
            ipv6: Ipv6Policy::Routed,
            limits: NatLimits { mappings, mappings_per_subscriber, filters_per_mapping, bindings_per_mapping, unsolicited },
            limit_reply: LimitReply::Silent,
            ..base
        }
    }
}

fn configs() -> impl Strategy<Value = NatConfig> {
    any_configs().prop_filter("terms that contradict each other", |config| config.validate().is_ok())
}

fn internal(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 168, 1, 2 + host], 20_000 + port))
}

fn remote(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1 + host], 3_478 + port))
}

/// The NAT beside a record of what it has been told: which remotes each mapping has been used towards, and until when that may count.
struct Model {
    nat: Nat,
    config: NatConfig,
    now: Ns,
    /// External endpoint and remote: the latest time at which an entry for it can have been made or refreshed.
    contacts: BTreeMap<(SocketAddr, SocketAddr), Ns>,
}

impl Model {
    fn new(config: NatConfig, addresses: usize, seed: u64) -> Self {
        let externals = EXTERNALS[..addresses].iter().map(|address| ip(address)).collect::<Vec<_>>();
        Self { nat: Nat::new(config, &externals, seed).unwrap(), config, now: 0, contacts: BTreeMap::new() }
    }

    fn is_own(&self, address: IpAddr) -> bool {
        self.nat.externals().contains(&address)
    }

    fn external(&self, choice: u16) -> SocketAddr {
        let mappings = self.nat.mappings();
        match mappings.get(usize::from(choice)) {
            Some(mapping) => mapping.external,
            None => SocketAddr::new(ip(EXTERNALS[0]), 20_000 + choice),
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Out(host, port, to, to_port) => self.out(internal(host, port), remote(to, to_port))?,
            Step::In(from, from_port, choice) => self.inbound(remote(from, from_port), self.external(choice))?,
            Step::Hairpin(host, port, choice) => self.out(internal(host, port), self.external(choice))?,
            Step::Wait(span) => self.now += span,
            Step::Flush => {
                self.nat.flush();
                self.contacts.clear();
                prop_assert!(self.nat.mappings().is_empty());
            }
        }
        self.check_table()
    }

    fn out(&mut self, from: SocketAddr, to: SocketAddr) -> Result<(), TestCaseError> {
        let mut packet = Packet::udp(from, to, &b"x"[..]);
        let before = packet.clone();
        match self.nat.outbound(self.now, &mut packet) {
            Ok(outbound) if outbound.side == Side::Outside => {
                let external = packet.udp_source().unwrap();
                prop_assert_eq!(packet.udp_destination(), Some(to));
                prop_assert!(self.is_own(external.ip()));
                self.contacts.insert((external, to), self.now);
                // The answer finds its way back.
                let mut answer = Packet::udp(to, external, &b"y"[..]);
                prop_assert_eq!(self.nat.inbound(self.now, &mut answer), Ok(()));
                prop_assert_eq!(answer.udp_destination(), Some(from));
                // So does an error about the packet.
                let mut error = packet.answer_with(to.ip(), IcmpKind::PortUnreachable).unwrap();
                prop_assert_eq!(self.nat.inbound(self.now, &mut error), Ok(()));
                prop_assert_eq!(error.dst, from.ip());
            }
            Ok(_) if self.config.hairpinning == Hairpinning::InternalSource => {
                prop_assert_eq!(packet.udp_source(), Some(from));
                self.note_refused(from, to);
            }
            Ok(_) => {
                prop_assert_eq!(self.config.hairpinning, Hairpinning::ExternalSource);
                prop_assert!(self.is_own(packet.src), "hairpinned packets come from the external endpoint");
                let external = packet.udp_source().unwrap();
                self.contacts.insert((external, to), self.now);
                self.check_admitted(external, to)?;
            }
            Err(reason) => {
                prop_assert_eq!(&packet, &before, "a dropped packet is unchanged");
                self.check_outbound_reason(reason, to)?;
                self.note_refused(from, to);
            }
        }
        Ok(())
    }

    /// A hairpinned packet that the far mapping refused has still opened its own; by which endpoint, only the table knows.
    fn note_refused(&mut self, from: SocketAddr, to: SocketAddr) {
        for mapping in self.nat.mappings().iter().filter(|mapping| mapping.internal == from) {
            self.contacts.insert((mapping.external, to), self.now);
        }
    }

    fn check_outbound_reason(&self, reason: DropReason, to: SocketAddr) -> Result<(), TestCaseError> {
        let resources = [
            DropReason::NatTableFull,
            DropReason::NatPortsExhausted,
            DropReason::NatPortTaken,
            DropReason::NatSubscriberLimit,
            DropReason::NatSubscriberPoolExhausted,
            DropReason::NatNotASubscriber,
            DropReason::NatFilterTableFull,
            DropReason::NatBindingTableFull,
        ];
        let hairpinning = [DropReason::NatHairpinOff, DropReason::NatNoMapping, DropReason::NatNoSession, DropReason::NatFiltered];
        prop_assert!(resources.contains(&reason) || self.is_own(to.ip()) && hairpinning.contains(&reason), "{reason}");
        Ok(())
    }

    fn inbound(&mut self, from: SocketAddr, to: SocketAddr) -> Result<(), TestCaseError> {
        let mut packet = Packet::udp(from, to, &b"x"[..]);
        let before = packet.clone();
        let mappings = self.nat.mappings();
        let live = mappings.iter().filter(|mapping| mapping.external == to && mapping.expires > self.now);
        let known: Vec<SocketAddr> = live.map(|mapping| mapping.internal).collect();
        let alone = self.config.translation != Translation::AddressAndPort;
        match self.nat.inbound(self.now, &mut packet) {
            Ok(()) => {
                let internal = packet.udp_destination().unwrap();
                prop_assert!(known.contains(&internal) || alone && internal.port() == to.port(), "only a live mapping lets anything in");
                prop_assert_eq!(packet.udp_source(), Some(from));
                self.check_admitted(from, to)?;
            }
            Err(reason) => {
                prop_assert_eq!(&packet, &before);
                let expected: &[DropReason] = match self.config.port_overloading {
                    PortOverloading::DifferentRemotes => &[DropReason::NatNoSession, DropReason::NatBindingTableFull],
                    PortOverloading::Off if known.is_empty() => &[DropReason::NatNoMapping],
                    PortOverloading::Off => &[DropReason::NatFiltered, DropReason::NatBindingTableFull],
                };
                prop_assert!(expected.contains(&reason), "{}", reason);
            }
        }
        Ok(())
    }

    /// The filter must have had a reason to admit `from` at `to`.
    fn check_admitted(&mut self, from: SocketAddr, to: SocketAddr) -> Result<(), TestCaseError> {
        let window = self.config.filter_timer.duration;
        let fresh = |at: Ns| self.now < at + window;
        let mut reasons = self.contacts.iter().filter(|((external, _), at)| *external == to && fresh(**at)).map(|((_, remote), _)| *remote);
        let allowed = match self.config.filtering {
            FilteringBehaviour::EndpointIndependent => true,
            FilteringBehaviour::AddressDependent => reasons.any(|remote| remote.ip() == from.ip()),
            FilteringBehaviour::AddressAndPortDependent => reasons.any(|remote| remote == from),
        };
        prop_assert!(allowed, "{from} entered at {to} uninvited");
        if self.config.filter_timer.refresh != Refresh::Outbound {
            let same = |remote: SocketAddr| match self.config.filtering {
                FilteringBehaviour::AddressDependent => remote.ip() == from.ip(),
                _ => remote == from,
            };
            for ((external, remote), at) in &mut self.contacts {
                if *external == to && same(*remote) {
                    *at = self.now;
                }
            }
        }
        Ok(())
    }

    fn check_table(&self) -> Result<(), TestCaseError> {
        let mappings = self.nat.mappings();
        let overloads = self.config.port_overloading == PortOverloading::DifferentRemotes;
        let externals: BTreeSet<SocketAddr> = mappings.iter().map(|mapping| mapping.external).collect();
        prop_assert!(overloads || externals.len() == mappings.len(), "two mappings share an external endpoint");
        prop_assert!(mappings.len() <= self.config.limits.mappings as usize);
        for mapping in &mappings {
            let admitted = self.nat.admitted(mapping.external, self.now);
            prop_assert!(overloads || admitted.len() <= self.config.limits.filters_per_mapping as usize);
            let subscriber = mappings.iter().filter(|other| other.internal.ip() == mapping.internal.ip()).count();
            prop_assert!(subscriber <= self.config.limits.mappings_per_subscriber as usize, "{subscriber} mappings of a subscriber");
            let odd = |endpoint: SocketAddr| endpoint.port() % 2 == 1;
            prop_assert!(self.config.port_parity == PortParity::Ignored || odd(mapping.internal) == odd(mapping.external));
        }
        if !overloads
            && self.config.mapping == MappingBehaviour::EndpointIndependent
            && self.config.unsolicited_inbound == UnsolicitedInbound::Ignore
        {
            let internals: BTreeSet<SocketAddr> = mappings.iter().map(|mapping| mapping.internal).collect();
            prop_assert_eq!(internals.len(), mappings.len(), "one internal endpoint, one mapping");
        }
        Ok(())
    }
}

fn addresses(ipv6: bool) -> BoxedStrategy<IpAddr> {
    if ipv6 { any::<[u8; 16]>().prop_map(IpAddr::from).boxed() } else { any::<[u8; 4]>().prop_map(IpAddr::from).boxed() }
}

prop_compose! {
    fn datagrams()(ipv6 in any::<bool>())(
        src in addresses(ipv6), dst in addresses(ipv6), ports in any::<(u16, u16)>(), payload in prop::collection::vec(any::<u8>(), 0..1_600),
        (ttl, id, traffic_class, fragment) in any::<(u8, u16, u8, bool)>(), ipv6 in Just(ipv6),
    ) -> Packet {
        let mut packet = Packet::udp(SocketAddr::new(src, ports.0), SocketAddr::new(dst, ports.1), payload);
        (packet.ttl, packet.traffic_class) = (ttl, traffic_class);
        // IPv6 has neither field on the wire.
        (packet.id, packet.dont_fragment) = if ipv6 { (0, true) } else { (id, fragment) };
        packet
    }
}

prop_compose! {
    fn segments()(
        around in datagrams(), numbers in any::<(u32, u32)>(), (flags, window, urgent) in any::<(u8, u16, u16)>(),
        options in prop::collection::vec(any::<[u8; 4]>(), 0..=10),
    ) -> Packet {
        let (src, dst) = around.endpoints().unwrap();
        let segment = Segment {
            sequence: numbers.0,
            acknowledgment: numbers.1,
            window,
            urgent,
            options: options.concat().into(),
            payload: around.udp_payload().unwrap().clone(),
            ..Segment::new(src.port(), dst.port(), TcpFlags(flags))
        };
        Packet { body: Body::Tcp(Box::new(segment)), ..around }
    }
}

fn errors() -> impl Strategy<Value = Packet> {
    let kinds = vec![
        IcmpKind::NoRoute,
        IcmpKind::HostUnreachable,
        IcmpKind::PortUnreachable,
        IcmpKind::AdministrativelyProhibited,
        IcmpKind::PacketTooBig { mtu: 1_280 },
        IcmpKind::TimeExceeded,
    ];
    (prop_oneof![datagrams(), segments()], prop::sample::select(kinds))
        .prop_filter_map("about which no error may be sent", |(packet, kind)| packet.answer_with(packet.dst, kind))
}

fn round_trip(packet: &Packet) -> Result<Bytes, TestCaseError> {
    let mut bytes = Vec::new();
    packet.encode(&mut bytes).unwrap();
    prop_assert_eq!(bytes.len(), packet.length());
    let bytes = Bytes::from(bytes);
    prop_assert_eq!(Packet::decode(&bytes), Ok(packet.clone()));
    Ok(bytes)
}

/// One's complement sum over 16-bit words, written anew so that it shares nothing with the code under test.
fn sums_to_ones(parts: &[&[u8]]) -> bool {
    let bytes: Vec<u8> = parts.concat();
    let word = |pair: &[u8]| u32::from(pair[0]) * 256 + u32::from(pair.get(1).copied().unwrap_or(0));
    bytes.chunks(2).map(word).fold(0, |sum, word| {
        let sum = sum + word;
        if sum > 0xffff { sum - 0xffff } else { sum }
    }) == 0xffff
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, rng_seed: proptest::test_runner::RngSeed::Fixed(1), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_nat_keeps_its_laws(config in configs(), addresses in 1..=3usize, steps in steps(), seed in any::<u64>()) {
        let mut model = Model::new(config, addresses, seed);
        for step in &steps {
            model.step(step)?;
        }
    }

    #[test]
    fn datagrams_survive_encoding_and_their_checksums_verify(packet in datagrams()) {
        let bytes = round_trip(&packet)?;
        if packet.is_ipv6() {
            let length = ((bytes.len() - 40) as u32).to_be_bytes();
            prop_assert!(sums_to_ones(&[&bytes[8..40], &length, &[0, 0, 0, 17], &bytes[40..]]));
        } else {
            let length = ((bytes.len() - 20) as u16).to_be_bytes();
            prop_assert!(sums_to_ones(&[&bytes[..20]]));
            prop_assert!(sums_to_ones(&[&bytes[12..20], &[0, 17], &length, &bytes[20..]]));
        }
    }

    #[test]
    fn segments_survive_encoding_and_their_checksums_verify(packet in segments()) {
        let bytes = round_trip(&packet)?;
        if packet.is_ipv6() {
            let length = ((bytes.len() - 40) as u32).to_be_bytes();
            prop_assert!(sums_to_ones(&[&bytes[8..40], &length, &[0, 0, 0, 6], &bytes[40..]]));
        } else {
            let length = ((bytes.len() - 20) as u16).to_be_bytes();
            prop_assert!(sums_to_ones(&[&bytes[12..20], &[0, 6], &length, &bytes[20..]]));
        }
    }

    #[test]
    fn errors_survive_encoding_and_their_checksums_verify(packet in errors()) {
        let bytes = round_trip(&packet)?;
        if packet.is_ipv6() {
            let length = ((bytes.len() - 40) as u32).to_be_bytes();
            prop_assert!(sums_to_ones(&[&bytes[8..40], &length, &[0, 0, 0, 58], &bytes[40..]]));
        } else {
            prop_assert!(sums_to_ones(&[&bytes[..20]]));
            prop_assert!(sums_to_ones(&[&bytes[20..]]));
        }
    }

    #[test]
    fn any_bytes_decode_or_are_refused_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..120), version in prop::sample::select(vec![0x45u8, 0x60, 0x46, 0x00])) {
        if let Some(first) = bytes.first_mut() {
            *first = version;
        }
        let _ = Packet::decode(&Bytes::from(bytes));
    }

    #[test]
    fn a_changed_octet_is_noticed_or_changes_the_packet(
        packet in prop_oneof![datagrams(), segments()], at in any::<prop::sample::Index>(), flip in 1..=255u8,
    ) {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert_ne!(Packet::decode(&Bytes::from(bytes)).ok(), Some(packet));
    }
}
