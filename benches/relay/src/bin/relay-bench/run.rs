//! The benchmark: servers are started once, and each cell (direction and size) goes round them all.

use crate::allocations;
use crate::auth::{Auth, user_of_secret};
use crate::cell;
use crate::child;
use crate::cli::{Bench, Goal, Ip};
use crate::cpus::{self, Cpus};
use crate::environment::{Environment, Ticks};
use crate::gate::Baseline;
use crate::report::{Report, folder};
use crate::servers::{BuiltIn, Choice};
use crate::soak;
use anyhow::{Context as _, bail};
use relay_bench::bench::Direction;
use relay_bench::carrier::Carrier;
use relay_bench::client::User;
use relay_bench::content::Content;
use relay_bench::flow::Server;
use relay_bench::io::Mode;
use relay_bench::load::Stop;
use relay_bench::schedule::Extent;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// What to do, checked.
pub(crate) struct Plan {
    pub(crate) choices: Vec<Choice>,
    user: Option<User>,
    auth: Option<Auth>,
    pid: Option<u32>,
    directions: Vec<Direction>,
    contents: Vec<Content>,
    pub(crate) flows: usize,
    pub(crate) mode: Mode,
    /// Empty for as much as the servers take.
    rates: Vec<u64>,
    pub(crate) closed_loop: bool,
    pub(crate) search: Option<Goal>,
    pub(crate) burst: u64,
    pub(crate) rounds: usize,
    pub(crate) extent: Extent,
    allocations: Option<usize>,
    soak: Option<Duration>,
    pub(crate) until_error: bool,
    pub(crate) in_flight: usize,
    carrier: Carrier,
    cross: bool,
    /// Where servers of our own listen.
    pub(crate) loopback: IpAddr,
    pub(crate) cpus: Cpus,
    baseline: Option<Baseline>,
}

impl Plan {
    /// How a server at `address` is used.
    fn server(&self, address: SocketAddr, user: Option<User>) -> Server {
        let other: IpAddr = if address.is_ipv4() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() };
        Server { address, user, carrier: self.carrier, peers: self.cross.then_some(other) }
    }
}

/// Checks the command line.
pub(crate) fn plan(arguments: &Bench) -> anyhow::Result<Plan> {
    let named = |choice: &Choice| matches!(choice, Choice::Running(..));
    let running = arguments.server.iter().filter(|choice| named(choice)).count();
    if running == 0 && (arguments.user.is_some() || arguments.pid.is_some()) {
        bail!("--user and --pid are about a server turn:HOST:PORT, and there is none");
    }
    if running > 1 && arguments.pid.is_some() {
        bail!("--pid can be the process of one server only");
    }
    let baseline = arguments.gate.as_deref().map(Baseline::read).transpose()?;
    let null = |choice: &Choice| *choice == Choice::BuiltIn(BuiltIn::NullPlain);
    if baseline.is_some() && !(arguments.server.is_empty() || arguments.server.iter().any(null)) {
        bail!("--gate compares ratios to null-plain, which must be among the servers");
    }
    arguments.out.as_deref().map_or(Ok(()), folder::prepare)?;
    let far = |choice: &Choice| matches!(choice, Choice::Running(_, address) if !address.ip().is_loopback());
    if arguments.ip == Ip::Cross && arguments.server.iter().any(far) {
        bail!("--ip cross has peers on the loopback address of the other family, which only a server on loopback reaches");
    }
    if running == 0 && arguments.secret.is_some() {
        bail!("--secret is about a server turn:HOST:PORT, and there is none; those of this program have one of their own");
    }
    let user = if running > 0 { user(arguments)? } else { None };
    let cpus = arguments.cpus.map_or_else(Cpus::choose, Ok)?;
    if cpus.shared() && (!arguments.rate.is_empty() || arguments.search.is_some()) {
        bail!(
            "server and generator share a processor: no rate can be kept; without --rate and --search the CPU time per packet is measured"
        );
    }
    if arguments.search == Some(Goal::Burst) && arguments.burst > 1 {
        bail!("--search burst finds the burst itself: no --burst");
    }
    if arguments.soak.is_some() && arguments.rate.len() > 1 {
        bail!("--soak keeps one --rate, not several");
    }
    let duration = arguments.duration.unwrap_or(Duration::from_millis(if arguments.soak.is_some() { 10_000 } else { 500 }));
    if arguments.size.contains(&Content::Video) && (arguments.search == Some(Goal::Burst) || arguments.burst > 1) {
        bail!("--size video has bursts of its own, its frames: no --burst and no --search burst");
    }
    let choices = choices(arguments)?;
    Ok(Plan {
        choices,
        user,
        auth: arguments.auth,
        pid: arguments.pid,
        directions: arguments.direction.clone(),
        contents: arguments.size.clone(),
        flows: arguments.flows as usize,
        mode: arguments.tx.into(),
        rates: arguments.rate.clone(),
        closed_loop: arguments.closed_loop || cpus.shared(),
        search: arguments.search,
        burst: arguments.burst,
        allocations: arguments.allocations.map(|count| count as usize),
        until_error: arguments.until_error,
        in_flight: arguments.in_flight as usize,
        carrier: arguments.carrier.into(),
        cross: arguments.ip == Ip::Cross,
        loopback: arguments.ip.loopback(),
        rounds: arguments.rounds as usize,
        extent: arguments.packets.map_or(Extent::Time(duration), Extent::Count),
        soak: arguments.soak,
        cpus,
        baseline,
    })
}

/// The named servers, or those of this program that can do what is asked.
fn choices(arguments: &Bench) -> anyhow::Result<Vec<Choice>> {
    let directions = if arguments.allocations.is_some() { &[][..] } else { &arguments.direction };
    let obstacle = |server: BuiltIn| {
        let cannot = server.cannot(directions, arguments.ip == Ip::Cross);
        cannot.or(server.auth(arguments.auth).err())
    };
    if arguments.server.is_empty() {
        let able = |server: &BuiltIn| server.is_part_of_this_program() && obstacle(*server).is_none();
        return Ok(BuiltIn::ALL.into_iter().filter(able).map(Choice::BuiltIn).collect());
    }
    for choice in &arguments.server {
        if let Choice::BuiltIn(server) = choice
            && let Some(obstacle) = obstacle(*server)
        {
            bail!(obstacle);
        }
    }
    Ok(arguments.server.clone())
}

/// Whom a server that runs already shall serve.
fn user(arguments: &Bench) -> anyhow::Result<Option<User>> {
    let auth = arguments.auth.unwrap_or(if arguments.user.is_some() { Auth::LongTerm } else { Auth::None });
    match (auth, arguments.user.as_deref(), arguments.secret.as_deref()) {
        (Auth::None, None, None) => Ok(None),
        (Auth::None, ..) => bail!("--auth none and --user or --secret contradict each other"),
        (Auth::LongTerm, Some(user), None) => {
            let (name, password) = user.split_once(':').context("--user is NAME:PASSWORD")?;
            Ok(Some(User { name: name.into(), password: password.into() }))
        }
        (Auth::LongTerm, None, _) => bail!("--auth long-term needs --user NAME:PASSWORD for turn:HOST:PORT"),
        (Auth::LongTerm, ..) => bail!("--secret needs --auth rest-secret"),
        (Auth::RestSecret, name, Some(secret)) => Ok(Some(user_of_secret(secret, name.unwrap_or_default()))),
        (Auth::RestSecret, _, None) => bail!("--auth rest-secret needs --secret SECRET for turn:HOST:PORT"),
    }
}

/// Runs all of it. `stop` breaks it off; the report then says that it is incomplete.
pub(crate) fn run(plan: &Plan, stop: Stop<'_>) -> anyhow::Result<Report> {
    let open_files = open_files(plan)?;
    let mut environment = Environment::read(plan.cpus, open_files);
    let before = Ticks::now();
    let mut report = Report::default();
    match plan.allocations {
        Some(count) => allocations::run(plan, count, stop, &mut report)?,
        None => carry(plan, stop, &mut report)?,
    }
    let shares = before.zip(Ticks::now()).and_then(|(before, after)| after.shares_since(before));
    (environment.busy, environment.steal) = (shares.map(|(busy, _)| busy), shares.map(|(_, steal)| steal));
    report.environment = Some(environment);
    report.complete = !stop();
    report.gate = plan.baseline.as_ref().map(|baseline| baseline.compare(&report.cells));
    Ok(report)
}

/// All cells, with servers that are started once.
fn carry(plan: &Plan, stop: Stop<'_>, report: &mut Report) -> anyhow::Result<()> {
    cpus::pin(plan.cpus.server)?;
    let servers: Vec<Contender> = plan.choices.iter().map(|choice| start(plan, choice)).collect::<anyhow::Result<_>>()?;
    cpus::pin(plan.cpus.generator)?;
    let paces: Vec<Option<u64>> = if plan.rates.is_empty() { vec![None] } else { plan.rates.iter().copied().map(Some).collect() };
    for direction in &plan.directions {
        for content in &plan.contents {
            if let (Some(time), Some(rate)) = (plan.soak, plan.rates.first()) {
                for server in servers.iter().take_while(|_| !stop()) {
                    soak::run(plan, server, (*direction, *content, *rate), time, stop, report);
                }
                continue;
            }
            for rate in paces.iter().take_while(|_| !stop()) {
                cell::run(plan, &servers, cell::Kind { direction: *direction, content: *content, rate: *rate }, stop, report);
            }
        }
    }
    Ok(())
}

/// Raises the limit of open files and refuses what does not fit. Servers inherit the limit, and open as many sockets as the generator.
fn open_files(plan: &Plan) -> anyhow::Result<Option<u64>> {
    const SPARE: u64 = 64;
    let limit = os::process::raise_nofile().context("the limit of open files cannot be raised")?;
    // All servers of a cell have their flows open at the same time, and so has the calibration.
    let flows = (plan.choices.len() as u64 + 1) * plan.flows as u64 * 2;
    let needed = plan.allocations.map_or(flows, |count| count as u64) + SPARE;
    if needed > limit {
        bail!("{needed} open files are needed and {limit} allowed: fewer --flows, --server or --allocations, or a higher `ulimit -n`");
    }
    Ok(Some(limit))
}

/// A server in the benchmark, and the process behind it while it is ours.
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) server: Server,
    pub(crate) process: Option<u32>,
    pub(crate) auth: &'static str,
    built_in: Option<BuiltIn>,
    _child: Option<child::Server>,
}

impl Contender {
    /// How many allocations a datagram passes; what runs already is taken for a server that relays as RFC 8656 says.
    pub(crate) fn hops(&self, direction: Direction) -> usize {
        self.built_in.map_or(if direction == Direction::C2c { 2 } else { 1 }, |server| server.hops(direction))
    }
}

/// Starts a server on the processors of the calling thread, or names one that runs.
pub(crate) fn start(plan: &Plan, choice: &Choice) -> anyhow::Result<Contender> {
    Ok(match choice {
        Choice::BuiltIn(built_in) => {
            let auth = built_in.auth(plan.auth).map_err(anyhow::Error::msg)?;
            let child = child::Server::start(*built_in, plan.loopback, auth)?;
            let server = plan.server(child.address, BuiltIn::user(auth));
            Contender {
                name: built_in.name().into(),
                server,
                process: Some(child.process()),
                auth: auth.name(),
                built_in: Some(*built_in),
                _child: Some(child),
            }
        }
        Choice::Running(name, address) => {
            let server = plan.server(*address, plan.user.clone());
            let auth = match &server.user {
                None => Auth::None,
                Some(_) => plan.auth.unwrap_or(Auth::LongTerm),
            };
            Contender { name: name.clone(), server, process: plan.pid, auth: auth.name(), built_in: None, _child: None }
        }
    })
}
