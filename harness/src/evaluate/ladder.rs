//! The message ladder and the NAT table of a case: packets that passed several places become one row with the rewriting shown.

use crate::plan::{CasePlan, GatewayKind};
use crate::trace::{Body, PacketEvent, Trace, frame_number};
use iut::{ApiEvent, Signal};
use nat_sim::{Body as PacketBody, Direction, Fate, MappingScope, NatEvent};
use reports::record::{Hop, Ladder, LadderKind, LadderRow, Lane, LaneKind, NatMapping, NatTable};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Draws both.
pub(super) fn draw(plan: &CasePlan, trace: &Trace, cited: &BTreeSet<u64>) -> (Ladder, NatTable) {
    let rows = Rows::read(plan, trace);
    (Ladder::build(lanes(plan), rows.rows, cited), NatTable::build(rows.mappings))
}

/// Hosts outside, their gateways between them and the middle.
fn lanes(plan: &CasePlan) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut right: Vec<Lane> = Vec::new();
    for (index, node) in plan.nodes.iter().enumerate() {
        let host = Lane { id: node.name.clone(), label: node.implementation().unwrap_or("harness").to_owned(), kind: LaneKind::Host };
        let gateways = plan.network.gateways_of(index).into_iter().map(|gateway| {
            let (label, kind) = match &gateway.kind {
                GatewayKind::Nat(reference) => (crate::plan::preset_name(reference), LaneKind::Nat),
                GatewayKind::UdpBlocked => ("udp-blocked", LaneKind::Router),
                GatewayKind::Router => ("router", LaneKind::Router),
            };
            Lane { id: gateway.name.clone(), label: label.to_owned(), kind }
        });
        let known = |lane: &Lane, lanes: &[Lane]| lanes.iter().any(|other| other.id == lane.id);
        let chain: Vec<Lane> = std::iter::once(host).chain(gateways).filter(|lane| !known(lane, &lanes) && !known(lane, &right)).collect();
        if index == 0 {
            lanes.extend(chain);
        } else {
            right.splice(0..0, chain.into_iter().rev());
        }
    }
    lanes.extend(right);
    lanes
}

#[derive(Default)]
struct Rows {
    rows: Vec<LadderRow>,
    /// Rows of packets that are still on their way, by the hash of their content.
    open: BTreeMap<u64, Vec<usize>>,
    /// The address that is about to be rewritten, by row.
    entering: BTreeMap<usize, (String, String)>,
    mappings: Vec<NatMapping>,
}

impl Rows {
    fn read(plan: &CasePlan, trace: &Trace) -> Self {
        let mut rows = Self::default();
        for (index, event) in trace.events.iter().enumerate() {
            let number = u64::from(frame_number(index));
            match &event.body {
                Body::Packet(packet) => rows.packet(trace, event.at, number, packet),
                Body::Api { node, event: api } => {
                    if !matches!(api, ApiEvent::Log(_)) {
                        rows.here(event.at, number, &plan.nodes[*node].name, api_text(api), LadderKind::Api);
                    }
                }
                Body::Signal { from, signal, lost } => {
                    let text = format!("signalling: {}{}", signal_text(signal), if *lost { " (lost)" } else { "" });
                    rows.here(event.at, number, &plan.nodes[*from].name, text, LadderKind::Api);
                }
                Body::Nat { node, event: change } => rows.nat(event.at, node, change),
                Body::Step { text } => rows.here(event.at, number, "", text.clone(), LadderKind::Step),
            }
        }
        rows
    }

    fn here(&mut self, at: u64, number: u64, lane: &str, text: String, kind: LadderKind) {
        self.rows.push(LadderRow {
            at_ns: at,
            from: lane.to_owned(),
            to: lane.to_owned(),
            via: Vec::new(),
            text,
            note: String::new(),
            kind,
            packets: vec![number],
            skipped: 0,
        });
    }

    fn packet(&mut self, trace: &Trace, at: u64, number: u64, packet: &PacketEvent) {
        let place = &trace.vantages[packet.vantage].node;
        let key = content(packet);
        let known = self.open.get(&key).and_then(|rows| rows.first()).copied();
        let row = match (packet.fate, known) {
            (Fate::Sent, _) | (_, None) => {
                self.here(at, number, place, text(packet), LadderKind::Packet);
                let row = self.rows.len() - 1;
                self.open.entry(key).or_default().push(row);
                row
            }
            (_, Some(row)) => {
                self.rows[row].packets.push(number);
                row
            }
        };
        self.rows[row].to = place.clone();
        match packet.fate {
            Fate::Delivered => self.close(key, row),
            Fate::Dropped(reason) => {
                self.rows[row].kind = LadderKind::Drop;
                self.rows[row].note = reason.name().to_owned();
                self.close(key, row);
            }
            Fate::Duplicated => self.rows[row].note = "duplicated".into(),
            Fate::Sent => {}
            Fate::Forwarded => self.forwarded(row, place, packet),
        }
    }

    /// A NAT shows itself by what it changes between the way in and the way out.
    fn forwarded(&mut self, row: usize, place: &str, packet: &PacketEvent) {
        let (source, destination) = ends(packet);
        if packet.direction == Direction::In {
            self.entering.insert(row, (source, destination));
            return;
        }
        let Some((old_source, old_destination)) = self.entering.remove(&row) else { return };
        let changed = [(old_source, source), (old_destination, destination)].into_iter().filter(|(before, after)| before != after);
        for (before, after) in changed {
            self.rows[row].via.push(Hop { lane: place.to_owned(), before, after });
        }
    }

    fn close(&mut self, key: u64, row: usize) {
        self.entering.remove(&row);
        if let Some(open) = self.open.get_mut(&key) {
            open.retain(|other| *other != row);
            if open.is_empty() {
                self.open.remove(&key);
            }
        }
    }

    fn nat(&mut self, at: u64, nat: &str, event: &NatEvent) {
        let (view, gone) = match event {
            NatEvent::MappingMade(view) => (view, None),
            NatEvent::MappingExpired(view) => (view, Some("expired")),
            NatEvent::MappingFlushed(view) => (view, Some("reboot")),
            NatEvent::MappingStolen(view) => (view, Some("stolen")),
            _ => return,
        };
        let (internal, external) = (view.internal.to_string(), view.external.to_string());
        if let Some(because) = gone {
            let alive = |mapping: &&mut NatMapping| {
                mapping.nat == nat && mapping.external == external && mapping.internal == internal && mapping.gone_ns.is_none()
            };
            if let Some(mapping) = self.mappings.iter_mut().rev().find(alive) {
                (mapping.gone_ns, mapping.gone_because) = (Some(at), Some(because.to_owned()));
            }
            return;
        }
        self.mappings.push(NatMapping {
            nat: nat.to_owned(),
            protocol: "udp".into(),
            internal,
            external,
            remote: match view.scope {
                MappingScope::AnyRemote => None,
                MappingScope::RemoteAddress(address) => Some(address.to_string()),
                MappingScope::RemoteEndpoint(endpoint) => Some(endpoint.to_string()),
            },
            made_ns: at,
            gone_ns: None,
            gone_because: None,
        });
    }
}

/// What stays the same while a packet travels.
fn content(packet: &PacketEvent) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &packet.packet.body {
        PacketBody::Udp { payload, .. } => payload.hash(&mut hasher),
        PacketBody::Tcp(segment) => (segment.sequence, segment.acknowledgment, segment.flags, &segment.payload).hash(&mut hasher),
        PacketBody::Icmp(icmp) => format!("{:?}", icmp.kind).hash(&mut hasher),
        _ => {}
    }
    hasher.finish()
}

fn ends(packet: &PacketEvent) -> (String, String) {
    match packet.packet.endpoints() {
        Some((source, destination)) => (source.to_string(), destination.to_string()),
        _ => (packet.packet.src.to_string(), packet.packet.dst.to_string()),
    }
}

fn text(packet: &PacketEvent) -> String {
    match &packet.packet.body {
        PacketBody::Udp { payload, .. } => wire::describe(payload),
        PacketBody::Tcp(segment) => format!("TCP {} with {} octets", segment.flags, segment.payload.len()),
        PacketBody::Icmp(icmp) => format!("ICMP {:?} about {} to {}", icmp.kind, icmp.quote.src, icmp.quote.dst),
        _ => "a packet".into(),
    }
}

fn api_text(event: &ApiEvent) -> String {
    match event {
        ApiEvent::LocalCandidate(line) => line.clone(),
        ApiEvent::Data { channel, bytes } => format!("data on {channel}: {} bytes", bytes.len()),
        ApiEvent::PeerData { peer, bytes } => format!("data from {peer}: {} bytes", bytes.len()),
        ApiEvent::Error { operation, message } => format!("error of {operation}: {message}"),
        ApiEvent::MappedAddress(address) => format!("mapped address {address}"),
        ApiEvent::Allocated { relayed, .. } => format!("allocated {relayed}"),
        ApiEvent::Discovered(words) => format!("discovered {words}"),
        ApiEvent::Fault { what, .. } => format!("fault: {what}"),
        event => event.name(),
    }
}

fn signal_text(signal: &Signal) -> String {
    match signal {
        Signal::Description(description) => match description.kind {
            iut::DescriptionKind::Offer => "offer".into(),
            iut::DescriptionKind::Answer => "answer".into(),
        },
        Signal::Candidate(candidate) => candidate.candidate.clone(),
        Signal::EndOfCandidates { .. } => "end of candidates".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nat_sim::{Packet, Segment, TcpFlags};

    fn segment(src: &str, sequence: u32) -> PacketEvent {
        let segment = Segment { sequence, payload: b"abc"[..].into(), ..Segment::new(5000, 443, TcpFlags::PSH.with(TcpFlags::ACK)) };
        let packet = Packet::tcp(src.parse().unwrap(), "192.0.2.1".parse().unwrap(), segment);
        PacketEvent { vantage: 0, direction: Direction::Out, fate: Fate::Sent, packet }
    }

    #[test]
    fn a_segment_is_one_packet_wherever_it_is_seen_and_another_with_other_numbers() {
        let (inside, outside, next) = (segment("192.168.1.2", 7), segment("203.0.113.1", 7), segment("192.168.1.2", 10));
        assert_eq!(content(&inside), content(&outside));
        assert_ne!(content(&inside), content(&next));
        assert_eq!(text(&inside), "TCP PSH,ACK with 3 octets");
        assert_eq!(ends(&inside), ("192.168.1.2:5000".into(), "192.0.2.1:443".into()));
    }
}
