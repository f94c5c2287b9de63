//! Two `rtc` peers on a wire.

use adapter_rtc::Rtc;
use iut::testing::{LATENCY, Wire, peer};
use iut::{ChannelOptions, Command, Endpoint, Implementation, Instance, NodeConfig, SECOND};

fn build(config: &NodeConfig) -> Box<dyn Endpoint> {
    match Rtc.build(config) {
        Ok(Instance::Endpoint(endpoint)) => endpoint,
        _ => panic!("rtc is an endpoint"),
    }
}

/// Two peers, and a channel opened before the offer.
fn connect(mut wire: Wire, a: &NodeConfig, b: &NodeConfig) -> Wire {
    wire.add(build(a), &a.addresses);
    wire.add(build(b), &b.addresses);
    wire.command(0, Command::OpenChannel(ChannelOptions { label: "chat".into(), ordered: true, max_retransmits: None }));
    wire.command(0, Command::CreateOffer);
    wire.run_until(30 * SECOND, |wire| wire.saw(0, "channel-open") && wire.saw(1, "channel-open"));
    wire
}

fn echo(wire: &mut Wire, text: &str) -> bool {
    let send = |data: &str| Command::SendData { channel: "chat".into(), data: data.to_owned().into() };
    wire.command(0, send(text));
    let arrived = wire.run_until(30 * SECOND, |wire| wire.delivered(1).last().is_some_and(|data| data == text.as_bytes()));
    wire.command(1, send(text));
    arrived && wire.run_until(30 * SECOND, |wire| wire.delivered(0).last().is_some_and(|data| data == text.as_bytes()))
}

#[test]
fn a_pair_connects_and_echoes_over_a_data_channel() {
    let (a, b) = (peer("a", [10, 0, 0, 1].into(), true), peer("b", [10, 0, 0, 2].into(), false));
    let mut wire = connect(Wire::new(LATENCY), &a, &b);
    assert!(echo(&mut wire, "hello"), "{:?}", wire.events(0));
}
