//! A pair of peers under virtual libc.

use adapter_webrtc::Webrtc;
use bytes::Bytes;
use harness::driver::direct::Direct;
use harness::driver::paused::{paused, virtual_time};
use iut::{
    ApiEvent, CertificateChoice, ChannelOptions, Command, DtlsOptions, DtlsVersion, Implementation, NodeConfig, Role, TransportPolicy,
};
use std::future::Future;
use std::time::Duration;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Runs a case with the clock and the entropy of a seed.
pub(crate) fn run<T>(seed: u64, case: impl Future<Output = T>) -> T {
    assert!(os::virtual_libc::supported(), "these tests need libc interposed");
    os::virtual_libc::enter(seed);
    os::virtual_libc::set_clock_hook(Some(virtual_time));
    let result = paused(case);
    os::virtual_libc::leave();
    result
}

pub(crate) fn peer(name: &str, addresses: &[&str]) -> NodeConfig {
    NodeConfig {
        name: name.into(),
        role: Role::Peer,
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        port: 5000,
        offerer: name == "a",
        servers: Vec::new(),
        trickle: true,
        transport_policy: TransportPolicy::All,
        dtls: DtlsOptions {
            version: DtlsVersion::V12,
            mtu: None,
            certificate: if name == "a" { CertificateChoice::A } else { CertificateChoice::B },
        },
        realm: String::new(),
        users: Vec::new(),
        relay_addresses: Vec::new(),
        seed: 1,
    }
}

pub(crate) fn start(configs: &[NodeConfig]) -> Direct {
    let mut case = Direct::new();
    for config in configs {
        case.add(Webrtc.build(config).unwrap(), config);
    }
    case
}

pub(crate) fn open(label: &str) -> Command {
    Command::OpenChannel(ChannelOptions { label: label.into(), ordered: true, max_retransmits: None })
}

pub(crate) fn is_open(case: &Direct, label: &str) -> bool {
    ["a", "b"].iter().all(|name| case.saw(name, &ApiEvent::ChannelOpen { label: label.into() }))
}

pub(crate) async fn connect(case: &mut Direct) {
    case.command("a", open("chat"));
    case.command("a", Command::CreateOffer);
    assert!(case.until(LIMIT, |case| is_open(case, "chat")).await, "not connected: {:#?}", case.events);
}

/// Sends a message; tells whether it arrives.
pub(crate) async fn say(case: &mut Direct, from: &str, to: &str, channel: &str, text: &'static str) -> bool {
    case.command(from, Command::SendData { channel: channel.into(), data: Bytes::from(text) });
    case.until(LIMIT, |case| case.saw(to, &ApiEvent::Data { channel: channel.into(), bytes: text.into() })).await
}
