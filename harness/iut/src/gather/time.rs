//! Between [`Ns`] and the instants of the STUN and TURN crates.

use crate::Ns;
use stun_proto::Instant;

/// 292 years is enough: later times stand still.
pub(super) fn instant(now: Ns) -> Instant {
    Instant::from_nanos(i64::try_from(now).unwrap_or(i64::MAX))
}

pub(super) fn nanoseconds(time: Instant) -> Ns {
    u64::try_from(time.saturating_duration_since(Instant::from_nanos(0)).as_nanos()).unwrap_or(u64::MAX)
}
