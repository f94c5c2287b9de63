//! `bind` and `getsockname` for stacks that insist on `std::net::UdpSocket::bind("10.0.0.2:5000")` before they hand the socket over.
//!
//! The socket is bound to a loopback port instead, from which the kernel refuses to send elsewhere over IPv4. Over IPv6 it would send, so such a socket is tied to
//! the loopback device as well. (Kernels before 5.7 let only root do that; there, packets from a fake IPv6 socket may leave.) A table per thread remembers what address was asked for, by the socket's inode, so that duplicates are recognised and closed sockets are noticed without watching `close`.

use std::cell::Cell;
use std::mem::{size_of, zeroed};

use libc::{c_int, c_void, in_addr, in6_addr, sockaddr, sockaddr_in, sockaddr_in6, socklen_t};

use super::super::MAX_FAKE_SOCKETS;
use super::{Symbol, THREAD, real, set_errno};

pub(super) const SYMBOLS: &[Symbol] =
    &[Symbol { name: c"bind", address: bind as *const c_void }, Symbol { name: c"getsockname", address: getsockname as *const c_void }];

/// First of the ports handed out for port 0, up to 65535: the dynamic ports of RFC 6335, section 6.
const FIRST_DYNAMIC_PORT: u16 = 49152;

#[derive(Clone, Copy)]
enum Address {
    V4(sockaddr_in),
    V6(sockaddr_in6),
}

#[derive(Clone, Copy)]
struct FakeSocket {
    /// The stay on this thread's virtual time that it belongs to.
    epoch: u64,
    descriptor: c_int,
    inode: u64,
    address: Address,
}

struct Table {
    sockets: [Cell<Option<FakeSocket>>; MAX_FAKE_SOCKETS],
    ports_given: Cell<(u64, u16)>,
}

thread_local! {
    static TABLE: Table = const {
        assert!(!std::mem::needs_drop::<Table>());
        Table { sockets: [const { Cell::new(None) }; MAX_FAKE_SOCKETS], ports_given: Cell::new((0, 0)) }
    };
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn bind(descriptor: c_int, address: *const sockaddr, length: socklen_t) -> c_int {
    if THREAD.with(|t| t.active()) && is_datagram(descriptor) {
        // SAFETY: the caller promises `length` readable bytes.
        if let Some(wanted) = unsafe { Address::read(address, length) } {
            return bind_fake(descriptor, wanted);
        }
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { real::bind()(descriptor, address, length) }
}

// SAFETY: same prototype and contract as libc's.
#[unsafe(no_mangle)]
unsafe extern "C" fn getsockname(descriptor: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int {
    if THREAD.with(|t| t.active())
        && let Some(fake) = find(descriptor)
        && !address.is_null()
        && !length.is_null()
    {
        // SAFETY: the caller promises `*length` writable bytes.
        unsafe { fake.write(address, length) };
        return 0;
    }
    // SAFETY: the caller's arguments, unchanged.
    unsafe { real::getsockname()(descriptor, address, length) }
}

fn bind_fake(descriptor: c_int, wanted: Address) -> c_int {
    THREAD.with(|t| t.count(|s| s.fake_binds += 1));
    let epoch = THREAD.with(|t| t.epoch());
    let Some(inode) = inode(descriptor) else {
        set_errno(libc::EBADF);
        return -1;
    };
    TABLE.with(|table| {
        let Some(slot) =
            table.sockets.iter().find(|slot| slot.get().is_none_or(|s| s.epoch != epoch || self::inode(s.descriptor) != Some(s.inode)))
        else {
            set_errno(libc::ENOBUFS);
            return -1;
        };
        if !wanted.bind_to_loopback(descriptor) {
            return -1;
        }
        let address = wanted.with_port(|| table.next_port(epoch));
        slot.set(Some(FakeSocket { epoch, descriptor, inode, address }));
        0
    })
}

fn find(descriptor: c_int) -> Option<Address> {
    let epoch = THREAD.with(|t| t.epoch());
    TABLE.with(|table| {
        // Most threads never fake a socket; they need no system call to find that out.
        let mut inode_of_caller = None;
        table.sockets.iter().filter_map(Cell::get).filter(|s| s.epoch == epoch).find_map(|s| {
            let inode = *inode_of_caller.get_or_insert_with(|| inode(descriptor));
            (inode == Some(s.inode)).then_some(s.address)
        })
    })
}

impl Table {
    fn next_port(&self, epoch: u64) -> u16 {
        let (of_epoch, given) = self.ports_given.get();
        let given = if of_epoch == epoch { given } else { 0 };
        self.ports_given.set((epoch, (given + 1) % (u16::MAX - FIRST_DYNAMIC_PORT + 1)));
        FIRST_DYNAMIC_PORT + given
    }
}

impl Address {
    /// The IPv4 or IPv6 address that a caller of `bind` passed; anything else is none of our business.
    ///
    /// # Safety
    /// `address` must be null or valid for reads of `length` bytes.
    unsafe fn read(address: *const sockaddr, length: socklen_t) -> Option<Self> {
        let length = length as usize;
        if address.is_null() || length < size_of::<libc::sa_family_t>() {
            return None;
        }
        // SAFETY: the family is within `length`; the buffer need not be aligned.
        let family = unsafe { address.cast::<libc::sa_family_t>().read_unaligned() };
        match c_int::from(family) {
            libc::AF_INET if length >= size_of::<sockaddr_in>() => {
                // SAFETY: as long as the type, by the guard.
                Some(Self::V4(unsafe { address.cast::<sockaddr_in>().read_unaligned() }))
            }
            libc::AF_INET6 if length >= size_of::<sockaddr_in6>() => {
                // SAFETY: as long as the type, by the guard.
                Some(Self::V6(unsafe { address.cast::<sockaddr_in6>().read_unaligned() }))
            }
            _ => None,
        }
    }

    /// Copies the address out, cut to what fits, like getsockname(2).
    ///
    /// # Safety
    /// `length` must be valid, and `target` valid for writes of `*length` bytes.
    unsafe fn write(&self, target: *mut sockaddr, length: *mut socklen_t) {
        let (source, size): (*const u8, usize) = match self {
            Self::V4(a) => ((&raw const *a).cast(), size_of::<sockaddr_in>()),
            Self::V6(a) => ((&raw const *a).cast(), size_of::<sockaddr_in6>()),
        };
        // SAFETY: at most `*length` bytes are written and at most the size of the address is read.
        unsafe {
            std::ptr::copy_nonoverlapping(source, target.cast::<u8>(), size.min(*length as usize));
            *length = size as socklen_t;
        }
    }

    fn with_port(mut self, free: impl FnOnce() -> u16) -> Self {
        let port = match &mut self {
            Self::V4(a) => &mut a.sin_port,
            Self::V6(a) => &mut a.sin6_port,
        };
        if *port == 0 {
            *port = free().to_be();
        }
        self
    }

    /// Really binds to any loopback port of the same family. Where this machine has no such address the socket stays unbound, which reaches nobody either:
    /// without an IPv6 loopback there is no IPv6 route.
    fn bind_to_loopback(&self, descriptor: c_int) -> bool {
        let result = match self {
            Self::V4(_) => {
                // SAFETY: all-zero is a valid value of this C struct.
                let mut loopback: sockaddr_in = unsafe { zeroed() };
                loopback.sin_family = libc::AF_INET as libc::sa_family_t;
                loopback.sin_addr = in_addr { s_addr: libc::INADDR_LOOPBACK.to_be() };
                // SAFETY: a valid address of the given length.
                unsafe { real::bind()(descriptor, (&raw const loopback).cast(), size_of::<sockaddr_in>() as socklen_t) }
            }
            Self::V6(_) => {
                // SAFETY: a name of the given length.
                unsafe { libc::setsockopt(descriptor, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, c"lo".as_ptr().cast(), 2) };
                // SAFETY: all-zero is a valid value of this C struct.
                let mut loopback: sockaddr_in6 = unsafe { zeroed() };
                loopback.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                loopback.sin6_addr = in6_addr { s6_addr: std::net::Ipv6Addr::LOCALHOST.octets() };
                // SAFETY: a valid address of the given length.
                unsafe { real::bind()(descriptor, (&raw const loopback).cast(), size_of::<sockaddr_in6>() as socklen_t) }
            }
        };
        // SAFETY: glibc's accessor returns a valid pointer.
        result == 0 || unsafe { *libc::__errno_location() } == libc::EADDRNOTAVAIL
    }
}

fn is_datagram(descriptor: c_int) -> bool {
    let mut kind: c_int = 0;
    let mut length = size_of::<c_int>() as socklen_t;
    // SAFETY: `kind` and its length are valid for writes.
    let result = unsafe { libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &raw mut length) };
    result == 0 && kind == libc::SOCK_DGRAM
}

fn inode(descriptor: c_int) -> Option<u64> {
    // SAFETY: all-zero is a valid value of this C struct, and `fstat` may write it.
    let (result, status) = unsafe {
        let mut status: libc::stat = zeroed();
        (libc::fstat(descriptor, &raw mut status), status)
    };
    (result == 0).then_some(status.st_ino)
}
