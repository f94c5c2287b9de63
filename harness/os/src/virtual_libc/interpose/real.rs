//! The functions that ours hide, found behind us in the link order.
//!
//! They are looked up before `main`, because `dlsym` takes a lock and must not run in a signal handler or in a child forked from a threaded process. Calls from
//! constructors that ran even earlier look theirs up on the spot.

use std::ffi::CStr;
use std::mem::transmute;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use libc::{
    c_int, c_long, c_uint, c_void, clockid_t, pthread_attr_t, pthread_t, size_t, sockaddr, socklen_t, ssize_t, time_t, timespec, timeval,
};

/// Body of a thread, as `pthread_create` takes it.
pub(super) type ThreadBody = extern "C" fn(*mut c_void) -> *mut c_void;

macro_rules! real_functions {
    ($($name:ident: fn($($arg:ty),*) -> $ret:ty;)*) => {
        $(pub(super) fn $name() -> unsafe extern "C" fn($($arg),*) -> $ret {
            // SAFETY: the pointer is libc's function of this name, whose C prototype is the one given.
            unsafe { transmute::<*mut c_void, unsafe extern "C" fn($($arg),*) -> $ret>(cache::$name()) }
        })*

        mod cache {
            $(pub(super) fn $name() -> *mut super::c_void {
                static FOUND: super::AtomicPtr<super::c_void> = super::AtomicPtr::new(super::null_mut());
                const NAME: &super::CStr = match super::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => panic!("an identifier contains no NUL"),
                };
                super::found(&FOUND, NAME)
            })*

            pub(super) extern "C" fn resolve_all() {
                $($name();)*
            }
        }
    };
}

real_functions! {
    getrandom: fn(*mut c_void, size_t, c_uint) -> ssize_t;
    getentropy: fn(*mut c_void, size_t) -> c_int;
    clock_gettime: fn(clockid_t, *mut timespec) -> c_int;
    gettimeofday: fn(*mut timeval, *mut c_void) -> c_int;
    time: fn(*mut time_t) -> time_t;
    nanosleep: fn(*const timespec, *mut timespec) -> c_int;
    clock_nanosleep: fn(clockid_t, c_int, *const timespec, *mut timespec) -> c_int;
    usleep: fn(c_uint) -> c_int;
    sleep: fn(c_uint) -> c_uint;
    bind: fn(c_int, *const sockaddr, socklen_t) -> c_int;
    getsockname: fn(c_int, *mut sockaddr, *mut socklen_t) -> c_int;
    pthread_create: fn(*mut pthread_t, *const pthread_attr_t, ThreadBody, *mut c_void) -> c_int;
    syscall: fn(c_long, usize, usize, usize, usize, usize, usize) -> c_long;
}

#[used]
// SAFETY: the section holds pointers to functions that the loader calls once, before `main`, with arguments that a C function may ignore.
#[unsafe(link_section = ".init_array")]
static RESOLVE_BEFORE_MAIN: extern "C" fn() = cache::resolve_all;

/// What the dynamic linker gives to callers that name `symbol`.
pub(super) fn first_definition(symbol: &CStr) -> *const c_void {
    // SAFETY: a valid handle and a NUL-terminated name.
    unsafe { libc::dlsym(libc::RTLD_DEFAULT, symbol.as_ptr()) }
}

fn found(cache: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
    let known = cache.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    // SAFETY: a valid handle and a NUL-terminated name.
    let next = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) };
    if next.is_null() {
        // SAFETY: always callable. Without the real function there is no correct way on.
        unsafe { libc::abort() }
    }
    cache.store(next, Ordering::Relaxed);
    next
}
