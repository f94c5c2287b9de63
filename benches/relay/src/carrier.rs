//! How data travels between a client and its server: in ChannelData messages, or in Send and Data indications.

use serde::Serialize;

/// What data travels in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carrier {
    /// ChannelData messages (RFC 8656 section 12).
    #[default]
    Channel,
    /// Send and Data indications (RFC 8656 section 11).
    Indication,
}

impl Carrier {
    /// Name in commands and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Indication => "indication",
        }
    }
}

/// Bytes before and after the data of a datagram.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    head: [u8; MOST],
    length: usize,
    padding: usize,
}

/// The longest head: STUN header, XOR-PEER-ADDRESS of IPv6, header of DATA.
const MOST: usize = 48;

impl Frame {
    /// The data alone.
    pub const NONE: Self = Self { head: [0; MOST], length: 0, padding: 0 };

    /// `padding` zeros, at most three, follow the data.
    pub(crate) fn new(parts: &[&[u8]], padding: usize) -> Self {
        let mut frame = Self { padding, ..Self::NONE };
        for part in parts {
            frame.head[frame.length..frame.length + part.len()].copy_from_slice(part);
            frame.length += part.len();
        }
        frame
    }

    /// What precedes the data.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head[..self.length]
    }

    /// What follows it.
    #[must_use]
    pub fn tail(&self) -> &'static [u8] {
        &[0; 3][..self.padding]
    }
}
