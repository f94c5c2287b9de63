//! The default driver: endpoints on the simulated network, virtual nanoseconds, nothing else.

use super::network_steps::apply;
use crate::conductor::{Action, Conductor, Ending};
use crate::plan::Built;
use iut::{IcmpError, IcmpKind, Input, Ns};
use nat_sim::{Body, Delivery, Packet};
use std::net::SocketAddr;

/// Runs a case whose nodes are all state machines. `clock` is told the time before every input, so that what an implementation reads from the standard
/// library agrees with the network.
pub fn run(mut network: Built, mut conductor: Conductor, mut clock: impl FnMut(Ns)) -> Ending {
    let mut now: Ns = 0;
    clock(now);
    conductor.start(now);
    loop {
        act(&mut network, &mut conductor, now);
        if conductor.finished(now) || conductor.recorder.overflowed() {
            return conductor.finish(now);
        }
        let wake = conductor.poll_timeout();
        let arrives = network.net.next_event().filter(|at| *at <= wake);
        match arrives {
            Some(at) => {
                if let Some(delivery) = network.net.advance(&mut conductor.recorder, at) {
                    now = now.max(delivery.at);
                    clock(now);
                    deliver(&network, &mut conductor, now, delivery);
                }
            }
            None => {
                now = now.max(wake);
                clock(now);
                if conductor.finished(now) {
                    return conductor.finish(now);
                }
                conductor.handle_timeout(now);
            }
        }
    }
}

/// Carries out what the conductor wants.
fn act(network: &mut Built, conductor: &mut Conductor, now: Ns) {
    while let Some(action) = conductor.poll_action() {
        match action {
            Action::Send { node, local, remote, bytes } => {
                network.net.send(&mut conductor.recorder, now, network.hosts[node], Packet::udp(local, remote, bytes));
            }
            Action::Network(action) => apply(network, &mut conductor.recorder, now, &action),
            Action::ToNode { .. } => unreachable!("the plan gives no asynchronous node to this driver"),
        }
    }
}

/// Hands a packet that reached a host to the party that lives there.
pub(super) fn deliver(network: &Built, conductor: &mut Conductor, now: Ns, delivery: Delivery) {
    let Some(node) = network.hosts.iter().position(|host| *host == delivery.host) else { return };
    if let Some(input) = input_of(delivery.packet) {
        conductor.deliver(now, node, input);
    }
}

/// A packet as the host's stack gives it to its party.
pub(super) fn input_of(packet: Packet) -> Option<Input> {
    match packet.body {
        Body::Udp { src_port, dst_port, payload } => Some(Input::Datagram {
            local: SocketAddr::new(packet.dst, dst_port),
            remote: SocketAddr::new(packet.src, src_port),
            bytes: payload,
        }),
        // No party has streams yet: what concerns TCP concerns none of them.
        Body::Tcp(_) => None,
        Body::Icmp(icmp) if icmp.quotes_tcp() => None,
        Body::Icmp(icmp) => {
            let kind = match icmp.kind {
                nat_sim::IcmpKind::PortUnreachable => IcmpKind::PortUnreachable,
                _ => return None,
            };
            let error = IcmpError { kind, reporter: packet.src, local: icmp.quote.src, remote: icmp.quote.dst };
            Some(Input::IcmpError(error))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nat_sim::{IcmpKind as Kind, Segment, TcpFlags};

    #[test]
    fn parties_hear_of_datagrams_and_of_errors_about_them_but_of_no_tcp() {
        let (src, dst): (SocketAddr, SocketAddr) = ("192.0.2.1:5000".parse().unwrap(), "192.0.2.2:443".parse().unwrap());
        let datagram = Packet::udp(src, dst, &b"x"[..]);
        let segment = Packet::tcp(src.ip(), dst.ip(), Segment::new(src.port(), dst.port(), TcpFlags::SYN));
        let error_about = |packet: &Packet| packet.answer_with(dst.ip(), Kind::PortUnreachable).unwrap();
        assert!(matches!(input_of(error_about(&datagram)), Some(Input::IcmpError(error)) if error.local == src && error.remote == dst));
        assert!(input_of(error_about(&segment)).is_none());
        assert!(input_of(segment).is_none());
        assert!(matches!(input_of(datagram), Some(Input::Datagram { local, remote, .. }) if local == dst && remote == src));
    }
}
