//! ICE agents: what they signal (RFC 8839).

mod description;

pub(super) use description::Description;
