//! The conductor: hosts the endpoints of a case, carries the signalling, walks through the timeline and collects what decides the verdict.
//!
//! It is a sans-I/O machine itself: the driver tells it what arrived and what time it is, and asks what to send and when to come back. It reads no clock
//! and sends nothing. Asynchronous nodes live in the driver; the conductor only passes them inputs and takes their outputs.
//!
//! Life cycle: [`Conductor::start`] once; then, until [`Conductor::finished`], any of [`Conductor::deliver`], [`Conductor::emitted`] and
//! [`Conductor::handle_timeout`], each followed by draining [`Conductor::poll_action`] and asking [`Conductor::poll_timeout`].

mod compose;
mod matching;
mod program;
mod room;
mod timeline;

pub(crate) use compose::method;
pub use matching::attribute_type;
pub use program::{ALTERNATE_PORT_OFFSET, Address, StepResult, StepVerdict};
pub(crate) use timeline::lasts;

use crate::plan::CasePlan;
use crate::trace::Recorder;
use bytes::Bytes;
use iut::{ApiEvent, Command, Endpoint, Input, Ns, Output};
use room::Room;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use timeline::Timeline;

/// Inputs that one endpoint may be given at one instant before the case counts as flooded.
const BUDGET_AT_ONE_INSTANT: u32 = 20_000;

/// What the driver must do.
#[derive(Debug)]
pub enum Action {
    /// Send a datagram from a node.
    Send {
        /// The node.
        node: usize,
        /// One of its addresses.
        local: SocketAddr,
        /// Where to.
        remote: SocketAddr,
        /// UDP payload.
        bytes: Bytes,
    },
    /// Hand an input to an asynchronous node.
    ToNode {
        /// The node.
        node: usize,
        /// The input.
        input: Input,
    },
    /// Change the network.
    Network(NetworkAction),
}

/// A change of the network that a step asked for.
#[derive(Clone, Debug)]
pub enum NetworkAction {
    /// The NAT of this name loses its mappings.
    RebootNat(String),
    /// The uplink of this node or network changes.
    SetLink {
        /// Whose.
        of: String,
        /// New properties.
        link: Option<Box<crate::scenario::model::LinkPair>>,
        /// Nothing passes.
        down: Option<bool>,
    },
    /// The host of this node dies.
    Crash(usize),
    /// The host of this node starts from nothing.
    Bounce(usize),
    /// The gateway of this name dies and comes back.
    CrashGateway {
        /// Which.
        gateway: String,
        /// For how long.
        duration: Ns,
    },
}

/// Who plays a node.
pub enum Player {
    /// A state machine, hosted here.
    Endpoint(Box<dyn Endpoint>),
    /// An asynchronous program, hosted by the driver.
    Asynchronous,
    /// Nobody: the timeline sends and receives for it.
    Script,
}

/// Something that ends the case at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Abort {
    /// A node asks for so much at one instant that time would never go on.
    Flood {
        /// The node.
        node: usize,
        /// What it was doing.
        what: String,
    },
}

struct Slot {
    player: Player,
    deadline: Option<Ns>,
    /// Inputs at the instant `busy_at`.
    busy: u32,
    busy_at: Ns,
}

/// See the module's docs.
pub struct Conductor {
    plan: Arc<CasePlan>,
    slots: Vec<Slot>,
    room: Room,
    timeline: Timeline,
    actions: VecDeque<Action>,
    abort: Option<Abort>,
    end: Ns,
    /// What has happened so far.
    pub recorder: Recorder,
}

impl Conductor {
    /// A conductor for a case; `players` in the order of the plan's nodes.
    pub fn new(plan: Arc<CasePlan>, players: Vec<Player>, recorder: Recorder) -> Self {
        let slots = players.into_iter().map(|player| Slot { player, deadline: None, busy: 0, busy_at: 0 }).collect();
        let room = Room::new(&plan);
        let timeline = Timeline::new(Arc::clone(&plan));
        let end = plan.max_virtual;
        Self { plan, slots, room, timeline, actions: VecDeque::new(), abort: None, end, recorder }
    }

    /// Starts all nodes in the order of the plan, and then the timeline.
    pub fn start(&mut self, now: Ns) {
        for node in 0..self.slots.len() {
            self.input(now, node, Input::Command(Command::Start));
        }
        self.step(now);
    }

    /// Something arrived at a node from the network.
    pub fn deliver(&mut self, now: Ns, node: usize, input: Input) {
        if let Input::Datagram { local, remote, bytes } = &input {
            let frame = self.recorder.last_frame();
            self.timeline.arrived(now, node, *local, *remote, bytes.clone(), frame);
        }
        self.input(now, node, input);
        self.step(now);
    }

    /// An asynchronous node reported something.
    pub fn emitted(&mut self, now: Ns, node: usize, output: Output) {
        if self.flooded(now, node, "sends and reports without letting time go on") {
            return;
        }
        self.output(now, node, output);
        self.step(now);
    }

    /// The time of [`Conductor::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Ns) {
        for (to, input) in self.room.due(now) {
            self.input(now, to, input);
        }
        for node in 0..self.slots.len() {
            if self.slots[node].deadline.is_some_and(|deadline| deadline <= now) {
                self.slots[node].deadline = None;
                self.input(now, node, Input::Timeout);
            }
        }
        self.step(now);
    }

    /// When the conductor wants [`Conductor::handle_timeout`]; never later than the end of the case.
    pub fn poll_timeout(&self) -> Ns {
        let deadlines = self.slots.iter().filter_map(|slot| slot.deadline);
        deadlines.chain(self.room.next()).chain(self.timeline.deadline()).chain([self.end]).min().unwrap_or(self.end)
    }

    /// When this node alone wants to be woken, for drivers in which every node has a clock of its own.
    pub fn poll_timeout_of(&self, node: usize) -> Option<Ns> {
        self.slots[node].deadline
    }

    /// What the driver must do next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether the case is over.
    pub fn finished(&self, now: Ns) -> bool {
        self.abort.is_some() || self.timeline.finished() || now >= self.end
    }

    /// Whether the node is played by an asynchronous program.
    pub fn is_asynchronous(&self, node: usize) -> bool {
        matches!(self.slots[node].player, Player::Asynchronous)
    }

    /// Whether something at the node takes UDP datagrams at this local address; where nothing does, the host answers port unreachable.
    pub fn owns(&self, node: usize, local: SocketAddr) -> bool {
        self.plan.nodes[node].addresses.contains(&local.ip())
    }

    /// The host of a node has died: nothing that it holds survives, and `player` takes its place when it starts again.
    pub fn replace(&mut self, now: Ns, node: usize, player: Option<Player>) {
        let starts = player.is_some();
        self.slots[node] = Slot { player: player.unwrap_or(Player::Script), deadline: None, busy: 0, busy_at: 0 };
        if starts {
            self.input(now, node, Input::Command(Command::Start));
            self.step(now);
        }
    }

    /// Ends the case: what is still expected is decided now.
    pub fn finish(mut self, now: Ns) -> Ending {
        let results = self.timeline.finish(now, &mut self.recorder);
        Ending { results, abort: self.abort, recorder: self.recorder, at: now }
    }

    fn input(&mut self, now: Ns, node: usize, input: Input) {
        let what = match input {
            Input::Timeout => "asks for a timeout again and again without letting time go on",
            _ => "exchanges messages without letting time go on",
        };
        if self.flooded(now, node, what) {
            return;
        }
        match &mut self.slots[node].player {
            Player::Script => {}
            Player::Asynchronous => self.actions.push_back(Action::ToNode { node, input }),
            Player::Endpoint(endpoint) => {
                endpoint.handle(now, input);
                let mut outputs = Vec::new();
                while let Some(output) = endpoint.poll_output() {
                    outputs.push(output);
                    if outputs.len() > BUDGET_AT_ONE_INSTANT as usize {
                        let what = "does not stop to produce outputs".into();
                        self.abort = Some(Abort::Flood { node, what });
                        return;
                    }
                }
                self.slots[node].deadline = endpoint.poll_timeout().map(|(at, _)| at.max(now));
                for output in outputs {
                    self.output(now, node, output);
                }
            }
        }
    }

    fn flooded(&mut self, now: Ns, node: usize, what: &str) -> bool {
        let slot = &mut self.slots[node];
        if slot.busy_at != now {
            (slot.busy_at, slot.busy) = (now, 0);
        }
        slot.busy += 1;
        if slot.busy <= BUDGET_AT_ONE_INSTANT {
            return false;
        }
        self.abort.get_or_insert(Abort::Flood { node, what: what.into() });
        true
    }

    fn output(&mut self, now: Ns, node: usize, output: Output) {
        match output {
            Output::Datagram { local, remote, bytes } => self.actions.push_back(Action::Send { node, local, remote, bytes }),
            Output::Signal(signal) => {
                let lost = self.room.send(now, node, signal.clone());
                self.recorder.signal(now, node, signal, lost);
            }
            Output::Api(event) => {
                self.recorder.api(now, node, event.clone());
                self.timeline.reported(now, node, event, self.recorder.last_frame());
            }
            Output::Stream { id, .. } => {
                let message = format!("asked for stream {}, but the simulated network carries no TCP", id.0);
                let event = ApiEvent::Error { operation: "stream".into(), message };
                self.recorder.api(now, node, event.clone());
                self.timeline.reported(now, node, event, self.recorder.last_frame());
            }
            // Output is non-exhaustive: what this version does not know is a fault of the build, not of a case.
            other => unreachable!("unknown output {other:?}"),
        }
    }

    /// Lets the timeline go as far as it can.
    fn step(&mut self, now: Ns) {
        while let Some(effect) = self.timeline.advance(now, &mut self.recorder) {
            match effect {
                timeline::Effect::Command(node, command) => self.input(now, node, Input::Command(command)),
                timeline::Effect::Send { node, local, remote, bytes } => {
                    self.actions.push_back(Action::Send { node, local, remote, bytes })
                }
                timeline::Effect::Network(action) => self.actions.push_back(Action::Network(action)),
            }
            if self.abort.is_some() {
                return;
            }
        }
    }
}

/// What is left when a case is over.
pub struct Ending {
    /// What became of the expectations, in the order of the timeline.
    pub results: Vec<StepResult>,
    /// Why the case was broken off.
    pub abort: Option<Abort>,
    /// What happened.
    pub recorder: Recorder,
    /// When it ended.
    pub at: Ns,
}
