//! The parent's side: forks, waits in one `poll`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal as Sig, killpg, sigprocmask};
use nix::unistd::{ForkResult, Pid, fork, getpid, setpgid};

use super::ending::{Ending, Told};
use super::frame::{Decoder, Kind};
use super::inside::{self, Progress, Start};
use super::{Event, Finished, Limits, Outcome, SpawnError};
use crate::process::thread_count;
use crate::signals::{self, MAX_GROUPS, Signals};

/// How much of a child's pipe is read before the others get their turn.
const READ_AT_ONCE: usize = 1 << 20;

/// Children that run at the same time, and the loop that waits for them.
///
/// `K` names a child in events. Dropping the pool kills what still runs.
pub struct Pool<K> {
    limits: Limits,
    jobs: usize,
    signals: Signals,
    children: Vec<Child<K>>,
    events: VecDeque<Event<K>>,
}

struct Child<K> {
    key: K,
    pid: Pid,
    group: Option<usize>,
    /// `None` after its end was reached.
    pipe: Option<PipeReader>,
    frames: Decoder,
    told: Told,
    killed: Option<Outcome>,
    log: PathBuf,
    started: Instant,
}

impl<K: Clone> Pool<K> {
    /// A pool of at most `jobs` children at a time, 1 to 256.
    ///
    /// # Errors
    /// When `jobs` is out of range.
    pub fn new(jobs: usize, limits: Limits, signals: Signals) -> io::Result<Self> {
        if !(1..=MAX_GROUPS).contains(&jobs) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{jobs} jobs; 1 to {MAX_GROUPS} are possible")));
        }
        Ok(Self { limits, jobs, signals, children: Vec::new(), events: VecDeque::new() })
    }

    /// Whether another child may be spawned now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.children.len() < self.jobs
    }

    /// The children that run.
    pub fn running(&self) -> impl Iterator<Item = &K> {
        self.children.iter().map(|c| &c.key)
    }

    /// Forks a child that runs `job` and sends back what it returns. Its standard output and error go to `log`, which is made anew; its standard input is empty.
    ///
    /// # Errors
    /// See [`SpawnError`]. Nothing was started then, though the log may exist.
    pub fn spawn<F>(&mut self, key: K, log: &Path, job: F) -> Result<(), SpawnError>
    where
        F: FnOnce(&Progress) -> Vec<u8> + Send,
    {
        if !self.has_room() {
            return Err(SpawnError::Full(self.jobs));
        }
        if let Some(threads) = thread_count().filter(|n| *n != 1) {
            return Err(SpawnError::Threads(threads));
        }
        let log_file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .open(log)
            .map_err(|source| SpawnError::Log { path: log.into(), source })?;
        let nothing = File::open("/dev/null")?;
        let (reader, writer) = io::pipe()?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).map_err(io::Error::from)?;
        // What is buffered here would be written by the child as well.
        let _ = (io::stdout().flush(), io::stderr().flush());
        let start = Start { parent: getpid(), limits: &self.limits, log: log_file, nothing, pipe: writer };
        let mut reader = Some(reader);
        let pid = fork_with_signals_blocked(|| {
            // The parent's ends of the pipes are not the child's business.
            for sibling in &mut self.children {
                sibling.pipe = None;
            }
            reader = None;
            inside::run(start, job)
        })?;
        // Also done by the child; whoever is first, the group exists when either goes on.
        let _ = setpgid(pid, pid);
        let group = signals::register_group(pid.as_raw());
        self.children.push(Child {
            key,
            pid,
            group,
            pipe: reader,
            frames: Decoder::default(),
            told: Told::default(),
            killed: None,
            log: log.into(),
            started: Instant::now(),
        });
        Ok(())
    }

    /// Waits for the next event, at most for `timeout`.
    ///
    /// # Errors
    /// When the system refuses to poll; the pool is then of no more use.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Event<K>> {
        let until = timeout.map(|t| Instant::now() + t);
        loop {
            self.collect_signals();
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            if self.children.is_empty() {
                return Ok(Event::Idle);
            }
            let now = Instant::now();
            self.kill_overdue(now);
            if until.is_some_and(|until| until <= now) {
                return Ok(Event::Timeout);
            }
            self.poll(until)?;
            for child in &mut self.children {
                child.read(READ_AT_ONCE, &mut self.events);
            }
        }
    }

    /// Kills every child. Each of them still ends in an [`Event::Finished`], as [`Outcome::Cancelled`] unless its result had arrived.
    pub fn cancel(&mut self) {
        for child in &mut self.children {
            child.kill(Outcome::Cancelled);
        }
    }

    fn collect_signals(&mut self) {
        let (arrived, a_child_ended) = self.signals.take();
        self.events.extend(arrived.into_iter().map(Event::Signal));
        if a_child_ended {
            self.reap();
        }
    }

    fn kill_overdue(&mut self, now: Instant) {
        for child in &mut self.children {
            if now.duration_since(child.started) >= self.limits.wall {
                child.kill(Outcome::WallBackstop);
            }
        }
    }

    /// Sleeps until a child or a signal has something to say, a child is overdue or `until` has come.
    fn poll(&self, until: Option<Instant>) -> io::Result<()> {
        let overdue = self.children.iter().filter(|c| c.killed.is_none()).map(|c| c.started + self.limits.wall).min();
        let timeout = match [until, overdue].into_iter().flatten().min() {
            // Rounded up: waking too early would only mean to sleep again.
            Some(at) => {
                let millis = at.saturating_duration_since(Instant::now()).as_nanos().div_ceil(1_000_000);
                PollTimeout::try_from(millis.min(i32::MAX as u128) as i32).unwrap_or(PollTimeout::MAX)
            }
            None => PollTimeout::NONE,
        };
        let pipes = self.children.iter().filter_map(|c| c.pipe.as_ref()).map(AsFd::as_fd);
        let mut descriptors: Vec<PollFd<'_>> =
            std::iter::once(self.signals.descriptor()).chain(pipes).map(|fd: BorrowedFd<'_>| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match poll(&mut descriptors, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    fn reap(&mut self) {
        let mut index = 0;
        while index < self.children.len() {
            if self.children[index].has_ended() {
                let child = self.children.swap_remove(index);
                let finished = child.finish(&self.limits, &mut self.events);
                self.events.push_back(Event::Finished(finished));
            } else {
                index += 1;
            }
        }
    }
}

impl<K> Drop for Pool<K> {
    fn drop(&mut self) {
        for child in &self.children {
            let _ = killpg(child.pid, Sig::SIGKILL);
            let _ = Ending::reap(child.pid);
            child.forget_group();
        }
    }
}

impl<K> Child<K> {
    fn kill(&mut self, why: Outcome) {
        if self.killed.is_none() {
            self.killed = Some(why);
            let _ = killpg(self.pid, Sig::SIGKILL);
        }
    }

    fn forget_group(&self) {
        if let Some(entry) = self.group {
            signals::forget_group(entry);
        }
    }

    /// Whether it is a zombie. It stays one, so that its process group keeps its number.
    fn has_ended(&self) -> bool {
        // SAFETY: all-zero is a valid value of this C struct, and `waitid` may write it.
        let (result, ended) = unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let look = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            let result = libc::waitid(libc::P_PID, self.pid.as_raw() as libc::id_t, &raw mut info, look);
            (result, info.si_pid() != 0)
        };
        // An error means that somebody else has reaped it.
        result != 0 || ended
    }
}

impl<K: Clone> Child<K> {
    /// Reads what is there, up to about `most` bytes.
    fn read(&mut self, most: usize, events: &mut VecDeque<Event<K>>) {
        let mut buffer = [0; 64 << 10];
        let mut read = 0;
        while read < most
            && let Some(pipe) = &mut self.pipe
        {
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(n) => {
                    read += n;
                    self.frames.push(&buffer[..n]);
                    self.take_frames(events);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) => self.give_up_on_pipe(e.to_string()),
            }
        }
    }

    fn take_frames(&mut self, events: &mut VecDeque<Event<K>>) {
        loop {
            match self.frames.next() {
                Ok(None) => return,
                Ok(Some((Kind::Progress, bytes))) => events.push_back(Event::Progress { key: self.key.clone(), bytes }),
                Ok(Some((kind, bytes))) => self.told.take(kind, bytes),
                Err(e) => return self.give_up_on_pipe(e),
            }
        }
    }

    fn give_up_on_pipe(&mut self, why: String) {
        self.pipe = None;
        self.told.broken = Some(why.clone());
        self.kill(Outcome::Broken(why));
    }

    /// Ends its process group, reads what is left in the pipe and tells how it ended.
    fn finish(mut self, limits: &Limits, events: &mut VecDeque<Event<K>>) -> Finished<K> {
        let _ = killpg(self.pid, Sig::SIGKILL);
        self.read(usize::MAX, events);
        let ending = Ending::reap(self.pid);
        self.forget_group();
        let wall = self.started.elapsed();
        let (outcome, cpu, max_resident) = match ending {
            Ok(ending) => (ending.outcome(&mut self.told, self.killed, limits, &self.log), ending.cpu, ending.max_resident),
            Err(e) => (Outcome::Broken(format!("its exit status is lost: {e}")), Duration::ZERO, 0),
        };
        Finished { key: self.key, outcome, panics: self.told.panics, cpu, wall, max_resident }
    }
}

/// Forks; the child runs `child` and never returns. Signals wait until the child has its own dispositions.
fn fork_with_signals_blocked(child: impl FnOnce() -> std::convert::Infallible) -> io::Result<Pid> {
    let mut before = SigSet::empty();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))?;
    // SAFETY: this process has one thread (checked by the caller where the system tells), so no lock is held by a thread that the child lacks.
    let result = unsafe { fork() };
    if let Ok(ForkResult::Child) = result {
        child();
    }
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
    match result? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => unreachable!("the child never returns"),
    }
}
