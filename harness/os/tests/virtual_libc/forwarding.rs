//! What is not virtual reaches the real functions unchanged, from active and inactive threads.

use std::process::Command;

use super::{errno_of, on_fresh_thread, with_seed};

#[test]
fn other_system_calls_pass_through_with_all_their_arguments() {
    let check = || {
        // SAFETY: calls that take numbers or valid buffers.
        unsafe {
            assert_eq!(libc::syscall(libc::SYS_getpid), std::process::id().into());
            assert_eq!(errno_of(libc::syscall(libc::SYS_close, -1)), Some(libc::EBADF));
            // Six arguments: maps a page and writes to it.
            let page =
                libc::syscall(libc::SYS_mmap, 0, 4096, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0);
            assert!(page > 0, "{page}");
            *(page as *mut u8) = 1;
            assert_eq!(libc::syscall(libc::SYS_munmap, page, 4096), 0);
        }
    };
    on_fresh_thread(check);
    with_seed(1, check);
}

#[test]
fn inactive_threads_get_the_kernels_errors() {
    on_fresh_thread(|| {
        // SAFETY: numbers, and pointers that the calls must refuse.
        unsafe {
            let mut time: libc::timespec = std::mem::zeroed();
            assert_eq!(errno_of(libc::clock_gettime(1234, &raw mut time)), Some(libc::EINVAL));
            assert_eq!(errno_of(libc::getrandom((&raw mut time).cast(), 1, 0x80) as i64), Some(libc::EINVAL));
            assert_eq!(errno_of(libc::bind(-1, std::ptr::null(), 0)), Some(libc::EBADF));
            assert_eq!(errno_of(libc::getsockname(-1, std::ptr::null_mut(), std::ptr::null_mut())), Some(libc::EBADF));
            time.tv_nsec = -1;
            assert_eq!(errno_of(libc::nanosleep(&raw const time, std::ptr::null_mut())), Some(libc::EINVAL));
            assert_eq!(libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &raw const time, std::ptr::null_mut()), libc::EINVAL);
        }
    });
}

#[test]
fn an_active_thread_can_start_a_process() {
    with_seed(1, || {
        let output = Command::new("date").arg("+%s").output().expect("starts");
        let seconds: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number");
        assert!(seconds > os::virtual_libc::WALL_BASE_NS / 1_000_000_000, "the other process has real time");
    });
}

#[test]
fn the_clock_of_an_inactive_thread_costs_no_system_call() {
    on_fresh_thread(|| {
        refuse_system_call(libc::SYS_clock_gettime as u32);
        // The coarse clock needs no help from the hardware, so the vDSO always answers it by itself.
        let clock = libc::CLOCK_MONOTONIC_COARSE;
        // SAFETY: all-zero is a valid value of this C struct, and the pointer is valid.
        unsafe {
            let mut time: libc::timespec = std::mem::zeroed();
            assert_eq!(errno_of(libc::syscall(libc::SYS_clock_gettime, clock, &raw mut time)), Some(libc::EPERM), "the filter is in force");
            assert_eq!(libc::clock_gettime(clock, &raw mut time), 0);
            assert!(time.tv_sec > 0);
        }
    });
}

/// From now on, system call `number` gives EPERM to this thread.
fn refuse_system_call(number: u32) {
    let statement = |code: u32, k: u32, jt: u8, jf: u8| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        // The number is the first field of what a filter sees.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, number, 0, 1),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: a valid program, which the kernel copies; both settings are the calling thread's own.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}
