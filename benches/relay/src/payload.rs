//! What a benchmark datagram carries: who sent it, in which order, when it was due and when it left, and a check.
//!
//! The header has a CRC; the rest is a pattern known to both ends, so that comparing it costs less than a checksum over it.

use crate::content::Content;

/// The smallest payload: the header alone, in bytes.
pub const MIN_SIZE: usize = 44;
/// The largest payload that fits one Ethernet frame beside IP, UDP and ChannelData headers, in bytes.
pub const MAX_SIZE: usize = 1400;

const MAGIC: u32 = 0x4e50_5242;

/// Which way a datagram travels through the relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// From the client to the peer.
    Up,
    /// From the peer to the client.
    Down,
}

/// The header of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The trial: what is left over from an earlier one is not counted.
    pub run: u32,
    /// The flow.
    pub flow: u32,
    /// The direction.
    pub way: Way,
    /// Number within flow and direction, from 0.
    pub sequence: u64,
    /// When it was due, in ns of the generator's clock.
    pub intended: u64,
    /// When it was handed to the socket, in ns of the generator's clock.
    pub actual: u64,
}

/// What a received datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// Whole.
    Whole(Header),
    /// Of ours, with changed bytes.
    Corrupt,
    /// Not of ours.
    Foreign,
}

/// A payload of `size` bytes with the pattern in place, for [`write()`] to put headers in.
#[must_use]
pub fn template(size: usize) -> Vec<u8> {
    (0..size).map(pattern).collect()
}

fn pattern(index: usize) -> u8 {
    // 251 is prime, so a shift by a power of two shows.
    (index % 251) as u8
}

/// Writes the header into a payload of at least [`MIN_SIZE`] bytes.
pub fn write(payload: &mut [u8], header: &Header) {
    payload[0..4].copy_from_slice(&MAGIC.to_be_bytes());
    payload[4..8].copy_from_slice(&header.run.to_be_bytes());
    payload[8..12].copy_from_slice(&header.flow.to_be_bytes());
    payload[12..16].copy_from_slice(&u32::from(header.way == Way::Down).to_be_bytes());
    payload[16..24].copy_from_slice(&header.sequence.to_be_bytes());
    payload[24..32].copy_from_slice(&header.intended.to_be_bytes());
    payload[32..40].copy_from_slice(&header.actual.to_be_bytes());
    let check = crc32c::crc32c(&payload[..40]);
    payload[40..44].copy_from_slice(&check.to_be_bytes());
}

/// Reads a datagram that should be of `content`; `template` is as long as the largest of them.
#[must_use]
pub fn read(payload: &[u8], content: Content, template: &[u8]) -> Received {
    if payload.len() < MIN_SIZE || payload[0..4] != MAGIC.to_be_bytes() {
        // Too short or without the magic number: only the length tells a damaged one of ours.
        return if content.has(payload.len()) { Received::Corrupt } else { Received::Foreign };
    }
    let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().expect("four bytes"));
    let long = |at: usize| u64::from_be_bytes(payload[at..at + 8].try_into().expect("eight bytes"));
    let sent = content.size(long(16));
    let whole = crc32c::crc32c(&payload[..40]) == word(40) && payload.len() == sent && payload[MIN_SIZE..] == template[MIN_SIZE..sent];
    if !whole || word(12) > 1 {
        return Received::Corrupt;
    }
    Received::Whole(Header {
        run: word(4),
        flow: word(8),
        way: if word(12) == 0 { Way::Up } else { Way::Down },
        sequence: long(16),
        intended: long(24),
        actual: long(32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: Content = Content::Bytes(100);

    #[test]
    fn in_a_mix_each_number_has_its_size() {
        let template = template(Content::Imix.largest());
        let read_of = |size: usize| {
            let mut payload = template[..size].to_vec();
            write(&mut payload, &Header { sequence: 7, ..header() });
            read(&payload, Content::Imix, &template)
        };
        assert_eq!(read_of(128), Received::Whole(Header { sequence: 7, ..header() }));
        assert_eq!((read_of(64), read_of(256), read_of(127)), (Received::Corrupt, Received::Corrupt, Received::Corrupt));
    }

    fn header() -> Header {
        Header { run: 7, flow: 3, way: Way::Down, sequence: 9, intended: 1000, actual: 1001 }
    }

    #[test]
    fn what_is_written_is_read() {
        let template = template(100);
        let mut payload = template.clone();
        write(&mut payload, &header());
        assert_eq!(read(&payload, SIZE, &template), Received::Whole(header()));
    }

    #[test]
    fn short_foreign_datagrams_are_not_ours() {
        assert_eq!(read(&[0; 20], SIZE, &template(100)), Received::Foreign);
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_seen(at in 0usize..100, bits in 1u8..) {
            let template = template(100);
            let mut payload = template.clone();
            write(&mut payload, &header());
            payload[at] ^= bits;
            prop_assert_eq!(read(&payload, SIZE, &template), Received::Corrupt);
        }

        #[test]
        fn a_changed_length_is_seen(size in MIN_SIZE..200usize) {
            prop_assume!(size != 100);
            let template = template(100);
            let mut payload = super::template(size);
            write(&mut payload, &header());
            prop_assert_eq!(read(&payload, SIZE, &template), Received::Corrupt);
        }
    }
}
