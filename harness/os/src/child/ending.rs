//! How a child ended, from what it said, what the kernel says and what its log says.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

use nix::unistd::Pid;

use super::frame::Kind;
use super::{Limits, Outcome, Panic, inside};

/// How many panics of one child are kept.
const MAX_PANICS: usize = 16;

/// What a child has said about itself.
#[derive(Default)]
pub(super) struct Told {
    result: Option<Vec<u8>>,
    pub(super) panics: Vec<Panic>,
    unwound: bool,
    deadlock: bool,
    pub(super) broken: Option<String>,
}

impl Told {
    pub(super) fn take(&mut self, kind: Kind, bytes: Vec<u8>) {
        match kind {
            Kind::Progress => unreachable!("progress goes to the events"),
            Kind::Result => self.result = Some(bytes),
            Kind::Panic => {
                let text = String::from_utf8_lossy(&bytes);
                let (location, message) = text.split_once('\n').unwrap_or(("", &text));
                // The last one is kept in any case: it may be the one that ends the closure.
                self.panics.truncate(MAX_PANICS - 1);
                self.panics.push(Panic { message: message.into(), location: location.into() });
            }
            Kind::Unwound => self.unwound = true,
            Kind::Deadlock => self.deadlock = true,
            Kind::Broken => self.broken = Some(String::from_utf8_lossy(&bytes).into()),
        }
    }
}

/// What the kernel says about a child that has ended.
pub(super) struct Ending {
    status: libc::c_int,
    /// User and system time.
    pub(super) cpu: Duration,
    /// The most bytes that were resident at once.
    pub(super) max_resident: u64,
}

impl Ending {
    /// Reaps a child, waiting for its end.
    pub(super) fn reap(pid: Pid) -> io::Result<Self> {
        let mut status = 0;
        // SAFETY: all-zero is a valid value of this C struct.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        loop {
            // SAFETY: both pointers are valid for writes.
            if unsafe { libc::wait4(pid.as_raw(), &raw mut status, 0, &raw mut usage) } == pid.as_raw() {
                break;
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
        let duration = |t: libc::timeval| Duration::from_secs(t.tv_sec as u64) + Duration::from_micros(t.tv_usec as u64);
        // Kilobytes, except where they are bytes.
        let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
        Ok(Self { status, cpu: duration(usage.ru_utime) + duration(usage.ru_stime), max_resident: usage.ru_maxrss as u64 * unit })
    }

    /// How it ended. `killed` is why the pool killed it, if it did.
    pub(super) fn outcome(&self, told: &mut Told, killed: Option<Outcome>, limits: &Limits, log: &Path) -> Outcome {
        if libc::WIFEXITED(self.status) {
            let code = libc::WEXITSTATUS(self.status);
            return match told {
                Told { result: Some(result), .. } if code == 0 => Outcome::Done(std::mem::take(result)),
                Told { broken: Some(why), .. } => Outcome::Broken(why.clone()),
                Told { deadlock: true, .. } => Outcome::Deadlock,
                Told { unwound: true, panics, .. } if let Some(panic) = panics.last() => Outcome::Panicked(panic.clone()),
                _ => Outcome::Exited { code },
            };
        }
        match libc::WTERMSIG(self.status) {
            libc::SIGKILL if let Some(why) = killed => why,
            libc::SIGXCPU => Outcome::CpuLimit,
            // The hard limit, one second above.
            libc::SIGKILL if self.cpu.as_secs() >= inside::cpu_seconds(limits) => Outcome::CpuLimit,
            libc::SIGXFSZ => Outcome::FileLimit,
            // The backtrace, starved of memory as well, may turn the abort into another signal.
            _ if limits.address_space.is_some() && log_tells_of_failed_allocation(log) => Outcome::MemoryLimit,
            signal => Outcome::Crashed { signal },
        }
    }
}

/// Whether the log says that an allocation failed for good: Rust writes this, perhaps a backtrace, and aborts. Requests that may fail are not announced.
fn log_tells_of_failed_allocation(log: &Path) -> bool {
    const TAIL: u64 = 1 << 20;
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        file.take(TAIL).read_to_end(&mut bytes)
    });
    let text = String::from_utf8_lossy(&bytes);
    read.is_ok() && text.lines().any(|line| line.contains("memory allocation of ") && line.contains(" bytes failed"))
}
