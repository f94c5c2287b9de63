//! Views over any bytes, and builders that can also build wrong messages: STUN, TURN, ChannelData, DTLS, SCTP.
//!
//! A *view* borrows a datagram and never fails as a whole because of one bad field: it gives what can be read and a list of
//! [`Malformed`] that says what is wrong and at which offset. A check therefore judges a broken message by its bytes instead of by the
//! opinion of a codec. The strict constructors (`parse`) refuse everything that has a defect.
//!
//! STUN messages are built in two ways. [`stun::build::WellformedBuilder`] stands on `stun_codec`, an independent code base, and refuses what that
//! refuses; [`stun::build::RawBuilder`] writes any bytes: wrong lengths, cookies, padding, digests over the wrong key. Tests hold the two
//! against each other, so that a mistake in our reading of an attribute is found by someone else's.
//!
//! [`describe()`] sums up any datagram in one line, for ladders and packet comments.
//!
//! Deliberately absent: transactions, retransmission, time and sockets (actors own these), decryption, and string preparation of
//! credentials (callers pass what OpaqueString or SASLprep made of them).
//!
//! No function panics on any input and no allocation follows a length field: every list is bounded by the bytes at hand.
#![forbid(unsafe_code)]

#[macro_use]
mod registry;
pub mod channel_data;
mod defect;
pub mod demux;
mod describe;
pub mod dtls;
mod reader;
pub mod rtp;
pub mod sctp;
pub mod stun;

pub use defect::{Malformed, Reason};
pub use describe::describe;

/// Bytes that fill `length` up to a multiple of four.
pub(crate) fn padding_length(length: usize) -> usize {
    (4 - length % 4) % 4
}
