//! What steps do to the network: machines die and start again, NATs reboot, links change.

use super::World;
use crate::conductor::{NetworkAction, Player};
use crate::driver::tokio::Program;
use crate::driver::turmoil::machine::Kind;
use crate::driver::turmoil::tunnel::Frame;
use crate::plan::{GatewayKind, GatewayPlan};
use iut::Ns;
use nat_sim::{Direction, DropReason, Fate, FirewallConfig, Nat, NodeId, Tap, UdpPolicy, Vantage, derive_seed};
use std::collections::BTreeMap;

/// What turmoil must do to a host between two ticks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::driver::turmoil) enum Outage {
    /// The machine dies.
    Crash(usize),
    /// The machine of a node starts again.
    Bounce(usize),
    /// The machine dies and comes back after a while.
    Blackout(usize, Ns),
}

impl World {
    /// A machine dies, with what it holds and what is on its way to it.
    pub(in crate::driver::turmoil) fn crash(&mut self, machine: usize) {
        let now = self.now;
        let (machines, mut around) = self.around();
        machines[machine].crash(&mut around, now);
        let (lost, kept) = std::mem::take(&mut self.underway).into_iter().partition(|(_, (_, frame))| self.machine_of(frame) == machine);
        self.underway = kept;
        let lost: BTreeMap<u64, (Ns, Frame)> = lost;
        lost.values().for_each(|(_, frame)| self.lose(frame));
        let station = &mut self.stations[machine];
        (station.down, station.open, station.berth) = (true, false, None);
        if let Some(node) = station.node {
            if let Some(inlet) = self.inlets.remove(&node) {
                inlet.table.close();
            }
            self.conductor.replace(now, node, None);
        }
    }

    /// How often a machine has started again, this time included.
    pub(in crate::driver::turmoil) fn next_start(&self, machine: usize) -> u32 {
        self.stations[machine].starts + 1
    }

    /// A machine starts from nothing; the host of a node with who plays it now.
    pub(in crate::driver::turmoil) fn restart(&mut self, machine: usize, player: Option<(Player, Option<Program>)>) {
        let station = &mut self.stations[machine];
        (station.down, station.starts) = (false, station.starts + 1);
        let node = station.node;
        let kind = self.kind(machine);
        self.machines[machine].start(kind);
        if let (Some(node), Some((player, program))) = (node, player) {
            if let Some(program) = program {
                self.lodge(program);
            }
            self.conductor.replace(self.now, node, Some(player));
            self.act();
        } else if let Some(gateway) = self.gateway(machine) {
            let what = format!("the gateway of {} starts again", gateway.serves);
            self.conductor.recorder.step(self.now, what);
        }
    }

    /// Carries out a change of the network; crashes wait for the end of the tick.
    pub(super) fn apply(&mut self, action: &NetworkAction) {
        let now = self.now;
        match action {
            NetworkAction::RebootNat(of) => {
                let machine = self.built.gateways[of].0 as usize;
                let (machines, mut around) = self.around();
                machines[machine].flush(&mut around, now, Nat::reboot);
            }
            NetworkAction::SetLink { of, link, down } => {
                let uplink = self.built.uplink(of);
                let machine = &mut self.machines[self.built.net.vantages()[uplink.0 as usize].node.0 as usize];
                if let Some(link) = link {
                    let (up, down) = link.directions(crate::plan::DEFAULT_LATENCY);
                    machine.set_link(uplink, up, down);
                }
                if let Some(down) = down {
                    machine.set_link_up(uplink, !down);
                }
            }
            NetworkAction::Crash(node) => self.outages.push(Outage::Crash(self.built.hosts[*node].0 as usize)),
            NetworkAction::Bounce(node) => self.outages.push(Outage::Bounce(self.built.hosts[*node].0 as usize)),
            NetworkAction::CrashGateway { gateway, duration } => {
                self.outages.push(Outage::Blackout(self.built.gateways[gateway].0 as usize, *duration));
            }
        }
    }

    /// The packet reaches a machine that is down.
    pub(super) fn lose(&mut self, frame: &Frame) {
        let node = self.built.net.vantages()[frame.to.0 as usize].node;
        let place = Vantage { id: frame.to, node, direction: Direction::In };
        self.conductor.recorder.packet(self.now, place, Fate::Dropped(DropReason::NodeDown), &frame.packet);
    }

    /// What a machine does when it starts.
    pub(super) fn kind(&self, machine: usize) -> Kind {
        let Some(gateway) = self.gateway(machine) else { return Kind::Host };
        match (&gateway.kind, gateway.config()) {
            (GatewayKind::UdpBlocked, _) => Kind::Firewall(FirewallConfig { udp: UdpPolicy::Block }),
            (_, Some(config)) => {
                let name = match self.stations[machine].starts {
                    0 => format!("nat/{}", gateway.name),
                    starts => format!("nat/{}/{starts}", gateway.name),
                };
                let nat = Nat::new(config, &gateway.outside_addresses, derive_seed(self.seed, &name));
                Kind::Nat(Box::new(nat.expect("the network was built with the same terms")))
            }
            _ => Kind::Router,
        }
    }

    fn gateway(&self, machine: usize) -> Option<&GatewayPlan> {
        let name = self.built.net.name(self.machines.get(machine).map_or(NodeId(machine as u32), |machine| machine.node))?;
        self.plan.gateways.iter().find(|gateway| gateway.name == name && self.stations[machine].node.is_none())
    }
}
