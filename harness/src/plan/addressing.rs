//! Chooses every address of a case, from the ranges that RFC 5737, RFC 3849, RFC 1918 and RFC 6598 set aside.
//!
//! - Hosts on the internet: 203.0.113.10 and up, second addresses from 203.0.113.110; 2001:db8:f::10 and up.
//! - Outer addresses of gateways on the internet: 198.51.100.1 and up; further ones of a NAT 16 above the one before.
//! - Networks behind a NAT: 10.0.N.0/24, or the prefix that the scenario gives; 100.64.N.0/24 where another network is behind them.
//! - Networks behind a firewall or router: 192.0.2.0/24 in blocks of 16.
//! - IPv6 is never translated: 2001:db8:N::/64.

use super::network::{GatewayKind, GatewayPlan, HostPlan, INTERNET, NetworkPlan};
use crate::scenario::model::{Access, Family, NatRef, Network, Node, Scenario};
use crate::scenario::problem::{Problem, nearest};
use crate::scenario::span::Spanned;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Networks behind networks behind networks: more is a mistake.
const DEEPEST: usize = 4;
/// Addresses of one family that a node has at most: RFC 5780 needs two.
const MOST_OF_A_FAMILY: usize = 2;

/// Lays out the network of a scenario whose topology has been merged into its networks.
///
/// # Errors
/// Unknown and circular networks, bad prefixes, contradictory accesses.
pub(crate) fn lay_out(scenario: &Scenario) -> Result<NetworkPlan, Vec<Problem>> {
    let mut layout = Layout { plan: NetworkPlan::default(), prefixes: Vec::new(), taken: Vec::new(), problems: Vec::new() };
    layout.segment(INTERNET, Prefix::Internet);
    let mut segments = BTreeMap::from([(INTERNET.to_owned(), 0)]);
    for (name, network) in &scenario.networks {
        layout.network(scenario, &mut segments, name, network, 0);
    }
    for (name, node) in &scenario.nodes {
        layout.node(scenario, &segments, name, node);
    }
    if layout.problems.is_empty() { Ok(layout.plan) } else { Err(layout.problems) }
}

#[derive(Clone, Copy, Debug)]
enum Prefix {
    Internet,
    /// Three octets of a /24, and the number of the IPv6 /64.
    Private([u8; 3], u16),
    /// First host of a block of 16 in 192.0.2.0/24, and the number of the IPv6 /64.
    Public(u8, u16),
}

struct Layout {
    plan: NetworkPlan,
    prefixes: Vec<Prefix>,
    /// Host numbers that are taken in each segment.
    taken: Vec<u8>,
    problems: Vec<Problem>,
}

impl Layout {
    fn segment(&mut self, name: &str, prefix: Prefix) -> usize {
        self.plan.segments.push(name.to_owned());
        self.prefixes.push(prefix);
        self.taken.push(0);
        self.plan.segments.len() - 1
    }

    fn problem(&mut self, code: &'static str, span: &Range<usize>, message: String) {
        self.problems.push(Problem::new(code, span, message));
    }

    /// Lays out a shared network after the one that it is behind; returns its segment.
    fn network(
        &mut self,
        scenario: &Scenario,
        segments: &mut BTreeMap<String, usize>,
        name: &str,
        network: &Spanned<Network>,
        depth: usize,
    ) -> usize {
        if let Some(segment) = segments.get(name) {
            return *segment;
        }
        if depth > DEEPEST {
            self.problem(
                "scenario::network-depth",
                &network.span,
                format!("network `{name}` lies behind more than {DEEPEST} others, or behind itself"),
            );
            return 0;
        }
        let outside = match &network.behind {
            None => 0,
            Some(behind) if behind.value == INTERNET => 0,
            Some(behind) => match scenario.networks.get(&behind.value) {
                Some(outer) => self.network(scenario, segments, &behind.value, outer, depth + 1),
                None => {
                    let hint = nearest(behind, scenario.networks.keys().map(String::as_str));
                    let mut problem = Problem::new(
                        "scenario::unknown-network",
                        &behind.span,
                        format!("`{}` is not a network of this scenario", behind.value),
                    );
                    problem.help = hint.map(|name| format!("did you mean `{name}`?"));
                    self.problems.push(problem);
                    0
                }
            },
        };
        let kind = match (&network.nat, &network.firewall) {
            (Some(_), Some(firewall)) => {
                self.problem(
                    "scenario::two-gateways",
                    &firewall.span,
                    format!("network `{name}` has a NAT and a firewall; put one network behind the other"),
                );
                GatewayKind::Router
            }
            (Some(nat), None) => gateway_kind(&nat.value),
            (None, Some(_)) => GatewayKind::UdpBlocked,
            (None, None) => GatewayKind::Router,
        };
        let outer = scenario.networks.values().any(|other| other.behind.as_ref().is_some_and(|behind| behind.value == name));
        let prefix = match &network.prefix {
            Some(text) => match parse_prefix(text) {
                Some(octets) => Prefix::Private(octets, self.number()),
                None => {
                    self.problem(
                        "scenario::prefix",
                        &text.span,
                        format!("expected an IPv4 prefix such as `192.168.1.0/24`, found `{}`", text.value),
                    );
                    Prefix::Private([10, 0, 0], 0)
                }
            },
            None => self.prefix_for(&kind, outer),
        };
        let inside = self.gateway(name, name, kind, prefix, outside, network.link.clone().or(scenario.link.clone()).unwrap_or_default());
        segments.insert(name.to_owned(), inside);
        inside
    }

    fn node(&mut self, scenario: &Scenario, segments: &BTreeMap<String, usize>, name: &str, node: &Spanned<Node>) {
        let said = [node.access.is_some(), node.nat.is_some(), node.network.is_some()].into_iter().filter(|said| *said).count();
        if said > 1 {
            self.problem("scenario::two-accesses", &node.span, format!("node `{name}` has more than one of `access`, `nat` and `network`"));
        }
        let uplink = node.link.clone().or(scenario.link.clone()).unwrap_or_default();
        let own = match (&node.access, &node.nat) {
            (Some(access), _) => own_gateway(&access.value),
            (None, Some(nat)) => own_gateway(&Access::Nat(nat.value.clone())),
            (None, None) => None,
        };
        let (segment, link) = match (&own, &node.network) {
            (Some(kind), _) => {
                let prefix = self.prefix_for(kind, false);
                let gateway = format!("{}-{name}", gateway_word(kind));
                (self.gateway(&gateway, name, kind.clone(), prefix, 0, uplink), Default::default())
            }
            (None, Some(network)) => match segments.get(&network.value) {
                Some(segment) => (*segment, node.link.clone().unwrap_or_default()),
                None => {
                    let hint = nearest(network, segments.keys().map(String::as_str));
                    let mut problem = Problem::new(
                        "scenario::unknown-network",
                        &network.span,
                        format!("`{}` is not a network of this scenario", network.value),
                    );
                    problem.help = hint.map(|name| format!("did you mean `{name}`?"));
                    self.problems.push(problem);
                    (0, Default::default())
                }
            },
            (None, None) => (0, uplink),
        };
        let mut families = node.addresses.clone().unwrap_or_else(|| vec![Family::V4]);
        let too_many = |family| families.iter().filter(|other| **other == family).count() > MOST_OF_A_FAMILY;
        if families.is_empty() || too_many(Family::V4) || too_many(Family::V6) {
            let message = format!("node `{name}` needs an address, and at most {MOST_OF_A_FAMILY} of a family");
            self.problem("scenario::addresses", &node.span, message);
            families.truncate(MOST_OF_A_FAMILY);
        }
        let number = self.host_number(segment);
        let addresses = families.iter().enumerate().map(|(index, family)| {
            let again = families[..index].iter().filter(|other| *other == family).count();
            self.address(segment, number + 100 * u8::try_from(again).unwrap_or(1), *family)
        });
        let addresses: Vec<IpAddr> = addresses.collect();
        self.plan.hosts.push(HostPlan { name: name.to_owned(), segment, addresses, link });
    }

    fn gateway(
        &mut self,
        name: &str,
        serves: &str,
        kind: GatewayKind,
        prefix: Prefix,
        outside: usize,
        link: crate::scenario::model::LinkPair,
    ) -> usize {
        let inside = self.segment(&format!("{serves}-lan"), prefix);
        let number = self.host_number(outside);
        let mut outside_addresses = match self.prefixes[outside] {
            Prefix::Internet => {
                let gateways = u8::try_from(self.plan.gateways.len()).unwrap_or(u8::MAX);
                vec![IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1 + gateways)), v6(0xe, 1 + u16::from(gateways))]
            }
            _ => vec![self.address(outside, number, Family::V4), self.address(outside, number, Family::V6)],
        };
        for again in 1..external_addresses(&kind) {
            outside_addresses.push(match (self.prefixes[outside], outside_addresses[0]) {
                (Prefix::Internet, IpAddr::V4(first)) => IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() + 16 * u32::from(again))),
                _ => {
                    let number = self.host_number(outside);
                    self.address(outside, number, Family::V4)
                }
            });
        }
        let inside_addresses = vec![self.address(inside, 1, Family::V4), self.address(inside, 1, Family::V6)];
        self.taken[inside] = 1;
        let name = if name == serves { format!("{}-{name}", gateway_word(&kind)) } else { name.to_owned() };
        let serves = serves.to_owned();
        self.plan.gateways.push(GatewayPlan { name, serves, kind, inside, outside, inside_addresses, outside_addresses, link });
        inside
    }

    /// A number for the next network.
    fn number(&self) -> u16 {
        u16::try_from(self.plan.segments.len()).unwrap_or(u16::MAX)
    }

    fn prefix_for(&self, kind: &GatewayKind, outer: bool) -> Prefix {
        let number = self.number();
        let octet = u8::try_from(number).unwrap_or(u8::MAX);
        match kind {
            GatewayKind::Nat(_) if outer => Prefix::Private([100, 64, octet], number),
            GatewayKind::Nat(_) => Prefix::Private([10, 0, octet], number),
            GatewayKind::UdpBlocked | GatewayKind::Router => Prefix::Public(octet.saturating_mul(16), number),
        }
    }

    fn host_number(&mut self, segment: usize) -> u8 {
        self.taken[segment] = self.taken[segment].saturating_add(1);
        self.taken[segment]
    }

    fn address(&self, segment: usize, number: u8, family: Family) -> IpAddr {
        match (self.prefixes[segment], family) {
            (Prefix::Internet, Family::V4) => IpAddr::V4(Ipv4Addr::new(203, 0, 113, number.saturating_add(9))),
            (Prefix::Internet, Family::V6) => v6(0xf, u16::from(number) + 0xf),
            (Prefix::Private([a, b, c], _), Family::V4) => IpAddr::V4(Ipv4Addr::new(a, b, c, number)),
            (Prefix::Public(first, _), Family::V4) => IpAddr::V4(Ipv4Addr::new(192, 0, 2, first.saturating_add(number))),
            (Prefix::Private(_, net) | Prefix::Public(_, net), Family::V6) => v6(net, u16::from(number)),
        }
    }
}

fn v6(network: u16, host: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, network, 0, 0, 0, 0, host))
}

fn parse_prefix(text: &str) -> Option<[u8; 3]> {
    let address: Ipv4Addr = text.strip_suffix("/24")?.parse().ok()?;
    let [a, b, c, d] = address.octets();
    (d == 0).then_some([a, b, c])
}

fn gateway_kind(reference: &NatRef) -> GatewayKind {
    match reference {
        NatRef::Open => GatewayKind::Router,
        NatRef::UdpBlocked => GatewayKind::UdpBlocked,
        other => GatewayKind::Nat(other.clone()),
    }
}

/// How many IPv4 addresses a gateway has outside; validation of the terms keeps it between 1 and 8.
fn external_addresses(kind: &GatewayKind) -> u8 {
    match kind {
        GatewayKind::Nat(NatRef::Custom(terms)) => terms.external_addresses.unwrap_or(1),
        _ => 1,
    }
}

/// The gateway that an access means; none where the node is on the internet itself.
fn own_gateway(access: &Access) -> Option<GatewayKind> {
    match access {
        Access::None | Access::Nat(NatRef::Open) => None,
        Access::Firewall(_) => Some(GatewayKind::UdpBlocked),
        Access::Nat(reference) => Some(gateway_kind(reference)),
    }
}

fn gateway_word(kind: &GatewayKind) -> &'static str {
    match kind {
        GatewayKind::Nat(_) => "nat",
        GatewayKind::UdpBlocked => "firewall",
        GatewayKind::Router => "router",
    }
}
