//! Data channel establishment protocol (RFC 8832, section 5; numbers in network byte order, erratum 6411).

use crate::{Malformed, Reason, reader::Reader};

/// A DCEP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// DATA_CHANNEL_OPEN.
    Open(Open<'a>),
    /// DATA_CHANNEL_ACK.
    Ack,
}

/// DATA_CHANNEL_OPEN (RFC 8832, section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open<'a> {
    /// Channel type: see [`is_unordered`](Self::is_unordered) and [`reliability`](Self::reliability).
    pub channel_type: u8,
    /// Priority.
    pub priority: u16,
    /// Retransmissions or milliseconds, by the channel type.
    pub reliability_parameter: u32,
    /// Label.
    pub label: &'a str,
    /// Subprotocol, or empty.
    pub protocol: &'a str,
}

/// How hard a channel tries (RFC 8832, section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reliability {
    /// Until it is through.
    Reliable,
    /// So many retransmissions.
    Retransmissions(u32),
    /// So many milliseconds.
    Lifetime(u32),
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// An unknown message type, a field that does not fit, bytes left over, or text that is not UTF-8. Offsets count from the start of
    /// the message.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, 0);
        let message = match reader.u8("DCEP message type")? {
            ACK => Self::Ack,
            OPEN => Self::Open(Open::read(&mut reader)?),
            other => return Err(Malformed::at(0, Reason::Value { what: "DCEP message type", value: u32::from(other) })),
        };
        if reader.is_empty() {
            return Ok(message);
        }
        let reason = Reason::Length { what: "DCEP message", declared: bytes.len() - reader.remaining(), actual: bytes.len() };
        Err(Malformed::at(reader.offset(), reason))
    }

    /// The message in wire form; lengths are written modulo 65536.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ack => vec![ACK],
            Self::Open(open) => open.encode(),
        }
    }
}

impl<'a> Open<'a> {
    /// Whether messages may overtake each other.
    pub fn is_unordered(&self) -> bool {
        self.channel_type & 0x80 != 0
    }

    /// How hard the channel tries; `None` for a channel type without registration.
    pub fn reliability(&self) -> Option<Reliability> {
        match self.channel_type & 0x7F {
            0 => Some(Reliability::Reliable),
            1 => Some(Reliability::Retransmissions(self.reliability_parameter)),
            2 => Some(Reliability::Lifetime(self.reliability_parameter)),
            _ => None,
        }
    }

    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let channel_type = reader.u8("channel type")?;
        let priority = reader.u16("priority")?;
        let reliability_parameter = reader.u32("reliability parameter")?;
        let label_length = usize::from(reader.u16("label length")?);
        let protocol_length = usize::from(reader.u16("protocol length")?);
        let label = text(reader, "label", label_length)?;
        let protocol = text(reader, "protocol", protocol_length)?;
        Ok(Self { channel_type, priority, reliability_parameter, label, protocol })
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = vec![OPEN, self.channel_type];
        out.extend(self.priority.to_be_bytes());
        out.extend(self.reliability_parameter.to_be_bytes());
        out.extend((self.label.len() as u16).to_be_bytes());
        out.extend((self.protocol.len() as u16).to_be_bytes());
        out.extend(self.label.as_bytes());
        out.extend(self.protocol.as_bytes());
        out
    }
}

fn text<'a>(reader: &mut Reader<'a>, what: &'static str, length: usize) -> Result<&'a str, Malformed> {
    let at = reader.offset();
    let bytes = reader.take(what, length)?;
    std::str::from_utf8(bytes).map_err(|error| Malformed::at(at + error.valid_up_to(), Reason::NotUtf8(what)))
}

/// RFC 8832, section 8.2.1.
const ACK: u8 = 0x02;
/// RFC 8832, section 8.2.1.
const OPEN: u8 = 0x03;
