//! Forked children and how they end. Own `main`: forking needs a single-threaded parent, and libtest has threads.
//!
//! Cases run one after the other. An argument is a filter on their names, as with libtest.

mod cleanup;
mod ends;
mod helpers;
mod pool;
mod process;
mod repeatable;
mod results;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use helpers::{Case, Role};
use os::child::{Event, Finished, Limits, Pool};
use os::signals::Signals;

macro_rules! cases {
    ($module:ident: $($case:ident),* $(,)?) => { [$((concat!(stringify!($module), "::", stringify!($case)), $module::$case as fn())),*] };
}

const CASES: &[&[Case]] = &[
    &cases![results: the_result_of_the_closure_arrives, progress_arrives_in_order_before_the_result, a_result_of_five_megabytes_arrives_whole, two_hundred_children_four_at_a_time_give_their_own_results, a_panic_is_told_with_message_and_location_and_stands_in_the_log, a_caught_panic_is_told_beside_the_result, output_goes_to_the_log_and_input_is_empty, exit_handlers_do_not_run, leaving_without_a_result_is_told_with_the_code, noise_in_the_pipe_is_not_taken_for_a_result],
    &cases![ends: an_abort_is_a_crash, a_segmentation_fault_is_a_crash, a_stack_overflow_is_a_crash, an_endless_loop_ends_at_the_cpu_limit, a_loop_that_ignores_the_signal_ends_at_the_cpu_limit_too, a_memory_balloon_ends_at_the_memory_limit, a_refused_allocation_that_is_handled_is_no_error, an_endless_log_ends_at_the_file_limit, a_child_that_sleeps_for_ever_meets_the_backstop, a_wait_that_nothing_can_end_is_a_deadlock, a_wait_that_another_thread_ends_is_no_deadlock],
    &cases![pool: a_full_pool_refuses_another_child, a_process_with_threads_refuses_to_fork, an_unwritable_log_is_named, zero_jobs_are_refused, waiting_ends_at_the_timeout, children_do_not_see_the_pipes_of_their_siblings],
    &cases![cleanup: what_a_child_started_dies_with_it, dropping_the_pool_kills_what_runs, the_first_interrupt_is_an_event_and_results_so_far_stay, the_second_interrupt_leaves_at_once_and_kills_the_children, an_interrupt_that_was_ignored_at_start_stays_ignored, children_die_when_the_parent_is_killed],
    &cases![repeatable: the_same_seed_gives_the_same_bytes_in_different_children, what_the_parent_did_before_does_not_change_hash_keys, address_randomisation_is_off_after_execution_or_said_to_be_on, addresses_do_not_depend_on_environment_or_parent_where_randomisation_is_off],
    &cases![process: the_size_of_a_terminal_is_told_and_a_file_has_none, cpu_time_includes_children_that_ended, the_limit_of_open_files_can_be_raised_to_the_hard_one],
];

/// The same program in another role, for cases that need a process of their own as the parent.
const ROLES: &[Role] = &[
    ("parent-of-sleepers", cleanup::parent_of_sleepers),
    ("tell-aslr", repeatable::tell_aslr),
    ("tell-addresses", repeatable::tell_addresses),
];

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
