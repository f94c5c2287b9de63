//! What a timeline does to a network while it runs.

use std::net::SocketAddr;

use super::node::{Kind, PortPolicy};
use super::{Interface, Net};
use crate::link::{Link, LinkConfig};
use crate::nat::{MappingView, Nat};
use crate::tap::{Direction, Tap, VantageId};
use crate::time::Ns;
use crate::topology::NodeId;

/// An operation that does not fit the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperationError {
    /// The node is no host, or of another network.
    #[error("node {} is not a host", .0.0)]
    NotAHost(NodeId),
    /// The node is no NAT, or of another network.
    #[error("node {} is not a nat", .0.0)]
    NotANat(NodeId),
    /// No such vantage.
    #[error("vantage {} does not exist", .0.0)]
    UnknownVantage(VantageId),
    /// The nodes share no segment, so nothing passes directly between them.
    #[error("nodes {} and {} share no segment", .0.0, .1.0)]
    NotAdjacent(NodeId, NodeId),
}

impl Net {
    /// Restarts a NAT at `now`: it loses all mappings and sessions, and sequential allocation starts anew.
    ///
    /// # Errors
    /// The node is no NAT.
    pub fn nat_reboot(&mut self, tap: &mut dyn Tap, now: Ns, nat: NodeId) -> Result<(), OperationError> {
        self.empty_nat(tap, now, nat, Nat::reboot)
    }

    /// Removes all mappings and sessions of a NAT at `now`.
    ///
    /// # Errors
    /// The node is no NAT.
    pub fn nat_flush(&mut self, tap: &mut dyn Tap, now: Ns, nat: NodeId) -> Result<(), OperationError> {
        self.empty_nat(tap, now, nat, Nat::flush)
    }

    fn empty_nat(
        &mut self,
        tap: &mut dyn Tap,
        now: Ns,
        node: NodeId,
        empty: fn(&mut Nat) -> Vec<MappingView>,
    ) -> Result<(), OperationError> {
        self.nat(node)?;
        self.now = self.now.max(now);
        self.expire(tap, node);
        if let Kind::Nat(state) = &mut self.nodes[node.index()].kind {
            let views = empty(&mut state.nat);
            self.tell_flushed(tap, node, views);
        }
        Ok(())
    }

    /// The NAT of a node, to look at.
    ///
    /// # Errors
    /// The node is no NAT.
    pub fn nat(&self, node: NodeId) -> Result<&Nat, OperationError> {
        match self.nodes.get(node.index()).map(|node| &node.kind) {
            Some(Kind::Nat(state)) => Ok(&state.nat),
            _ => Err(OperationError::NotANat(node)),
        }
    }

    /// The mappings of a NAT that live now, ordered by external endpoint.
    ///
    /// # Errors
    /// The node is no NAT.
    pub fn mappings(&self, node: NodeId) -> Result<Vec<MappingView>, OperationError> {
        let mut mappings = self.nat(node)?.mappings();
        mappings.retain(|mapping| mapping.expires > self.now);
        Ok(mappings)
    }

    /// Changes one direction of a link for packets that enter it from now on.
    ///
    /// # Errors
    /// No such vantage.
    pub fn set_link(&mut self, vantage: VantageId, direction: Direction, config: LinkConfig) -> Result<(), OperationError> {
        self.link_mut(vantage, direction)?.set_config(config);
        Ok(())
    }

    /// The properties of one direction of a link.
    ///
    /// # Errors
    /// No such vantage.
    pub fn link(&self, vantage: VantageId, direction: Direction) -> Result<LinkConfig, OperationError> {
        let Interface { up, down, .. } = self.interfaces.get(vantage.0 as usize).ok_or(OperationError::UnknownVantage(vantage))?;
        Ok(match direction {
            Direction::Out => up.config(),
            Direction::In => down.config(),
        })
    }

    /// Takes both directions of a link down or up again. Packets that entered it before still arrive.
    ///
    /// # Errors
    /// No such vantage.
    pub fn set_link_up(&mut self, vantage: VantageId, up: bool) -> Result<(), OperationError> {
        for direction in [Direction::Out, Direction::In] {
            self.link_mut(vantage, direction)?.set_up(up);
        }
        Ok(())
    }

    fn link_mut(&mut self, vantage: VantageId, direction: Direction) -> Result<&mut Link, OperationError> {
        let interface = self.interfaces.get_mut(vantage.0 as usize).ok_or(OperationError::UnknownVantage(vantage))?;
        Ok(match direction {
            Direction::Out => &mut interface.up,
            Direction::In => &mut interface.down,
        })
    }

    /// Keeps packets from passing directly from one node to another on a segment that they share, or lets them pass again. One direction; call twice
    /// for both.
    ///
    /// # Errors
    /// The nodes share no segment.
    pub fn set_partition(&mut self, from: NodeId, to: NodeId, partitioned: bool) -> Result<(), OperationError> {
        let segments = |node: NodeId| self.vantages.iter().filter(move |vantage| vantage.node == node).map(|vantage| vantage.segment);
        if from == to || !segments(from).any(|segment| segments(to).any(|other| other == segment)) {
            return Err(OperationError::NotAdjacent(from, to));
        }
        if partitioned {
            self.partitions.insert((from, to), ());
        } else {
            self.partitions.remove(&(from, to));
        }
        Ok(())
    }

    /// Says what a host does with datagrams to ports without a listener. Hosts begin with [`PortPolicy::AllOpen`].
    ///
    /// # Errors
    /// The node is no host.
    pub fn set_port_policy(&mut self, host: NodeId, policy: PortPolicy) -> Result<(), OperationError> {
        self.host_mut(host)?.policy = policy;
        Ok(())
    }

    /// Opens a port of a host; an unspecified address opens it on every address of the family.
    ///
    /// # Errors
    /// The node is no host.
    pub fn open_port(&mut self, host: NodeId, local: SocketAddr) -> Result<(), OperationError> {
        self.host_mut(host)?.open(local);
        Ok(())
    }

    /// Closes a port that was opened with the same address.
    ///
    /// # Errors
    /// The node is no host.
    pub fn close_port(&mut self, host: NodeId, local: SocketAddr) -> Result<(), OperationError> {
        self.host_mut(host)?.close(local);
        Ok(())
    }

    fn host_mut(&mut self, host: NodeId) -> Result<&mut super::node::Host, OperationError> {
        match self.nodes.get_mut(host.index()).map(|node| &mut node.kind) {
            Some(Kind::Host(state)) => Ok(state),
            _ => Err(OperationError::NotAHost(host)),
        }
    }
}
