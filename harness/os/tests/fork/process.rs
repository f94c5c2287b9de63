//! What a run asks of its own process.

use os::child::{Limits, Outcome};

use super::{run, short};

pub(crate) fn the_size_of_a_terminal_is_told_and_a_file_has_none() {
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

pub(crate) fn cpu_time_includes_children_that_ended() {
    let before = os::process::cpu_seconds();
    let finished = run(short(), || {
        loop {
            std::hint::spin_loop();
        }
    });
    let used = os::process::cpu_seconds() - before;
    assert!(used >= finished.cpu.as_secs_f64() && used < 10.0 * finished.cpu.as_secs_f64(), "{used}, of which {:?}", finished.cpu);
}

pub(crate) fn the_limit_of_open_files_can_be_raised_to_the_hard_one() {
    let finished = run(Limits::default(), || {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        setrlimit(Resource::RLIMIT_NOFILE, 50, 70).expect("lower is allowed");
        assert_eq!(os::process::raise_nofile().expect("raises"), 70);
        assert_eq!(getrlimit(Resource::RLIMIT_NOFILE), Ok((70, 70)));
        vec![1]
    });
    assert_eq!(finished.outcome, Outcome::Done(vec![1]));
}
