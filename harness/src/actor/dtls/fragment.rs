//! Cuts plaintext handshake messages into smaller fragments (RFC 6347 section 4.2.3).
//!
//! Every fragment gets a record and a datagram of its own, so that each of them can be lost or late alone. There are then more records than the stack has
//! numbered, so all records of epoch 0 are numbered anew; records of later epochs are left as they are, for their numbers are part of what protects them.
//!
//! In DTLS 1.3 a peer can acknowledge plaintext records by number (RFC 9147 section 7). The stack does not know the new numbers and sends those records again.

use bytes::Bytes;
use wire::dtls::build::{handshake_fragment, record, split};
use wire::dtls::{FullHeader, HandshakeFragment, Header, Record, records};

pub(super) struct Fragmenter {
    /// Most bytes of a message in one fragment.
    size: usize,
    /// Bytes that a fragment repeats of the one before.
    overlap: usize,
    /// The number of the next record of epoch 0.
    next: u64,
}

impl Fragmenter {
    /// `overlap` is less than `size`.
    pub(super) fn new(size: u16, overlap: u16) -> Self {
        Self { size: size.into(), overlap: overlap.into(), next: 0 }
    }

    /// The datagrams that are sent in place of one.
    pub(super) fn cut(&mut self, datagram: &Bytes) -> Vec<Bytes> {
        let records = match records(datagram, 0).collect::<Result<Vec<Record<'_>>, _>>() {
            Ok(records) if !records.is_empty() => records,
            // No DTLS: nothing of it is numbered.
            _ => return vec![datagram.clone()],
        };
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        // Records that are not cut stay together, as the stack packed them.
        let mut whole: Vec<u8> = Vec::new();
        for found in &records {
            match found.header {
                Header::Full(header) if found.is_plaintext() => {
                    let parts = self.parts(found);
                    if parts.len() <= 1 {
                        whole.extend(self.record(&header, parts.first().map_or(found.fragment, Vec::as_slice)));
                        continue;
                    }
                    pieces.extend((!whole.is_empty()).then(|| std::mem::take(&mut whole)));
                    for part in &parts {
                        pieces.push(self.record(&header, part));
                    }
                }
                _ => whole.extend(&datagram[found.offset..found.fragment_offset + found.fragment.len()]),
            }
        }
        pieces.extend((!whole.is_empty()).then_some(whole));
        pieces.into_iter().map(Bytes::from).collect()
    }

    /// The handshake fragments to send in place of a record's; none where it holds anything else.
    fn parts(&self, record: &Record<'_>) -> Vec<Vec<u8>> {
        let Ok(fragments) = record.handshake().collect::<Result<Vec<HandshakeFragment<'_>>, _>>() else { return Vec::new() };
        fragments.iter().flat_map(|fragment| self.overlapping(fragment)).map(|part| handshake_fragment(&part)).collect()
    }

    /// The parts of a message; each but the first begins before the end of the one before it.
    fn overlapping<'a>(&self, fragment: &HandshakeFragment<'a>) -> Vec<HandshakeFragment<'a>> {
        let step = self.size - self.overlap;
        // The last step is covered by the part before it where that reaches the end.
        let covered = fragment.body.len().saturating_sub(self.overlap).max(1);
        let longer = |part: HandshakeFragment<'a>| {
            let start = (part.fragment_offset - fragment.fragment_offset) as usize;
            let body = &fragment.body[start..fragment.body.len().min(start + self.size)];
            HandshakeFragment { body, fragment_length: body.len() as u32, ..part }
        };
        let starts = |part: &HandshakeFragment<'a>| ((part.fragment_offset - fragment.fragment_offset) as usize) < covered;
        split(fragment, step).into_iter().filter(starts).map(longer).collect()
    }

    /// A record of epoch 0 under its new number: the next one, or the stack's own where it has skipped some (RFC 6347 section 4.2.1).
    fn record(&mut self, header: &FullHeader<'_>, fragment: &[u8]) -> Vec<u8> {
        let sequence = self.next.max(header.sequence);
        self.next = sequence + 1;
        let length = u16::try_from(fragment.len()).expect("no part is longer than the record that it comes from");
        record(&FullHeader { sequence, length, ..*header }, fragment)
    }
}
