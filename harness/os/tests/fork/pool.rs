//! What the pool refuses, and how long it waits.

use std::path::Path;
use std::time::Duration;

use os::child::{Event, Limits, Outcome, Pool, SpawnError};
use os::signals::Signals;

use super::{helpers, log, pool, sleep_for_ever, until_finished};

pub(crate) fn a_full_pool_refuses_another_child() {
    let mut pool = pool(1, Limits::default());
    pool.spawn(0, &log(), |_| sleep_for_ever()).expect("spawns");
    assert!(!pool.has_room());
    assert!(matches!(pool.spawn(1, &log(), |_| Vec::new()), Err(SpawnError::Full(1))));
    pool.cancel();
    assert_eq!(until_finished(&mut pool).outcome, Outcome::Cancelled);
    assert!(pool.has_room());
}

pub(crate) fn a_process_with_threads_refuses_to_fork() {
    let mut pool = pool(1, Limits::default());
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || held.recv());
    assert!(matches!(pool.spawn(1, &log(), |_| Vec::new()), Err(SpawnError::Threads(2))));
    drop(hold);
    thread.join().expect("no panic").expect_err("nothing was sent");
    helpers::wait_for_single_thread();
}

pub(crate) fn an_unwritable_log_is_named() {
    let error = pool(1, Limits::default()).spawn(1, Path::new("/nowhere/log.txt"), |_| Vec::new()).expect_err("no such directory");
    assert_eq!(error.to_string(), "cannot write /nowhere/log.txt");
}

pub(crate) fn zero_jobs_are_refused() {
    let error = Pool::<u32>::new(0, Limits::default(), Signals::install(3).expect("a pipe")).err().expect("refused");
    assert_eq!(error.to_string(), "0 jobs; 1 to 256 are possible");
}

pub(crate) fn waiting_ends_at_the_timeout() {
    let mut pool = pool(1, Limits::default());
    pool.spawn(1, &log(), |_| sleep_for_ever()).expect("spawns");
    assert!(matches!(pool.wait(Some(Duration::from_millis(5))), Ok(Event::Timeout)));
    assert!(matches!(pool.wait(Some(Duration::ZERO)), Ok(Event::Timeout)));
}

pub(crate) fn children_do_not_see_the_pipes_of_their_siblings() {
    let mut pool = pool(2, Limits::default());
    pool.spawn(0, &log(), |_| sleep_for_ever()).expect("spawns");
    let before = helpers::open_descriptors();
    pool.spawn(1, &helpers::directory().join("second.txt"), |_| helpers::open_descriptors().to_le_bytes().to_vec()).expect("spawns");
    let Outcome::Done(bytes) = until_finished(&mut pool).outcome else { panic!("no result") };
    // The parent's, without the pipe of the first child, with the write end of its own.
    assert_eq!(usize::from_le_bytes(bytes.try_into().expect("eight bytes")), before);
}
