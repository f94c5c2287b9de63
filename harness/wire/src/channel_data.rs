//! ChannelData messages (RFC 8656, section 12).

use crate::{Malformed, Reason};
use std::fmt;

/// Length of the header in bytes: RFC 8656, section 12.4.
pub const HEADER_LENGTH: usize = 4;

/// A channel number: 0x4000 to 0x4FFF where it is valid (RFC 8656, section 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelNumber(pub u16);

impl ChannelNumber {
    /// The lowest number that a client may bind.
    pub const MIN: Self = Self(0x4000);
    /// The highest number that a client may bind.
    pub const MAX: Self = Self(0x4FFF);

    /// Whether a client may bind this number.
    pub fn is_valid(self) -> bool {
        (Self::MIN..=Self::MAX).contains(&self)
    }
}

impl fmt::Display for ChannelNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:04x}", self.0)
    }
}

/// A ChannelData message over borrowed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelData<'a> {
    /// The number in the header, valid or not.
    pub number: ChannelNumber,
    /// The length field: bytes of application data, without padding, by the sender's account.
    pub length: u16,
    /// Application data, as much of it as is there.
    pub data: &'a [u8],
    /// Bytes behind the application data. Over UDP padding is allowed and not needed, over TCP it is needed (RFC 8656, section 12.5).
    pub padding: &'a [u8],
    /// What is wrong with the message.
    pub defects: Vec<Malformed>,
}

impl<'a> ChannelData<'a> {
    /// Reads a message without defects.
    ///
    /// # Errors
    /// The first defect.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let message = Self::parse_lenient(bytes)?;
        match message.defects.first() {
            Some(defect) => Err(*defect),
            None => Ok(message),
        }
    }

    /// Reads what can be read.
    ///
    /// # Errors
    /// Fewer bytes than a header has.
    pub fn parse_lenient(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let &[a, b, c, d, ref body @ ..] = bytes else {
            return Err(Malformed::at(0, Reason::Truncated { what: "ChannelData header", need: HEADER_LENGTH, have: bytes.len() }));
        };
        let number = ChannelNumber(u16::from_be_bytes([a, b]));
        let length = u16::from_be_bytes([c, d]);
        let (data, padding) = body.split_at(usize::from(length).min(body.len()));
        let mut message = Self { number, length, data, padding, defects: Vec::new() };
        message.check(body.len());
        Ok(message)
    }

    fn check(&mut self, actual: usize) {
        if !self.number.is_valid() {
            self.defects.push(Malformed::at(0, Reason::Value { what: "channel number", value: u32::from(self.number.0) }));
        }
        let declared = usize::from(self.length);
        if self.data.len() < declared || self.padding.len() > 3 {
            self.defects.push(Malformed::at(2, Reason::Length { what: "ChannelData length", declared, actual }));
        }
    }
}

/// Builds a ChannelData message with any length field and any bytes behind the data.
pub fn build_raw(number: u16, length: u16, data: &[u8], padding: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LENGTH + data.len() + padding.len());
    out.extend(number.to_be_bytes());
    out.extend(length.to_be_bytes());
    out.extend(data);
    out.extend(padding);
    out
}

/// Builds a ChannelData message as UDP carries it, without padding.
///
/// # Errors
/// The data do not fit the length field.
pub fn build(number: ChannelNumber, data: &[u8]) -> Result<Vec<u8>, Malformed> {
    Ok(build_raw(number.0, checked_length(data)?, data, &[]))
}

/// Builds a ChannelData message as TCP carries it, padded to a multiple of four (RFC 8656, section 12.5).
///
/// # Errors
/// The data do not fit the length field.
pub fn build_padded(number: ChannelNumber, data: &[u8]) -> Result<Vec<u8>, Malformed> {
    let padding = crate::padding_length(data.len());
    Ok(build_raw(number.0, checked_length(data)?, data, &[0; 3][..padding]))
}

fn checked_length(data: &[u8]) -> Result<u16, Malformed> {
    let reason = Reason::Length { what: "ChannelData length", declared: usize::from(u16::MAX), actual: data.len() };
    u16::try_from(data.len()).map_err(|_| Malformed::at(2, reason))
}
