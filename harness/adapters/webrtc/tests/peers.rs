//! Two peers over a perfect wire.

use adapter_webrtc::Webrtc;
use bytes::Bytes;
use harness::driver::direct::{Direct, paused};
use iut::{
    ApiEvent, CertificateChoice, ChannelOptions, Command, ConnectionState, DtlsOptions, DtlsVersion, Implementation, NodeConfig, Role,
    Signal, TransportPolicy,
};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

fn peer(name: &str, addresses: &[&str], port: u16) -> NodeConfig {
    NodeConfig {
        name: name.into(),
        role: Role::Peer,
        addresses: addresses.iter().map(|a| a.parse().unwrap()).collect(),
        port,
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

fn start(configs: &[NodeConfig]) -> Direct {
    let mut case = Direct::new();
    for config in configs {
        case.add(Webrtc.build(config).unwrap(), config);
    }
    case
}

fn open(label: &str) -> Command {
    Command::OpenChannel(ChannelOptions { label: label.into(), ordered: true, max_retransmits: None })
}

fn is_open(case: &Direct, label: &str) -> bool {
    ["a", "b"].iter().all(|name| case.saw(name, &ApiEvent::ChannelOpen { label: label.into() }))
}

async fn connect(case: &mut Direct) {
    case.command("a", open("chat"));
    case.command("a", Command::CreateOffer);
    assert!(case.until(LIMIT, |case| is_open(case, "chat")).await, "not connected: {:#?}", case.events);
}

async fn say(case: &mut Direct, from: &str, to: &str, channel: &str, text: &'static str) -> bool {
    case.command(from, Command::SendData { channel: channel.into(), data: Bytes::from_static(text.as_bytes()) });
    case.until(LIMIT, |case| case.saw(to, &ApiEvent::Data { channel: channel.into(), bytes: text.into() })).await
}

fn no_errors(case: &Direct) -> bool {
    !case.events.iter().any(|(.., event)| matches!(event, ApiEvent::Error { .. } | ApiEvent::Unsupported { .. }))
}

#[test]
fn two_peers_with_trickled_candidates_connect_and_echo() {
    paused(async {
        let mut case = start(&[peer("a", &["127.0.0.2"], 5100), peer("b", &["127.0.0.3"], 5100)]);
        connect(&mut case).await;
        assert!(say(&mut case, "a", "b", "chat", "ping").await && say(&mut case, "b", "a", "chat", "pong").await);
        assert!(case.signalled.iter().any(|(_, signal)| matches!(signal, Signal::Candidate(_))));
        assert!(no_errors(&case), "{:#?}", case.events);
        for name in ["a", "b"] {
            for event in [ApiEvent::Ice, ApiEvent::Dtls, ApiEvent::Connection] {
                assert!(case.saw(name, &event(ConnectionState::Connected)), "{:#?}", case.events);
            }
        }
    });
}
