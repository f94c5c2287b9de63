//! Builders: [`raw`] writes any bytes.

pub mod raw;

pub use raw::RawBuilder;
