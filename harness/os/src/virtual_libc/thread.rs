//! The virtual state of one thread: clock, entropy stream, counters.
//!
//! Const-initialised thread-local cells without destructors: reading them never allocates, never registers anything and works in signal handlers, after fork and
//! during thread exit.

use std::cell::Cell;

use super::MONOTONIC_BASE_NS;

/// Tells the virtual time in nanoseconds since `enter`, if it knows.
pub type ClockHook = fn() -> Option<u64>;

/// What a thread used between `enter` and `leave`. Counts are calls, not successes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Calls for entropy, through any of the functions.
    pub entropy_calls: u64,
    /// Bytes of entropy handed out.
    pub entropy_bytes: u64,
    /// Reads of a virtual clock.
    pub clock_reads: u64,
    /// Sleeps and timed waits that passed on the thread's clock.
    pub sleeps: u64,
    /// Nanoseconds that passed in them.
    pub slept_ns: u64,
    /// UDP sockets bound to a simulated address.
    pub fake_binds: u64,
    /// Threads started.
    pub threads_started: u64,
}

impl Stats {
    const ZERO: Self =
        Self { entropy_calls: 0, entropy_bytes: 0, clock_reads: 0, sleeps: 0, slept_ns: 0, fake_binds: 0, threads_started: 0 };
}

pub(super) struct Thread {
    active: Cell<bool>,
    /// Increased by `enter` and `leave`, so that what belongs to an earlier stay can be told apart.
    epoch: Cell<u64>,
    entropy: Cell<u64>,
    /// Nanoseconds since `enter`, as the driver set them.
    set: Cell<u64>,
    /// The lowest value that the next read of the monotonic clock may return.
    floor: Cell<u64>,
    hook: Cell<Option<ClockHook>>,
    in_hook: Cell<bool>,
    deadlock: Cell<Option<fn() -> !>>,
    stats: Cell<Stats>,
}

thread_local! {
    pub(super) static THREAD: Thread = const {
        assert!(!std::mem::needs_drop::<Thread>());
        Thread {
            active: Cell::new(false),
            epoch: Cell::new(0),
            entropy: Cell::new(0),
            set: Cell::new(0),
            floor: Cell::new(0),
            hook: Cell::new(None),
            in_hook: Cell::new(false),
            deadlock: Cell::new(None),
            stats: Cell::new(Stats::ZERO),
        }
    };
}

impl Thread {
    pub(super) fn enter(&self, seed: u64) {
        self.epoch.set(self.epoch.get() + 1);
        self.entropy.set(mix(seed ^ 0x6e61_7470_726f_6f66));
        self.set.set(0);
        self.floor.set(MONOTONIC_BASE_NS);
        self.hook.set(None);
        self.in_hook.set(false);
        self.stats.set(Stats::ZERO);
        self.active.set(true);
    }

    pub(super) fn leave(&self) -> Stats {
        self.active.set(false);
        self.hook.set(None);
        self.epoch.set(self.epoch.get() + 1);
        self.stats.get()
    }

    pub(super) fn active(&self) -> bool {
        self.active.get()
    }

    pub(super) fn set_now(&self, ns: u64) {
        self.set.set(self.set.get().max(ns));
    }

    pub(super) fn set_hook(&self, hook: Option<ClockHook>) {
        self.hook.set(hook);
    }

    pub(super) fn set_deadlock_handler(&self, handler: fn() -> !) {
        self.deadlock.set(Some(handler));
    }

    pub(super) fn driver_now(&self) -> u64 {
        if let Some(hook) = self.hook.get().filter(|_| !self.in_hook.get()) {
            self.in_hook.set(true);
            let told = hook();
            self.in_hook.set(false);
            if let Some(ns) = told {
                self.set_now(ns);
            }
        }
        self.set.get()
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats.get()
    }
}

/// What the interposed functions ask.
#[cfg(interposed)]
impl Thread {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.get()
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Stats)) {
        let mut stats = self.stats.get();
        change(&mut stats);
        self.stats.set(stats);
    }

    /// Reads the monotonic clock, in nanoseconds. Each read is later than all before.
    pub(super) fn read_clock(&self) -> u64 {
        self.count(|s| s.clock_reads += 1);
        let ns = self.floor_now();
        self.floor.set(ns + 1);
        ns
    }

    /// Lets time pass on this thread's clock until the monotonic clock shows `until`, as a wait would have done.
    pub(super) fn pass_until(&self, until: u64) {
        let ns = self.floor_now();
        self.count(|s| {
            s.sleeps += 1;
            s.slept_ns = s.slept_ns.saturating_add(until.saturating_sub(ns));
        });
        self.floor.set(ns.max(until));
    }

    /// What the next read will show.
    pub(super) fn floor_now(&self) -> u64 {
        self.floor.get().max(MONOTONIC_BASE_NS.saturating_add(self.driver_now()))
    }

    /// The next eight bytes of the entropy stream (splitmix64).
    pub(super) fn next_entropy(&self) -> u64 {
        let state = self.entropy.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.entropy.set(state);
        mix(state)
    }

    pub(super) fn deadlock_handler(&self) -> Option<fn() -> !> {
        self.deadlock.get()
    }
}

/// The finaliser of splitmix64: every input bit changes about half of the output bits.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
