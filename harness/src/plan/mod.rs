//! From a scenario to cases that a driver can carry: every name resolved, every address chosen, every node's implementation known to exist.

mod addressing;
mod case;
mod driver;
mod link;
mod nat;
mod network;
mod resolve;

pub(crate) use addressing::lay_out;
pub(crate) use driver::{first_crash, max_virtual};
pub(crate) use nat::nat_config;
pub(crate) use resolve::port_of;

pub use case::{CasePlan, Judged, NodePlan, OutcomePlan, PlannedPlayer};
pub use network::{Built, DEFAULT_LATENCY, GatewayKind, GatewayPlan, HostPlan, INTERNET, NetworkPlan};
pub use resolve::{KNOWN_ELSEWHERE, NotRun, Resolver, preset_name, stack_of};
