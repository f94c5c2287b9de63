//! One line about any datagram, for ladders and packet comments.

use crate::channel_data::ChannelData;
use crate::demux::{Protocol, Scheme, classify};
use crate::{Malformed, dtls, rtp, stun};

/// Sums up a datagram in one line: protocol, message, the fields that matter, and the first defect. Payloads of ChannelData, Send and Data
/// indications are described in brackets.
///
/// The text is for people: it names no transaction ids, nonces or digests, so that it is the same for every seed as far as the
/// message is. It holds no control characters whatever the datagram does.
pub fn describe(bytes: &[u8]) -> String {
    nested(bytes, MAX_DEPTH)
}

/// Describes a payload at most `depth` levels below the datagram.
pub(crate) fn nested(bytes: &[u8], depth: usize) -> String {
    let described = match classify(bytes, Scheme::Rfc7983) {
        _ if depth == 0 => None,
        Protocol::Stun => stun::describe::message(bytes, depth),
        Protocol::ChannelData => channel_data(bytes, depth),
        Protocol::Dtls => dtls::describe::datagram(bytes),
        Protocol::Rtp => rtp::describe(bytes),
        Protocol::Zrtp | Protocol::Quic | Protocol::Unassigned => None,
    };
    described.unwrap_or_else(|| format!("data len {}", bytes.len()))
}

/// The payload of a relayed message: its length, and what it is where that can be told.
pub(crate) fn payload(bytes: &[u8], depth: usize) -> String {
    let inner = nested(bytes, depth - 1);
    if inner.starts_with("data ") { format!("len {}", bytes.len()) } else { format!("len {} [{inner}]", bytes.len()) }
}

/// The end of a line about a message with defects.
pub(crate) fn defect_note(defects: &[Malformed]) -> String {
    defects.first().map_or_else(String::new, |defect| format!(" (malformed: {defect})"))
}

/// Text of a message, safe to print and of bounded length.
pub(crate) fn text(text: &str) -> String {
    let mut shown: String = text.chars().take(MAX_TEXT).flat_map(char::escape_debug).collect();
    if text.chars().nth(MAX_TEXT).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Application data may begin like ChannelData by chance, so that a length which does not fit is taken as none.
fn channel_data(bytes: &[u8], depth: usize) -> Option<String> {
    let message = ChannelData::parse(bytes).ok()?;
    Some(format!("ChannelData {} {}", message.number, payload(message.data, depth)))
}

/// ChannelData in a Send indication in ChannelData is already more than a relay in front of a relay makes.
const MAX_DEPTH: usize = 4;
/// Longest text shown, in characters.
const MAX_TEXT: usize = 64;
