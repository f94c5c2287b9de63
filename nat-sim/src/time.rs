//! Virtual time: nanoseconds since the network was built. Nothing in this crate reads a clock.

/// Virtual time or a span of it, in nanoseconds since [`Net`](crate::Net) was built (584 years fit).
pub type Ns = u64;

/// One microsecond.
pub const US: Ns = 1_000;
/// One millisecond.
pub const MS: Ns = 1_000_000;
/// One second.
pub const SEC: Ns = 1_000_000_000;
