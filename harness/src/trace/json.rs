//! Events that are no packets, as JSON for the capture.

use super::{Body, Trace};
use iut::{ApiEvent, Signal};
use nat_sim::NatEvent;
use serde_json::{Value, json};

/// One event as a JSON object.
pub(super) fn event(trace: &Trace, body: &Body) -> String {
    let node = |index: &usize| trace.nodes.get(*index).cloned().unwrap_or_default();
    let value = match body {
        Body::Api { node: index, event } => json!({ "node": node(index), "api": event.name(), "value": api(event) }),
        Body::Signal { from, signal, lost } => {
            json!({ "from": node(from), "signal": signal_name(signal), "value": signal_text(signal), "lost": lost })
        }
        Body::Nat { node, event } => {
            let (what, mapping) = match event {
                NatEvent::MappingMade(mapping) => ("mapping made", format!("{mapping:?}")),
                NatEvent::MappingExpired(mapping) => ("mapping expired", format!("{mapping:?}")),
                NatEvent::MappingFlushed(mapping) => ("mapping flushed", format!("{mapping:?}")),
                NatEvent::MappingStolen(mapping) => ("mapping stolen", format!("{mapping:?}")),
                other => ("changed", format!("{other:?}")),
            };
            json!({ "nat": node, "event": what, "mapping": mapping })
        }
        Body::Step { text } => json!({ "step": text }),
        Body::Packet(_) => Value::Null,
    };
    value.to_string()
}

fn api(event: &ApiEvent) -> Value {
    match event {
        ApiEvent::LocalCandidate(line) => json!(line),
        ApiEvent::SelectedPair(pair) => {
            json!(format!("{} {} - {} {}", pair.local.1.token(), pair.local.0, pair.remote.1.token(), pair.remote.0))
        }
        ApiEvent::ChannelOpen { label } | ApiEvent::ChannelClosed { label } => json!(label),
        ApiEvent::Data { channel, bytes } => json!({ "channel": channel, "bytes": bytes.len(), "text": preview(bytes) }),
        ApiEvent::MappedAddress(address) => json!(address),
        ApiEvent::Allocated { relayed, mapped, lifetime } => json!({ "relayed": relayed, "mapped": mapped, "lifetime": lifetime }),
        ApiEvent::PermissionCreated { peer } => json!(peer),
        ApiEvent::ChannelBound { peer, number } => json!({ "peer": peer, "number": number }),
        ApiEvent::PeerData { peer, bytes } => json!({ "peer": peer, "bytes": bytes.len(), "text": preview(bytes) }),
        ApiEvent::Discovered(words) => json!(words),
        ApiEvent::Fault { number, what } => json!({ "number": number, "what": what }),
        ApiEvent::Error { operation, message } => json!({ "operation": operation, "message": message }),
        ApiEvent::Unsupported { verb } => json!(verb),
        ApiEvent::Log(line) => json!(line),
        _ => Value::Null,
    }
}

/// The beginning of a message, readable.
fn preview(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned()
}

fn signal_name(signal: &Signal) -> &'static str {
    match signal {
        Signal::Description(description) => match description.kind {
            iut::DescriptionKind::Offer => "offer",
            iut::DescriptionKind::Answer => "answer",
        },
        Signal::Candidate(_) => "candidate",
        Signal::EndOfCandidates { .. } => "end-of-candidates",
    }
}

fn signal_text(signal: &Signal) -> &str {
    match signal {
        Signal::Description(description) => &description.sdp,
        Signal::Candidate(candidate) => &candidate.candidate,
        Signal::EndOfCandidates { .. } => "",
    }
}
