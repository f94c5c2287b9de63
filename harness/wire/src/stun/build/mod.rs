//! Builders: [`WellformedBuilder`] writes what `stun_codec` takes, [`RawBuilder`] writes any bytes.

mod raw;
mod wellformed;

pub use super::codec::CodecError;
pub use raw::RawBuilder;
pub use wellformed::WellformedBuilder;
