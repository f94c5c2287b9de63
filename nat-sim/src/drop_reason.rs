//! Why a packet went no further: every drop has one of these reasons, and each reason a stable name.

use std::fmt;

macro_rules! drop_reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $explanation:literal;)+) => {
        /// Why a packet was dropped. The names (`drop:...`) are stable: traces, captures and expectations carry them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum DropReason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DropReason {
            /// Every reason, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, such as `drop:nat-filtered`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// One sentence for a reader of a report.
            #[must_use]
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)+ }
            }
        }
    };
}

drop_reasons! {
    /// The link lost the packet by its configured probability.
    LinkLoss = "drop:link-loss", "The link lost the packet, by its configured loss probability.";
    /// The link lost the packet in a burst.
    LinkBurst = "drop:link-burst", "The link lost the packet in a burst of loss: it was in its bad state (Gilbert-Elliott model).";
    /// The queue before the link is full.
    LinkQueueFull = "drop:link-queue-full", "The queue before the link, whose rate is limited, was full.";
    /// The queue management of the link dropped the packet.
    LinkCoDel = "drop:link-codel", "The queue before the link had been long for too long, and CoDel dropped the packet (RFC 8289).";
    /// The link is down.
    LinkDown = "drop:link-down", "The link was down.";
    /// The node is down: it crashed and has not come back.
    NodeDown = "drop:node-down", "The next node had crashed and was not running, so what it held and what reached it was lost.";
    /// A partition separates the two nodes.
    Partitioned = "drop:partitioned", "A partition separates this node from the next one.";
    /// More packets are in flight than the network may hold.
    InFlightLimit = "drop:in-flight-limit", "The network held its maximum number of packets in flight, which usually means a packet storm.";
    /// No route to the destination.
    NoRoute = "drop:no-route", "No node has the destination address and no NAT leads further out.";
    /// The time to live (hop limit) ran out.
    TtlExpired = "drop:ttl-expired", "The time to live (IPv6: hop limit) ran out at this node.";
    /// The packet cannot exist on a wire.
    Malformed = "drop:malformed", "The sender built a packet that cannot be encoded: addresses of two families, or a payload over the limit of IP.";
    /// Nobody listens on the destination port of this host.
    PortClosed = "drop:port-closed", "The host has no listener on the destination port.";
    /// The packet is addressed to a router, NAT or firewall itself.
    AddressedToRouter = "drop:addressed-to-router", "The packet is addressed to a router, NAT or firewall, which offers no service.";
    /// The firewall blocks UDP.
    FirewallUdpBlocked = "drop:firewall-udp-blocked", "The firewall lets no UDP through.";
    /// Inbound, and no mapping has the destination as its external endpoint.
    NatNoMapping = "drop:nat-no-mapping", "No mapping of the NAT has the destination as its external endpoint (never made, expired or flushed).";
    /// Inbound, and the filter of the mapping does not admit the source.
    NatFiltered = "drop:nat-filtered", "The mapping exists, but the filtering behaviour of the NAT does not admit this source (RFC 4787, section 5).";
    /// Hairpinning is off.
    NatHairpinOff = "drop:nat-hairpin-off", "An inside host addressed the external address of its own NAT, which does not hairpin (RFC 4787, section 6).";
    /// The mapping table is full.
    NatTableFull = "drop:nat-table-full", "The NAT holds its maximum number of mappings.";
    /// No external port is free.
    NatPortsExhausted = "drop:nat-ports-exhausted", "No external port of the NAT is free.";
    /// The mapping holds its maximum number of filter entries.
    NatFilterTableFull = "drop:nat-filter-table-full", "The mapping holds its maximum number of filter entries.";
    /// The mapping holds its maximum number of reverse bindings.
    NatBindingTableFull = "drop:nat-binding-table-full", "The mapping holds its maximum number of reverse bindings (sessions that came in through it).";
    /// Ports are overloaded, and no session has this 5-tuple.
    NatNoSession = "drop:nat-no-session", "The external ports of the NAT are overloaded, and none of its sessions has this 5-tuple (RFC 7857, section 3).";
    /// The internal port is taken outside, and the NAT uses no other.
    NatPortTaken = "drop:nat-port-taken", "The NAT preserves ports and uses no others, and the port is taken by another mapping (RFC 4787, section 4.2.1).";
    /// The subscriber holds its maximum number of mappings.
    NatSubscriberLimit = "drop:nat-subscriber-limit", "The internal address holds its maximum number of mappings (RFC 6888, REQ-4).";
    /// No external address or block of ports is free for a further subscriber.
    NatSubscriberPoolExhausted = "drop:nat-subscriber-pool-exhausted", "No external address or block of ports is free for another internal address.";
    /// The internal address is none of those that have an external address or block of their own.
    NatNotASubscriber = "drop:nat-not-a-subscriber", "The internal address is none of those to which the NAT gives external addresses or blocks of ports.";
    /// An ICMP error quotes a packet that no mapping knows.
    NatIcmpNoMapping = "drop:nat-icmp-no-mapping", "The ICMP error quotes a packet that belongs to no mapping of the NAT (RFC 5508, REQ-4).";
    /// The NAT translates no TCP.
    NatTcpUntranslated = "drop:nat-tcp-untranslated", "The NAT translates no TCP, so neither its segments nor ICMP errors about them pass.";
    /// The NAT carries no IPv6.
    NatIpv6Absent = "drop:nat-ipv6-absent", "The NAT carries no IPv6.";
}

impl DropReason {
    /// Whether a NAT could not serve a packet from inside because it had reached a limit: RFC 5508, REQ-8.
    pub(crate) fn is_lack_of_resources(self) -> bool {
        matches!(
            self,
            Self::NatTableFull
                | Self::NatPortsExhausted
                | Self::NatPortTaken
                | Self::NatSubscriberLimit
                | Self::NatSubscriberPoolExhausted
                | Self::NatNotASubscriber
                | Self::NatFilterTableFull
                | Self::NatBindingTableFull
        )
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_carry_the_prefix() {
        let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        assert!(names.iter().all(|name| name.starts_with("drop:")));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DropReason::ALL.len());
    }
}
