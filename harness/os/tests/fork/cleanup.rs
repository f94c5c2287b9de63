//! Nothing survives: not the end of a child, of the pool, or of the parent.

use os::child::{Event, Finished, Limits, Outcome};
use os::signals::Signal;

use super::{helpers, log, pool, run, sleep_for_ever, until_finished};

pub(crate) fn what_a_child_started_dies_with_it() {
    let finished = run(Limits::default(), || {
        #[expect(clippy::zombie_processes, reason = "a child that leaves its own children behind")]
        let sleeper = std::process::Command::new("sleep").arg("1000").spawn().expect("starts");
        sleeper.id().to_le_bytes().to_vec()
    });
    let Outcome::Done(bytes) = finished.outcome else { panic!("{:?}", finished.outcome) };
    helpers::assert_dies(u32::from_le_bytes(bytes.try_into().expect("four bytes")));
}

pub(crate) fn dropping_the_pool_kills_what_runs() {
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

pub(crate) fn the_first_interrupt_is_an_event_and_results_so_far_stay() {
    let mut helper = helpers::Helper::start("parent-of-sleepers");
    let sleepers = helper.read_pids(2);
    helper.signal(libc::SIGINT);
    assert_eq!(helper.rest(), "done 0\nInterrupt\ncancelled 1\ncancelled 2\nidle\n");
    assert_eq!(helper.exit_code(), Some(0));
    sleepers.into_iter().for_each(helpers::assert_dies);
}

pub(crate) fn the_second_interrupt_leaves_at_once_and_kills_the_children() {
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

pub(crate) fn an_interrupt_that_was_ignored_at_start_stays_ignored() {
    let mut helper = helpers::Helper::start_ignoring_interrupts("parent-of-sleepers");
    let _sleepers = helper.read_pids(2);
    helper.signal(libc::SIGINT);
    helper.signal(libc::SIGTERM);
    assert_eq!(helper.rest(), "done 0\nTerminate\ncancelled 1\ncancelled 2\nidle\n");
    assert_eq!(helper.exit_code(), Some(0));
}

pub(crate) fn children_die_when_the_parent_is_killed() {
    let mut helper = helpers::Helper::start("parent-of-sleepers");
    let sleepers = helper.read_pids(2);
    helper.signal(libc::SIGKILL);
    assert_eq!(helper.exit_code(), None);
    sleepers.into_iter().for_each(helpers::assert_dies);
}

/// One child that ends and two that sleep; tells on standard output what the pool reports.
pub(crate) fn parent_of_sleepers() {
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
