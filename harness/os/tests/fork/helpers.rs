//! The runner of the fork tests, and processes to try things on.

use std::io::{BufRead, BufReader, Read};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(crate) type Case = (&'static str, fn());
pub(crate) type Role = (&'static str, fn());

/// Names the role of a process started by [`Helper::start`].
const ROLE: &str = "OS_FORK_TEST_ROLE";
/// Where its log goes.
const DIRECTORY: &str = "OS_FORK_TEST_DIRECTORY";

static SKIPPED: AtomicBool = AtomicBool::new(false);

/// Runs the cases, or the role that the environment names.
pub(crate) fn main(cases: &[&[Case]], roles: &[Role]) -> ExitCode {
    let cases: Vec<&Case> = cases.iter().copied().flatten().collect();
    if let Ok(role) = std::env::var(ROLE) {
        let (_, run) = roles.iter().find(|(name, _)| *name == role).expect("a known role");
        run();
        return ExitCode::SUCCESS;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|a| a == "--list") {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    // libtest's options come with or without a value; only `--exact` matters here.
    let exact = arguments.iter().any(|a| a == "--exact");
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let chosen =
        |name: &str| filters.is_empty() || filters.iter().any(|f| if exact { name == f.as_str() } else { name.contains(f.as_str()) });
    let scratch = tempfile::tempdir().expect("a temporary directory");
    // SAFETY: this process has one thread.
    unsafe { std::env::set_var(DIRECTORY, scratch.path()) };
    // Started in the background of a shell, a process ignores interrupts, and so would the helpers that the cases interrupt.
    // SAFETY: the default action is no handler that could do anything wrong.
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, case) in cases.iter().filter(|(name, _)| chosen(name)) {
        SKIPPED.store(false, Ordering::Relaxed);
        let count = match catch_unwind(case) {
            Ok(()) if SKIPPED.load(Ordering::Relaxed) => &mut skipped,
            Ok(()) => {
                println!("test {name} ... ok");
                &mut passed
            }
            Err(_) => {
                println!("test {name} ... FAILED");
                &mut failed
            }
        };
        *count += 1;
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Says that the case under way cannot run in this build.
pub(crate) fn skip(why: &str) {
    SKIPPED.store(true, Ordering::Relaxed);
    println!("skipped: {why}");
}

pub(crate) fn directory() -> PathBuf {
    std::env::var_os(DIRECTORY).expect("set at start").into()
}

pub(crate) fn open_descriptors() -> usize {
    // The directory being read is one of them, each time.
    std::fs::read_dir("/proc/self/fd").expect("Linux").count()
}

/// Fails unless the process is gone, or a zombie, within a minute.
pub(crate) fn assert_dies(pid: u32) {
    assert_comes_true(&format!("process {pid} dies"), || match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')),
        Err(_) => true,
    });
}

/// A joined thread leaves the list of tasks a little later.
pub(crate) fn wait_for_single_thread() {
    assert_comes_true("the other threads leave", || os::process::thread_count() == Some(1));
}

fn assert_comes_true(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..6000 {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not within a minute: {what}");
}

/// This program in another role.
pub(crate) struct Helper {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    pub(crate) fn start(role: &str) -> Self {
        Self::spawn(Command::new(Self::program()).env(ROLE, role))
    }

    pub(crate) fn start_with(role: &str, variable: &str, value: &str) -> Self {
        Self::spawn(Command::new(Self::program()).env(ROLE, role).env(variable, value))
    }

    pub(crate) fn start_ignoring_interrupts(role: &str) -> Self {
        Self::spawn(Command::new("sh").args(["-c", "trap '' INT; exec \"$0\""]).arg(Self::program()).env(ROLE, role))
    }

    fn program() -> PathBuf {
        std::env::current_exe().expect("a path")
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, output }
    }

    pub(crate) fn read_pids(&mut self, count: usize) -> Vec<u32> {
        (0..count)
            .map(|_| {
                let mut line = String::new();
                self.output.read_line(&mut line).expect("reads");
                line.trim().parse().expect("a number")
            })
            .collect()
    }

    pub(crate) fn rest(&mut self) -> String {
        let mut text = String::new();
        self.output.read_to_string(&mut text).expect("reads");
        text
    }

    pub(crate) fn signal(&self, signal: i32) {
        let signal = nix::sys::signal::Signal::try_from(signal).expect("a signal");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id() as i32), signal).expect("alive");
    }

    pub(crate) fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().expect("waits").code()
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
