//! What a check may know beside the packets: who is who.

use crate::plan::{CasePlan, PlannedPlayer};
use crate::scenario::model::RoleName;
use std::net::{IpAddr, SocketAddr};

/// Who is who in a trace.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The parties, in the order of the trace's nodes.
    pub parties: Vec<Party>,
    /// Realm and users of the servers.
    pub credentials: Vec<Credentials>,
    /// The trace begins where the parties begin: what it does not show did not happen.
    pub from_the_start: bool,
}

/// One party.
#[derive(Clone, Debug)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: RoleName,
    /// The implementation under test; `None` for what the harness plays, which is not judged.
    pub implementation: Option<String>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Its first port.
    pub port: u16,
    /// Peers: whether it made the offer.
    pub offerer: bool,
    /// The adapter gathers server-reflexive and relayed candidates for the implementation.
    pub gathering_by_adapter: bool,
    /// Clients and peers: the long-term credentials that it was given.
    pub credentials: Vec<iut::Credential>,
    /// Largest DTLS datagram in bytes that it was told to send.
    pub dtls_mtu: Option<u16>,
}

/// A long-term credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The realm.
    pub realm: String,
    /// The user.
    pub username: String,
    /// The password.
    pub password: String,
}

impl Context {
    /// The context of a case.
    pub fn of(plan: &CasePlan, gathering_by_adapter: impl Fn(&str) -> bool) -> Self {
        let party = |node: &crate::plan::NodePlan| {
            let implementation = match &node.player {
                PlannedPlayer::Implementation(name) => Some(name.clone()),
                PlannedPlayer::Actor(_) => None,
            };
            Party {
                name: node.name.clone(),
                role: node.role,
                gathering_by_adapter: implementation.as_deref().is_some_and(&gathering_by_adapter),
                implementation,
                addresses: node.addresses.clone(),
                port: node.config.port,
                offerer: node.config.offerer,
                credentials: node.config.servers.iter().filter_map(|server| server.credential.clone()).collect(),
                dtls_mtu: node.config.dtls.mtu,
            }
        };
        let servers = plan.nodes.iter().filter(|node| node.role == RoleName::TurnServer);
        let credentials = servers.flat_map(|node| {
            node.config.users.iter().map(|user| Credentials {
                realm: node.config.realm.clone(),
                username: user.username.clone(),
                password: user.password.clone(),
            })
        });
        Self { parties: plan.nodes.iter().map(party).collect(), credentials: credentials.collect(), from_the_start: true }
    }

    /// The party that owns an address.
    pub fn owner(&self, address: IpAddr) -> Option<usize> {
        self.parties.iter().position(|party| party.addresses.contains(&address))
    }

    /// Whether this is the listening address of a STUN or TURN server.
    pub fn is_server(&self, address: SocketAddr) -> bool {
        self.parties.iter().any(|party| {
            matches!(party.role, RoleName::StunServer | RoleName::TurnServer)
                && party.port == address.port()
                && party.addresses.contains(&address.ip())
        })
    }

    /// Whether this address belongs to a TURN server, so that packets to it may be relayed.
    pub fn is_relay(&self, address: IpAddr) -> bool {
        self.parties.iter().any(|party| party.role == RoleName::TurnServer && party.addresses.contains(&address))
    }
}
