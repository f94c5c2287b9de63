//! The crate's `Runtime` on tokio: tokio's clock and tasks, the node's sockets, no names, no TCP.

use iut::{BoxFuture, DatagramSocket, Network};
use std::fmt;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::task::{AbortHandle, JoinSet};
use webrtc::runtime::{AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, RecvMeta, Runtime, Transmit};

/// The tasks of one node. None outlives the guard that [`Tasks::guard`] returns.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<Option<JoinSet<()>>>>);

impl Tasks {
    /// Allows tasks until the guard is dropped, which aborts all of them.
    pub(crate) fn guard(&self) -> TaskGuard {
        *self.lock() = Some(JoinSet::new());
        TaskGuard(self.clone())
    }

    /// Starts a task; a task started too late never runs.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> Option<AbortHandle> {
        let mut tasks = self.lock();
        let set = tasks.as_mut()?;
        while set.try_join_next().is_some() {}
        Some(set.spawn(task))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<JoinSet<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct TaskGuard(Tasks);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        // Taken out first: dropping a task may come back here to ask for another one.
        let tasks = self.0.lock().take();
        drop(tasks);
    }
}

/// The runtime of one node.
pub(crate) struct NodeRuntime {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) tasks: Tasks,
}

impl fmt::Debug for NodeRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeRuntime")
    }
}

impl Runtime for NodeRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        Box::new(Handle(self.tasks.spawn(future)))
    }

    /// Takes the address of a socket that libc believes to be bound, and binds that address in the simulated network.
    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let local = socket.local_addr()?;
        drop(socket);
        Ok(Arc::new(Udp(self.network.bind(local)?)))
    }

    fn wrap_tcp_listener(&self, _listener: std::net::TcpListener) -> io::Result<Arc<dyn AsyncTcpListener>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn connect_tcp<'a>(&'a self, _remote: SocketAddr) -> BoxFuture<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::ready(literal(host)))
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        Box::new(Interval(tokio::time::interval(period)))
    }

    /// For applications that are not asynchronous; the crate itself never calls it.
    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        tokio::runtime::Handle::current().block_on(future);
    }

    fn name(&self) -> &'static str {
        "natproof"
    }
}

/// `ADDRESS:PORT` as the standard library reads it: IPv6 with brackets, or without them where the last colon begins the port. Names are resolved by the
/// scenario, never here.
fn literal(host: &str) -> io::Result<Vec<SocketAddr>> {
    let unbracketed = || {
        let (ip, port) = host.rsplit_once(':')?;
        Some(SocketAddr::new(ip.parse::<IpAddr>().ok()?, port.parse().ok()?))
    };
    host.parse()
        .ok()
        .or_else(unbracketed)
        .map(|address| vec![address])
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("`{host}` is not a literal address")))
}

struct Handle(Option<AbortHandle>);

impl JoinHandle for Handle {
    fn detach(&self) {}

    fn abort(&self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }

    fn is_finished(&self) -> bool {
        self.0.as_ref().is_none_or(AbortHandle::is_finished)
    }
}

struct Interval(tokio::time::Interval);

impl AsyncInterval for Interval {
    fn tick(&mut self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.0.tick().await;
        })
    }
}

struct Udp(Arc<dyn DatagramSocket>);

impl fmt::Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Udp({})", self.0.local_addr())
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl AsyncUdpSocket for Udp {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.0.local_addr())
    }

    fn poll_send(&self, _context: &mut Context<'_>, transmit: &Transmit<'_>) -> Poll<io::Result<usize>> {
        let segment = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        for datagram in transmit.contents.chunks(segment) {
            self.0.send_to(datagram, transmit.destination)?;
        }
        Poll::Ready(Ok(transmit.contents.len()))
    }

    fn poll_recv(&self, context: &mut Context<'_>, buffers: &mut [IoSliceMut<'_>], meta: &mut [RecvMeta]) -> Poll<io::Result<usize>> {
        let (Some(buffer), Some(meta)) = (buffers.first_mut(), meta.first_mut()) else { return Poll::Ready(Ok(0)) };
        self.0.poll_recv_from(context, buffer).map_ok(|(length, remote)| {
            *meta = RecvMeta::default();
            meta.addr = remote;
            meta.len = length;
            meta.stride = length;
            meta.dst_ip = Some(self.0.local_addr().ip());
            1
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_addresses_are_resolved() {
        let read = |host| literal(host).map(|a| a[0].to_string());
        assert_eq!(read("192.0.2.1:3478").unwrap(), "192.0.2.1:3478");
        assert_eq!(read("[2001:db8::1]:3478").unwrap(), "[2001:db8::1]:3478");
        assert_eq!(read("2001:db8::1:3478").unwrap(), "[2001:db8::1]:3478");
        for bad in ["stun.example.org:3478", "192.0.2.1", "localhost:1", ":3478", ""] {
            assert_eq!(read(bad).unwrap_err().kind(), io::ErrorKind::NotFound, "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_task_outlives_the_guard() {
        let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = alive();
        let tasks = Tasks::default();
        assert!(tasks.spawn(async {}).is_none(), "a task before the guard never runs");
        let guard = tasks.guard();
        for _ in 0..3 {
            assert!(tasks.spawn(std::future::pending()).is_some());
        }
        assert_eq!(alive(), before + 3);
        drop(guard);
        tokio::task::yield_now().await;
        assert_eq!(alive(), before);
        assert!(tasks.spawn(async {}).is_none());
    }
}
