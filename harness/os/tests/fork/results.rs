//! What comes back from a child: results, progress, panics, logs.

use std::time::Duration;

use os::child::{Event, Limits, Outcome};

use super::{log, pool, run, sleep_for_ever};

pub(crate) fn the_result_of_the_closure_arrives() {
    let finished = run(Limits::default(), || b"result".to_vec());
    assert_eq!(finished.outcome, Outcome::Done(b"result".to_vec()));
    assert!(finished.panics.is_empty());
    assert!(finished.max_resident > 100_000, "{} bytes", finished.max_resident);
}

pub(crate) fn progress_arrives_in_order_before_the_result() {
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

pub(crate) fn a_result_of_five_megabytes_arrives_whole() {
    let bytes: Vec<u8> = (0..5_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert!(run(Limits::default(), || bytes.clone()).outcome == Outcome::Done(bytes));
}

pub(crate) fn two_hundred_children_four_at_a_time_give_their_own_results() {
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

pub(crate) fn a_panic_is_told_with_message_and_location_and_stands_in_the_log() {
    let finished = run(Limits::default(), || panic!("number {}", 42));
    let Outcome::Panicked(panic) = finished.outcome else { panic!("{:?}", finished.outcome) };
    assert_eq!(panic.message, "number 42");
    assert!(panic.location.contains("tests/fork/results.rs:"), "{}", panic.location);
    assert_eq!(finished.panics, [panic]);
    assert!(std::fs::read_to_string(log()).expect("a log").contains("number 42"));
}

pub(crate) fn a_caught_panic_is_told_beside_the_result() {
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

pub(crate) fn output_goes_to_the_log_and_input_is_empty() {
    let finished = run(Limits::default(), || {
        eprintln!("to standard error");
        print!("to standard output, without a line end");
        std::io::read_to_string(std::io::stdin()).expect("reads").into_bytes()
    });
    assert_eq!(finished.outcome, Outcome::Done(Vec::new()));
    assert_eq!(std::fs::read_to_string(log()).expect("a log"), "to standard error\nto standard output, without a line end");
}

pub(crate) fn exit_handlers_do_not_run() {
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

pub(crate) fn leaving_without_a_result_is_told_with_the_code() {
    assert_eq!(run(Limits::default(), || std::process::exit(5)).outcome, Outcome::Exited { code: 5 });
    assert_eq!(run(Limits::default(), || std::process::exit(0)).outcome, Outcome::Exited { code: 0 });
}

pub(crate) fn noise_in_the_pipe_is_not_taken_for_a_result() {
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
