//! One line about an SCTP packet.

use super::{Body, Chunk, Data, Packet, PayloadProtocol, dcep};
use crate::describe::{defect_note, text};

/// Sums up an SCTP packet in one line. Tags and TSNs are left out, since they differ with every seed.
pub fn describe(bytes: &[u8]) -> String {
    let packet = match Packet::parse_lenient(bytes) {
        Ok(packet) => packet,
        Err(defect) => return format!("SCTP len {}{}", bytes.len(), defect_note(&[defect])),
    };
    let mut chunks: Vec<_> = packet.chunks().take(MAX_CHUNKS).map(|chunk| describe_chunk(&chunk)).collect();
    if packet.chunks().nth(MAX_CHUNKS).is_some() {
        chunks.push("...".to_owned());
    }
    format!("SCTP {}{}", chunks.join("; "), defect_note(packet.defects()))
}

fn describe_chunk(chunk: &Chunk<'_>) -> String {
    match chunk.decode() {
        Ok(Body::Data(data)) => format!("{} stream {} {}", chunk.kind, data.stream, content(&data)),
        Ok(Body::Sack(sack)) if !sack.gaps.is_empty() => format!("{} with {} gaps", chunk.kind, sack.gaps.len()),
        Ok(_) => chunk.kind.to_string(),
        Err(defect) => format!("{}{}", chunk.kind, defect_note(&[defect])),
    }
}

fn content(data: &Data<'_>) -> String {
    let length = data.payload.len();
    match data.protocol {
        Some(PayloadProtocol::DCEP) => match dcep::Message::parse(data.payload) {
            Ok(dcep::Message::Open(open)) => format!("DCEP open label={}", text(open.label)),
            Ok(dcep::Message::Ack) => "DCEP ack".to_owned(),
            Err(defect) => format!("DCEP len {length}{}", defect_note(&[defect])),
        },
        Some(protocol) => format!("{protocol} len {length}"),
        None => format!("fragment {} len {length}", data.fragment),
    }
}

const MAX_CHUNKS: usize = 8;
