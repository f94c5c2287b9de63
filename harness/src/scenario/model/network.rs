//! The network: access of nodes, NATs, firewalls, networks, links.

use crate::scenario::span::Spanned;
use crate::scenario::units::{Percent, Span};
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

/// A NAT preset by name, or the terms of a NAT.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum NatRef {
    /// No NAT.
    Open,
    /// EIM, EIF.
    FullCone,
    /// EIM, ADF.
    Restricted,
    /// EIM, APDF.
    PortRestricted,
    /// APDM, APDF, random ports.
    Symmetric,
    /// APDM, APDF, sequential ports.
    SymmetricSequential,
    /// No NAT; no UDP passes.
    UdpBlocked,
    /// Linux MASQUERADE with a WAN side that drops what it did not ask for.
    LinuxMasqueradeDrop,
    /// Linux MASQUERADE with a WAN side that accepts: unsolicited packets create state.
    LinuxMasqueradeAccept,
    /// Exact terms.
    Custom(NatTerms),
}

/// The terms of a NAT. All must be said: there are no defaults to be surprised by.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NatTerms {
    /// RFC 4787 section 4.1.
    pub mapping: Dependence,
    /// RFC 4787 section 5.
    pub filtering: Dependence,
    /// RFC 4787 section 4.2.1.
    pub ports: Ports,
    /// RFC 4787 section 6.
    pub hairpinning: Hairpinning,
    /// How long an idle mapping lives; RFC 4787 section 4.3.
    pub mapping_timer: Span,
    /// How long a filter entry admits packets after the last one.
    pub filter_timer: Span,
    /// Which packets refresh the mapping timer.
    pub mapping_refresh: Refresh,
    /// Which packets refresh a filter entry.
    pub filter_refresh: Refresh,
    /// Whether a packet that was admitted from outside binds the way back to its session or to the mapping.
    pub reverse_binding: ReverseBinding,
    /// What an unsolicited packet from outside leaves behind.
    pub unsolicited_inbound: UnsolicitedInbound,
    /// What an unsolicited packet from outside is answered with.
    pub unsolicited_reply: UnsolicitedReply,
}

/// How much of the remote endpoint a mapping or filter depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Dependence {
    /// Not at all.
    EndpointIndependent,
    /// On the address.
    AddressDependent,
    /// On address and port.
    AddressAndPortDependent,
}

/// Port allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ports {
    /// The internal port where it is free, else a random one.
    PreserveWithFallback,
    /// One after the other.
    Sequential,
    /// At random.
    Random,
}

/// Hairpinning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Hairpinning {
    /// Packets to the NAT's own external addresses from inside are dropped.
    Off,
    /// They come back in, with the external source address (RFC 4787 REQ-9a).
    ExternalSource,
}

/// Which direction refreshes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refresh {
    /// Outbound packets (RFC 4787 REQ-6).
    Outbound,
    /// Inbound packets.
    Inbound,
    /// Both.
    Both,
}

/// The hidden knob of hole punching, first part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReverseBinding {
    /// Like a connection tracker: replies leave through the session that admitted the packet.
    Session,
    /// Like a mapping table: replies get the mapping that any outbound packet would get.
    Mapping,
}

/// The hidden knob of hole punching, second part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnsolicitedInbound {
    /// Dropped without a trace.
    Ignore,
    /// Occupies the external tuple for 30 s, as on Linux with an accepting INPUT chain.
    CreatesState,
}

/// What a NAT answers to unsolicited packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnsolicitedReply {
    /// Nothing.
    Silent,
    /// ICMP port unreachable.
    PortUnreachable,
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

/// A link, per direction.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LinkPair {
    /// Both directions.
    #[serde(default)]
    pub both: Option<Link>,
    /// Towards the internet; wins over `both`.
    #[serde(default)]
    pub up: Option<Link>,
    /// From the internet; wins over `both`.
    #[serde(default)]
    pub down: Option<Link>,
}

/// One direction of a link.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Link {
    /// One-way delay.
    #[serde(default)]
    pub latency: Option<Span>,
    /// Extra delay, uniform between 0 and this; order is kept.
    #[serde(default)]
    pub jitter: Option<Span>,
    /// Share of packets that are lost, independently.
    #[serde(default)]
    pub loss: Option<Percent>,
    /// Share of packets that arrive twice.
    #[serde(default)]
    pub duplicate: Option<Percent>,
    /// Share of packets that are held back and overtaken.
    #[serde(default)]
    pub reorder: Option<Percent>,
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
