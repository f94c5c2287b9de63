//! What a run needs of its own process: fixed addresses, many descriptors, CPU time, the terminal's size.
//!
//! Whether a stream is a terminal is `std::io::IsTerminal`'s to tell.

use std::io;
use std::path::Path;

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use nix::sys::time::TimeValLike;

/// Whether the addresses of this process differ from run to run. Code that hashes pointers is only repeatable when they do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aslr {
    /// Addresses are the same in every run.
    Off,
    /// The system does not let us turn randomisation off (seccomp profiles of containers do this), with its reason.
    NotPermitted(String),
    /// Addresses are random: there is no way to ask on this system.
    On,
}

/// Set in the environment of the re-executed process, so that it does not try again.
#[cfg(target_os = "linux")]
const ALREADY_TRIED: &str = "NATPROOF_ASLR_TRIED";

/// Turns address randomisation off by executing this program again with the same arguments. Returns only where that is not needed or not possible.
///
/// To be called first in `main`: open files without CLOEXEC survive, everything else starts anew. Child processes inherit the setting.
#[cfg(target_os = "linux")]
#[must_use]
pub fn disable_aslr_and_reexec() -> Aslr {
    use nix::sys::personality::{self, Persona};
    use std::os::unix::process::CommandExt;

    let refused = |what: &str, e: &dyn std::fmt::Display| Aslr::NotPermitted(format!("{what}: {e}"));
    let persona = match personality::get() {
        Ok(persona) => persona,
        Err(e) => return refused("personality", &e),
    };
    let tried = std::env::var_os(ALREADY_TRIED).is_some();
    if persona.contains(Persona::ADDR_NO_RANDOMIZE) {
        return Aslr::Off;
    }
    if tried {
        return Aslr::NotPermitted("the setting did not survive execution".into());
    }
    if let Err(e) = personality::set(persona | Persona::ADDR_NO_RANDOMIZE) {
        return refused("personality", &e);
    }
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(e) => return refused("own path", &e),
    };
    let mut arguments = std::env::args_os();
    let mut command = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        command.arg0(name);
    }
    let error = command.args(arguments).env(ALREADY_TRIED, "1").exec();
    // Still here: what runs on has random addresses, so its children should say so too.
    let _ = personality::set(persona);
    refused("execution", &error)
}

/// There is no setting for it on this system.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn disable_aslr_and_reexec() -> Aslr {
    Aslr::On
}

/// Raises the limit of open files to what this process may have at most, and returns it.
///
/// # Errors
/// When the limit can be neither read nor set.
pub fn raise_nofile() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(hard)
}

/// Lets the process end quietly when the reader of its output goes away, as `natproof ... | head` does.
pub fn end_on_broken_pipe() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: the default action replaces Rust's ignoring; no handler of ours runs.
    let outcome = unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) };
    // SIGPIPE is a signal that may be handled, so the call cannot be refused.
    assert!(outcome.is_ok(), "the default action of a signal is always allowed");
}

/// CPU seconds, user and system, of this process and of its children that have ended.
#[must_use]
pub fn cpu_seconds() -> f64 {
    let of = |who| getrusage(who).map_or(0, |usage| usage.user_time().num_microseconds() + usage.system_time().num_microseconds());
    (of(UsageWho::RUSAGE_SELF) + of(UsageWho::RUSAGE_CHILDREN)) as f64 / 1e6
}

/// Gives memory that was freed back to the system, where the allocator can: a process that forks often pays for every page that it has.
pub fn return_free_memory() {
    // SAFETY: takes the allocator's own locks and touches free memory alone.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Exchanges two files in one step, where the file system can; elsewhere `from` replaces `to`, and is gone.
///
/// A rename that replaces a file makes some file systems write the new one to the medium at once; an exchange does not.
///
/// # Errors
/// When neither can be done.
pub fn exchange(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
        if renameat2(AT_FDCWD, from, AT_FDCWD, to, RenameFlags::RENAME_EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    std::fs::rename(from, to)
}

/// Columns and rows of the terminal behind standard error or standard output, whichever is one.
#[must_use]
pub fn terminal_size() -> Option<(u16, u16)> {
    [libc::STDERR_FILENO, libc::STDOUT_FILENO].into_iter().find_map(|descriptor| {
        let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the request writes a `winsize`; a descriptor that is no terminal gives an error.
        let result = unsafe { libc::ioctl(descriptor, libc::TIOCGWINSZ, &raw mut size) };
        (result == 0 && size.ws_col > 0).then_some((size.ws_col, size.ws_row))
    })
}

/// How many threads this process has, where the system tells.
#[must_use]
pub fn thread_count() -> Option<usize> {
    std::fs::read_dir("/proc/self/task").ok().map(Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::exchange;
    use std::fs::{read_to_string, write};

    #[test]
    fn an_exchange_replaces_a_file_and_needs_none() {
        let folder = tempfile::tempdir().expect("the system has room for temporary files");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        write(&from, "first").expect("the folder is ours");
        exchange(&from, &to).expect("a rename");
        assert!(!from.exists());
        write(&from, "second").expect("the folder is ours");
        exchange(&from, &to).expect("an exchange, or a rename");
        assert_eq!(read_to_string(&to).expect("it is there"), "second");
        assert!(!from.exists() || read_to_string(&from).is_ok_and(|old| old == "first"));
    }
}
