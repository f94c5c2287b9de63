//! The command line.

use crate::auth::Auth;
use crate::cpus::Cpus;
use crate::report::Format;
use crate::servers::{BuiltIn, Choice};
use clap::{Args, Parser, Subcommand, ValueEnum};
use relay_bench::bench::Direction;
use relay_bench::carrier::Carrier;
use relay_bench::content::Content;
use relay_bench::io::Mode;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// What TURN servers spend on a datagram, how long it takes them and where they lose it, beside a relay that does the least possible.
///
/// Datagrams go to servers that this program starts on loopback, or to an address named with --server, and nowhere else.
#[derive(Debug, Parser)]
#[command(name = "relay-bench", version, max_term_width = 120, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) bench: Bench,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one of the servers until standard input ends; its address is the first line of output.
    Serve {
        server: BuiltIn,
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// What to ask clients for, where the server can [default: long-term].
        #[arg(long, value_enum)]
        auth: Option<Auth>,
    },
    /// Print the JSON Schema of `--format json`.
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Which servers: null-plain, null-mmsg, null-gso, turn, turn-server-proto, turn-rs (c2c only), coturn (where turnserver is installed), or
    /// turn:HOST:PORT for one that runs already [default: the named ones of this program that can do what is asked]
    #[arg(long, value_name = "NAME|turn:HOST:PORT", value_delimiter = ',')]
    pub(crate) server: Vec<Choice>,
    /// Credentials for turn:HOST:PORT; with --secret a name alone, which becomes part of the name.
    #[arg(long, value_name = "NAME:PASSWORD")]
    pub(crate) user: Option<String>,
    /// What clients prove who they are with [default: long-term where a server of this program asks, and for turn:HOST:PORT where --user is given]. The
    /// null relays never ask: credentials cost nothing on a datagram.
    #[arg(long, value_enum)]
    pub(crate) auth: Option<Auth>,
    /// The secret that turn:HOST:PORT shares (coturn: static-auth-secret), for --auth rest-secret.
    #[arg(long)]
    pub(crate) secret: Option<String>,
    /// The process of turn:HOST:PORT, if it runs here: gives CPU time and drops.
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// Who sends to whom: up (client to peer), down, echo (there and back), bidir (both at once), c2c (client to client: two hops).
    #[arg(long, value_delimiter = ',', default_value = "up", value_parser = direction)]
    pub(crate) direction: Vec<Direction>,
    /// Bytes of payload; or imix (64 to 1200 B in turn), audio (172 B), video (1100 B; at fixed rates in frames, one large one in thirty).
    #[arg(long, value_name = "BYTES|imix|audio|video", value_delimiter = ',', default_value = "100,1200")]
    pub(crate) size: Vec<Content>,
    /// Flows, each with an allocation (c2c: two) and ports of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) flows: u32,
    /// What data travels in between client and server: ChannelData messages, or Send and Data indications.
    #[arg(long, value_enum, default_value = "channel")]
    pub(crate) carrier: Carriers,
    /// The address family of the servers that this program starts, of their clients and of their peers; cross has relayed addresses and peers of the
    /// other family than clients: IPv6 where the server has IPv4.
    #[arg(long, value_enum, default_value = "v4")]
    pub(crate) ip: Ip,
    /// How the generator hands datagrams to the kernel. What leaves together also arrives together, which flatters servers that receive in batches.
    #[arg(long, value_enum, default_value = "plain")]
    pub(crate) tx: Tx,
    /// Datagrams a second over all flows in each direction, at fixed times, instead of as many as the server takes. Several rates make a curve.
    #[arg(long, value_name = "R", value_delimiter = ',', value_parser = clap::value_parser!(u64).range(1..=10_000_000), conflicts_with = "closed_loop")]
    pub(crate) rate: Vec<u64>,
    /// Only saturate the servers: leaves out the trials at a fixed rate, and with them all delays.
    #[arg(long)]
    pub(crate) closed_loop: bool,
    /// Look for the highest rate at which each server loses nothing (ndr) or at most a share (pdr=0.1%), or for the largest burst of which it loses nothing
    /// (burst), instead of trials at one fixed rate.
    #[arg(long, value_name = "ndr|pdr=P%|burst", conflicts_with_all = ["rate", "closed_loop"], value_parser = goal)]
    pub(crate) search: Option<Goal>,
    /// Datagrams that leave back to back in trials at a fixed rate.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10_000), conflicts_with = "closed_loop")]
    pub(crate) burst: u64,
    /// Rounds that count; one before them does not.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rounds: u32,
    /// Length of a trial, at most 4 minutes, in which no permission ends [default: 500ms; 10s for the laps of --soak]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// Instead of comparing, keep one --rate on each server for so long, lap by lap: memory, loss and delay over time. Up to 7 days, such as 10m or 12h.
    #[arg(long, value_name = "TIME", value_parser = long_time, requires = "rate", conflicts_with_all = ["allocations", "search", "rounds", "gate"])]
    pub(crate) soak: Option<Duration>,
    /// Ends each trial after N datagrams of each flow in each direction, however long that takes, instead of after a time.
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub(crate) packets: Option<u64>,
    /// Instead of carrying load, allocate N times on each server and release, in three rounds: rate, latency, errors and memory.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000), conflicts_with_all = ["direction", "size", "flows", "carrier", "tx", "rate", "closed_loop", "search", "burst", "rounds", "duration", "packets"])]
    pub(crate) allocations: Option<u32>,
    /// Allocate until the first error, in one round: how many there can be, and what ends them. N of --allocations is where it stops without one.
    #[arg(long, requires = "allocations")]
    pub(crate) until_error: bool,
    /// Requests for allocations on their way at once.
    #[arg(long, value_name = "K", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=10_000), requires = "allocations")]
    pub(crate) in_flight: u32,
    /// Which processors to use [default: the first two that may be used]
    #[arg(long, value_name = "server=N,generator=N")]
    pub(crate) cpus: Option<Cpus>,
    /// How to print the report.
    #[arg(long, value_enum, default_value = "human")]
    pub(crate) format: Format,
    /// Write the report in all formats into this folder as well.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Compare with an earlier report (JSON) and fail where a server costs more beside null-plain: where the whole interval of its ratio is more than 10 %
    /// above that of the earlier report.
    #[arg(long, value_name = "BASELINE", conflicts_with_all = ["allocations", "rate"])]
    pub(crate) gate: Option<PathBuf>,
}

/// [`Mode`] as a word on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Tx {
    /// One system call a datagram.
    Plain,
    /// `sendmmsg`.
    Mmsg,
    /// Segmentation offload.
    Gso,
}

impl From<Tx> for Mode {
    fn from(tx: Tx) -> Self {
        match tx {
            Tx::Plain => Self::Plain,
            Tx::Mmsg => Self::Mmsg,
            Tx::Gso => Self::Gso,
        }
    }
}

/// [`Carrier`] as a word on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Carriers {
    /// ChannelData messages.
    Channel,
    /// Send and Data indications.
    Indication,
}

impl From<Carriers> for Carrier {
    fn from(carriers: Carriers) -> Self {
        match carriers {
            Carriers::Channel => Self::Channel,
            Carriers::Indication => Self::Indication,
        }
    }
}

/// An address family, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ip {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Clients over IPv4, peers over IPv6.
    Cross,
}

impl Ip {
    /// This host, for the servers.
    pub(crate) fn loopback(self) -> IpAddr {
        match self {
            Self::V4 | Self::Cross => Ipv4Addr::LOCALHOST.into(),
            Self::V6 => Ipv6Addr::LOCALHOST.into(),
        }
    }
}

fn direction(name: &str) -> Result<Direction, String> {
    let names = Direction::ALL.map(Direction::name).join(", ");
    Direction::ALL.into_iter().find(|direction| direction.name() == name).ok_or_else(|| format!("one of {names}"))
}

/// What a search looks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// The highest rate at which at most this share of datagrams is lost, 0 to 1.
    Rate(f64),
    /// The largest burst of which nothing is lost.
    Burst,
}

fn goal(text: &str) -> Result<Goal, String> {
    if text == "burst" {
        return Ok(Goal::Burst);
    }
    let percent = match text {
        "ndr" => Some(0.0),
        _ => text.strip_prefix("pdr=").and_then(|rest| rest.strip_suffix('%')?.parse::<f64>().ok()),
    };
    percent
        .filter(|percent| (0.0..=50.0).contains(percent))
        .map(|it| Goal::Rate(it / 100.0))
        .ok_or_else(|| "ndr, burst, or pdr= and 0 to 50 %, such as pdr=0.1%".into())
}

/// `500ms` or `2s`, at most four minutes: permissions live for five (RFC 8656 section 9).
fn duration(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(1)..=Duration::from_secs(240);
    time(text).filter(|time| range.contains(time)).ok_or_else(|| "a time from 1ms to 240s, such as 500ms or 2s".into())
}

/// `10m` or `12h`, at most a week.
fn long_time(text: &str) -> Result<Duration, String> {
    let range = Duration::from_millis(1)..=Duration::from_secs(7 * 24 * 3600);
    time(text).filter(|time| range.contains(time)).ok_or_else(|| "a time from 1ms to 168h, such as 10m or 12h".into())
}

fn time(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = number.parse().ok()?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs);
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn goals_are_shares_of_loss() {
        assert_eq!((goal("ndr"), goal("pdr=0.5%")), (Ok(Goal::Rate(0.0)), Ok(Goal::Rate(0.005))));
        for wrong in ["", "pdr", "pdr=1", "pdr=-1%", "pdr=60%", "pdr=NaN%", "mdr"] {
            assert!(goal(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_have_a_unit_and_an_end() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["", "5", "0s", "2h", "241s", "-1s", "1.5s", "5d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!((long_time("12h"), long_time("10m")), (Ok(Duration::from_secs(43_200)), Ok(Duration::from_secs(600))));
        assert!(long_time("169h").is_err() && long_time("18446744073709551615h").is_err());
    }
}
