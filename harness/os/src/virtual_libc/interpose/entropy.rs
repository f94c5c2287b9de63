//! `getrandom` and `getentropy`.

use libc::{c_int, c_uint, c_void, size_t, ssize_t};

use super::{Symbol, THREAD, real, set_errno};

pub(super) const SYMBOLS: &[Symbol] = &[
    Symbol { name: c"getrandom", address: getrandom as *const c_void },
    Symbol { name: c"getentropy", address: getentropy as *const c_void },
];

/// POSIX: the most that one `getentropy` call hands out.
const GETENTROPY_MAX: usize = 256;

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: size_t, flags: c_uint) -> ssize_t {
    if !THREAD.with(|t| t.active()) {
        // SAFETY: the caller's arguments, unchanged.
        return unsafe { real::getrandom()(buffer, length, flags) };
    }
    // SAFETY: the caller promises `length` writable bytes.
    unsafe { fill(buffer, length, flags) }
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getentropy(buffer: *mut c_void, length: size_t) -> c_int {
    if !THREAD.with(|t| t.active()) {
        // SAFETY: the caller's arguments, unchanged.
        return unsafe { real::getentropy()(buffer, length) };
    }
    if length > GETENTROPY_MAX {
        set_errno(libc::EIO);
        return -1;
    }
    // SAFETY: the caller promises `length` writable bytes.
    if unsafe { fill(buffer, length, 0) } < 0 { -1 } else { 0 }
}

/// Answers like getrandom(2), from the thread's stream.
///
/// # Safety
/// `buffer` must be null or valid for writes of `length` bytes.
pub(super) unsafe fn fill(buffer: *mut c_void, length: usize, flags: c_uint) -> ssize_t {
    const KNOWN: c_uint = libc::GRND_NONBLOCK | libc::GRND_RANDOM | libc::GRND_INSECURE;
    if flags & !KNOWN != 0 || flags & libc::GRND_RANDOM != 0 && flags & libc::GRND_INSECURE != 0 {
        set_errno(libc::EINVAL);
        return -1;
    }
    if buffer.is_null() && length > 0 {
        set_errno(libc::EFAULT);
        return -1;
    }
    // Read and write return at most this much, and the result must fit its type.
    let length = length.min(i32::MAX as usize);
    THREAD.with(|t| {
        t.count(|s| {
            s.entropy_calls += 1;
            s.entropy_bytes += length as u64;
        });
        let mut done = 0;
        while done < length {
            let word = t.next_entropy().to_le_bytes();
            let n = word.len().min(length - done);
            // SAFETY: `done + n <= length`, all of which the caller promises to be writable; `word` is ours.
            unsafe { std::ptr::copy_nonoverlapping(word.as_ptr(), buffer.cast::<u8>().add(done), n) };
            done += n;
        }
    });
    length as ssize_t
}
