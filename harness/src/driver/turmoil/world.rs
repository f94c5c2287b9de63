//! What the turmoil hosts of a case share: the machines that they run, the conductor, and the inlets of asynchronous nodes.
//!
//! Everything happens at [`World::now`], which never goes back: turmoil runs its hosts one after the other through the same millisecond.

mod outages;

pub(super) use outages::Outage;

use super::clock::{of_host, set_between_ticks};
use super::machine::{Around, Machine};
use super::tunnel::Frame;
use crate::conductor::{Action, Conductor, Ending};
use crate::driver::sim::input_of;
use crate::driver::sockets::SocketTable;
use crate::driver::tokio::Program;
use crate::plan::{Built, NetworkPlan};
use iut::{AsyncEndpoint, Emitter, Host, Input, MILLISECOND, Ns, Output};
use nat_sim::{NodeId, Packet};
use std::collections::BTreeMap;
use std::rc::Rc;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// turmoil delivers in the tick of sending or in the next.
const LONGEST_UNDERWAY: Ns = 2 * MILLISECOND;

pub(super) struct World {
    /// The map, and which machine is which.
    built: Built,
    plan: NetworkPlan,
    seed: u64,
    machines: Vec<Machine>,
    stations: Vec<Station>,
    /// Asynchronous nodes that run, by their position in the plan.
    inlets: BTreeMap<usize, Inlet>,
    conductor: Conductor,
    /// Crashes that wait for the end of the tick.
    outages: Vec<Outage>,
    /// Frames that are in turmoil's hands, by number, and since when.
    underway: BTreeMap<u64, (Ns, Frame)>,
    sent: u64,
    now: Ns,
    begun: bool,
    over: bool,
}

/// The place of a machine among turmoil's hosts.
#[derive(Default)]
struct Station {
    /// The node of the plan that lives there; none at gateways.
    node: Option<usize>,
    /// Tells the host that there is something to do.
    bell: Rc<Notify>,
    /// What the host is to start.
    berth: Option<Berth>,
    /// The machine has crashed.
    down: bool,
    /// The host takes frames.
    open: bool,
    /// How often it has started again.
    starts: u32,
}

/// An asynchronous node that waits for its host.
pub(super) struct Berth {
    pub(super) program: Box<dyn AsyncEndpoint>,
    pub(super) host: Host,
    pub(super) outputs: UnboundedReceiver<Output>,
}

/// The driver's end of an asynchronous node.
struct Inlet {
    inputs: UnboundedSender<Input>,
    table: SocketTable,
}

impl World {
    pub(super) fn new(plan: &NetworkPlan, seed: u64, built: Built, conductor: Conductor, programs: Vec<Program>) -> Self {
        let count = built.net.vantages().iter().map(|vantage| vantage.node.0 as usize + 1).max().unwrap_or(0);
        let mut world = Self {
            plan: plan.clone(),
            seed,
            machines: Vec::new(),
            stations: (0..count).map(|_| Station::default()).collect(),
            inlets: BTreeMap::new(),
            conductor,
            outages: Vec::new(),
            underway: BTreeMap::new(),
            sent: 0,
            now: 0,
            begun: false,
            over: false,
            built,
        };
        for machine in 0..count {
            let node = NodeId(u32::try_from(machine).expect("nodes are numbered with 32 bits"));
            world.stations[machine].node = world.built.hosts.iter().position(|host| *host == node);
            world.machines.push(Machine::new(&world.built.net, node, world.kind(machine), seed));
        }
        for program in programs {
            world.lodge(program);
        }
        world
    }

    /// How many machines there are.
    pub(super) fn machines(&self) -> usize {
        self.machines.len()
    }

    /// Whether the case has ended: from then on nothing happens.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Starts all nodes and the timeline.
    pub(super) fn start(&mut self) {
        set_between_ticks(Some(0));
        self.begun = true;
        self.stations.iter().for_each(|station| station.bell.notify_one());
        self.conductor.start(0);
        self.act();
    }

    /// Ends the case.
    pub(super) fn finish(self) -> Ending {
        self.inlets.values().for_each(|inlet| inlet.table.close());
        let ending = self.conductor.finish(self.now);
        set_between_ticks(None);
        ending
    }

    /// The host of a machine has opened its tunnel; told is its bell.
    pub(super) fn open(&mut self, machine: usize) -> Rc<Notify> {
        let station = &mut self.stations[machine];
        station.open = true;
        Rc::clone(&station.bell)
    }

    /// What the host of a machine is to start, once the case has begun.
    pub(super) fn board(&mut self, machine: usize) -> Option<Berth> {
        self.stations[machine].berth.take_if(|_| self.begun)
    }

    /// When a machine wants [`World::wake`].
    pub(super) fn poll_timeout(&self, machine: usize) -> Option<Ns> {
        if self.over { None } else { self.machines[machine].poll_timeout() }
    }

    /// What the host of a machine must send next.
    pub(super) fn poll_frame(&mut self, machine: usize) -> Option<Frame> {
        while let Some(mut frame) = self.machines[machine].poll_frame() {
            let to = self.machine_of(&frame);
            if !self.stations[to].open {
                self.lose(&frame);
                continue;
            }
            self.sent += 1;
            frame.number = self.sent;
            self.underway.insert(frame.number, (self.now, frame.clone()));
            return Some(frame);
        }
        None
    }

    /// A frame came out of the tunnel at the host of a machine.
    pub(super) fn take(&mut self, machine: usize, frame: Frame) {
        let sent = self.underway.remove(&frame.number);
        assert_eq!(sent.map(|(_, frame)| frame).as_ref(), Some(&frame), "turmoil hands over what was sent, and once");
        let (machines, mut around) = self.around();
        machines[machine].take(&mut around, frame);
    }

    /// Something is due at a machine.
    pub(super) fn wake(&mut self, machine: usize) {
        self.tick();
        while !self.over {
            let now = self.now;
            let (machines, mut around) = self.around();
            let Some(packet) = machines[machine].advance(&mut around, now) else { break };
            self.deliver(machine, packet);
            self.act();
        }
    }

    /// The asynchronous node at a machine reported something.
    pub(super) fn emitted(&mut self, machine: usize, output: Output) {
        self.tick();
        if let (false, Some(node)) = (self.over, self.stations[machine].node) {
            self.conductor.emitted(self.now, node, output);
            self.act();
        }
    }

    /// The hosts are about to go through the tick that begins at `tick`. The conductor's own timers go first, so that an asynchronous node hears of them in this
    /// tick; but where a packet arrives at the same time, it goes before them.
    pub(super) fn begin_of_tick(&mut self, tick: Ns) {
        self.now = self.now.max(tick);
        set_between_ticks(Some(self.now));
        let arrives = |station: &Station, machine: &Machine| station.node.is_some() && machine.poll_timeout().is_some_and(|at| at <= tick);
        if !self.stations.iter().zip(&self.machines).any(|(station, machine)| arrives(station, machine)) {
            self.timers();
        }
    }

    /// All hosts have gone through the tick. Returned is what turmoil has to do to its hosts.
    pub(super) fn end_of_tick(&mut self) -> Vec<Outage> {
        self.timers();
        std::mem::take(&mut self.outages)
    }

    fn timers(&mut self) {
        self.over |= self.conductor.finished(self.now);
        if !self.over && self.conductor.poll_timeout() <= self.now {
            self.conductor.handle_timeout(self.now);
            self.act();
        }
    }

    /// Whether turmoil has kept a frame for longer than it may: then it is lost, and the case with it.
    pub(super) fn has_lost_a_frame(&self) -> bool {
        self.underway.first_key_value().is_some_and(|(_, (since, _))| self.now.saturating_sub(*since) > LONGEST_UNDERWAY)
    }

    /// Whether a machine is down.
    pub(super) fn is_down(&self, machine: usize) -> bool {
        self.stations[machine].down
    }

    /// The node of the plan that lives at a machine.
    pub(super) fn node_at(&self, machine: usize) -> Option<usize> {
        self.stations[machine].node
    }

    fn deliver(&mut self, machine: usize, packet: Packet) {
        let Some(node) = self.stations[machine].node else { return };
        if let (Some(inlet), Some(local)) = (self.inlets.get(&node), packet.udp_destination())
            && !inlet.table.listens(local)
            && let Some(answer) = packet.answer_with(packet.dst, nat_sim::IcmpKind::PortUnreachable)
        {
            self.send(machine, answer);
        }
        if let Some(input) = input_of(packet) {
            self.conductor.deliver(self.now, node, input);
        }
    }

    /// Carries out what the conductor wants.
    fn act(&mut self) {
        while let Some(action) = self.conductor.poll_action() {
            match action {
                Action::Send { node, local, remote, bytes } => {
                    let machine = self.built.hosts[node].0 as usize;
                    self.send(machine, Packet::udp(local, remote, bytes));
                }
                Action::Network(action) => self.apply(&action),
                Action::ToNode { node, input } => {
                    // Where the host is down nobody hears it.
                    if let Some(inlet) = self.inlets.get(&node) {
                        inlet.take(input);
                    }
                }
            }
        }
        self.over |= self.conductor.finished(self.now) || self.conductor.recorder.overflowed();
    }

    fn send(&mut self, machine: usize, packet: Packet) {
        // A dead host sends nothing.
        if self.stations[machine].down {
            return;
        }
        let now = self.now;
        let (machines, mut around) = self.around();
        machines[machine].send(&mut around, now, packet);
        self.stations[machine].bell.notify_one();
    }

    /// Gives an asynchronous program its sockets and a place at its host.
    fn lodge(&mut self, Program { node, addresses, program }: Program) {
        let (emitter, outputs) = Emitter::channel();
        let (inputs, receiver) = mpsc::unbounded_channel();
        let socket = emitter.clone();
        let table = SocketTable::new(addresses, move |local, remote, bytes| socket.datagram(local, remote, bytes));
        let host = Host { network: table.network(), inputs: receiver, emitter };
        self.stations[self.built.hosts[node].0 as usize].berth = Some(Berth { program, host, outputs });
        self.inlets.insert(node, Inlet { inputs, table });
    }

    /// The machine that a frame goes to.
    pub(super) fn machine_of(&self, frame: &Frame) -> usize {
        self.built.net.vantages()[frame.to.0 as usize].node.0 as usize
    }

    fn around(&mut self) -> (&mut Vec<Machine>, Around<'_>) {
        (&mut self.machines, Around { map: &self.built.net, tap: &mut self.conductor.recorder, clock: self.now })
    }

    /// The time of the host that runs.
    fn tick(&mut self) {
        self.now = self.now.max(of_host().unwrap_or(0));
    }
}

impl Inlet {
    fn take(&self, input: Input) {
        if let Input::Datagram { local, remote, bytes } = input {
            // Where nobody listens the sender was told so when the datagram arrived.
            self.table.deliver(local, remote, bytes);
        } else {
            // A node that has ended takes no more.
            let _ = self.inputs.send(input);
        }
    }
}
