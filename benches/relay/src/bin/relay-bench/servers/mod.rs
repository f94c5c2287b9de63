//! The servers that this program can be, and the ones that can be named.

mod coturn;
mod turn17;
mod turn_proto;
mod turn_rs;

use crate::auth::{Auth, user_of_secret};
use anyhow::Context as _;
use clap::ValueEnum;
use relay_bench::bench::Direction;
use relay_bench::client::User;
use relay_bench::io::{Mode, Port};
use relay_bench::null;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _, UdpSocket};
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
    /// turn-rs on tokio, one thread; relays between its own clients only.
    TurnRs,
    /// coturn, where `turnserver` is installed.
    Coturn,
}

impl BuiltIn {
    pub(crate) const ALL: [Self; 7] =
        [Self::NullPlain, Self::NullMmsg, Self::NullGso, Self::Turn, Self::TurnServerProto, Self::TurnRs, Self::Coturn];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NullPlain => "null-plain",
            Self::NullMmsg => "null-mmsg",
            Self::NullGso => "null-gso",
            Self::Turn => "turn",
            Self::TurnServerProto => "turn-server-proto",
            Self::TurnRs => "turn-rs",
            Self::Coturn => "coturn",
        }
    }

    /// Crate and version, where it is not our own.
    pub(crate) fn version(self) -> Option<&'static str> {
        match self {
            Self::Turn => Some("turn 0.17.2"),
            Self::TurnServerProto => Some("turn-server-proto 0.7.3"),
            Self::TurnRs => Some("turn-server 4.1.5"),
            _ => None,
        }
    }

    /// The versions of the servers in this program, and of coturn if it is installed.
    pub(crate) fn versions() -> Vec<String> {
        let own = Self::ALL.into_iter().filter_map(Self::version).map(str::to_owned);
        own.chain(coturn::version()).collect()
    }

    /// Whether it is part of a benchmark that names no servers: part of this program, and nothing else to install.
    pub(crate) fn is_part_of_this_program(self) -> bool {
        self != Self::Coturn
    }

    /// How it asks clients to prove who they are, or why it cannot do what is wanted.
    pub(crate) fn auth(self, wanted: Option<Auth>) -> Result<Auth, String> {
        match (self, wanted) {
            (Self::NullPlain | Self::NullMmsg | Self::NullGso, _) => Ok(Auth::None),
            (Self::TurnServerProto, Some(Auth::RestSecret)) => {
                Err("turn-server-proto knows users, not secrets: no --auth rest-secret".into())
            }
            (Self::Turn | Self::TurnServerProto | Self::TurnRs, Some(Auth::None)) => {
                Err(format!("{} serves nobody without credentials: no --auth none", self.name()))
            }
            (_, wanted) => Ok(wanted.unwrap_or(Auth::LongTerm)),
        }
    }

    /// Whom it serves.
    pub(crate) fn user(auth: Auth) -> Option<User> {
        match auth {
            Auth::None => None,
            Auth::LongTerm => Some(User { name: USER.into(), password: USER.into() }),
            // Without a name: turn 0.17 takes the time alone.
            Auth::RestSecret => Some(user_of_secret(SECRET, "")),
        }
    }

    /// Why it cannot carry such load, if it cannot.
    pub(crate) fn cannot(self, directions: &[Direction], cross: bool) -> Option<String> {
        let elsewhere = directions.iter().any(|direction| *direction != Direction::C2c);
        match self {
            Self::TurnRs if elsewhere => Some("turn-rs relays between its own clients only: --direction c2c".into()),
            Self::TurnRs if cross => Some("turn-rs relays within one address family only: no --ip cross".into()),
            Self::Coturn if coturn::installed().is_none() => Some("coturn is not installed: there is no turnserver on PATH".into()),
            _ => None,
        }
    }

    /// How many allocations a datagram passes.
    pub(crate) fn hops(self, direction: Direction) -> usize {
        if direction == Direction::C2c && self != Self::TurnRs { 2 } else { 1 }
    }

    /// Whether it has told its address before it listens there.
    pub(crate) fn must_be_awaited(self) -> bool {
        matches!(self, Self::TurnRs | Self::Coturn)
    }
}

/// The realm of servers that ask for credentials.
const REALM: &str = "bench";
/// The name and the password that they know.
const USER: &str = "bench";
/// The secret that they share.
const SECRET: &str = "bench";

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
pub(crate) fn serve(server: BuiltIn, listen: SocketAddr, auth: Option<Auth>) -> anyhow::Result<()> {
    let auth = server.auth(auth).map_err(anyhow::Error::msg)?;
    if server == BuiltIn::Coturn {
        // It ends with its parent by itself, and has no use for standard input.
        return coturn::serve(listen, auth);
    }
    #[expect(clippy::disallowed_methods, reason = "this program does not fork")]
    std::thread::spawn(end_with_input);
    if server == BuiltIn::TurnRs {
        return turn_rs::serve(listen, auth);
    }
    let mode = match server {
        BuiltIn::NullMmsg => Mode::Mmsg,
        BuiltIn::NullGso => Mode::Gso,
        _ => Mode::Plain,
    };
    let listener = Port::bind(listen, mode).with_context(|| format!("{listen} cannot be listened on"))?;
    tell(listener.socket.local_addr()?)?;
    match server {
        BuiltIn::Turn => turn17::serve(listener, auth),
        BuiltIn::TurnServerProto => turn_proto::serve(listener, User { name: USER.into(), password: USER.into() }),
        _ => Ok(null::serve(listener, mode, &AtomicBool::new(false))?),
    }
}

fn tell(address: SocketAddr) -> anyhow::Result<()> {
    let mut output = std::io::stdout();
    writeln!(output, "{address}")?;
    Ok(output.flush()?)
}

/// An address that was free just now, for servers that open their sockets themselves.
fn free_port(listen: SocketAddr) -> anyhow::Result<SocketAddr> {
    let socket = UdpSocket::bind(listen).with_context(|| format!("{listen} cannot be listened on"))?;
    Ok(socket.local_addr()?)
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
        assert!("pion".parse::<Choice>().expect_err("unknown").contains("turn-server-proto"));
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
