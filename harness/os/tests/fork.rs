//! Forked children and how they end. Own `main`: forking needs a single-threaded parent, and libtest has threads.
//!
//! Cases run one after the other. An argument is a filter on their names, as with libtest.

mod helpers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use helpers::{Case, Role};
use os::child::{Event, Finished, Limits, Outcome, Pool, SpawnError};
use os::signals::{Signal, Signals};
use os::virtual_libc;

const CASES: &[Case] = &[
    ("the_result_of_the_closure_arrives", the_result_of_the_closure_arrives),
    ("progress_arrives_in_order_before_the_result", progress_arrives_in_order_before_the_result),
    ("a_result_of_five_megabytes_arrives_whole", a_result_of_five_megabytes_arrives_whole),
    ("two_hundred_children_four_at_a_time_give_their_own_results", two_hundred_children_four_at_a_time_give_their_own_results),
    ("a_panic_is_told_with_message_and_location_and_stands_in_the_log", a_panic_is_told_with_message_and_location_and_stands_in_the_log),
    ("a_caught_panic_is_told_beside_the_result", a_caught_panic_is_told_beside_the_result),
    ("an_abort_is_a_crash", an_abort_is_a_crash),
    ("a_segmentation_fault_is_a_crash", a_segmentation_fault_is_a_crash),
    ("a_stack_overflow_is_a_crash", a_stack_overflow_is_a_crash),
    ("leaving_without_a_result_is_told_with_the_code", leaving_without_a_result_is_told_with_the_code),
    ("exit_handlers_do_not_run", exit_handlers_do_not_run),
    ("an_endless_loop_ends_at_the_cpu_limit", an_endless_loop_ends_at_the_cpu_limit),
    ("a_loop_that_ignores_the_signal_ends_at_the_cpu_limit_too", a_loop_that_ignores_the_signal_ends_at_the_cpu_limit_too),
    ("a_memory_balloon_ends_at_the_memory_limit", a_memory_balloon_ends_at_the_memory_limit),
    ("a_refused_allocation_that_is_handled_is_no_error", a_refused_allocation_that_is_handled_is_no_error),
    ("an_endless_log_ends_at_the_file_limit", an_endless_log_ends_at_the_file_limit),
    ("a_child_that_sleeps_for_ever_meets_the_backstop", a_child_that_sleeps_for_ever_meets_the_backstop),
    ("noise_in_the_pipe_is_not_taken_for_a_result", noise_in_the_pipe_is_not_taken_for_a_result),
    ("output_goes_to_the_log_and_input_is_empty", output_goes_to_the_log_and_input_is_empty),
    ("what_a_child_started_dies_with_it", what_a_child_started_dies_with_it),
    ("children_do_not_see_the_pipes_of_their_siblings", children_do_not_see_the_pipes_of_their_siblings),
    ("a_full_pool_refuses_another_child", a_full_pool_refuses_another_child),
    ("a_process_with_threads_refuses_to_fork", a_process_with_threads_refuses_to_fork),
    ("an_unwritable_log_is_named", an_unwritable_log_is_named),
    ("zero_jobs_are_refused", zero_jobs_are_refused),
    ("waiting_ends_at_the_timeout", waiting_ends_at_the_timeout),
    ("dropping_the_pool_kills_what_runs", dropping_the_pool_kills_what_runs),
    ("the_first_interrupt_is_an_event_and_results_so_far_stay", the_first_interrupt_is_an_event_and_results_so_far_stay),
    ("the_second_interrupt_leaves_at_once_and_kills_the_children", the_second_interrupt_leaves_at_once_and_kills_the_children),
    ("children_die_when_the_parent_is_killed", children_die_when_the_parent_is_killed),
    ("address_randomisation_is_off_after_execution_or_said_to_be_on", address_randomisation_is_off_after_execution_or_said_to_be_on),
    ("the_same_seed_gives_the_same_bytes_in_different_children", the_same_seed_gives_the_same_bytes_in_different_children),
    ("what_the_parent_did_before_does_not_change_hash_keys", what_the_parent_did_before_does_not_change_hash_keys),
    (
        "addresses_do_not_depend_on_environment_or_parent_where_randomisation_is_off",
        addresses_do_not_depend_on_environment_or_parent_where_randomisation_is_off,
    ),
    ("an_interrupt_that_was_ignored_at_start_stays_ignored", an_interrupt_that_was_ignored_at_start_stays_ignored),
    ("the_size_of_a_terminal_is_told_and_a_file_has_none", the_size_of_a_terminal_is_told_and_a_file_has_none),
    ("cpu_time_includes_children_that_ended", cpu_time_includes_children_that_ended),
    ("the_limit_of_open_files_can_be_raised_to_the_hard_one", the_limit_of_open_files_can_be_raised_to_the_hard_one),
    ("a_wait_that_nothing_can_end_is_a_deadlock", a_wait_that_nothing_can_end_is_a_deadlock),
    ("a_wait_that_another_thread_ends_is_no_deadlock", a_wait_that_another_thread_ends_is_no_deadlock),
];

/// The same program in another role, for cases that need a process of their own as the parent.
const ROLES: &[Role] = &[("parent-of-sleepers", parent_of_sleepers), ("tell-aslr", tell_aslr), ("tell-addresses", tell_addresses)];

fn main() -> ExitCode {
    helpers::main(CASES, ROLES)
}

fn pool(jobs: usize, limits: Limits) -> Pool<u32> {
    Pool::new(jobs, limits, Signals::install(3).expect("a pipe")).expect("at least one job")
}

fn log() -> PathBuf {
    helpers::directory().join("log.txt")
}

fn short() -> Limits {
    Limits { cpu: Duration::from_secs(1), ..Limits::default() }
}

/// Runs one closure in a child to its end.
fn run(limits: Limits, job: impl FnOnce() -> Vec<u8> + Send) -> Finished<u32> {
    let mut pool = pool(1, limits);
    pool.spawn(7, &log(), |_| job()).expect("spawns");
    let finished = until_finished(&mut pool);
    assert_eq!(finished.key, 7);
    assert!(matches!(pool.wait(None), Ok(Event::Idle)));
    finished
}

fn until_finished(pool: &mut Pool<u32>) -> Finished<u32> {
    loop {
        match pool.wait(None).expect("polls") {
            Event::Finished(finished) => return finished,
            Event::Idle => panic!("nothing runs"),
            _ => {}
        }
    }
}

fn sleep_for_ever() -> Vec<u8> {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

fn the_result_of_the_closure_arrives() {
    let finished = run(Limits::default(), || b"result".to_vec());
    assert_eq!(finished.outcome, Outcome::Done(b"result".to_vec()));
    assert!(finished.panics.is_empty());
    assert!(finished.max_resident > 100_000, "{} bytes", finished.max_resident);
}

fn progress_arrives_in_order_before_the_result() {
    let mut pool = pool(1, Limits::default());
    pool.spawn(1, &log(), |progress| {
        for n in 0..1000u32 {
            progress.send(&n.to_le_bytes());
        }
        progress.send(&[]);
        vec![9]
    })
    .expect("spawns");
    let mut seen = Vec::new();
    let outcome = loop {
        match pool.wait(None).expect("polls") {
            Event::Progress { key: 1, bytes } => seen.push(bytes),
            Event::Finished(finished) => break finished.outcome,
            other => panic!("{other:?}"),
        }
    };
    let wanted: Vec<Vec<u8>> = (0..1000u32).map(|n| n.to_le_bytes().to_vec()).chain([Vec::new()]).collect();
    assert_eq!(seen, wanted);
    assert_eq!(outcome, Outcome::Done(vec![9]));
}

fn a_result_of_five_megabytes_arrives_whole() {
    let bytes: Vec<u8> = (0..5_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert!(run(Limits::default(), || bytes.clone()).outcome == Outcome::Done(bytes));
}

fn two_hundred_children_four_at_a_time_give_their_own_results() {
    let mut pool = pool(4, Limits::default());
    let mut keys = 0..200u32;
    let mut results = std::collections::BTreeMap::new();
    loop {
        while pool.has_room()
            && let Some(key) = keys.next()
        {
            pool.spawn(key, &log(), move |_| vec![key as u8; key as usize * 100]).expect("spawns");
        }
        assert!(pool.running().count() <= 4);
        match pool.wait(None).expect("polls") {
            Event::Finished(f) => assert!(results.insert(f.key, f.outcome).is_none()),
            Event::Idle => break,
            other => panic!("{other:?}"),
        }
    }
    let wanted = (0..200u32).map(|key| (key, Outcome::Done(vec![key as u8; key as usize * 100]))).collect();
    assert!(results == wanted);
}

fn a_panic_is_told_with_message_and_location_and_stands_in_the_log() {
    let finished = run(Limits::default(), || panic!("number {}", 42));
    let Outcome::Panicked(panic) = finished.outcome else { panic!("{:?}", finished.outcome) };
    assert_eq!(panic.message, "number 42");
    assert!(panic.location.contains("tests/fork.rs:"), "{}", panic.location);
    assert_eq!(finished.panics, [panic]);
    assert!(std::fs::read_to_string(log()).expect("a log").contains("number 42"));
}

fn a_caught_panic_is_told_beside_the_result() {
    let finished = run(Limits::default(), || {
        for n in 0..40 {
            let _ = std::panic::catch_unwind(|| panic!("caught {n}"));
        }
        vec![1]
    });
    assert_eq!(finished.outcome, Outcome::Done(vec![1]));
    let messages: Vec<_> = finished.panics.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(messages.len(), 16);
    assert_eq!((messages[0], messages[15]), ("caught 0", "caught 39"));
}

fn an_abort_is_a_crash() {
    assert_eq!(run(Limits::default(), || std::process::abort()).outcome, Outcome::Crashed { signal: libc::SIGABRT });
}

fn a_segmentation_fault_is_a_crash() {
    let finished = run(Limits::default(), || {
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSEGV).expect("raises");
        // Rust's own handler returns once, so that the fault comes again with the default action.
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSEGV).expect("raises");
        Vec::new()
    });
    assert_eq!(finished.outcome, Outcome::Crashed { signal: libc::SIGSEGV });
}

fn a_stack_overflow_is_a_crash() {
    fn deeper(n: u64) -> u64 {
        std::hint::black_box([n; 100])[0] + if n == u64::MAX { 0 } else { deeper(n + 1) }
    }
    assert_eq!(run(Limits::default(), || deeper(0).to_le_bytes().to_vec()).outcome, Outcome::Crashed { signal: libc::SIGABRT });
}

fn leaving_without_a_result_is_told_with_the_code() {
    assert_eq!(run(Limits::default(), || std::process::exit(5)).outcome, Outcome::Exited { code: 5 });
    assert_eq!(run(Limits::default(), || std::process::exit(0)).outcome, Outcome::Exited { code: 0 });
}

fn exit_handlers_do_not_run() {
    extern "C" fn hang() {
        sleep_for_ever();
    }
    let finished = run(Limits { wall: Duration::from_secs(60), ..Limits::default() }, || {
        // SAFETY: registers a function that lives as long as the program.
        assert_eq!(unsafe { libc::atexit(hang) }, 0);
        vec![3]
    });
    assert_eq!(finished.outcome, Outcome::Done(vec![3]));
}

fn an_endless_loop_ends_at_the_cpu_limit() {
    let finished = run(short(), || {
        loop {
            std::hint::spin_loop();
        }
    });
    assert_eq!(finished.outcome, Outcome::CpuLimit);
    assert!(finished.cpu >= Duration::from_millis(900) && finished.cpu < Duration::from_secs(3), "{:?}", finished.cpu);
}

fn a_loop_that_ignores_the_signal_ends_at_the_cpu_limit_too() {
    let finished = run(short(), || {
        // SAFETY: ignoring a signal runs no code.
        unsafe { libc::signal(libc::SIGXCPU, libc::SIG_IGN) };
        loop {
            std::hint::spin_loop();
        }
    });
    assert_eq!(finished.outcome, Outcome::CpuLimit);
}

fn a_memory_balloon_ends_at_the_memory_limit() {
    let finished = run(Limits { address_space: Some(1 << 30), ..Limits::default() }, || {
        let mut kept = Vec::new();
        loop {
            kept.push(vec![1u8; 16 << 20]);
        }
    });
    assert_eq!(finished.outcome, Outcome::MemoryLimit);
    assert!(finished.max_resident < 2 << 30);
}

fn a_refused_allocation_that_is_handled_is_no_error() {
    let finished = run(Limits { address_space: Some(1 << 30), ..Limits::default() }, || {
        assert!(Vec::<u8>::new().try_reserve_exact(2 << 30).is_err());
        vec![1]
    });
    assert_eq!(finished.outcome, Outcome::Done(vec![1]));
}

fn an_endless_log_ends_at_the_file_limit() {
    let finished = run(Limits { file_size: 1 << 20, ..Limits::default() }, || {
        loop {
            println!("again and again and again and again and again and again and again and again");
        }
    });
    assert_eq!(finished.outcome, Outcome::FileLimit);
    assert_eq!(std::fs::metadata(log()).expect("a log").len(), 1 << 20);
}

fn a_child_that_sleeps_for_ever_meets_the_backstop() {
    let finished = run(Limits { wall: Duration::from_millis(200), ..Limits::default() }, sleep_for_ever);
    assert_eq!(finished.outcome, Outcome::WallBackstop);
}

fn noise_in_the_pipe_is_not_taken_for_a_result() {
    let finished = run(Limits::default(), || {
        // Writes to whatever descriptor takes it, as a broken implementation would.
        for descriptor in 3..64 {
            // SAFETY: a live buffer of the given length.
            unsafe { libc::write(descriptor, b"\xff\xff\xff\xff\xff\xff".as_ptr().cast(), 6) };
        }
        sleep_for_ever()
    });
    assert_eq!(finished.outcome, Outcome::Broken("a frame of unknown kind 255".into()));
}

fn output_goes_to_the_log_and_input_is_empty() {
    let finished = run(Limits::default(), || {
        eprintln!("to standard error");
        print!("to standard output, without a line end");
        std::io::read_to_string(std::io::stdin()).expect("reads").into_bytes()
    });
    assert_eq!(finished.outcome, Outcome::Done(Vec::new()));
    assert_eq!(std::fs::read_to_string(log()).expect("a log"), "to standard error\nto standard output, without a line end");
}

fn what_a_child_started_dies_with_it() {
    let finished = run(Limits::default(), || {
        #[expect(clippy::zombie_processes, reason = "a child that leaves its own children behind")]
        let sleeper = std::process::Command::new("sleep").arg("1000").spawn().expect("starts");
        sleeper.id().to_le_bytes().to_vec()
    });
    let Outcome::Done(bytes) = finished.outcome else { panic!("{:?}", finished.outcome) };
    helpers::assert_dies(u32::from_le_bytes(bytes.try_into().expect("four bytes")));
}

fn children_do_not_see_the_pipes_of_their_siblings() {
    let mut pool = pool(2, Limits::default());
    pool.spawn(0, &log(), |_| sleep_for_ever()).expect("spawns");
    let before = helpers::open_descriptors();
    pool.spawn(1, &helpers::directory().join("second.txt"), |_| helpers::open_descriptors().to_le_bytes().to_vec()).expect("spawns");
    let Outcome::Done(bytes) = until_finished(&mut pool).outcome else { panic!("no result") };
    // The parent's, without the pipe of the first child, with the write end of its own.
    assert_eq!(usize::from_le_bytes(bytes.try_into().expect("eight bytes")), before);
}

fn a_full_pool_refuses_another_child() {
    let mut pool = pool(1, Limits::default());
    pool.spawn(0, &log(), |_| sleep_for_ever()).expect("spawns");
    assert!(!pool.has_room());
    assert!(matches!(pool.spawn(1, &log(), |_| Vec::new()), Err(SpawnError::Full(1))));
    pool.cancel();
    assert_eq!(until_finished(&mut pool).outcome, Outcome::Cancelled);
    assert!(pool.has_room());
}

fn a_process_with_threads_refuses_to_fork() {
    let mut pool = pool(1, Limits::default());
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || held.recv());
    assert!(matches!(pool.spawn(1, &log(), |_| Vec::new()), Err(SpawnError::Threads(2))));
    drop(hold);
    thread.join().expect("no panic").expect_err("nothing was sent");
    helpers::wait_for_single_thread();
}

fn an_unwritable_log_is_named() {
    let error = pool(1, Limits::default()).spawn(1, Path::new("/nowhere/log.txt"), |_| Vec::new()).expect_err("no such directory");
    assert_eq!(error.to_string(), "cannot write /nowhere/log.txt");
}

fn zero_jobs_are_refused() {
    let error = Pool::<u32>::new(0, Limits::default(), Signals::install(3).expect("a pipe")).err().expect("refused");
    assert_eq!(error.to_string(), "0 jobs; 1 to 256 are possible");
}

fn waiting_ends_at_the_timeout() {
    let mut pool = pool(1, Limits::default());
    pool.spawn(1, &log(), |_| sleep_for_ever()).expect("spawns");
    assert!(matches!(pool.wait(Some(Duration::from_millis(5))), Ok(Event::Timeout)));
    assert!(matches!(pool.wait(Some(Duration::ZERO)), Ok(Event::Timeout)));
}

fn dropping_the_pool_kills_what_runs() {
    let mut pool = pool(1, Limits::default());
    pool.spawn(1, &log(), |progress| {
        progress.send(&std::process::id().to_le_bytes());
        sleep_for_ever()
    })
    .expect("spawns");
    let Ok(Event::Progress { bytes, .. }) = pool.wait(None) else { panic!("no progress") };
    drop(pool);
    helpers::assert_dies(u32::from_le_bytes(bytes.try_into().expect("four bytes")));
}

fn the_first_interrupt_is_an_event_and_results_so_far_stay() {
    let mut helper = helpers::Helper::start("parent-of-sleepers");
    let sleepers = helper.read_pids(2);
    helper.signal(libc::SIGINT);
    assert_eq!(helper.rest(), "done 0\nInterrupt\ncancelled 1\ncancelled 2\nidle\n");
    assert_eq!(helper.exit_code(), Some(0));
    sleepers.into_iter().for_each(helpers::assert_dies);
}

fn the_second_interrupt_leaves_at_once_and_kills_the_children() {
    let mut helper = helpers::Helper::start("parent-of-sleepers");
    let sleepers = helper.read_pids(2);
    // Both are pending before the helper runs again, whatever the scheduler does.
    helper.signal(libc::SIGSTOP);
    helper.signal(libc::SIGINT);
    helper.signal(libc::SIGTERM);
    helper.signal(libc::SIGCONT);
    assert_eq!(helper.exit_code(), Some(3));
    sleepers.into_iter().for_each(helpers::assert_dies);
}

fn children_die_when_the_parent_is_killed() {
    let mut helper = helpers::Helper::start("parent-of-sleepers");
    let sleepers = helper.read_pids(2);
    helper.signal(libc::SIGKILL);
    assert_eq!(helper.exit_code(), None);
    sleepers.into_iter().for_each(helpers::assert_dies);
}

/// One child that ends and two that sleep; tells on standard output what the pool reports.
fn parent_of_sleepers() {
    let mut pool = pool(3, Limits::default());
    pool.spawn(0, &log(), |_| Vec::new()).expect("spawns");
    let first = until_finished(&mut pool);
    for key in [1, 2] {
        pool.spawn(key, &log(), |progress| {
            progress.send(&std::process::id().to_le_bytes());
            sleep_for_ever()
        })
        .expect("spawns");
    }
    let mut ended = Vec::new();
    let mut pids = 0;
    loop {
        match pool.wait(None).expect("polls") {
            Event::Progress { bytes, .. } => {
                println!("{}", u32::from_le_bytes(bytes.try_into().expect("four bytes")));
                pids += 1;
                if pids == 2 {
                    println!("done {}", first.key);
                }
            }
            Event::Signal(signal) => {
                println!("{signal:?}");
                assert!(matches!(signal, Signal::Interrupt | Signal::Terminate));
                pool.cancel();
            }
            Event::Finished(Finished { key, outcome: Outcome::Cancelled, .. }) => ended.push(key),
            Event::Idle => break,
            other => panic!("{other:?}"),
        }
    }
    ended.sort_unstable();
    ended.iter().for_each(|key| println!("cancelled {key}"));
    println!("idle");
}

fn address_randomisation_is_off_after_execution_or_said_to_be_on() {
    let told: Vec<String> = (0..3).map(|_| helpers::Helper::start("tell-aslr").rest()).collect();
    if told[0].starts_with("Off ") {
        assert!(told.iter().all(|t| *t == told[0]), "{told:?}");
    } else {
        assert!(told.iter().all(|t| t.starts_with("NotPermitted(")), "{told:?}");
    }
}

fn tell_aslr() {
    let state = os::process::disable_aslr_and_reexec();
    let on_the_stack = 0u8;
    println!("{state:?} {:p} {:p} {:p}", &raw const on_the_stack, ROLES.as_ptr(), Box::new(1).as_ref());
}

/// Where the stack, the heap and the code of a child are.
fn tell_addresses() {
    if os::process::disable_aslr_and_reexec() != os::process::Aslr::Off {
        return println!("random");
    }
    let ballast = std::env::var("BALLAST").unwrap_or_default();
    let _kept: Vec<Vec<u8>> = ballast.bytes().map(|b| vec![b; 3000]).collect();
    let outcome = run(Limits::default(), || {
        let on_the_stack = 0u8;
        let text = format!("{:p} {:p} {:p}", &raw const on_the_stack, Box::new(1).as_ref(), ROLES.as_ptr());
        text.into_bytes()
    })
    .outcome;
    let Outcome::Done(bytes) = outcome else { panic!("{outcome:?}") };
    println!("{}", String::from_utf8_lossy(&bytes));
}

fn addresses_do_not_depend_on_environment_or_parent_where_randomisation_is_off() {
    let told: Vec<String> =
        ["", "x", &"y".repeat(1000)].map(|ballast| helpers::Helper::start_with("tell-addresses", "BALLAST", ballast).rest()).into();
    if told[0] == "random\n" {
        return helpers::skip("address randomisation cannot be turned off here");
    }
    assert!(told.iter().all(|t| *t == told[0]), "{told:?}");
}

fn what_the_parent_did_before_does_not_change_hash_keys() {
    if !virtual_libc::supported() {
        return helpers::skip("without feature `interpose`");
    }
    let keys = || {
        run(Limits::default(), || {
            virtual_libc::enter(1);
            hash_of_nothing().to_le_bytes().to_vec()
        })
        .outcome
    };
    let before = keys();
    assert!(matches!(before, Outcome::Done(_)));
    for _ in 0..3 {
        // Each of these changes the keys of the next map on this thread.
        let _ = hash_of_nothing();
        assert_eq!(keys(), before);
    }
}

fn hash_of_nothing() -> u64 {
    std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0)
}

fn an_interrupt_that_was_ignored_at_start_stays_ignored() {
    let mut helper = helpers::Helper::start_ignoring_interrupts("parent-of-sleepers");
    let _sleepers = helper.read_pids(2);
    helper.signal(libc::SIGINT);
    helper.signal(libc::SIGTERM);
    assert_eq!(helper.rest(), "done 0\nTerminate\ncancelled 1\ncancelled 2\nidle\n");
    assert_eq!(helper.exit_code(), Some(0));
}

fn the_size_of_a_terminal_is_told_and_a_file_has_none() {
    let finished = run(Limits::default(), || {
        assert_eq!(os::process::terminal_size(), None);
        let size = libc::winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let (mut main, mut terminal) = (0, 0);
        // SAFETY: valid pointers, null for what is not wanted; both descriptors are open afterwards.
        unsafe {
            assert_eq!(libc::openpty(&raw mut main, &raw mut terminal, std::ptr::null_mut(), std::ptr::null(), &raw const size), 0);
            assert_eq!(libc::dup2(terminal, 2), 2);
        }
        assert_eq!(os::process::terminal_size(), Some((100, 30)));
        vec![1]
    });
    assert_eq!(finished.outcome, Outcome::Done(vec![1]));
}

fn cpu_time_includes_children_that_ended() {
    let before = os::process::cpu_seconds();
    let finished = run(short(), || {
        loop {
            std::hint::spin_loop();
        }
    });
    let used = os::process::cpu_seconds() - before;
    assert!(used >= finished.cpu.as_secs_f64() && used < 10.0 * finished.cpu.as_secs_f64(), "{used}, of which {:?}", finished.cpu);
}

fn the_limit_of_open_files_can_be_raised_to_the_hard_one() {
    let finished = run(Limits::default(), || {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        setrlimit(Resource::RLIMIT_NOFILE, 50, 70).expect("lower is allowed");
        assert_eq!(os::process::raise_nofile().expect("raises"), 70);
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE), Ok((70, 70)));
        vec![1]
    });
    assert_eq!(finished.outcome, Outcome::Done(vec![1]));
}

fn the_same_seed_gives_the_same_bytes_in_different_children() {
    if !virtual_libc::supported() {
        return helpers::skip("without feature `interpose`");
    }
    let of_seed = |seed| {
        let finished = run(Limits::default(), move || {
            virtual_libc::enter(seed);
            let map: std::collections::HashMap<u32, u32> = (0..100).map(|n| (n, n)).collect();
            map.into_keys().flat_map(u32::to_le_bytes).collect()
        });
        let Outcome::Done(bytes) = finished.outcome else { panic!("{:?}", finished.outcome) };
        bytes
    };
    assert_eq!(of_seed(1), of_seed(1));
    assert_ne!(of_seed(1), of_seed(2));
}

fn a_wait_that_nothing_can_end_is_a_deadlock() {
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

fn a_wait_that_another_thread_ends_is_no_deadlock() {
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
