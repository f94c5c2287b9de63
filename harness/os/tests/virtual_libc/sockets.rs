//! UDP sockets of active threads take any address and reach nobody.

use std::io::ErrorKind;
use std::mem::{size_of, zeroed};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;

use super::{on_fresh_thread, with_seed};
use os::virtual_libc::{MAX_FAKE_SOCKETS, enter, leave, stats};

const FOREIGN: [&str; 4] = ["10.0.0.2:5000", "203.0.113.1:3478", "[2001:db8::7]:5000", "[fd00::1]:3478"];

#[test]
fn a_socket_binds_to_addresses_of_both_families_and_tells_them() {
    with_seed(1, || {
        for address in FOREIGN {
            let socket = UdpSocket::bind(address).unwrap_or_else(|e| panic!("{address}: {e}"));
            assert_eq!(socket.local_addr().expect("bound").to_string(), address);
            assert_eq!(socket.try_clone().expect("a duplicate").local_addr().expect("bound").to_string(), address);
        }
        assert_eq!(stats().fake_binds, 4);
    });
}

#[test]
fn the_same_bind_fails_where_the_thread_is_inactive() {
    on_fresh_thread(|| {
        for address in FOREIGN {
            assert_eq!(UdpSocket::bind(address).expect_err("not ours").kind(), ErrorKind::AddrNotAvailable, "{address}");
        }
        enter(1);
        leave();
        assert!(UdpSocket::bind(FOREIGN[0]).is_err());
    });
}

#[test]
fn two_simulated_hosts_may_have_the_same_address() {
    with_seed(1, || {
        let sockets = [UdpSocket::bind("10.0.0.2:5000"), UdpSocket::bind("10.0.0.2:5000")];
        assert!(sockets.iter().all(Result::is_ok));
    });
}

#[test]
fn port_zero_becomes_the_next_dynamic_port_the_same_in_every_run() {
    let ports = || {
        with_seed(1, || {
            let sockets: Vec<_> =
                ["10.0.0.2:0", "[2001:db8::7]:0", "0.0.0.0:0"].into_iter().map(|a| UdpSocket::bind(a).expect("binds")).collect();
            sockets.iter().map(|s| s.local_addr().expect("bound").to_string()).collect::<Vec<_>>()
        })
    };
    assert_eq!(ports(), ["10.0.0.2:49152", "[2001:db8::7]:49153", "0.0.0.0:49154"]);
    assert_eq!(ports(), ports());
}

#[test]
fn nothing_leaves_the_machine_through_a_fake_socket() {
    with_seed(1, || {
        for (local, remote) in [("10.0.0.2:5000", "203.0.113.1:3478"), ("0.0.0.0:0", "192.0.2.1:9"), ("[2001:db8::7]:1", "[2001:db8::8]:2")]
        {
            let socket = UdpSocket::bind(local).expect("binds");
            assert!(socket.send_to(b"x", remote).is_err(), "{local} to {remote}");
            assert!(socket.connect(remote).is_err(), "{local} to {remote}");
        }
    });
}

#[test]
fn a_full_table_is_a_clear_error_and_closed_sockets_make_room() {
    with_seed(1, || {
        let mut sockets: Vec<_> = (0..MAX_FAKE_SOCKETS).map(|_| UdpSocket::bind("10.0.0.2:5000").expect("room")).collect();
        assert_eq!(UdpSocket::bind("10.0.0.2:5000").expect_err("full").raw_os_error(), Some(libc::ENOBUFS));
        sockets.pop();
        sockets.push(UdpSocket::bind("10.0.0.3:6000").expect("room again"));
        assert!(UdpSocket::bind("10.0.0.2:5000").is_err());
        let last = sockets.last().expect("just pushed").local_addr().expect("bound");
        assert_eq!(last.to_string(), "10.0.0.3:6000");
        drop(sockets);
        for _ in 0..10 * MAX_FAKE_SOCKETS {
            UdpSocket::bind("10.0.0.2:5000").expect("room");
        }
    });
}

#[test]
fn a_reused_descriptor_does_not_inherit_an_address() {
    with_seed(1, || {
        let fake = UdpSocket::bind("10.0.0.2:5000").expect("binds");
        let descriptor = fake.as_raw_fd();
        // A socket that was never bound takes the place of the closed one.
        // SAFETY: makes a socket, or fails.
        let unbound = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM, 0) };
        // SAFETY: both descriptors are open; the old one now belongs to the new socket, which `fake` closes.
        assert_eq!(unsafe { libc::dup2(unbound, descriptor) }, descriptor);
        assert_eq!(fake.local_addr().expect("a socket").to_string(), "0.0.0.0:0");
        // SAFETY: open, and not used again.
        unsafe { libc::close(unbound) };
    });
}

#[test]
fn a_stay_knows_nothing_of_the_stay_before() {
    on_fresh_thread(|| {
        enter(1);
        let socket = UdpSocket::bind("10.0.0.2:5000").expect("binds");
        leave();
        let real = socket.local_addr().expect("bound");
        assert!(real.ip().is_loopback(), "{real}");
        enter(1);
        assert_eq!(socket.local_addr().expect("bound"), real);
    });
}

#[test]
fn streams_and_other_families_stay_real() {
    with_seed(1, || {
        assert_eq!(TcpListener::bind("10.0.0.2:5000").expect_err("not ours").kind(), ErrorKind::AddrNotAvailable);
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("socket");
        let socket = UnixDatagram::bind(&path).expect("binds");
        assert_eq!(socket.local_addr().expect("bound").as_pathname(), Some(path.as_path()));
        assert_eq!(stats().fake_binds, 0);
    });
}

#[test]
fn a_short_buffer_gets_a_cut_address_and_the_full_length() {
    with_seed(1, || {
        let socket = UdpSocket::bind("10.0.0.2:5000").expect("binds");
        // SAFETY: all-zero is a valid value of this C struct; the length is at most that of the buffer.
        let (address, length) = unsafe {
            let mut address: libc::sockaddr_in = zeroed();
            let mut length: libc::socklen_t = 4;
            assert_eq!(libc::getsockname(socket.as_raw_fd(), (&raw mut address).cast(), &raw mut length), 0);
            (address, length)
        };
        assert_eq!(length as usize, size_of::<libc::sockaddr_in>());
        assert_eq!((u16::from_be(address.sin_port), address.sin_addr.s_addr), (5000, 0));
    });
}

#[test]
fn a_socket_that_is_bound_already_is_refused() {
    with_seed(1, || {
        let socket = UdpSocket::bind("10.0.0.2:5000").expect("binds");
        let again: SocketAddr = "10.0.0.3:5000".parse().expect("an address");
        let SocketAddr::V4(again) = again else { unreachable!("written as IPv4") };
        // SAFETY: all-zero is a valid value of this C struct, and the pointer is valid for the length given.
        let result = unsafe {
            let mut raw: libc::sockaddr_in = zeroed();
            raw.sin_family = libc::AF_INET as libc::sa_family_t;
            raw.sin_addr.s_addr = u32::from(*again.ip()).to_be();
            libc::bind(socket.as_raw_fd(), (&raw const raw).cast(), size_of::<libc::sockaddr_in>() as libc::socklen_t)
        };
        assert_eq!(super::errno_of(result), Some(libc::EINVAL));
        assert_eq!(socket.local_addr().expect("bound").to_string(), "10.0.0.2:5000");
    });
}
