//! A server as a process of its own, so that its CPU time is its own.

use crate::auth::Auth;
use crate::servers::BuiltIn;
use anyhow::{Context as _, bail};
use relay_bench::client;
use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a server that has told its address is asked whether it is there, and for how long each time.
const ATTEMPTS: usize = 100;
const BETWEEN: Duration = Duration::from_millis(100);

/// A running server; it ends when this is dropped, and by itself when this process ends, since its standard input does then.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts this program as `server` on the processors of the calling thread.
    pub(crate) fn start(server: BuiltIn, ip: IpAddr, auth: Auth) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program does not know its path")?;
        let mut command = Command::new(program);
        // A group of its own: Ctrl-C in a terminal is for the benchmark, which then ends its servers.
        command
            .args(["serve", server.name(), "--listen", &SocketAddr::new(ip, 0).to_string(), "--auth", auth.name()])
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("{} does not start", server.name()))?;
        let output = child.stdout.take().context("standard output is a pipe")?;
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        let mut started = Self { child, address: SocketAddr::from(([0, 0, 0, 0], 0)) };
        read.context("the server cannot be read")?;
        started.address = line.trim().parse().with_context(|| format!("the server has not started: it said {line:?}"))?;
        if server.must_be_awaited() {
            started.await_answer().with_context(|| format!("{} has not started", server.name()))?;
        }
        Ok(started)
    }

    /// Waits until it answers a Binding request.
    fn await_answer(&mut self) -> anyhow::Result<()> {
        let socket = UdpSocket::bind(SocketAddr::new(self.address.ip(), 0))?;
        for _ in 0..ATTEMPTS {
            if let Some(status) = self.child.try_wait()? {
                bail!("it has ended: {status}");
            }
            if client::answers(&socket, self.address, BETWEEN)? {
                return Ok(());
            }
        }
        bail!("it does not answer on {}", self.address)
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
