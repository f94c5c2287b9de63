//! What the harness plays: honest parties, and parties that are dishonest in exactly the way that a scenario says.

mod discovery;
mod dtls;
mod echo;
mod ice;
mod stun_server;
mod turn_server;

use crate::conductor::Player;
use crate::plan::NodePlan;
use crate::scenario::model::{Actor, RoleName};
use iut::Endpoint;

/// Who plays an actor. `stack` is the implementation that an actor needs ([`crate::plan::stack_of`]).
pub fn player(actor: &Actor, node: &NodePlan, stack: Option<Box<dyn Endpoint>>) -> Player {
    match actor {
        Actor::Script(_) => Player::Script,
        Actor::Echo(_) => Player::Endpoint(Box::new(echo::Echo::default())),
        Actor::StunServer(options) => Player::Endpoint(Box::new(stun_server::StunServer::new(&node.config, options.clone()))),
        Actor::Ice(options) => Player::Endpoint(Box::new(ice::IceAgent::new(&node.config, options.clone()))),
        Actor::TurnServer(options) => Player::Endpoint(Box::new(turn_server::TurnServer::new(&node.config, options.clone()))),
        Actor::Discovery(_) => Player::Endpoint(Box::new(discovery::Discovery::new(&node.config))),
        Actor::Dtls(options) => {
            let stack = stack.expect("the plan names a stack for this actor");
            Player::Endpoint(Box::new(dtls::FaultyFlights::new(stack, options.clone(), node.role == RoleName::Peer)))
        }
    }
}
