//! One forked child per case: whatever an implementation does to its process ends that case and nothing else.
//!
//! A [`Pool`] forks from a single-threaded parent, so a child may allocate, lock and start threads like any process. The child gets its own process group, limits,
//! a log file as standard output and error, and runs one closure on a fresh thread: what the parent's thread has drawn for its hash keys and generators must not reach
//! the case. Bytes come back over a pipe: any number of progress frames, then the result. It leaves by `_exit`,
//! so no exit handler of a library runs. The parent waits in one `poll` for all pipes and signals:
//!
//! ```no_run
//! use os::child::{Event, Limits, Pool};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let signals = os::signals::Signals::install(3)?;
//! let mut pool = Pool::new(2, Limits::default(), signals)?;
//! let mut cases = (0..100u32).fuse();
//! loop {
//!     while pool.has_room() && let Some(case) = cases.next() {
//!         pool.spawn(case, "/tmp/log.txt".as_ref(), move |_progress| case.to_le_bytes().to_vec())?;
//!     }
//!     match pool.wait(None)? {
//!         Event::Finished(done) => println!("{} {:?}", done.key, done.outcome),
//!         Event::Signal(_) => pool.cancel(),
//!         Event::Idle => break,
//!         _ => {}
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # How an end is told
//!
//! CPU time decides endless loops ([`Outcome::CpuLimit`]) and the address space decides memory balloons ([`Outcome::MemoryLimit`]): both are the implementation's
//! doing and independent of the load of the machine. The wall-clock backstop is there for what these cannot see, and means a fault of the harness.
//!
//! # Nothing is left behind
//!
//! When a child ends, its process group is killed before it is reaped, so what it started dies too. When the parent dies, however it dies, the kernel kills the
//! children (Linux). Processes that a child has started survive a SIGKILL of the parent only if they ignore the end of their pipes: the kernel's signal reaches one
//! generation.

mod ending;
mod frame;
mod inside;
mod pool;

use std::path::PathBuf;
use std::time::Duration;

pub use inside::Progress;
pub use pool::Pool;

/// What a child may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CPU time, rounded up to whole seconds, at least one.
    pub cpu: Duration,
    /// Virtual address space in bytes, `None` for no limit. It includes what the parent has mapped at the time of the fork, and reservations such as thread stacks
    /// and malloc arenas (64 MiB per thread): not less than 1 GiB makes sense.
    pub address_space: Option<u64>,
    /// Open files.
    pub open_files: u64,
    /// Size in bytes to which any one file may grow, logs and captures alike.
    pub file_size: u64,
    /// Wall-clock time after which the child is killed as a fault of the harness. Suspended machines do not count.
    pub wall: Duration,
}

impl Default for Limits {
    /// 20 CPU seconds, 4 GiB, 1024 files, files of 1 GiB, five minutes.
    fn default() -> Self {
        Self {
            cpu: Duration::from_secs(20),
            address_space: Some(4 << 30),
            open_files: 1024,
            file_size: 1 << 30,
            wall: Duration::from_secs(300),
        }
    }
}

/// How a child ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The closure returned these bytes.
    Done(Vec<u8>),
    /// The closure panicked.
    Panicked(Panic),
    /// A signal killed it: abort, segmentation fault, the system's out-of-memory killer ...
    Crashed {
        /// The signal's number.
        signal: i32,
    },
    /// It left by itself without a result.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// It used up its CPU time.
    CpuLimit,
    /// An allocation failed under the address space limit.
    MemoryLimit,
    /// A file grew beyond its limit.
    FileLimit,
    /// Its only thread started a wait that nothing could end. Noticed on threads that are active in [`crate::virtual_libc`].
    Deadlock,
    /// It was alive when its wall-clock time was over. A fault of the harness.
    WallBackstop,
    /// It could not be set up, or what came through its pipe were not frames. A fault of the harness, unless the implementation wrote to descriptors at random.
    Broken(String),
    /// [`Pool::cancel`] killed it.
    Cancelled,
}

/// A panic, whether or not somebody caught it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// What it said.
    pub message: String,
    /// Source file, line and column.
    pub location: String,
}

/// A child that has ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Finished<K> {
    /// What it was spawned with.
    pub key: K,
    /// How it ended.
    pub outcome: Outcome,
    /// All panics in the child, at most 16. More than the outcome tells: asynchronous runtimes catch the panics of tasks, and the run goes on without them.
    pub panics: Vec<Panic>,
    /// CPU time, user and system, of the child and of what it waited for.
    pub cpu: Duration,
    /// From the fork to the end.
    pub wall: Duration,
    /// The most memory that was resident at once, in bytes.
    pub max_resident: u64,
}

/// What a pool reports.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<K> {
    /// A child sent progress.
    Progress {
        /// What it was spawned with.
        key: K,
        /// What it passed to [`Progress::send`].
        bytes: Vec<u8>,
    },
    /// A child has ended.
    Finished(Finished<K>),
    /// A signal arrived.
    Signal(crate::signals::Signal),
    /// The time given to [`Pool::wait`] has passed.
    Timeout,
    /// No child is running and all events were taken.
    Idle,
}

/// Why a child could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// As many children as allowed are running.
    #[error("all {0} jobs are taken")]
    Full(usize),
    /// Forking a process with several threads leaves the child with locks that nobody will release.
    #[error("the process has {0} threads, forking needs exactly one")]
    Threads(usize),
    /// The log file could not be made.
    #[error("cannot write {}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The system gave no pipe or no process.
    #[error("cannot start a process")]
    System(#[from] std::io::Error),
}
