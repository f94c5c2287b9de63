//! Implementations that crash, hang and flood as soon as a datagram reaches them.

use iut::{BuildError, Cause, Command, Endpoint, Implementation, Input, Instance, Manifest, NodeConfig, Ns, Output, Role};
use std::collections::BTreeSet;

/// How it misbehaves.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Panics,
    Aborts,
    LoopsForEver,
    EatsMemory,
    NeverLetsTimePass,
}

/// An implementation that misbehaves.
pub(crate) struct Misbehaving(pub(crate) Way);

impl Implementation for Misbehaving {
    fn manifest(&self) -> Manifest {
        let name = match self.0 {
            Way::Panics => "panics",
            Way::Aborts => "aborts",
            Way::LoopsForEver => "loops-for-ever",
            Way::EatsMemory => "eats-memory",
            Way::NeverLetsTimePass => "never-lets-time-pass",
        };
        Manifest {
            name,
            version: "0",
            roles: BTreeSet::from([Role::StunServer]),
            capabilities: BTreeSet::new(),
            deterministic: true,
            gathering_by_adapter: false,
            asynchronous: false,
            address_sensitive: false,
        }
    }

    fn build(&self, _config: &NodeConfig) -> Result<Instance, BuildError> {
        Ok(Instance::Endpoint(Box::new(Node { way: self.0, flooding: false, now: 0 })))
    }
}

struct Node {
    way: Way,
    flooding: bool,
    now: Ns,
}

impl Endpoint for Node {
    fn handle(&mut self, now: Ns, input: Input) {
        self.now = now;
        if matches!(input, Input::Command(Command::Start)) || self.flooding {
            return;
        }
        match self.way {
            Way::Panics => panic!("this implementation panics on purpose"),
            Way::Aborts => std::process::abort(),
            Way::LoopsForEver => loop {
                std::hint::black_box(());
            },
            Way::EatsMemory => {
                let mut eaten: Vec<Vec<u8>> = Vec::new();
                loop {
                    eaten.push(vec![1; 64 << 20]);
                }
            }
            Way::NeverLetsTimePass => self.flooding = true,
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        None
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        self.flooding.then_some((self.now, "again"))
    }
}
