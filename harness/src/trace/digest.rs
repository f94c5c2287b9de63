//! The fingerprint of a trace: SHA-256 over canonical packet and API events.

use super::{Body, Event, Trace, encode};
use nat_sim::Direction;
use sha2::{Digest as _, Sha256};

/// Fingerprints events one by one. Everything that the wire or the application saw counts, and nothing else: not the capture's format, not the words of
/// steps.
pub struct Digest {
    hash: Sha256,
    bytes: Vec<u8>,
}

impl Digest {
    /// The fingerprint of a whole trace, in hexadecimal.
    pub fn of(trace: &Trace) -> String {
        let mut digest = Self { hash: Sha256::new(), bytes: Vec::new() };
        for event in &trace.events {
            digest.event(event);
        }
        hex::encode(digest.hash.finalize())
    }

    fn event(&mut self, event: &Event) {
        match &event.body {
            Body::Packet(packet) => {
                self.head(event, b'p');
                self.hash.update((packet.vantage as u64).to_le_bytes());
                self.hash.update([match packet.direction {
                    Direction::In => 0,
                    Direction::Out => 1,
                }]);
                self.text(&packet.fate.to_string());
                self.bytes.clear();
                encode(&packet.packet, &mut self.bytes);
                self.hash.update((self.bytes.len() as u64).to_le_bytes());
                self.hash.update(&self.bytes);
            }
            Body::Api { event: iut::ApiEvent::Log(_), .. } => {}
            Body::Api { node, event: api } => {
                self.head(event, b'a');
                self.hash.update((*node as u64).to_le_bytes());
                self.text(&format!("{api:?}"));
            }
            Body::Signal { from, signal, lost } => {
                self.head(event, b's');
                self.hash.update((*from as u64).to_le_bytes());
                self.text(&format!("{signal:?} {lost}"));
            }
            Body::Nat { .. } | Body::Step { .. } => {}
        }
    }

    fn head(&mut self, event: &Event, kind: u8) {
        self.hash.update([kind]);
        self.hash.update(event.at.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text.as_bytes());
    }
}
