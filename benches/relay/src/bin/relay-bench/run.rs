//! The benchmark: servers are started once, and each cell (direction and size) goes round them all.

use crate::allocations;
use crate::cell;
use crate::child;
use crate::cli::{Bench, Ip};
use crate::cpus::{self, Cpus};
use crate::environment::{Environment, Ticks};
use crate::gate::Baseline;
use crate::report::{Report, folder};
use crate::servers::{BuiltIn, Choice};
use anyhow::{Context as _, bail};
use relay_bench::bench::Direction;
use relay_bench::carrier::Carrier;
use relay_bench::client::User;
use relay_bench::flow::Server;
use relay_bench::io::Mode;
use relay_bench::load::Stop;
use relay_bench::schedule::Extent;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// What to do, checked.
pub(crate) struct Plan {
    pub(crate) choices: Vec<Choice>,
    user: Option<User>,
    pid: Option<u32>,
    directions: Vec<Direction>,
    sizes: Vec<usize>,
    pub(crate) flows: usize,
    pub(crate) mode: Mode,
    /// Empty for as much as the servers take.
    rates: Vec<u64>,
    pub(crate) closed_loop: bool,
    pub(crate) search: Option<f64>,
    pub(crate) burst: u64,
    pub(crate) rounds: usize,
    pub(crate) extent: Extent,
    allocations: Option<usize>,
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
    let user = match arguments.user.as_deref().map(|user| user.split_once(':').context("--user is NAME:PASSWORD")) {
        Some(parts) => parts.map(|(name, password)| Some(User { name: name.into(), password: password.into() }))?,
        None => None,
    };
    let cpus = arguments.cpus.map_or_else(Cpus::choose, Ok)?;
    if cpus.shared() && (!arguments.rate.is_empty() || arguments.search.is_some()) {
        bail!(
            "server and generator share a processor: no rate can be kept; without --rate and --search the CPU time per packet is measured"
        );
    }
    let choices = if arguments.server.is_empty() { BuiltIn::ALL.map(Choice::BuiltIn).to_vec() } else { arguments.server.clone() };
    Ok(Plan {
        choices,
        user,
        pid: arguments.pid,
        directions: arguments.direction.clone(),
        sizes: arguments.size.clone(),
        flows: arguments.flows as usize,
        mode: arguments.tx.into(),
        rates: arguments.rate.clone(),
        closed_loop: arguments.closed_loop || cpus.shared(),
        search: arguments.search,
        burst: arguments.burst,
        allocations: arguments.allocations.map(|count| count as usize),
        in_flight: arguments.in_flight as usize,
        carrier: arguments.carrier.into(),
        cross: arguments.ip == Ip::Cross,
        loopback: arguments.ip.loopback(),
        rounds: arguments.rounds as usize,
        extent: arguments.packets.map_or(Extent::Time(arguments.duration), Extent::Count),
        cpus,
        baseline,
    })
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
        for size in &plan.sizes {
            for rate in paces.iter().take_while(|_| !stop()) {
                cell::run(plan, &servers, cell::Kind { direction: *direction, size: *size, rate: *rate }, stop, report);
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
    _child: Option<child::Server>,
}

/// Starts a server on the processors of the calling thread, or names one that runs.
pub(crate) fn start(plan: &Plan, choice: &Choice) -> anyhow::Result<Contender> {
    Ok(match choice {
        Choice::BuiltIn(built_in) => {
            let child = child::Server::start(*built_in, plan.loopback)?;
            let server = plan.server(child.address, built_in.user());
            Contender { name: built_in.name().into(), server, process: Some(child.process()), _child: Some(child) }
        }
        Choice::Running(name, address) => {
            let server = plan.server(*address, plan.user.clone());
            Contender { name: name.clone(), server, process: plan.pid, _child: None }
        }
    })
}
