//! The endpoint contract: a state machine that is given time and inputs, and gives outputs and deadlines.

use crate::{ApiEvent, Command, Signal};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// Nanoseconds since the case began.
pub type Ns = u64;

/// Why an endpoint wants to be woken, for logs and for the explanation of a run that does not end: `"retransmit"`, `"consent"`.
pub type Cause = &'static str;

/// A sans-I/O party on a simulated host: an implementation under test or an actor that the harness plays.
pub trait Endpoint {
    /// Takes one input. `now` never goes back between calls.
    fn handle(&mut self, now: Ns, input: Input);

    /// The next thing that the endpoint wants to happen; `None` when it has nothing more to say until the next input.
    fn poll_output(&mut self) -> Option<Output>;

    /// When the endpoint wants [`Input::Timeout`], and why. A time that has passed already means at once.
    fn poll_timeout(&mut self) -> Option<(Ns, Cause)>;
}

/// What can happen to an endpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input {
    /// The deadline of [`Endpoint::poll_timeout`] has come.
    Timeout,
    /// A datagram arrived.
    Datagram {
        /// The address of this node that it was sent to.
        local: SocketAddr,
        /// The address that it came from, as this node sees it.
        remote: SocketAddr,
        /// UDP payload.
        bytes: Bytes,
    },
    /// Something happened to a stream.
    Stream {
        /// The stream that it happened to.
        id: StreamId,
        /// What happened.
        event: StreamEvent,
    },
    /// An ICMP error came back for a datagram that this node sent.
    IcmpError(IcmpError),
    /// The node gained an address.
    AddressAdded(IpAddr),
    /// The node lost an address.
    AddressRemoved(IpAddr),
    /// A message of the signalling room.
    Signal(Signal),
    /// An instruction of the scenario.
    Command(Command),
}

/// What an endpoint can want.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Output {
    /// Send a datagram.
    Datagram {
        /// The address of this node to send from; must be one that it owns.
        local: SocketAddr,
        /// Where to send it.
        remote: SocketAddr,
        /// UDP payload.
        bytes: Bytes,
    },
    /// Do something with a stream.
    Stream {
        /// The stream; for [`StreamAction::Open`] a number that the endpoint chooses and has not used before.
        id: StreamId,
        /// What to do.
        action: StreamAction,
    },
    /// Send a message to the other party of the signalling room.
    Signal(Signal),
    /// Tell the harness something that an application would learn from the interface of the implementation.
    Api(ApiEvent),
}

/// Names a stream within one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// What can happen to a stream.
#[derive(Clone, Debug)]
pub enum StreamEvent {
    /// It is connected: the answer to [`StreamAction::Open`], or a connection that a peer opened.
    Opened {
        /// This node's address.
        local: SocketAddr,
        /// The peer's address, as this node sees it.
        remote: SocketAddr,
    },
    /// Bytes arrived, in order.
    Bytes(Bytes),
    /// The peer has closed its side.
    Closed,
    /// The connection was refused or reset.
    Reset,
}

/// What can be done with a stream.
#[derive(Clone, Debug)]
pub enum StreamAction {
    /// Connect.
    Open {
        /// The address of this node to connect from.
        local: SocketAddr,
        /// Where to connect to.
        remote: SocketAddr,
    },
    /// Send bytes.
    Bytes(Bytes),
    /// Close this side in order.
    Close,
    /// Abort.
    Reset,
}

/// An ICMP error about a datagram that this node sent (RFC 8489 section 6.2.1, RFC 8656 section 11.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// What the error says.
    pub kind: IcmpKind,
    /// The host that reported it.
    pub reporter: IpAddr,
    /// Source of the quoted datagram: this node's own address.
    pub local: SocketAddr,
    /// Destination of the quoted datagram.
    pub remote: SocketAddr,
}

/// The ICMP errors that a simulated network sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKind {
    /// ICMP 3/3, ICMPv6 1/4.
    PortUnreachable,
    /// ICMP 3/0 and 3/1, ICMPv6 1/0 and 1/3.
    HostUnreachable,
    /// ICMP 3/13, ICMPv6 1/1.
    AdministrativelyProhibited,
    /// ICMP 3/4, ICMPv6 2/0.
    PacketTooBig {
        /// MTU of the next hop in bytes.
        mtu: u16,
    },
    /// ICMP 11/0, ICMPv6 3/0.
    TimeExceeded,
}
