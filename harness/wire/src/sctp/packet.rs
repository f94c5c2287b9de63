//! Common header and chunks (RFC 9260, sections 3.1 and 3.2).

use super::{Chunk, ChunkType};
use crate::{Malformed, Reason, padding_length};

/// An SCTP packet over borrowed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    defects: Vec<Malformed>,
}

impl<'a> Packet<'a> {
    /// Length of the common header in bytes: RFC 9260, section 3.1.
    pub const HEADER_LENGTH: usize = 12;

    /// Reads a packet whose chunks fill it. The checksum is not looked at, see [`verify_checksum`](Self::verify_checksum).
    ///
    /// # Errors
    /// The first defect.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let packet = Self::parse_lenient(bytes)?;
        match packet.defects.first() {
            Some(defect) => Err(*defect),
            None => Ok(packet),
        }
    }

    /// Reads what can be read: the common header and the chunks up to the first that does not fit.
    ///
    /// # Errors
    /// Fewer bytes than a common header has.
    pub fn parse_lenient(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < Self::HEADER_LENGTH {
            let reason = Reason::Truncated { what: "SCTP common header", need: Self::HEADER_LENGTH, have: bytes.len() };
            return Err(Malformed::at(0, reason));
        }
        let mut packet = Self { bytes, defects: Vec::new() };
        let mut chunks = packet.chunks();
        chunks.by_ref().for_each(drop);
        packet.defects.extend(chunks.defect);
        if bytes.len() == Self::HEADER_LENGTH {
            packet.defects.push(Malformed::at(bytes.len(), Reason::Truncated { what: "first chunk", need: 4, have: 0 }));
        }
        Ok(packet)
    }

    /// What is wrong with the framing.
    pub fn defects(&self) -> &[Malformed] {
        &self.defects
    }

    /// Source port.
    pub fn source_port(&self) -> u16 {
        u16::from_be_bytes([self.bytes[0], self.bytes[1]])
    }

    /// Destination port.
    pub fn destination_port(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// Verification tag; zero with INIT only.
    pub fn verification_tag(&self) -> u32 {
        u32::from_be_bytes([self.bytes[4], self.bytes[5], self.bytes[6], self.bytes[7]])
    }

    /// The checksum as it stands there.
    pub fn checksum(&self) -> u32 {
        u32::from_le_bytes([self.bytes[8], self.bytes[9], self.bytes[10], self.bytes[11]])
    }

    /// Whether the checksum is the CRC32c of the packet with the field set to zero (RFC 9260, section 6.8 and appendix A).
    pub fn verify_checksum(&self) -> bool {
        self.checksum() == checksum(self.bytes)
    }

    /// The chunks in their order, up to the first that does not fit.
    pub fn chunks(&self) -> Chunks<'a> {
        Chunks { bytes: self.bytes, position: Self::HEADER_LENGTH, defect: None }
    }
}

/// CRC32c of a packet, its checksum field taken as zero.
fn checksum(bytes: &[u8]) -> u32 {
    let before = crc32c::crc32c(&bytes[..8]);
    let field = crc32c::crc32c_append(before, &[0; 4]);
    crc32c::crc32c_append(field, &bytes[Packet::HEADER_LENGTH..])
}

/// Iterator over the chunks of a packet; it ends at the first that does not fit.
#[derive(Debug, Clone)]
pub struct Chunks<'a> {
    bytes: &'a [u8],
    position: usize,
    defect: Option<Malformed>,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.position;
        let rest = &self.bytes[offset..];
        let &[kind, flags, high, low, ref body @ ..] = rest else {
            if !rest.is_empty() {
                self.stop(offset, Reason::Truncated { what: "chunk header", need: 4, have: rest.len() });
            }
            return None;
        };
        let declared = usize::from(u16::from_be_bytes([high, low]));
        let Some(length) = declared.checked_sub(4).filter(|length| *length <= body.len()) else {
            self.stop(offset + 2, Reason::Length { what: "chunk length", declared, actual: rest.len() });
            return None;
        };
        let (value, behind) = body.split_at(length);
        // The last chunk may come without its padding (RFC 9260, section 3.2: receivers have to take it).
        let padding = &behind[..padding_length(length).min(behind.len())];
        self.position = offset + 4 + length + padding.len();
        Some(Chunk { kind: ChunkType(kind), flags, offset, value, padding })
    }
}

impl Chunks<'_> {
    fn stop(&mut self, offset: usize, reason: Reason) {
        self.defect = Some(Malformed::at(offset, reason));
        self.position = self.bytes.len();
    }
}
