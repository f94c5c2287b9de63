//! Records and handshake fragments, byte by byte: for stray records, other fragment sizes, and wrong headers.

use super::{ContentType, FullHeader, HandshakeFragment, HandshakeType, Version};

/// Writes a record with a full header. The length field of the header is written as it is, whatever `fragment` has.
pub fn record(header: &FullHeader<'_>, fragment: &[u8]) -> Vec<u8> {
    let mut out = vec![header.content_type.0];
    out.extend(header.version.0.to_be_bytes());
    out.extend(header.epoch.to_be_bytes());
    out.extend(&header.sequence.to_be_bytes()[2..]);
    out.extend(header.connection_id);
    out.extend(header.length.to_be_bytes());
    out.extend(fragment);
    out
}

/// Writes a plaintext record of DTLS 1.2, with the right length modulo 65536.
pub fn plaintext(content_type: ContentType, sequence: u64, fragment: &[u8]) -> Vec<u8> {
    let length = fragment.len() as u16;
    record(&FullHeader { content_type, version: Version::DTLS_1_2, epoch: 0, sequence, connection_id: &[], length }, fragment)
}

/// Writes a handshake fragment; its header fields are written as they are, whatever the body has.
pub fn handshake_fragment(fragment: &HandshakeFragment<'_>) -> Vec<u8> {
    let mut out = vec![fragment.message_type.0];
    out.extend(&fragment.length.to_be_bytes()[1..]);
    out.extend(fragment.message_sequence.to_be_bytes());
    out.extend(&fragment.fragment_offset.to_be_bytes()[1..]);
    out.extend(&fragment.fragment_length.to_be_bytes()[1..]);
    out.extend(fragment.body);
    out
}

/// Writes a whole handshake message as one fragment.
pub fn handshake(message_type: HandshakeType, message_sequence: u16, body: &[u8]) -> Vec<u8> {
    let length = body.len() as u32;
    handshake_fragment(&HandshakeFragment {
        offset: 0,
        message_type,
        length,
        message_sequence,
        fragment_offset: 0,
        fragment_length: length,
        body,
    })
}

/// Cuts a fragment into smaller ones of at most `size` bytes of body each, in order; none where `size` is zero.
pub fn split<'a>(fragment: &HandshakeFragment<'a>, size: usize) -> Vec<HandshakeFragment<'a>> {
    if size == 0 {
        return Vec::new();
    }
    let mut parts = Vec::new();
    let mut fragment_offset = fragment.fragment_offset;
    for body in fragment.body.chunks(size) {
        let fragment_length = body.len() as u32;
        parts.push(HandshakeFragment { fragment_offset, fragment_length, body, ..*fragment });
        fragment_offset += fragment_length;
    }
    if parts.is_empty() { vec![*fragment] } else { parts }
}
