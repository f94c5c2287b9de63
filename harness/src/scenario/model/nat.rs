//! NATs in scenarios: presets by name, and the terms that a NAT can be made of.

use crate::scenario::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;

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

/// The terms of a NAT. Those that every NAT must decide have no default to be surprised by; those of certain NATs are off unless they are said.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NatTerms {
    /// RFC 4787 section 4.1.
    pub mapping: MappingDependence,
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
    /// The external ports; 1024 to 65535 where nothing is said.
    #[serde(default)]
    pub port_range: Option<PortBounds>,
    /// An even internal port gets an even external one, an odd one an odd one: RFC 4787 section 4.2.2.
    #[serde(default)]
    pub port_parity: bool,
    /// The ports of RTP and RTCP get neighbouring external ports if possible: RFC 4787 section 4.2.3. Needs endpoint-independent mapping.
    #[serde(default)]
    pub port_contiguity: bool,
    /// Mappings share external ports as long as their remotes differ; packets from outside are looked up by 5-tuple (RFC 4787 section 4.2.1, REQ-3).
    /// Needs address and port-dependent filtering.
    #[serde(default)]
    pub port_overloading: bool,
    /// Each internal address has a block of ports to itself: RFC 6888 REQ-14, RFC 7422.
    #[serde(default)]
    pub port_block: Option<PortBlock>,
    /// How long a freed port is not used again; 0 s where nothing is said. RFC 6888 REQ-8 asks for 120 s.
    #[serde(default)]
    pub port_hold_down: Option<Span>,
    /// What an internal endpoint gets whose mapping has expired.
    #[serde(default)]
    pub after_expiry: AfterExpiry,
    /// How long a mapping lives that has not let anything in yet; as `mapping-timer` where nothing is said, and never longer.
    #[serde(default)]
    pub unanswered_timer: Option<Span>,
    /// How many external addresses the NAT has, 1 to 8; 1 where nothing is said.
    #[serde(default)]
    pub external_addresses: Option<u8>,
    /// Which of several external addresses a mapping gets: RFC 4787 REQ-2.
    #[serde(default)]
    pub pooling: Pooling,
    /// What is translated: RFC 3022.
    #[serde(default)]
    pub translation: Translation,
    /// How many mappings there are at most; 16384 where nothing is said.
    #[serde(default)]
    pub most_mappings: Option<u32>,
    /// How many mappings an internal address has at most; no limit of its own where nothing is said. RFC 6888 REQ-4.
    #[serde(default)]
    pub most_mappings_per_subscriber: Option<u32>,
    /// What a packet from inside is answered with for which a limit or the lack of a port leaves no mapping: RFC 5508 REQ-8.
    #[serde(default)]
    pub limit_reply: LimitReply,
}

/// How much of the remote endpoint a mapping depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MappingDependence {
    /// Not at all.
    EndpointIndependent,
    /// Not at all while the internal port can be preserved, else on address and port: RFC 4787 REQ-11 forbids the change. Needs
    /// `ports: preserve-with-fallback`.
    EndpointIndependentUntilConflict,
    /// On the address.
    AddressDependent,
    /// On address and port.
    AddressAndPortDependent,
}

/// External ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PortBounds {
    /// The lowest, at least 1.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

/// Blocks of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PortBlock {
    /// Ports of a block, 1 to the size of the range.
    pub size: u16,
    /// Which block an internal address gets.
    pub assignment: BlockAssignment,
}

/// Which block an internal address gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BlockAssignment {
    /// The first free one when its first mapping is made.
    OnDemand,
    /// The one that follows from its number, counted from the first host address of the network: RFC 7422.
    Deterministic,
}

/// What an internal endpoint gets after expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AfterExpiry {
    /// What `ports` gives to anybody.
    #[default]
    AllocateAnew,
    /// The external endpoint that it had, if that is free.
    SameEndpoint,
}

/// Address pooling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pooling {
    /// All mappings of an internal address have one external address; internal addresses take them in turn.
    #[default]
    Paired,
    /// Each mapping has a random one.
    Arbitrary,
}

/// What is translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Translation {
    /// Address and port.
    #[default]
    AddressAndPort,
    /// The address alone: the first free one, while the internal address has mappings. Needs `ports: preserve`.
    DynamicPool,
    /// The address alone: the n-th host address of the network has the n-th external one. Needs `ports: preserve`.
    OneToOne,
}

/// What a NAT at its limits answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LimitReply {
    /// Nothing.
    #[default]
    Silent,
    /// ICMP communication administratively prohibited.
    AdministrativelyProhibited,
}

/// How much of the remote endpoint a filter depends on.
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
    /// The internal port; where it is taken, the packet is dropped.
    Preserve,
    /// The internal port; where it is taken, the mapping that has it is lost.
    PreserveAndSteal,
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
    /// They come back in with the internal source address (violates RFC 4787 REQ-9a).
    InternalSource,
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
