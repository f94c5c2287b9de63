//! Runs one case, inside the child that was forked for it.

use super::files::{self, Growing};
use crate::Registry;
use harness::actor;
use harness::check::Check;
use harness::conductor::{Conductor, Ending, Player};
use harness::driver::paused::virtual_time;
use harness::driver::sim;
use harness::driver::tokio::{self, Program};
use harness::driver::turmoil;
use harness::evaluate::Evaluation;
use harness::plan::{Built, CasePlan, NodePlan, PlannedPlayer, stack_of};
use harness::scenario::model::DriverName;
use harness::trace::{Recorder, StreamedCapture, vantages};
use iut::{BuildError, Instance};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

/// The capture that grows while the case runs; taken when the case has ended.
type Capture = Rc<RefCell<Option<StreamedCapture<Growing>>>>;

/// What a child sends back.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) enum Message {
    /// The record of the case.
    Done(Box<reports::record::Case>),
    /// An implementation refused what the scenario asks for.
    Unsupported { node: String, what: String },
    /// The case could not be carried out.
    Fault(String),
}

impl From<turmoil::TunnelFault> for Message {
    fn from(fault: turmoil::TunnelFault) -> Self {
        Self::Fault(fault.to_string())
    }
}

/// Runs and judges a case, and writes its files.
pub(crate) fn run(registry: &Registry, checks: &[Check], aslr: bool, plan: &CasePlan, replay: String, folder: &Path) -> Message {
    os::virtual_libc::enter(plan.seed);
    fastrand::seed(plan.seed);
    match carry(registry, plan, folder) {
        Ok((ending, capture)) => {
            let threads = os::virtual_libc::threads_started();
            os::virtual_libc::leave();
            let evaluation = Evaluation { checks, manifests: registry.manifests(), replay, aslr };
            let (mut file, trace, comments) = evaluation.case(plan, ending);
            if threads > 0 {
                file.case.deterministic = false;
                file.case.trace_sha256 = None;
            }
            match files::write(folder, &file, capture, |capture, sink| capture.annotate(sink, &trace, &comments).map(drop)) {
                Ok(()) => Message::Done(Box::new(file.case)),
                Err(error) => Message::Fault(format!("{error:#}")),
            }
        }
        Err(message) => message,
    }
}

fn carry(registry: &Registry, plan: &CasePlan, folder: &Path) -> Result<(Ending, StreamedCapture<Growing>), Message> {
    files::clear(folder).map_err(|error| Message::Fault(format!("remove the files of an older run: {error}")))?;
    let built = plan.network.build(plan.seed).map_err(|error| Message::Fault(format!("lay out the network: {error}")))?;
    let mut players = Vec::new();
    let mut programs = Vec::new();
    for (index, node) in plan.nodes.iter().enumerate() {
        let (player, program) = player(registry, index, node)?;
        players.push(player);
        programs.extend(program);
    }
    let (recorder, capture) = recorder(plan, &built, folder)?;
    let driver = plan.driver;
    let conductor = Conductor::new(std::sync::Arc::new(plan.clone()), players, recorder);
    let ending = match driver {
        DriverName::Sim => sim::run(built, conductor, os::virtual_libc::set_now),
        DriverName::Tokio => {
            os::virtual_libc::set_clock_hook(Some(virtual_time));
            let ending = tokio::run(built, conductor, programs);
            os::virtual_libc::set_clock_hook(None);
            ending
        }
        DriverName::Turmoil => {
            os::virtual_libc::set_clock_hook(Some(turmoil::virtual_time));
            let restart = |index: usize, start| {
                let mut node = plan.nodes[index].clone();
                // A process that starts again draws other numbers than the one before it.
                node.config.seed = nat_sim::derive_seed(node.config.seed, &format!("start/{start}"));
                player(registry, index, &node)
            };
            let ending = turmoil::run(&plan.network, plan.seed, built, conductor, programs, restart);
            os::virtual_libc::set_clock_hook(None);
            ending?
        }
    };
    Ok((ending, capture.take().expect("only here is it taken")))
}

/// Who plays a node, and the program where it is asynchronous.
fn player(registry: &Registry, index: usize, node: &NodePlan) -> Result<(Player, Option<Program>), Message> {
    match &node.player {
        PlannedPlayer::Implementation(name) => Ok(match build(registry, name, node)? {
            Instance::Endpoint(endpoint) => (Player::Endpoint(endpoint), None),
            Instance::Async(program) => {
                let addresses = node.addresses.iter().chain(&node.config.relay_addresses).copied().collect();
                (Player::Asynchronous, Some(Program { node: index, addresses, program }))
            }
        }),
        PlannedPlayer::Actor(actor) => {
            let stack = stack_of(actor, node.role).map(|name| match build(registry, name, node)? {
                Instance::Endpoint(endpoint) => Ok(endpoint),
                Instance::Async(_) => Err(Message::Fault(format!("the actor {} needs a state machine", node.name))),
            });
            Ok((actor::player(actor, node, stack.transpose()?), None))
        }
    }
}

fn build(registry: &Registry, name: &str, node: &NodePlan) -> Result<Instance, Message> {
    let implementation = registry.get(name).ok_or_else(|| Message::Fault(format!("this build has no `{name}`")))?;
    implementation.build(&node.config).map_err(|error| match error {
        BuildError::Unsupported(what) => Message::Unsupported { node: node.name.clone(), what },
        BuildError::Failed(what) => Message::Fault(format!("{name} refused its configuration: {what}")),
    })
}

/// A recorder that streams whole blocks to the capture, so that it is valid whenever the case is killed.
fn recorder(plan: &CasePlan, built: &Built, folder: &Path) -> Result<(Recorder, Capture), Message> {
    let names = plan.nodes.iter().map(|node| node.name.clone()).collect();
    let party = |id| built.hosts.iter().position(|host| *host == id);
    let vantages = vantages(built.net.vantages(), party);
    let capture = StreamedCapture::new(Growing::of(folder), &vantages).map_err(|error| Message::Fault(error.to_string()))?;
    let capture: Capture = Rc::new(RefCell::new(Some(capture)));
    let mut recorder = Recorder::new(names, vantages);
    let sink = Rc::clone(&capture);
    recorder.stream_to(move |trace, index| {
        if let Some(capture) = &mut *sink.borrow_mut() {
            capture.event(trace, index);
        }
    });
    Ok((recorder, capture))
}
