//! A host that sends every datagram back to where it came from.

use iut::{Cause, Endpoint, Input, Ns, Output};
use std::collections::VecDeque;

/// Echoes datagrams; a STUN message too, for it does not look inside.
#[derive(Default)]
pub(super) struct Echo {
    outputs: VecDeque<Output>,
}

impl Endpoint for Echo {
    fn handle(&mut self, _now: Ns, input: Input) {
        if let Input::Datagram { local, remote, bytes } = input {
            self.outputs.push_back(Output::Datagram { local, remote, bytes });
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<(Ns, Cause)> {
        None
    }
}
