//! The network: access of nodes, firewalls, networks.

use super::link::LinkPair;
use super::nat::NatRef;
use crate::scenario::span::Spanned;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How a node reaches the internet.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Access {
    /// Directly: the node has public addresses.
    None,
    /// Through a NAT of its own.
    Nat(NatRef),
    /// Through a firewall of its own; the node has public addresses.
    Firewall(FirewallRef),
}

/// A firewall by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FirewallRef {
    /// No UDP passes in either direction.
    UdpBlocked,
}

/// A network that nodes can share.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Network {
    /// The NAT between this network and the one it is behind.
    #[serde(default)]
    pub nat: Option<Spanned<NatRef>>,
    /// The firewall between this network and the one it is behind.
    #[serde(default)]
    pub firewall: Option<Spanned<FirewallRef>>,
    /// The network that this one is behind; `internet` where nothing is said.
    #[serde(default)]
    pub behind: Option<Spanned<String>>,
    /// The IPv4 prefix; networks behind different NATs may use the same one.
    #[serde(default)]
    pub prefix: Option<Spanned<String>>,
    /// The link from the gateway to the network it is behind.
    #[serde(default)]
    pub link: Option<LinkPair>,
}

/// A file of `scenarios/topologies/`: networks that scenarios can name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Topology {
    /// What the topology is for.
    pub title: String,
    /// Its networks.
    pub networks: BTreeMap<String, Spanned<Network>>,
}

/// Address families.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}
