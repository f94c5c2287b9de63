//! Steps that change the network.

use crate::conductor::NetworkAction;
use crate::plan::Built;
use iut::Ns;
use nat_sim::{Direction, Tap};

/// Carries out a change of the simulated network. Crashes are for the driver that has hosts to crash.
pub(super) fn apply(network: &mut Built, tap: &mut dyn Tap, now: Ns, action: &NetworkAction) {
    match action {
        NetworkAction::RebootNat(of) => {
            let nat = network.gateways[of];
            network.net.nat_reboot(tap, now, nat).expect("the plan checked that this gateway is a NAT");
        }
        NetworkAction::SetLink { of, link, down } => {
            let uplink = network.uplink(of);
            if let Some(link) = link {
                let (up, down) = link.directions(crate::plan::DEFAULT_LATENCY);
                network.net.set_link(uplink, Direction::Out, up).expect("the vantage comes from the network itself");
                network.net.set_link(uplink, Direction::In, down).expect("the vantage comes from the network itself");
            }
            if let Some(down) = down {
                network.net.set_link_up(uplink, !down).expect("the vantage comes from the network itself");
            }
        }
        NetworkAction::Crash(_) | NetworkAction::Bounce(_) | NetworkAction::CrashGateway { .. } => {
            unreachable!("the plan gives crashes to the turmoil driver only")
        }
    }
}
