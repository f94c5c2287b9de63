//! DTLS 1.2 and 1.3 as far as it can be read without keys: record headers, the handshake in epoch 0, timers, and what is delivered (RFC 6347, 9147).

mod association;
mod hello;
mod record;
mod replay;
mod timer;

use super::Check;

/// The checks of this area.
pub(super) const CHECKS: &[&[Check]] = &[hello::CHECKS, record::CHECKS, replay::CHECKS, timer::CHECKS];
