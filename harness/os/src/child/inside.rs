//! The child's side: becomes its own process group with limits and a log, runs the closure, sends what happened, leaves.

use std::fs::File;
use std::io::{self, PipeWriter, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout, getppid, setpgid};

use super::Limits;
use super::frame::{self, Kind};
use crate::{signals, virtual_libc};

/// As much as a main thread has.
const STACK: usize = 8 << 20;
/// The exit code that Rust gives to a panic.
const PANICKED: i32 = 101;

/// The way from a running child to its parent.
#[derive(Debug)]
pub struct Progress(());

impl Progress {
    /// Sends bytes that arrive in the parent as [`super::Event::Progress`], in order. Waits while the pipe is full.
    ///
    /// # Panics
    /// With more than 256 MiB at once.
    pub fn send(&self, bytes: &[u8]) {
        send(Kind::Progress, bytes);
    }
}

/// What a child is given, all of it made before the fork.
pub(super) struct Start<'a> {
    pub(super) parent: Pid,
    pub(super) limits: &'a Limits,
    pub(super) log: File,
    pub(super) nothing: File,
    pub(super) pipe: PipeWriter,
}

static PIPE: OnceLock<Mutex<PipeWriter>> = OnceLock::new();

/// Runs the closure in the fresh child. Signals are still blocked.
pub(super) fn run<F: FnOnce(&Progress) -> Vec<u8> + Send>(start: Start<'_>, job: F) -> ! {
    let Start { parent, limits, log, nothing, pipe } = start;
    let _ = PIPE.set(Mutex::new(pipe));
    if let Err(e) = set_up(parent, limits, &log, &nothing) {
        give_up(&e);
    }
    drop((log, nothing));
    report_panics();
    std::thread::scope(|scope| {
        let started = std::thread::Builder::new().name("case".into()).stack_size(STACK).spawn_scoped(scope, || run_and_leave(job));
        match started {
            // The thread leaves, and the process with it.
            Ok(thread) => match thread.join() {
                Ok(never) => never,
                Err(_) => leave(PANICKED),
            },
            Err(e) => give_up(&e),
        }
    })
}

/// Runs the closure on a thread of its own, whose thread-local generators, hash keys, stack and heap arena owe nothing to what the parent did before the fork.
fn run_and_leave<F: FnOnce(&Progress) -> Vec<u8>>(job: F) -> ! {
    virtual_libc::set_deadlock_handler(report_deadlock);
    match catch_unwind(AssertUnwindSafe(|| job(&Progress(())))) {
        Ok(result) => {
            send(Kind::Result, &result);
            leave(0)
        }
        Err(payload) => {
            // Its destructor may panic again.
            std::mem::forget(payload);
            send(Kind::Unwound, &[]);
            leave(PANICKED)
        }
    }
}

fn give_up(why: &io::Error) -> ! {
    send(Kind::Broken, why.to_string().as_bytes());
    leave(1)
}

fn set_up(parent: Pid, limits: &Limits, log: &File, nothing: &File) -> io::Result<()> {
    die_with(parent)?;
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    signals::reset_in_child();
    dup2_stdin(nothing.as_fd())?;
    dup2_stdout(log.as_fd())?;
    dup2_stderr(log.as_fd())?;
    // A second above the soft limit, for children that ignore its signal.
    let cpu = cpu_seconds(limits);
    limit(Resource::RLIMIT_CPU, cpu, cpu + 1)?;
    if let Some(bytes) = limits.address_space {
        limit(Resource::RLIMIT_AS, bytes, bytes)?;
    }
    limit(Resource::RLIMIT_CORE, 0, 0)?;
    limit(Resource::RLIMIT_NOFILE, limits.open_files, limits.open_files)?;
    limit(Resource::RLIMIT_FSIZE, limits.file_size, limits.file_size)
}

/// The CPU limit in the unit of the kernel.
pub(super) fn cpu_seconds(limits: &Limits) -> u64 {
    limits.cpu.as_secs_f64().ceil().max(1.0) as u64
}

/// Sets a limit, or leaves the tighter one that is already in force.
fn limit(resource: Resource, soft: rlim_t, hard: rlim_t) -> io::Result<()> {
    let (_, allowed) = getrlimit(resource)?;
    Ok(setrlimit(resource, soft.min(allowed), hard.min(allowed))?)
}

/// Has the kernel kill this process when its parent ends.
#[cfg(target_os = "linux")]
fn die_with(parent: Pid) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    // It may have ended before the kernel knew.
    if getppid() == parent { Ok(()) } else { leave(1) }
}

/// There is no such service on this system.
#[cfg(not(target_os = "linux"))]
fn die_with(parent: Pid) -> io::Result<()> {
    if getppid() == parent { Ok(()) } else { leave(1) }
}

/// Sends every panic to the parent at the moment it happens, caught or not, and lets the usual hook write it to the log.
fn report_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        usual(info);
        send(Kind::Panic, describe(info).as_bytes());
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    format!("{location}\n{}", info.payload_as_str().unwrap_or("(a payload that is no text)"))
}

fn report_deadlock() -> ! {
    eprintln!("the only thread of this process waits for something that no one can do");
    send(Kind::Deadlock, &[]);
    leave(1)
}

fn send(kind: Kind, bytes: &[u8]) {
    let Some(pipe) = PIPE.get() else { return };
    let sent = frame::write(&mut *pipe.lock().unwrap_or_else(PoisonError::into_inner), kind, bytes);
    match sent {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => panic!("{e}"),
        // The parent is gone, and with it everybody who could care.
        Err(_) => leave(1),
    }
}

/// Leaves without exit handlers: they belong to libraries that the parent, too, has loaded, and an implementation's could hang.
fn leave(code: i32) -> ! {
    let _ = io::stdout().flush();
    // SAFETY: ends the process; no Rust value is used afterwards.
    unsafe { libc::_exit(code) }
}
