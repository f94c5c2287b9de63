//! Small nodes for tests of drivers: an asynchronous `toy` that does what a test gives it, beside state machines of the test's own.

use harness::plan::{Built, CasePlan, NotRun, Resolver};
use harness::scenario::{load, model::DriverName};
use harness::trace::{Recorder, vantages};
use iut::{AsyncEndpoint, BoxFuture, Host, Manifest, NodeConfig, Role};

/// Plans a case of these nodes on a driver.
pub(crate) fn resolve(driver: DriverName, nodes: &str, timeline: &str) -> (CasePlan, Option<NotRun>) {
    let text = format!("title: Toys\nnodes:\n{nodes}timeline:\n{timeline}");
    let scenario = load(text.as_bytes()).unwrap_or_else(|problems| panic!("{problems:?}"));
    let manifests = ["toy", "machine"].map(|name| (name.to_owned(), manifest(name))).into();
    let resolver = Resolver { manifests: &manifests, seed: 1, driver: Some(driver) };
    resolver.resolve("toys", "toys", &scenario).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn manifest(name: &'static str) -> Manifest {
    Manifest {
        name,
        version: "1",
        roles: [Role::StunClient].into(),
        capabilities: [].into(),
        deterministic: true,
        gathering_by_adapter: false,
        asynchronous: name == "toy",
        address_sensitive: false,
    }
}

/// The recorder of a case.
pub(crate) fn recorder(plan: &CasePlan, built: &Built) -> Recorder {
    let party = |id| built.hosts.iter().position(|host| *host == id);
    let names = plan.nodes.iter().map(|node| node.name.clone()).collect();
    Recorder::new(names, vantages(built.net.vantages(), party))
}

/// What a toy does.
pub(crate) type Play = fn(Host, NodeConfig) -> BoxFuture<'static, ()>;

/// An asynchronous node.
pub(crate) struct Toy(pub(crate) Play, pub(crate) NodeConfig);

impl AsyncEndpoint for Toy {
    fn run(self: Box<Self>, host: Host) -> BoxFuture<'static, ()> {
        (self.0)(host, self.1)
    }
}
