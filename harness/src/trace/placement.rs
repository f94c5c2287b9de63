//! Finds the parties' own interfaces in a capture that somebody else made.

use super::{Body, Event, PacketEvent, Trace, Vantage, frame_number};
use nat_sim::{Direction, Fate};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

impl Trace {
    /// Gives every party the interface at which its packets belong to it. Where an interface shows packets leaving from a party's address, that is its own;
    /// otherwise the capture was made in the middle, and every packet counts at its sender's and at its receiver's interface. Returns the frame number in
    /// the capture of every event.
    pub fn place(&mut self, parties: &[Vec<IpAddr>]) -> Vec<u32> {
        let party_of = |address: IpAddr| parties.iter().position(|addresses| addresses.contains(&address));
        let mut sent_at: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (_, _, packet) in self.packets() {
            if let (Direction::Out, Some(party)) = (packet.direction, party_of(packet.packet.src)) {
                sent_at.entry(party).or_default().insert(packet.vantage);
            }
        }
        if !sent_at.is_empty() && parties.iter().enumerate().all(|(party, _)| sent_at.contains_key(&party)) {
            // A packet that a router passes on leaves there too, but later: the first interface is the party's own.
            for (party, vantages) in sent_at {
                let first =
                    self.packets().find(|(_, _, packet)| vantages.contains(&packet.vantage) && party_of(packet.packet.src) == Some(party));
                if let Some(vantage) = first.map(|(_, _, packet)| packet.vantage) {
                    self.vantages[vantage].party = Some(party);
                }
            }
            return (0..self.events.len()).map(frame_number).collect();
        }
        self.split(parties.len(), party_of)
    }

    fn split(&mut self, parties: usize, party_of: impl Fn(IpAddr) -> Option<usize>) -> Vec<u32> {
        let first = self.vantages.len();
        for party in 0..parties {
            self.vantages.push(Vantage {
                node: format!("party-{party}"),
                node_index: first + party,
                side: "own".into(),
                party: Some(party),
            });
        }
        for event in &mut self.events {
            let Body::Packet(packet) = &event.body else { continue };
            let (sender, receiver) = (party_of(packet.packet.src), party_of(packet.packet.dst));
            let placed = match (sender, receiver) {
                (Some(party), _) => {
                    PacketEvent { vantage: first + party, direction: Direction::Out, fate: Fate::Sent, packet: packet.packet.clone() }
                }
                (None, Some(party)) => {
                    PacketEvent { vantage: first + party, direction: Direction::In, fate: Fate::Delivered, packet: packet.packet.clone() }
                }
                (None, None) => continue,
            };
            event.body = Body::Packet(placed);
        }
        self.mirror(first, party_of)
    }

    /// Shows packets between two parties at the receiver too, right after the sender's.
    fn mirror(&mut self, first: usize, party_of: impl Fn(IpAddr) -> Option<usize>) -> Vec<u32> {
        let mut events = Vec::with_capacity(self.events.len());
        let mut frames = Vec::with_capacity(self.events.len());
        for (index, event) in self.events.drain(..).enumerate() {
            let copy = match &event.body {
                Body::Packet(packet) if packet.direction == Direction::Out && packet.vantage >= first => {
                    party_of(packet.packet.dst).map(|party| Event {
                        at: event.at,
                        body: Body::Packet(PacketEvent {
                            vantage: first + party,
                            direction: Direction::In,
                            fate: Fate::Delivered,
                            packet: packet.packet.clone(),
                        }),
                    })
                }
                _ => None,
            };
            frames.extend(std::iter::repeat_n(frame_number(index), 1 + usize::from(copy.is_some())));
            events.push(event);
            events.extend(copy);
        }
        self.events = events;
        frames
    }
}
