//! The driver of crashes, and a second opinion on the others: every host, gateway and server is a turmoil host with a tokio runtime of its own, and IP
//! packets travel between them in datagrams.
//!
//! Beside the simulator's NATs and links, which are the same, nothing of the network's run time is shared with the other drivers: queues, forwarding, time
//! and delivery are this module's and turmoil's. The simulator's network serves as map only.
//!
//! # Time
//!
//! turmoil goes from millisecond to millisecond, and in each lets one host after the other run. Less than a millisecond is not possible: tokio's timers do not
//! know it. turmoil's own delay is set to zero; a frame then comes out within the tick in which it was sent, or in the next. The time that the scenario gives
//! to the links is kept by the machines at their ends: see [`machine`]. So a path whose links take two milliseconds or more takes exactly that.
//!
//! Ticks cost the same whether anything happens or not, so the plan gives this driver cases of at most [`LONGEST_CASE`].
//!
//! # Life cycle
//!
//! A crash drops the host's runtime with everything on it: sockets, tasks, mappings of a NAT, what is on its way there. When the host bounces, its program
//! starts anew, with a new instance of whatever lives there. Links keep their state, for they are not the host.
//!
//! Deliberately absent: turmoil's own latency, loss and partitions (links of the scenario do that), its TCP (the endpoint contract has streams, no implementation
//! uses them yet), its names.

mod clock;
mod forward;
mod host;
mod machine;
mod tunnel;
mod world;

pub use clock::virtual_time;

use crate::conductor::{Conductor, Ending, Player};
use crate::driver::tokio::Program;
use crate::plan::{Built, NetworkPlan};
use clock::{TICK, case_time};
use iut::{MILLISECOND, Ns, SECOND};
use nat_sim::MAX_IN_FLIGHT;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinError;
use turmoil::Sim;
use world::{Outage, World};

/// The longest case that the plan gives to this driver.
pub const LONGEST_CASE: Ns = 60 * SECOND;

/// The tunnels between the hosts do not work: a fault of this driver, not of a node.
#[derive(Debug, thiserror::Error)]
#[error("the turmoil driver is at fault: {0}")]
pub struct TunnelFault(String);

/// Who plays a node from now on, and its program where it is asynchronous.
pub type Replacement = (Player, Option<Program>);

/// Runs a case on `network`, which `plan` describes and `seed` has built. `restart` makes who plays a node anew, after its host has bounced for the given time
/// (1 is the first). The time that implementations should read meanwhile is [`virtual_time`].
///
/// # Errors
/// What `restart` says, and faults of the driver.
///
/// # Panics
/// When a node panics, with its panic.
pub fn run<E: From<TunnelFault>>(
    plan: &NetworkPlan,
    seed: u64,
    network: Built,
    conductor: Conductor,
    programs: Vec<Program>,
    restart: impl FnMut(usize, u32) -> Result<Replacement, E>,
) -> Result<Ending, E> {
    let world = Rc::new(RefCell::new(World::new(plan, seed, network, conductor, programs)));
    let mut simulation = Simulation { sim: simulator(seed), world: Rc::clone(&world), restart, returns: BTreeSet::new() };
    let result = simulation.run();
    // The programs of the hosts hold the world.
    drop(simulation);
    let ending = Rc::into_inner(world).expect("all hosts are gone").into_inner().finish();
    result.map(|()| ending)
}

fn simulator<'a>(seed: u64) -> Sim<'a> {
    turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(TICK)
        .simulation_duration(Duration::from_nanos(LONGEST_CASE))
        .min_message_latency(Duration::ZERO)
        .max_message_latency(Duration::ZERO)
        .fail_rate(0.0)
        // turmoil drops silently what does not fit; a machine holds no more either.
        .udp_capacity(MAX_IN_FLIGHT)
        .build()
}

struct Simulation<'a, R> {
    sim: Sim<'a>,
    world: Rc<RefCell<World>>,
    restart: R,
    /// When gateways come back.
    returns: BTreeSet<(Ns, usize)>,
}

impl<R, E> Simulation<'_, R>
where
    R: FnMut(usize, u32) -> Result<Replacement, E>,
    E: From<TunnelFault>,
{
    fn run(&mut self) -> Result<(), E> {
        for machine in 0..self.world.borrow().machines() {
            let world = Rc::clone(&self.world);
            self.sim.host(host::address(machine), move || host::serve(Rc::clone(&world), machine));
        }
        self.step()?;
        self.world.borrow_mut().start();
        while !self.world.borrow().is_over() {
            let tick = case_time(self.sim.elapsed());
            self.world.borrow_mut().begin_of_tick(tick);
            self.step()?;
            let outages = self.world.borrow_mut().end_of_tick();
            if self.world.borrow().has_lost_a_frame() {
                return Err(TunnelFault("a frame was lost on its way".into()).into());
            }
            for outage in outages {
                self.carry_out(tick, outage)?;
            }
            self.bring_back(tick)?;
        }
        Ok(())
    }

    /// Lets every host run for a tick. The program of a host ends only by a panic of what runs there, or when the tunnel does not work.
    fn step(&mut self) -> Result<(), E> {
        let Err(error) = self.sim.step() else { return Ok(()) };
        match error.downcast::<JoinError>() {
            Ok(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
            Ok(ended) => Err(TunnelFault(ended.to_string()).into()),
            Err(error) => Err(TunnelFault(error.to_string()).into()),
        }
    }

    fn carry_out(&mut self, now: Ns, outage: Outage) -> Result<(), E> {
        match outage {
            Outage::Crash(machine) => self.crash(machine),
            Outage::Bounce(machine) => {
                self.crash(machine);
                self.bounce(machine)?;
            }
            Outage::Blackout(machine, duration) => {
                self.crash(machine);
                self.returns.insert((now.saturating_add(duration.max(MILLISECOND)), machine));
            }
        }
        Ok(())
    }

    fn bring_back(&mut self, now: Ns) -> Result<(), E> {
        while let Some((at, machine)) = self.returns.first().copied()
            && at <= now
        {
            self.returns.pop_first();
            self.bounce(machine)?;
        }
        Ok(())
    }

    fn crash(&mut self, machine: usize) {
        if !self.world.borrow().is_down(machine) {
            self.world.borrow_mut().crash(machine);
            self.sim.crash(host::address(machine));
        }
    }

    fn bounce(&mut self, machine: usize) -> Result<(), E> {
        let (node, start) = (self.world.borrow().node_at(machine), self.world.borrow().next_start(machine));
        let player = node.map(|node| (self.restart)(node, start)).transpose()?;
        self.world.borrow_mut().restart(machine, player);
        self.sim.bounce(host::address(machine));
        Ok(())
    }
}
