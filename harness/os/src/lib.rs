//! All unsafe code: per-thread virtual clock and entropy, forked children with limits, signals.
