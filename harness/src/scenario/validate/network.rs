//! Networks: their names, what lies behind what, and whether the simulator takes the whole.

use super::{MOST_NODES, Validator};
use crate::plan::{INTERNET, lay_out, nat_config};
use crate::scenario::model::{Access, NatRef, Node};
use crate::scenario::span::Spanned;
use std::net::Ipv4Addr;
use std::ops::Range;

/// Gateways of a scenario at most: each has a block of addresses.
const MOST_GATEWAYS: usize = 14;
/// External addresses of a NAT at most.
const MOST_EXTERNAL: u8 = 8;

impl<'a> Validator<'a> {
    pub(super) fn networks(&mut self) {
        let scenario = self.scenario;
        let before = self.problems.len();
        for (name, network) in &scenario.networks {
            self.name(name, &network.span);
            if name == INTERNET || scenario.nodes.contains_key(name) {
                let message = format!("`{name}` means something else already: steps could not tell which one is meant");
                self.wrong("scenario::name", &network.span, message);
            }
            self.link(network.link.as_ref(), &network.span);
            self.cycle(name, network.behind.as_ref());
            self.terms(network.nat.as_ref().map(|nat| (&nat.value, &nat.span)));
        }
        let own = |node: &Spanned<Node>| node.nat.is_some() || node.access.is_some();
        for node in scenario.nodes.values() {
            self.terms(node.nat.as_ref().map(|nat| (&nat.value, &nat.span)));
            if let Some(access) = &node.access
                && let Access::Nat(nat) = &access.value
            {
                self.terms(Some((nat, &access.span)));
            }
        }
        let gateways = scenario.networks.len() + scenario.nodes.values().filter(|node| own(node)).count();
        if gateways > MOST_GATEWAYS {
            let message =
                format!("a scenario has at most {MOST_GATEWAYS} networks and nodes with an access of their own, this one has {gateways}");
            self.wrong("scenario::networks", &scenario.title.span, message);
        }
        if self.problems.len() == before && (1..=MOST_NODES).contains(&scenario.nodes.len()) {
            self.layout();
        }
    }

    /// What only laying the network out shows.
    fn layout(&mut self) {
        match lay_out(self.scenario) {
            Err(problems) => self.problems.extend(problems),
            Ok(plan) => match plan.build(0) {
                Ok(_) => self.layout = Some(plan),
                Err(error) => self.wrong("scenario::network", &self.scenario.title.span, error.to_string()),
            },
        }
    }

    /// Reports a network that lies behind itself, once for all that are part of the circle.
    fn cycle(&mut self, name: &str, behind: Option<&Spanned<String>>) {
        let networks = &self.scenario.networks;
        let mut path = vec![name];
        let mut next = behind;
        while let Some(outer) = next {
            if outer.value == name {
                if path.iter().min() == Some(&name) {
                    let span = behind.map_or(0..0, |behind| behind.span.clone());
                    path.push(name);
                    self.wrong("scenario::network-cycle", &span, format!("network `{name}` lies behind itself: {}", path.join(" behind ")));
                }
                return;
            }
            if path.contains(&outer.as_str()) {
                return;
            }
            path.push(outer);
            next = networks.get(&outer.value).and_then(|network| network.behind.as_ref());
        }
    }

    fn terms(&mut self, nat: Option<(&NatRef, &Range<usize>)>) {
        let Some((reference @ NatRef::Custom(terms), span)) = nat else { return };
        for (name, timer) in [("mapping-timer", terms.mapping_timer), ("filter-timer", terms.filter_timer)] {
            if timer.0 == 0 {
                return self.wrong("scenario::range", span, format!("`{name}: 0s` would keep nothing"));
            }
        }
        if terms.external_addresses.is_some_and(|count| !(1..=MOST_EXTERNAL).contains(&count)) {
            return self.wrong("scenario::range", span, format!("`external-addresses` lies between 1 and {MOST_EXTERNAL}"));
        }
        if let Err(error) = nat_config(reference, Ipv4Addr::new(10, 0, 0, 2)).validate() {
            self.wrong("scenario::nat-terms", span, error.to_string());
        }
    }
}
