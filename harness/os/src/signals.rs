//! SIGINT, SIGTERM, SIGCHLD and SIGWINCH as events of a single-threaded loop, through a self-pipe.
//!
//! The first SIGINT or SIGTERM is an event: the run ends early and writes what it has. The second one is hard: every child is killed and the process leaves at
//! once with the exit code given at installation. A signal that was ignored when the process started (nohup, shell background jobs) stays ignored.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal as Sig, sigaction};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// SIGINT: somebody pressed Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGWINCH: the terminal has another size.
    WindowChanged,
}

/// Proof that the handlers are installed.
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    pipe: &'static SelfPipe,
}

#[derive(Debug)]
struct SelfPipe {
    reader: PipeReader,
    writer: PipeWriter,
}

/// How many process groups can be registered to be killed by the second SIGINT, hence how many children a pool can run.
pub(crate) const MAX_GROUPS: usize = 256;

const HANDLED: [Sig; 4] = [Sig::SIGINT, Sig::SIGTERM, Sig::SIGCHLD, Sig::SIGWINCH];
const INTERRUPT: u32 = 1;
const TERMINATE: u32 = 2;
const CHILD: u32 = 4;
const WINDOW: u32 = 8;

static PIPE: OnceLock<SelfPipe> = OnceLock::new();
/// What the handler reads: `OnceLock` may block, an atomic cannot.
static WRITE_END: AtomicI32 = AtomicI32::new(-1);
static PENDING: AtomicU32 = AtomicU32::new(0);
static STOPS: AtomicU32 = AtomicU32::new(0);
static HARD_EXIT: AtomicI32 = AtomicI32::new(0);
static GROUPS: [AtomicI32; MAX_GROUPS] = [const { AtomicI32::new(0) }; MAX_GROUPS];

impl Signals {
    /// Installs the handlers, once per process; a second call only changes `hard_exit`, the exit code after the second SIGINT or SIGTERM.
    ///
    /// # Errors
    /// When no pipe can be made or a handler cannot be installed.
    pub fn install(hard_exit: u8) -> io::Result<Self> {
        HARD_EXIT.store(hard_exit.into(), Ordering::Relaxed);
        if let Some(pipe) = PIPE.get() {
            return Ok(Self { pipe });
        }
        let (reader, writer) = io::pipe()?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let pipe = PIPE.get_or_init(|| SelfPipe { reader, writer });
        WRITE_END.store(pipe.writer.as_raw_fd(), Ordering::Relaxed);
        for signal in HANDLED {
            install_handler(signal)?;
        }
        Ok(Self { pipe })
    }

    /// Whether SIGINT or SIGTERM has arrived since the start of the process.
    #[must_use]
    pub fn stop_requested(&self) -> bool {
        STOPS.load(Ordering::Relaxed) > 0
    }

    /// Becomes readable when a signal has arrived.
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.pipe.reader.as_fd()
    }

    /// Takes what has arrived since the last call, and whether a child may have ended.
    pub(crate) fn take(&self) -> (Vec<Signal>, bool) {
        let mut discarded = [0; 64];
        // Emptied before the bits are taken: a signal in between leaves a byte behind, so that the next poll returns at once.
        while nix::unistd::read(&self.pipe.reader, &mut discarded).is_ok_and(|n| n > 0) {}
        let bits = PENDING.swap(0, Ordering::Relaxed);
        let known = [(INTERRUPT, Signal::Interrupt), (TERMINATE, Signal::Terminate), (WINDOW, Signal::WindowChanged)];
        (known.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, signal)| signal).collect(), bits & CHILD != 0)
    }
}

/// Has the second SIGINT kill process group `group`. The number identifies the entry for [`forget_group`]; `None` when the table is full.
pub(crate) fn register_group(group: i32) -> Option<usize> {
    GROUPS.iter().position(|slot| slot.compare_exchange(0, group, Ordering::Relaxed, Ordering::Relaxed).is_ok())
}

/// Undoes [`register_group`].
pub(crate) fn forget_group(entry: usize) {
    GROUPS[entry].store(0, Ordering::Relaxed);
}

/// Gives a forked child the signal dispositions of a fresh process, with nothing blocked, and cuts it off from its parent's self-pipe.
pub(crate) fn reset_in_child() {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in HANDLED {
        // SAFETY: the default action runs no code of ours. It cannot fail for these signals.
        let _ = unsafe { sigaction(signal, &default) };
    }
    WRITE_END.store(-1, Ordering::Relaxed);
    for slot in &GROUPS {
        slot.store(0, Ordering::Relaxed);
    }
    let _ = SigSet::empty().thread_set_mask();
}

fn install_handler(signal: Sig) -> io::Result<()> {
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler only uses atomics and functions that are safe in signal handlers.
    let before = unsafe { sigaction(signal, &action) }?;
    // Ignoring the end of children is no wish of whoever started us, and we would never hear of any.
    if signal != Sig::SIGCHLD && matches!(before.handler(), SigHandler::SigIgn) {
        // SAFETY: restores what was there.
        unsafe { sigaction(signal, &before) }?;
    }
    Ok(())
}

extern "C" fn on_signal(number: libc::c_int) {
    let bit = match number {
        libc::SIGINT => INTERRUPT,
        libc::SIGTERM => TERMINATE,
        libc::SIGCHLD => CHILD,
        _ => WINDOW,
    };
    if bit & (INTERRUPT | TERMINATE) != 0 && STOPS.fetch_add(1, Ordering::Relaxed) > 0 {
        leave_at_once();
    }
    PENDING.fetch_or(bit, Ordering::Relaxed);
    let saved = nix::errno::Errno::last();
    // SAFETY: async-signal-safe; one byte from a live buffer. A full pipe is fine: it is readable already.
    unsafe { libc::write(WRITE_END.load(Ordering::Relaxed), [0u8].as_ptr().cast(), 1) };
    saved.set();
}

fn leave_at_once() -> ! {
    for group in GROUPS.iter().map(|slot| slot.load(Ordering::Relaxed)).filter(|group| *group > 0) {
        // SAFETY: async-signal-safe, no memory involved.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    // SAFETY: async-signal-safe; ends the process.
    unsafe { libc::_exit(HARD_EXIT.load(Ordering::Relaxed)) }
}
