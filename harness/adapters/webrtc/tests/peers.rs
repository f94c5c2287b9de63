//! Two peers over a perfect wire.

mod case;

use adapter_webrtc::Webrtc;
use bytes::Bytes;
use case::{LIMIT, connect, is_open, open, peer, run, say, start};
use harness::driver::direct::Direct;
use iut::{
    ApiEvent, BuildError, CandidateType, ChannelOptions, Command, ConnectionState, DescriptionKind, DtlsOptions, DtlsVersion,
    Implementation, NodeConfig, PairView, Role, Signal,
};
use std::net::SocketAddr;
use std::time::Duration;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn pair() -> Direct {
    start(&[peer("a", &["10.0.0.1"]), peer("b", &["10.0.0.2"])])
}

fn errors(case: &Direct) -> Vec<&ApiEvent> {
    let is_error = |event: &&ApiEvent| matches!(event, ApiEvent::Error { .. } | ApiEvent::Unsupported { .. });
    case.events.iter().map(|(.., event)| event).filter(is_error).collect()
}

fn descriptions<'a>(case: &'a Direct, name: &str, kind: DescriptionKind) -> Vec<&'a str> {
    let text = |(from, signal): &'a (String, Signal)| match signal {
        Signal::Description(description) if from == name && description.kind == kind => Some(description.sdp.as_str()),
        _ => None,
    };
    case.signalled.iter().filter_map(text).collect()
}

fn selected(case: &Direct, name: &str) -> Option<PairView> {
    let pair = |(_, node, event): &(Duration, String, ApiEvent)| match event {
        ApiEvent::SelectedPair(pair) if node == name => Some(pair.clone()),
        _ => None,
    };
    case.events.iter().rev().find_map(pair)
}

async fn echo(case: &mut Direct) {
    assert!(say(case, "a", "b", "chat", "ping").await, "{:#?}", case.events);
    assert!(say(case, "b", "a", "chat", "pong").await, "{:#?}", case.events);
    assert_eq!(errors(case), Vec::<&ApiEvent>::new());
}

#[test]
fn peers_with_trickled_candidates_connect_and_echo() {
    run(1, async {
        let mut case = pair();
        connect(&mut case).await;
        echo(&mut case).await;
        assert!(!descriptions(&case, "a", DescriptionKind::Offer)[0].contains("a=candidate"));
        assert!(case.signalled.iter().any(|(_, signal)| matches!(signal, Signal::Candidate(_))));
        assert!(case.signalled.iter().any(|(_, signal)| matches!(signal, Signal::EndOfCandidates { .. })));
        for name in ["a", "b"] {
            for event in [ApiEvent::Ice, ApiEvent::Dtls, ApiEvent::Connection] {
                assert!(case.saw(name, &event(ConnectionState::Connected)), "{:#?}", case.events);
            }
        }
        let pair = PairView { local: (at("10.0.0.1:5000"), CandidateType::Host), remote: (at("10.0.0.2:5000"), CandidateType::Host) };
        assert_eq!(selected(&case, "a"), Some(pair));
    });
}

#[test]
fn peers_with_bundled_candidates_connect_and_echo() {
    run(1, async {
        let bundled = |config| NodeConfig { trickle: false, ..config };
        let mut case = start(&[bundled(peer("a", &["10.0.0.1"])), bundled(peer("b", &["10.0.0.2"]))]);
        connect(&mut case).await;
        echo(&mut case).await;
        assert_eq!(case.signalled.len(), 2, "an offer and an answer: {:#?}", case.signalled);
        assert!(descriptions(&case, "a", DescriptionKind::Offer)[0].contains("a=candidate"));
    });
}

#[test]
fn peers_connect_over_ipv6() {
    run(1, async {
        let mut case = start(&[peer("a", &["2001:db8::1"]), peer("b", &["2001:db8::2"])]);
        connect(&mut case).await;
        echo(&mut case).await;
        assert!(case.packets().iter().all(|packet| packet.from.is_ipv6()));
    });
}

#[test]
fn a_dual_stack_peer_connects_to_peers_of_either_family() {
    for other in ["10.0.0.2", "2001:db8::2"] {
        run(1, async {
            let mut case = start(&[peer("a", &["10.0.0.1", "2001:db8::1"]), peer("b", &[other])]);
            connect(&mut case).await;
            echo(&mut case).await;
        });
    }
}

#[test]
fn a_lost_host_address_moves_the_traffic_only_after_a_restart() {
    run(1, async {
        let mut case = start(&[peer("a", &["10.0.0.1", "10.0.1.1"]), peer("b", &["10.0.0.2"])]);
        connect(&mut case).await;
        let used = selected(&case, "a").expect("a pair").local.0;
        case.set_filter(move |packet| packet.from != used && packet.to != used);
        assert!(case.until(LIMIT, |case| case.saw("a", &ApiEvent::Ice(ConnectionState::Failed))).await, "{:#?}", case.events);
        case.command("a", Command::RestartIce);
        assert!(case.until(LIMIT, |case| selected(case, "a").is_some_and(|pair| pair.local.0 != used)).await, "{:#?}", case.events);
        echo(&mut case).await;
    });
}

#[test]
fn channels_open_before_and_after_the_connection() {
    run(1, async {
        let mut case = pair();
        connect(&mut case).await;
        case.command("b", open("second"));
        assert!(case.until(LIMIT, |case| is_open(case, "second")).await, "{:#?}", case.events);
        let loose = ChannelOptions { label: "loose".into(), ordered: false, max_retransmits: Some(0) };
        case.command("a", Command::OpenChannel(loose));
        assert!(case.until(LIMIT, |case| is_open(case, "loose")).await, "{:#?}", case.events);
        for channel in ["second", "loose"] {
            assert!(say(&mut case, "a", "b", channel, "there").await && say(&mut case, "b", "a", channel, "back").await);
        }
        assert_eq!(descriptions(&case, "a", DescriptionKind::Offer).len(), 1, "no further negotiation");
        assert_eq!(errors(&case), Vec::<&ApiEvent>::new());
    });
}

#[test]
fn an_ice_restart_changes_the_credentials_and_keeps_the_session() {
    run(1, async {
        let mut case = pair();
        connect(&mut case).await;
        case.run_for(Duration::from_secs(5)).await;
        case.command("a", Command::RestartIce);
        assert!(case.until(LIMIT, |case| descriptions(case, "b", DescriptionKind::Answer).len() == 2).await, "{:#?}", case.events);
        case.run_for(Duration::from_secs(10)).await;
        echo(&mut case).await;
        let ufrags = |sdps: Vec<&str>| {
            sdps.iter().map(|sdp| sdp.lines().find(|line| line.starts_with("a=ice-ufrag")).unwrap().to_owned()).collect::<Vec<_>>()
        };
        for (name, kind) in [("a", DescriptionKind::Offer), ("b", DescriptionKind::Answer)] {
            let ufrags = ufrags(descriptions(&case, name, kind));
            assert_ne!(ufrags[0], ufrags[1], "{name}");
        }
        for name in ["a", "b"] {
            let connected = case.count(name, |event| *event == ApiEvent::Ice(ConnectionState::Connected));
            assert_eq!(connected, 2, "{name} connects anew: {:#?}", case.events);
            assert_eq!(case.count(name, |event| *event == ApiEvent::Dtls(ConnectionState::Connected)), 1, "DTLS goes on");
        }
    });
}

#[test]
fn consent_is_kept_for_an_hour_and_lost_after_the_path_dies() {
    run(1, async {
        let mut case = pair();
        connect(&mut case).await;
        case.run_for(Duration::from_secs(3600)).await;
        for name in ["a", "b"] {
            assert!(!case.saw(name, &ApiEvent::Ice(ConnectionState::Disconnected)), "{:#?}", case.events);
        }
        echo(&mut case).await;
        case.set_filter(|_| false);
        let cut = case.now();
        let failed = |case: &Direct| ["a", "b"].iter().all(|name| case.saw(name, &ApiEvent::Ice(ConnectionState::Failed)));
        assert!(case.until(LIMIT, failed).await, "{:#?}", case.events);
        let after = case.now() - cut;
        assert!(after > Duration::from_secs(25) && after < Duration::from_secs(35), "{after:?}");
        let quiet = case.packets().len();
        case.run_for(Duration::from_secs(60)).await;
        assert_eq!(case.packets().len(), quiet, "nothing is sent without consent");
    });
}

#[test]
fn a_closed_peer_ends_and_frees_its_sockets() {
    run(1, async {
        let mut case = pair();
        connect(&mut case).await;
        case.command("a", Command::Close);
        assert!(case.until(LIMIT, |case| case.has_ended("a")).await);
        assert!(case.has_no_sockets("a"));
        assert!(case.until(LIMIT, |case| case.saw("b", &ApiEvent::Ice(ConnectionState::Failed))).await, "{:#?}", case.events);
    });
}

#[test]
fn what_an_application_cannot_do_is_reported() {
    run(1, async {
        let mut case = pair();
        case.command("a", Command::Probe { verb: "juggle".into() });
        case.command("a", Command::Refresh { lifetime: 0 });
        case.command("a", Command::SendData { channel: "nowhere".into(), data: Bytes::new() });
        case.command("b", Command::Start);
        case.run_for(Duration::from_secs(1)).await;
        let name = |event: &ApiEvent| match event {
            ApiEvent::Unsupported { verb } => format!("unsupported {verb}"),
            ApiEvent::Error { operation, message } => format!("{operation}: {message}"),
            other => other.name(),
        };
        let mut seen: Vec<_> = errors(&case).into_iter().map(name).collect();
        seen.sort();
        let wanted = [
            "send-data: there is no channel `nowhere`",
            "start: the node has started already",
            "unsupported juggle",
            "unsupported refresh",
        ];
        assert_eq!(seen, wanted);
    });
}

#[test]
fn what_the_crate_does_not_offer_cannot_be_built() {
    let plain = || peer("a", &["10.0.0.1"]);
    let dtls = |change: &dyn Fn(&mut DtlsOptions)| {
        let mut config = plain();
        change(&mut config.dtls);
        config
    };
    let refused = [
        dtls(&|dtls| dtls.version = DtlsVersion::V13),
        dtls(&|dtls| dtls.mtu = Some(600)),
        NodeConfig { role: Role::TurnServer, ..plain() },
    ];
    for config in refused {
        assert!(matches!(Webrtc.build(&config), Err(BuildError::Unsupported(_))), "{config:?}");
    }
    assert!(Webrtc.build(&plain()).is_ok());
}

#[test]
fn a_crashed_node_leaves_no_task_alive() {
    run(1, async {
        let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
        let before = alive();
        let mut case = pair();
        connect(&mut case).await;
        assert!(alive() > before);
        case.crash().await;
        assert_eq!(alive(), before);
    });
}
