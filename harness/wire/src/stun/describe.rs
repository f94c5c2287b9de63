//! One line about a STUN or TURN message.

use super::{Attribute, Class, ErrorCode, Message, PasswordAlgorithm, error_reason};
use crate::channel_data::ChannelNumber;
use crate::describe::{defect_note, payload, text};

/// Describes a message, or returns `None` where the bytes are rather something else: no cookie, and not the framing of RFC 3489 either.
pub(crate) fn message(bytes: &[u8], depth: usize) -> Option<String> {
    let message = Message::parse_lenient(bytes).ok()?;
    if !message.has_cookie() && (message.defects().len() > 1 || message.method().name().is_none()) {
        return None;
    }
    let protocol = match (message.has_cookie(), message.method().is_turn()) {
        (false, _) => "STUN (RFC 3489)",
        (true, true) => "TURN",
        (true, false) => "STUN",
    };
    let mut line = format!("{protocol} {} {}", message.method(), class(message.class()));
    let mut details = details(&message, depth);
    if details.len() > MAX_DETAILS {
        details.truncate(MAX_DETAILS);
        details.push("...".to_owned());
    }
    for detail in details {
        line.push(' ');
        line.push_str(&detail);
    }
    let framing: Vec<_> = message.defects().iter().filter(|_| message.has_cookie()).copied().collect();
    Some(line + &defect_note(&framing))
}

fn class(class: Class) -> &'static str {
    match class {
        Class::Request => "request",
        Class::Indication => "indication",
        Class::SuccessResponse => "success",
        Class::ErrorResponse => "error",
    }
}

fn details(message: &Message<'_>, depth: usize) -> Vec<String> {
    let decoded = message.heeded_attributes().map(|raw| (raw.kind, raw.decode(message.transaction_id())));
    let mut details: Vec<_> = decoded
        .filter_map(|(kind, attribute)| match attribute {
            Ok(attribute) => detail(&attribute, depth),
            Err(_) => Some(format!("{kind}=malformed")),
        })
        .collect();
    // The code belongs right behind the word "error", wherever the attribute stands.
    if let Ok(Some(error)) = message.error_code() {
        details.insert(0, error_code(&error));
    }
    details
}

/// What is worth a word; digests, nonces and free text are not.
fn detail(attribute: &Attribute<'_>, depth: usize) -> Option<String> {
    use Attribute as A;
    Some(match attribute {
        A::MappedAddress(address) => format!("plain-mapped={address}"),
        A::XorMappedAddress(address) => format!("mapped={address}"),
        A::XorPeerAddress(address) => format!("peer={address}"),
        A::XorRelayedAddress(address) => format!("relayed={address}"),
        A::AlternateServer(address) => format!("alternate={address}"),
        A::ResponseOrigin(address) => format!("origin={address}"),
        A::OtherAddress(address) => format!("other={address}"),
        A::ResponseAddress(address) => format!("response-address={address}"),
        A::SourceAddress(address) => format!("source={address}"),
        A::ChangedAddress(address) => format!("changed={address}"),
        A::ReflectedFrom(address) => format!("reflected-from={address}"),
        A::Username(name) => format!("user={}", text(name)),
        A::Realm(realm) => format!("realm={}", text(realm)),
        A::AlternateDomain(domain) => format!("alternate-domain={}", text(domain)),
        A::Userhash(_) => "userhash".to_owned(),
        A::AddressErrorCode { family, error } => format!("{family}={}", error_code(error)),
        A::UnknownAttributes(types) => format!("unknown=[{}]", list(types.iter())),
        A::PasswordAlgorithm(algorithm) => format!("algorithm={}", algorithm_name(algorithm)),
        A::PasswordAlgorithms(algorithms) => format!("algorithms=[{}]", list(algorithms.iter().map(algorithm_name))),
        A::Priority(priority) => format!("prio={priority}"),
        A::UseCandidate | A::DontFragment => attribute.kind().to_string(),
        A::IceControlled(_) => "controlled".to_owned(),
        A::IceControlling(_) => "controlling".to_owned(),
        A::Lifetime(seconds) => format!("lifetime={seconds}s"),
        A::ChannelNumber(number) => format!("channel={}", ChannelNumber(*number)),
        A::Data(data) => payload(data, depth),
        A::RequestedTransport(protocol) => format!("transport={}", transport(*protocol)),
        A::RequestedAddressFamily(family) => format!("family={family}"),
        A::AdditionalAddressFamily(family) => format!("additional-family={family}"),
        A::EvenPort { reserve } => format!("even-port{}", if *reserve { "+next" } else { "" }),
        A::ReservationToken(_) => "reservation-token".to_owned(),
        A::Icmp(icmp) => format!("icmp={}/{}", icmp.icmp_type, icmp.code),
        A::ChangeRequest { ip, port } => format!("change={}", changes(*ip, *port)),
        A::ResponsePort(port) => format!("response-port={port}"),
        A::Padding(padding) => format!("padding={}", padding.len()),
        A::ConnectionId(_) => "connection-id".to_owned(),
        A::Other { kind, .. } if kind.is_comprehension_required() => format!("{kind}?"),
        _ => return None,
    })
}

fn error_code(error: &ErrorCode<'_>) -> String {
    let reason = if error.reason.is_empty() { error_reason(error.code).unwrap_or_default().to_owned() } else { text(error.reason) };
    format!("{} {reason}", error.code).trim_end().to_owned()
}

fn algorithm_name(algorithm: &PasswordAlgorithm<'_>) -> String {
    match algorithm.algorithm {
        PasswordAlgorithm::MD5 => "MD5".to_owned(),
        PasswordAlgorithm::SHA256 => "SHA-256".to_owned(),
        other => format!("0x{other:04x}"),
    }
}

fn transport(protocol: u8) -> String {
    match protocol {
        17 => "UDP".to_owned(),
        6 => "TCP".to_owned(),
        other => other.to_string(),
    }
}

fn changes(ip: bool, port: bool) -> &'static str {
    match (ip, port) {
        (true, true) => "ip+port",
        (true, false) => "ip",
        (false, true) => "port",
        (false, false) => "none",
    }
}

fn list<T: ToString>(items: impl ExactSizeIterator<Item = T>) -> String {
    let more = items.len().saturating_sub(MAX_LIST);
    let mut shown: Vec<_> = items.take(MAX_LIST).map(|item| item.to_string()).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

const MAX_DETAILS: usize = 12;
const MAX_LIST: usize = 8;
