//! STUN and TURN messages (RFC 8489, 8656, 8445, 5780, 6062; RFC 3489 where it differs).
//!
//! [`Message`] is the view; [`Attribute`] a decoded attribute; [`Key`] what digests are made and verified with; [`build`] the builders.

mod accessors;
mod address;
mod attribute;
pub mod build;
mod codec;
mod credential;
pub(crate) mod describe;
mod encode;
mod integrity;
mod names;
mod nonce;
pub mod oracle;
mod view;

pub use attribute::{AddressFamily, Attribute, ErrorCode, Icmp, PasswordAlgorithm, RawAttribute};
pub use credential::{Credential, Key, PasswordHash, userhash};
pub use integrity::{Digest, Integrity};
pub use names::{AttributeType, Method, error_reason};
pub use nonce::SecurityFeatures;
pub use view::{Attributes, Message};

use std::fmt;

/// The magic cookie: RFC 8489, section 5.
pub const MAGIC_COOKIE: u32 = 0x2112_A442;
/// Length of the header in bytes: RFC 8489, section 5.
pub const HEADER_LENGTH: usize = 20;
/// What the CRC-32 of FINGERPRINT is combined with: RFC 8489, section 14.7.
pub const FINGERPRINT_XOR: u32 = 0x5354_554E;

/// Class of a message (RFC 8489, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Asks for a response.
    Request,
    /// Asks for nothing.
    Indication,
    /// The request was carried out.
    SuccessResponse,
    /// The request was refused.
    ErrorResponse,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Indication => "indication",
            Self::SuccessResponse => "success response",
            Self::ErrorResponse => "error response",
        })
    }
}

/// Transaction id: 96 bits (RFC 8489, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TransactionId(pub [u8; 12]);

impl fmt::Display for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Puts class and method together into the 14 bits of the message type (RFC 8489, figure 3; erratum 8900 on the masks).
pub fn message_type(class: Class, method: Method) -> u16 {
    let method = method.0;
    let class: u16 = match class {
        Class::Request => 0x0000,
        Class::Indication => 0x0010,
        Class::SuccessResponse => 0x0100,
        Class::ErrorResponse => 0x0110,
    };
    (method & 0x0F80) << 2 | (method & 0x0070) << 1 | (method & 0x000F) | class
}

/// Takes class and method out of a message type, whose two leading bits are ignored.
pub fn split_message_type(message_type: u16) -> (Class, Method) {
    let class = match message_type & 0x0110 {
        0x0000 => Class::Request,
        0x0010 => Class::Indication,
        0x0100 => Class::SuccessResponse,
        _ => Class::ErrorResponse,
    };
    let method = (message_type >> 2) & 0x0F80 | (message_type >> 1) & 0x0070 | message_type & 0x000F;
    (class, Method(method))
}
