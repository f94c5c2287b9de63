//! The servers that this program can be, and the ones that can be named.

mod turn17;
mod turn_proto;

use anyhow::Context as _;
use clap::ValueEnum;
use relay_bench::client::User;
use relay_bench::io::{Mode, Port};
use relay_bench::null;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

/// A server in this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BuiltIn {
    /// The null relay with a system call for each datagram.
    NullPlain,
    /// The null relay with `recvmmsg` and `sendmmsg`.
    NullMmsg,
    /// The null relay with segmentation offload.
    NullGso,
    /// `turn` 0.17 of webrtc-rs on tokio, one thread.
    Turn,
    /// `turn-server-proto` behind a loop with a system call for each datagram.
    TurnServerProto,
}

impl BuiltIn {
    pub(crate) const ALL: [Self; 5] = [Self::NullPlain, Self::NullMmsg, Self::NullGso, Self::Turn, Self::TurnServerProto];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NullPlain => "null-plain",
            Self::NullMmsg => "null-mmsg",
            Self::NullGso => "null-gso",
            Self::Turn => "turn",
            Self::TurnServerProto => "turn-server-proto",
        }
    }

    /// Crate and version, where it is not our own.
    pub(crate) fn version(self) -> Option<&'static str> {
        match self {
            Self::Turn => Some("turn 0.17.2"),
            Self::TurnServerProto => Some("turn-server-proto 0.7.3"),
            _ => None,
        }
    }

    /// What it asks clients for.
    pub(crate) fn user(self) -> Option<User> {
        self.version().map(|_| User { name: "bench".into(), password: "bench".into() })
    }
}

/// The realm of servers that ask for credentials.
const REALM: &str = "bench";

/// A server on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    BuiltIn(BuiltIn),
    /// One that runs already, with its name in reports.
    Running(String, SocketAddr),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(address) = text.strip_prefix("turn:") {
            let mut addresses = address.to_socket_addrs().map_err(|error| format!("{address}: {error}"))?;
            let address = addresses.next().ok_or_else(|| format!("{address} has no address"))?;
            return Ok(Self::Running(text.to_owned(), address));
        }
        let built_in = BuiltIn::ALL.into_iter().find(|server| server.name() == text);
        let names = BuiltIn::ALL.map(BuiltIn::name).join(", ");
        built_in.map(Self::BuiltIn).ok_or_else(|| format!("one of {names}, or turn:HOST:PORT"))
    }
}

/// Tells the address on standard output and serves until standard input ends.
pub(crate) fn serve(server: BuiltIn, listen: SocketAddr) -> anyhow::Result<()> {
    let mode = match server {
        BuiltIn::NullMmsg => Mode::Mmsg,
        BuiltIn::NullGso => Mode::Gso,
        _ => Mode::Plain,
    };
    let listener = Port::bind(listen, mode).with_context(|| format!("{listen} cannot be listened on"))?;
    let mut output = std::io::stdout();
    writeln!(output, "{}", listener.socket.local_addr()?)?;
    output.flush()?;
    #[expect(clippy::disallowed_methods, reason = "this program does not fork")]
    std::thread::spawn(end_with_input);
    match (server, server.user()) {
        (BuiltIn::Turn, Some(user)) => turn17::serve(listener, user),
        (BuiltIn::TurnServerProto, Some(user)) => turn_proto::serve(listener, user),
        _ => Ok(null::serve(listener, mode, &AtomicBool::new(false))?),
    }
}

/// Ends this process when its parent closes the pipe or is gone.
fn end_with_input() {
    let mut discarded = [0; 64];
    while std::io::stdin().read(&mut discarded).is_ok_and(|length| length > 0) {}
    std::process::exit(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_known_by_name_or_address() {
        assert_eq!("null-gso".parse(), Ok(Choice::BuiltIn(BuiltIn::NullGso)));
        let address = SocketAddr::from(([127, 0, 0, 1], 3478));
        assert_eq!("turn:127.0.0.1:3478".parse(), Ok(Choice::Running("turn:127.0.0.1:3478".into(), address)));
        assert!("coturn".parse::<Choice>().expect_err("unknown").contains("turn-server-proto"));
        assert!("turn:127.0.0.1".parse::<Choice>().is_err());
    }

    #[test]
    fn the_versions_are_those_of_the_build() {
        let lock = include_str!("../../../../../../Cargo.lock");
        for version in BuiltIn::ALL.into_iter().filter_map(BuiltIn::version) {
            let (name, number) = version.split_once(' ').expect("name and number");
            assert!(lock.contains(&format!("name = \"{name}\"\nversion = \"{number}\"")), "{version}");
        }
    }
}
