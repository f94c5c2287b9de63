//! The host that a driver gives to an asynchronous implementation: sockets, commands, signalling and a place for events.
//!
//! Time and tasks come from tokio itself: `tokio::time` is virtual under every driver, and `tokio::spawn` stays on the driver's single thread.

use crate::{ApiEvent, Input, Output, Signal};
use bytes::Bytes;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// A boxed future that can move between tasks.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An asynchronous program: an implementation that wants sockets and an executor.
pub trait AsyncEndpoint: Send {
    /// Runs the node until it is closed or dropped. It receives [`crate::Command::Start`] first.
    fn run(self: Box<Self>, host: Host) -> BoxFuture<'static, ()>;
}

/// What the node can reach.
pub struct Host {
    /// The node's network.
    pub network: Arc<dyn Network>,
    /// Commands and signals of the scenario, in order. [`Input::Datagram`] never comes this way: sockets deliver datagrams.
    pub inputs: mpsc::UnboundedReceiver<Input>,
    /// Where events and signals go.
    pub emitter: Emitter,
}

/// The sockets of one node.
pub trait Network: Send + Sync {
    /// Binds a UDP socket.
    ///
    /// # Errors
    /// `AddrNotAvailable` when the node does not own the address, `AddrInUse` when the port is taken. Port 0 picks a free one.
    fn bind(&self, local: SocketAddr) -> io::Result<Arc<dyn DatagramSocket>>;
}

/// A UDP socket.
pub trait DatagramSocket: Send + Sync {
    /// The address that it is bound to.
    fn local_addr(&self) -> SocketAddr;

    /// Sends a datagram. It never blocks: a simulated network has no full buffer.
    ///
    /// # Errors
    /// When the socket or the node is closed.
    fn send_to(&self, bytes: &[u8], remote: SocketAddr) -> io::Result<()>;

    /// Receives one datagram into `buffer`; what does not fit is cut off, as with a real socket. Several tasks may wait.
    ///
    /// # Errors
    /// When the socket or the node is closed.
    fn poll_recv_from(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>>;

    /// Wakes all that wait with an error and frees the port.
    fn close(&self);
}

impl dyn DatagramSocket {
    /// Receives one datagram; see [`DatagramSocket::poll_recv_from`].
    ///
    /// # Errors
    /// When the socket or the node is closed.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        std::future::poll_fn(|context| self.poll_recv_from(context, buffer)).await
    }
}

/// Hands events and signals to the driver. Cheap to clone; sending after the case has ended does nothing.
#[derive(Clone)]
pub struct Emitter(mpsc::UnboundedSender<Output>);

impl Emitter {
    /// An emitter and the end that the driver reads.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Output>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Reports an event of the application interface.
    pub fn api(&self, event: ApiEvent) {
        // The receiver is gone once the case has ended: nobody is interested any more.
        let _ = self.0.send(Output::Api(event));
    }

    /// Sends a message to the other party of the signalling room.
    pub fn signal(&self, signal: Signal) {
        let _ = self.0.send(Output::Signal(signal));
    }

    /// Sends a datagram: for the sockets of a driver, which so keep their place between the events of the node. A node uses its [`Network`].
    pub fn datagram(&self, local: SocketAddr, remote: SocketAddr, bytes: Bytes) {
        let _ = self.0.send(Output::Datagram { local, remote, bytes });
    }
}
