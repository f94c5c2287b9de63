//! SCTP packets as DTLS carries them (RFC 9260, 8261, 8831), and DCEP (RFC 8832).
//!
//! They are encrypted on the wire, so the view is for plaintext: from an implementation's own events or from a capture with keys.

mod chunk;
pub mod dcep;
mod describe;
mod names;
mod packet;

pub use chunk::{Body, Chunk, Data, ForwardTsn, Init, Parameter, Sack};
pub use describe::describe;
pub use names::{ChunkType, PayloadProtocol};
pub use packet::{Chunks, Packet};
