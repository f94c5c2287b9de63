//! Records of a datagram (RFC 6347, section 4.1; RFC 9147, section 4; RFC 9146, section 4).

use super::{Alert, ContentType, Fragments, Version};
use crate::{Malformed, Reason, reader::Reader};

/// A record over borrowed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Offset of its first byte in the datagram.
    pub offset: usize,
    /// Its header.
    pub header: Header<'a>,
    /// What the header is followed by: plaintext in epoch 0, otherwise ciphertext.
    pub fragment: &'a [u8],
    /// Offset of the fragment in the datagram.
    pub fragment_offset: usize,
}

/// Header of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header<'a> {
    /// The form of 1.2, which 1.3 keeps for plaintext.
    Full(FullHeader<'a>),
    /// The form of ciphertext in 1.3.
    Unified(UnifiedHeader<'a>),
}

/// Header in the form of 1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FullHeader<'a> {
    /// Content type; `tls12_cid` hides the real one.
    pub content_type: ContentType,
    /// Version of the record layer; without meaning in 1.3.
    pub version: Version,
    /// Epoch.
    pub epoch: u16,
    /// Sequence number, 48 bits.
    pub sequence: u64,
    /// Connection id; empty but for `tls12_cid`.
    pub connection_id: &'a [u8],
    /// Length of the fragment in bytes.
    pub length: u16,
}

/// Unified header of 1.3 (RFC 9147, figure 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnifiedHeader<'a> {
    /// The two low bits of the epoch.
    pub epoch_bits: u8,
    /// The 8 or 16 low bits of the sequence number, in encrypted form.
    pub encrypted_sequence: u16,
    /// Whether there are 16 of them.
    pub long_sequence: bool,
    /// Connection id, where the C bit is set.
    pub connection_id: Option<&'a [u8]>,
    /// Length of the fragment in bytes; without it the record takes the rest of the datagram.
    pub length: Option<u16>,
}

impl<'a> Record<'a> {
    /// The content type, where it is to be seen: not in the unified form.
    pub fn content_type(&self) -> Option<ContentType> {
        match self.header {
            Header::Full(header) => Some(header.content_type),
            Header::Unified(_) => None,
        }
    }

    /// Whether the fragment is plaintext: a full header of epoch 0.
    pub fn is_plaintext(&self) -> bool {
        matches!(self.header, Header::Full(FullHeader { epoch: 0, .. }))
    }

    /// The handshake fragments of a plaintext handshake record; none otherwise.
    pub fn handshake(&self) -> Fragments<'a> {
        let readable = self.is_plaintext() && self.content_type() == Some(ContentType::HANDSHAKE);
        Fragments::new(if readable { self.fragment } else { &[] }, self.fragment_offset)
    }

    /// The alert of a plaintext alert record.
    ///
    /// # Errors
    /// The fragment does not have the two bytes of an alert.
    pub fn alert(&self) -> Result<Option<Alert>, Malformed> {
        if !self.is_plaintext() || self.content_type() != Some(ContentType::ALERT) {
            return Ok(None);
        }
        Alert::parse(self.fragment, self.fragment_offset).map(Some)
    }
}

/// Walks the records of a datagram. `connection_id_length` is the length of the connection id that the receiver of the datagram chose; it
/// is not on the wire (RFC 9146, section 4), and zero where none was negotiated.
pub fn records(bytes: &[u8], connection_id_length: usize) -> Records<'_> {
    Records { reader: Reader::new(bytes, 0), connection_id_length }
}

/// Iterator over the records of a datagram; it ends behind the first that does not fit.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    reader: Reader<'a>,
    connection_id_length: usize,
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.reader.rest();
        }
        Some(record)
    }
}

impl<'a> Records<'a> {
    fn read(&mut self) -> Result<Record<'a>, Malformed> {
        let offset = self.reader.offset();
        match self.reader.u8("content type")? {
            first @ 20..=26 => self.full(offset, ContentType(first)),
            first @ 32..=63 => self.unified(offset, first),
            first => Err(Malformed::at(offset, Reason::Value { what: "content type", value: u32::from(first) })),
        }
    }

    fn full(&mut self, offset: usize, content_type: ContentType) -> Result<Record<'a>, Malformed> {
        let reader = &mut self.reader;
        let version = Version(reader.u16("record version")?);
        let epoch = reader.u16("epoch")?;
        let sequence = reader.u48("sequence number")?;
        let with_id = content_type == ContentType::TLS12_CID;
        let connection_id = reader.take("connection id", if with_id { self.connection_id_length } else { 0 })?;
        let length_at = reader.offset();
        let length = reader.u16("record length")?;
        let header = Header::Full(FullHeader { content_type, version, epoch, sequence, connection_id, length });
        self.fragment(offset, header, length_at, length)
    }

    fn unified(&mut self, offset: usize, first: u8) -> Result<Record<'a>, Malformed> {
        let reader = &mut self.reader;
        let connection_id = (first & 0x10 != 0).then(|| reader.take("connection id", self.connection_id_length)).transpose()?;
        let long_sequence = first & 0x08 != 0;
        let encrypted_sequence = if long_sequence { reader.u16("sequence number")? } else { u16::from(reader.u8("sequence number")?) };
        let length_at = reader.offset();
        let length = (first & 0x04 != 0).then(|| reader.u16("record length")).transpose()?;
        let header = Header::Unified(UnifiedHeader { epoch_bits: first & 0x03, encrypted_sequence, long_sequence, connection_id, length });
        match length {
            Some(length) => self.fragment(offset, header, length_at, length),
            None => {
                let fragment_offset = self.reader.offset();
                Ok(Record { offset, header, fragment: self.reader.rest(), fragment_offset })
            }
        }
    }

    fn fragment(&mut self, offset: usize, header: Header<'a>, length_at: usize, length: u16) -> Result<Record<'a>, Malformed> {
        let (declared, actual) = (usize::from(length), self.reader.remaining());
        if declared > actual {
            return Err(Malformed::at(length_at, Reason::Length { what: "record length", declared, actual }));
        }
        let fragment_offset = self.reader.offset();
        Ok(Record { offset, header, fragment: self.reader.take("fragment", declared)?, fragment_offset })
    }
}
