//! Whether a datagram or an event is the one that an expectation waits for, and how to say what came instead.

use super::compose::{self, Memory};
use crate::plan::CasePlan;
use crate::scenario::step::{EventMatch, EventName, Match, StunMatch};
use bytes::Bytes;
use iut::{ApiEvent, ConnectionState, Ns};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use wire::stun::{AttributeType, Class, Digest, Key, Message};

/// What came instead is listed up to this length.
const LISTED: usize = 5;

/// A datagram that arrived at an actor.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) at: Ns,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) bytes: Bytes,
    pub(super) frame: u32,
    pub(super) taken: bool,
}

/// An event that a node reported.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    pub(super) at: Ns,
    pub(super) event: ApiEvent,
    pub(super) frame: u32,
    pub(super) taken: bool,
}

impl Received {
    pub(super) fn summary(&self) -> String {
        match self.check() {
            Some(role) => format!("checks of a {role} agent from {}", self.remote),
            None => format!("{} from {}", wire::describe(&self.bytes), self.remote),
        }
    }

    /// The role that an ICE connectivity check claims. Checks go on until they are answered, with credentials that the seed changes: that is no part of a
    /// verdict.
    fn check(&self) -> Option<&'static str> {
        let message = Message::parse_lenient(&self.bytes).ok().filter(|message| message.class() == Class::Request)?;
        let controlling = message.has(AttributeType::ICE_CONTROLLING).then_some("controlling");
        controlling.or(message.has(AttributeType::ICE_CONTROLLED).then_some("controlled"))
    }
}

impl Reported {
    pub(super) fn summary(&self) -> String {
        match &self.event {
            ApiEvent::Error { operation, message } => format!("error of {operation}: {message}"),
            ApiEvent::Unsupported { verb } => format!("`{verb}` is not supported"),
            event => event.name(),
        }
    }
}

/// Whether all that a packet expectation says holds.
pub(super) fn packet(plan: &CasePlan, memory: &Memory, node: usize, wanted: &Match, received: &Received) -> bool {
    let from = wanted.from.as_ref().is_none_or(|from| {
        let address = plan.address(from);
        memory.resolve(plan, &address, received.local).is_ok_and(|address| address == received.remote)
    });
    let port = wanted.to_port.is_none_or(|port| port == received.local.port());
    let message = Message::parse_lenient(&received.bytes).ok();
    let answers = wanted.answers.as_ref().is_none_or(|name| {
        let sent = memory.sent(name);
        message.as_ref().zip(sent).is_some_and(|(message, sent)| message.transaction_id_rfc3489() == sent.transaction)
    });
    let key = wanted.answers.as_ref().and_then(|name| memory.sent(name)).and_then(|sent| sent.key.as_ref());
    let stun = wanted.stun.as_ref().is_none_or(|wanted| {
        message.as_ref().is_some_and(|message| {
            stun(wanted, message)
                && (!wanted.mapped_is_seen || message.xor_mapped_address().ok().flatten() == memory.seen(node))
                && (!wanted.integrity_correct || key.is_some_and(|key| protected(message, key)))
        })
    });
    let channel = wanted.channel.is_none_or(|number| channel_data(&received.bytes).is_some_and(|(own, _)| own == number));
    let text = wanted.text.as_ref().is_none_or(|text| payload(&received.bytes, message.as_ref()) == text.as_bytes());
    from && port && answers && stun && channel && text
}

/// Whether the integrity attribute that counts verifies.
fn protected(message: &Message<'_>, key: &Key) -> bool {
    let digest = if message.has(AttributeType::MESSAGE_INTEGRITY_SHA256) { Digest::Sha256 } else { Digest::Sha1 };
    message.verify_integrity(digest, key).is_valid()
}

fn stun(wanted: &StunMatch, message: &Message<'_>) -> bool {
    let error = message.error_code().ok().flatten().map(|error| error.code);
    let has = |name: &str| attribute_type(name).is_some_and(|kind| message.has(kind));
    let unknown = || message.unknown_attributes().ok().flatten().map(|list| sorted(list.iter().map(|kind| kind.0)));
    wanted.method.is_none_or(|method| compose::method(method) == message.method())
        && wanted.class.is_none_or(|class| compose::class(class) == message.class())
        && wanted.error.is_none_or(|code| error == Some(code))
        && (wanted.error_any.is_empty() || error.is_some_and(|code| wanted.error_any.contains(&code)))
        && wanted.has.iter().all(|name| has(name))
        && !wanted.lacks.iter().any(|name| has(name))
        && wanted.unknown_attributes.as_ref().is_none_or(|list| unknown() == Some(sorted(list.iter().copied())))
        && wanted.lifetime.is_none_or(|(low, high)| message.lifetime().ok().flatten().is_some_and(|own| (low..=high).contains(&own)))
        && (!wanted.fingerprint_correct || message.verify_fingerprint().is_valid())
}

/// An attribute by its registered name or by number.
pub fn attribute_type(name: &str) -> Option<AttributeType> {
    let number = || name.strip_prefix("0x").and_then(|digits| u16::from_str_radix(digits, 16).ok()).map(AttributeType);
    AttributeType::from_name(name).or_else(number)
}

fn sorted(numbers: impl Iterator<Item = u16>) -> Vec<u16> {
    let mut numbers: Vec<u16> = numbers.collect();
    numbers.sort_unstable();
    // Padding of RFC 3489's kind repeats an attribute (RFC 8489 section 14.13).
    numbers.dedup();
    numbers
}

fn channel_data(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (header, data) = bytes.split_first_chunk::<4>()?;
    let number = u16::from_be_bytes([header[0], header[1]]);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    (0x4000..=0x4fff).contains(&number).then(|| (number, &data[..length.min(data.len())]))
}

/// The payload: of DATA, of ChannelData, or the datagram itself.
fn payload<'a>(bytes: &'a [u8], message: Option<&Message<'a>>) -> &'a [u8] {
    let data = message.and_then(|message| message.data().ok().flatten());
    data.or_else(|| channel_data(bytes).map(|(_, data)| data)).unwrap_or(bytes)
}

/// Whether an event is the one that is waited for.
pub(super) fn event(wanted: &EventMatch, reported: &Reported) -> bool {
    let name = match wanted.name.value {
        EventName::PathLost => matches!(
            reported.event,
            ApiEvent::Ice(state) | ApiEvent::Connection(state)
                if matches!(state, ConnectionState::Disconnected | ConnectionState::Failed | ConnectionState::Closed)
        ),
        other => reported.event.name() == event_name(other),
    };
    let (channel, data): (Option<&str>, Option<&Bytes>) = match &reported.event {
        ApiEvent::Data { channel, bytes } => (Some(channel), Some(bytes)),
        ApiEvent::ChannelOpen { label } | ApiEvent::ChannelClosed { label } => (Some(label), None),
        ApiEvent::PeerData { bytes, .. } => (None, Some(bytes)),
        _ => (None, None),
    };
    name && wanted.channel.as_deref().is_none_or(|label| channel == Some(label))
        && wanted.text.as_ref().is_none_or(|text| data.is_some_and(|data| data == text.as_bytes()))
        && wanted.size.is_none_or(|size| data.is_some_and(|data| data.len() == size as usize))
}

fn event_name(name: EventName) -> &'static str {
    use EventName as E;
    match name {
        E::GatheringStarted => "gathering:gathering",
        E::GatheringComplete => "gathering:complete",
        E::LocalCandidate => "local-candidate",
        E::IceConnecting => "ice:connecting",
        E::IceConnected => "ice:connected",
        E::IceCompleted => "ice:completed",
        E::IceDisconnected => "ice:disconnected",
        E::IceFailed => "ice:failed",
        E::DtlsConnecting => "dtls:connecting",
        E::DtlsConnected => "dtls:connected",
        E::DtlsFailed => "dtls:failed",
        E::DtlsClosed => "dtls:closed",
        E::ConnectionConnecting => "connection:connecting",
        E::ConnectionConnected => "connection:connected",
        E::ConnectionDisconnected => "connection:disconnected",
        E::ConnectionFailed => "connection:failed",
        E::ConnectionClosed => "connection:closed",
        E::PathLost => "path-lost",
        E::SelectedPair => "selected-pair",
        E::ChannelOpen => "channel-open",
        E::ChannelClosed => "channel-closed",
        E::Data => "data",
        E::MappedAddress => "mapped-address",
        E::Allocated => "allocated",
        E::PermissionCreated => "permission-created",
        E::ChannelBound => "channel-bound",
        E::PeerData => "peer-data",
        E::Error => "error",
        E::Unsupported => "unsupported",
    }
}

/// What came since, for a verdict about what did not come.
pub(super) fn arrivals(inbox: &[Received], since: Ns) -> String {
    let mut checks = BTreeSet::new();
    let told = |received: &&Received| received.at >= since || !received.taken;
    // Each kind of check is told once, however often it came.
    let new = |received: &&Received| received.check().is_none_or(|role| checks.insert((role, received.remote)));
    list(inbox.iter().filter(told).filter(new).map(Received::summary))
}

/// What was reported since.
pub(super) fn reports(events: &[Reported], since: Ns) -> String {
    let told = |reported: &&Reported| reported.at >= since && !matches!(reported.event, ApiEvent::Log(_) | ApiEvent::LocalCandidate(_));
    list(events.iter().filter(told).map(Reported::summary))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut items: Vec<String> = items.collect();
    let more = items.len().saturating_sub(LISTED);
    items.truncate(LISTED);
    match (items.is_empty(), more) {
        (true, _) => "nothing".into(),
        (false, 0) => format!("only {}", items.join("; ")),
        (false, more) => format!("only {}; and {more} more", items.join("; ")),
    }
}

/// A packet expectation in words.
pub(super) fn describe_packet(wanted: &Match) -> String {
    let mut words = Vec::new();
    if let Some(stun) = &wanted.stun {
        words.push(describe_stun(stun));
    }
    if let Some(number) = wanted.channel {
        words.push(format!("ChannelData on 0x{number:04x}"));
    }
    if let Some(text) = &wanted.text {
        words.push(format!("payload {text:?}"));
    }
    if words.is_empty() {
        words.push("a datagram".into());
    }
    if let Some(name) = &wanted.answers {
        words.push(format!("that answers {}", name.value));
    }
    if let Some(from) = &wanted.from {
        words.push(format!("from {}", from.value));
    }
    if let Some(port) = wanted.to_port {
        words.push(format!("to port {port}"));
    }
    words.join(" ")
}

fn describe_stun(wanted: &StunMatch) -> String {
    let mut words = Vec::new();
    words.push(wanted.method.map_or_else(|| "STUN".to_owned(), |method| compose::method(method).to_string()));
    words.extend(wanted.class.map(|class| compose::class(class).to_string()));
    words.extend(wanted.error.map(|code| code.to_string()));
    if !wanted.error_any.is_empty() {
        words.push(wanted.error_any.iter().map(u16::to_string).collect::<Vec<_>>().join(" or "));
    }
    words.extend(wanted.has.iter().map(|name| format!("with {}", name.value)));
    words.extend(wanted.lacks.iter().map(|name| format!("without {}", name.value)));
    words.extend(wanted.unknown_attributes.iter().map(|list| {
        let numbers: Vec<String> = list.iter().map(|kind| format!("0x{kind:04x}")).collect();
        format!("with UNKNOWN-ATTRIBUTES {}", numbers.join(", "))
    }));
    words.extend(wanted.lifetime.map(|(low, high)| format!("with LIFETIME {low} to {high}")));
    words.extend(wanted.mapped_is_seen.then(|| "with the address that the server saw".to_owned()));
    words.extend(wanted.fingerprint_correct.then(|| "with a correct FINGERPRINT".to_owned()));
    words.extend(wanted.integrity_correct.then(|| "with a correct MESSAGE-INTEGRITY".to_owned()));
    words.join(" ")
}

/// An event expectation in words.
pub(super) fn describe_event(wanted: &EventMatch) -> String {
    let mut words = vec![format!("event {}", event_name(wanted.name.value))];
    words.extend(wanted.channel.iter().map(|channel| format!("on channel {channel}")));
    words.extend(wanted.text.iter().map(|text| format!("with {text:?}")));
    words.extend(wanted.size.map(|size| format!("of {size} bytes")));
    words.join(" ")
}
