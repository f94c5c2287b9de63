//! The crates' `Conn` on a socket of the node.

use async_trait::async_trait;
use iut::{ApiEvent, Command, DatagramSocket, Emitter, Input};
use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedReceiver;
use webrtc17_util::{Conn, Error};

type Result<T> = std::result::Result<T, Error>;

/// An unconnected socket, or one connected to a peer in the sense of `connect(2)`: it sends there, but receives from everybody, since the crates filter
/// themselves or are meant to.
///
/// As with tokio's `UdpSocket`, closing it does nothing (the TURN server closes its listening socket with each allocation); it is freed when it is dropped.
pub(crate) struct Socket {
    socket: Arc<dyn DatagramSocket>,
    remote: Mutex<Option<SocketAddr>>,
}

impl Socket {
    pub(crate) fn new(socket: Arc<dyn DatagramSocket>) -> Self {
        Self { socket, remote: Mutex::new(None) }
    }

    pub(crate) fn connected(socket: Arc<dyn DatagramSocket>, remote: SocketAddr) -> Self {
        Self { socket, remote: Mutex::new(Some(remote)) }
    }
}

#[async_trait]
impl Conn for Socket {
    async fn connect(&self, remote: SocketAddr) -> Result<()> {
        *self.remote.lock().unwrap_or_else(PoisonError::into_inner) = Some(remote);
        Ok(())
    }

    /// Waits for ever once the socket is closed: the reader of `dtls` spins on a socket that only fails.
    async fn recv(&self, buffer: &mut [u8]) -> Result<usize> {
        match self.socket.recv_from(buffer).await {
            Ok((length, _)) => Ok(length),
            Err(_) => std::future::pending().await,
        }
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
        Ok(self.socket.recv_from(buffer).await?)
    }

    async fn send(&self, bytes: &[u8]) -> Result<usize> {
        let remote = self.remote_addr().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))?;
        self.send_to(bytes, remote).await
    }

    async fn send_to(&self, bytes: &[u8], remote: SocketAddr) -> Result<usize> {
        self.socket.send_to(bytes, remote)?;
        Ok(bytes.len())
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr())
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        *self.remote.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn close(&self) -> Result<()> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

/// Closes sockets when the node ends, which ends the tasks that wait on them.
#[derive(Default)]
pub(crate) struct Closing(Vec<Arc<dyn DatagramSocket>>);

impl Closing {
    pub(crate) fn add(&mut self, socket: &Arc<dyn DatagramSocket>) {
        self.0.push(Arc::clone(socket));
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.iter().for_each(|socket| socket.close());
    }
}

/// The next command of the scenario; `None` ends the node. These nodes take part in no signalling.
pub(crate) async fn next_command(inputs: &mut UnboundedReceiver<Input>) -> Option<Command> {
    loop {
        if let Input::Command(command) = inputs.recv().await? {
            return Some(command);
        }
    }
}

/// Waits for the start; refuses everything before it.
pub(crate) async fn started(inputs: &mut UnboundedReceiver<Input>, emitter: &Emitter) -> bool {
    while let Some(command) = next_command(inputs).await {
        match command {
            Command::Start => return true,
            other => emitter.api(failed(other.verb(), "the node has not started")),
        }
    }
    false
}

pub(crate) fn failed(operation: &str, error: impl ToString) -> ApiEvent {
    ApiEvent::Error { operation: operation.into(), message: error.to_string() }
}

pub(crate) fn unsupported(command: &Command) -> ApiEvent {
    ApiEvent::Unsupported { verb: command.verb().into() }
}
