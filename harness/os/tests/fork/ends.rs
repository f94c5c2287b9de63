//! Children that come to a bad end, each told apart.

use std::time::Duration;

use os::child::{Limits, Outcome};
use os::virtual_libc;

use super::{helpers, log, run, short, sleep_for_ever};

pub(crate) fn an_abort_is_a_crash() {
    assert_eq!(run(Limits::default(), || std::process::abort()).outcome, Outcome::Crashed { signal: libc::SIGABRT });
}

pub(crate) fn a_segmentation_fault_is_a_crash() {
    let finished = run(Limits::default(), || {
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSEGV).expect("raises");
        // Rust's own handler returns once, so that the fault comes again with the default action.
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSEGV).expect("raises");
        Vec::new()
    });
    assert_eq!(finished.outcome, Outcome::Crashed { signal: libc::SIGSEGV });
}

pub(crate) fn a_stack_overflow_is_a_crash() {
    fn deeper(n: u64) -> u64 {
        std::hint::black_box([n; 100])[0] + if n == u64::MAX { 0 } else { deeper(n + 1) }
    }
    assert_eq!(run(Limits::default(), || deeper(0).to_le_bytes().to_vec()).outcome, Outcome::Crashed { signal: libc::SIGABRT });
}

pub(crate) fn an_endless_loop_ends_at_the_cpu_limit() {
    let finished = run(short(), || {
        loop {
            std::hint::spin_loop();
        }
    });
    assert_eq!(finished.outcome, Outcome::CpuLimit);
    assert!(finished.cpu >= Duration::from_millis(900) && finished.cpu < Duration::from_secs(3), "{:?}", finished.cpu);
}

pub(crate) fn a_loop_that_ignores_the_signal_ends_at_the_cpu_limit_too() {
    let finished = run(short(), || {
        // SAFETY: ignoring a signal runs no code.
        unsafe { libc::signal(libc::SIGXCPU, libc::SIG_IGN) };
        loop {
            std::hint::spin_loop();
        }
    });
    assert_eq!(finished.outcome, Outcome::CpuLimit);
}

pub(crate) fn a_memory_balloon_ends_at_the_memory_limit() {
    let finished = run(Limits { address_space: Some(1 << 30), ..Limits::default() }, || {
        let mut kept = Vec::new();
        loop {
            kept.push(vec![1u8; 16 << 20]);
        }
    });
    assert_eq!(finished.outcome, Outcome::MemoryLimit);
    assert!(finished.max_resident < 2 << 30);
}

pub(crate) fn a_refused_allocation_that_is_handled_is_no_error() {
    let finished = run(Limits { address_space: Some(1 << 30), ..Limits::default() }, || {
        assert!(Vec::<u8>::new().try_reserve_exact(2 << 30).is_err());
        vec![1]
    });
    assert_eq!(finished.outcome, Outcome::Done(vec![1]));
}

pub(crate) fn an_endless_log_ends_at_the_file_limit() {
    let finished = run(Limits { file_size: 1 << 20, ..Limits::default() }, || {
        loop {
            println!("again and again and again and again and again and again and again and again");
        }
    });
    assert_eq!(finished.outcome, Outcome::FileLimit);
    assert_eq!(std::fs::metadata(log()).expect("a log").len(), 1 << 20);
}

pub(crate) fn a_child_that_sleeps_for_ever_meets_the_backstop() {
    let finished = run(Limits { wall: Duration::from_millis(200), ..Limits::default() }, sleep_for_ever);
    assert_eq!(finished.outcome, Outcome::WallBackstop);
}

pub(crate) fn a_wait_that_nothing_can_end_is_a_deadlock() {
    if !virtual_libc::supported() {
        return helpers::skip("without feature `interpose`");
    }
    let mutex = std::sync::Mutex::new(());
    let locked_twice = run(Limits { wall: Duration::from_secs(60), ..Limits::default() }, move || {
        virtual_libc::enter(1);
        let _first = mutex.lock();
        let _second = mutex.lock();
        Vec::new()
    });
    assert_eq!(locked_twice.outcome, Outcome::Deadlock);
    let parked = run(Limits { wall: Duration::from_secs(60), ..Limits::default() }, || {
        virtual_libc::enter(1);
        std::thread::park();
        Vec::new()
    });
    assert_eq!(parked.outcome, Outcome::Deadlock);
}

pub(crate) fn a_wait_that_another_thread_ends_is_no_deadlock() {
    if !virtual_libc::supported() {
        return helpers::skip("without feature `interpose`");
    }
    let finished = run(Limits { wall: Duration::from_secs(60), ..Limits::default() }, || {
        virtual_libc::enter(1);
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || sender.send(vec![4]));
        let bytes = receiver.recv().expect("sent");
        thread.join().expect("no panic").expect("received");
        bytes
    });
    assert_eq!(finished.outcome, Outcome::Done(vec![4]));
}
