//! DTLS records and what can be read of them without keys (RFC 6347, 9147, 9146).
//!
//! [`records`] walks the records of a datagram in the header form of 1.2, with a connection id where the caller knows its length, and in the
//! unified form of 1.3. Handshake messages are read from plaintext records only, that is epoch 0. [`build`] writes records and handshake
//! fragments, right or wrong.
//!
//! Deliberately absent: decryption, reassembly across datagrams, replay windows.

pub mod build;
pub(crate) mod describe;
mod handshake;
mod hello;
mod names;
mod record;

pub use handshake::{Alert, Fragments, HandshakeFragment};
pub use hello::{ClientHello, Extension, HelloVerifyRequest, ServerHello, UseSrtp};
pub use names::{AlertDescription, ContentType, ExtensionType, HandshakeType, SrtpProfile, Version};
pub use record::{FullHeader, Header, Record, Records, UnifiedHeader, records};
