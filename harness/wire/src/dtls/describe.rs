//! One line about the DTLS records of a datagram.

use super::{ContentType, FullHeader, HandshakeFragment, Header, Record, Version, records};
use crate::describe::defect_note;

/// Describes the records of a datagram, or returns `None` where not even the first looks like one.
pub(crate) fn datagram(bytes: &[u8]) -> Option<String> {
    let mut all = records(bytes, 0);
    let first = match all.next()? {
        Ok(first) => first,
        Err(defect) => return has_full_header(bytes).then(|| format!("DTLS record{}", defect_note(&[defect]))),
    };
    let mut line = format!("DTLS {}", record(&first, true));
    for (shown, next) in (1..).zip(all) {
        match next {
            Ok(_) if shown == MAX_RECORDS => return Some(line + "; ..."),
            Ok(next) => line.push_str(&format!("; {}", record(&next, false))),
            Err(defect) => line.push_str(&defect_note(&[defect])),
        }
    }
    Some(line)
}

/// Whether the first bytes are a content type and a version, so that a record was meant.
fn has_full_header(bytes: &[u8]) -> bool {
    matches!(bytes, &[20..=26, high, low, ..] if Version(u16::from_be_bytes([high, low])).name().is_some())
}

fn record(record: &Record<'_>, with_version: bool) -> String {
    let length = record.fragment.len();
    match record.header {
        Header::Unified(header) => {
            let version = if with_version { "1.3 " } else { "" };
            format!("{version}ciphertext epoch {} (mod 4) len {length}", header.epoch_bits)
        }
        Header::Full(header) => full(record, &header, with_version),
    }
}

fn full(record: &Record<'_>, header: &FullHeader<'_>, with_version: bool) -> String {
    let place = format!("epoch {} seq {}", header.epoch, header.sequence);
    let length = record.fragment.len();
    if !record.is_plaintext() {
        let name = match header.content_type {
            ContentType::APPLICATION_DATA => "appdata".to_owned(),
            ContentType::TLS12_CID => "ciphertext with connection id".to_owned(),
            other => format!("encrypted {other}"),
        };
        return format!("{name} {place} len {length}");
    }
    match header.content_type {
        ContentType::HANDSHAKE => {
            let (version, messages) = handshake(record);
            let version = if with_version { format!("{} ", version.unwrap_or(header.version)) } else { String::new() };
            format!("{version}{messages} {place}")
        }
        ContentType::ALERT => match record.alert() {
            Ok(Some(alert)) => format!("alert {} {} {place}", if alert.is_fatal() { "fatal" } else { "warning" }, alert.description),
            Ok(None) => format!("alert {place} len {length}"),
            Err(defect) => format!("alert {place} len {length}{}", defect_note(&[defect])),
        },
        ContentType::CHANGE_CIPHER_SPEC => format!("ChangeCipherSpec {place}"),
        ContentType::APPLICATION_DATA => format!("appdata in the clear {place} len {length}"),
        other => format!("{other} {place} len {length}"),
    }
}

/// The messages of a handshake record, and the version that a hello among them speaks of.
fn handshake(record: &Record<'_>) -> (Option<Version>, String) {
    let mut version = None;
    let mut names = Vec::new();
    for fragment in record.handshake() {
        match fragment {
            Ok(fragment) => {
                version = version.or_else(|| hello_version(&fragment));
                names.push(message(&fragment));
            }
            Err(defect) => names.push(format!("handshake{}", defect_note(&[defect]))),
        }
    }
    if names.is_empty() {
        names.push("handshake without a message".to_owned());
    }
    (version, names.join(", "))
}

fn message(fragment: &HandshakeFragment<'_>) -> String {
    let retry = fragment.server_hello().ok().flatten().is_some_and(|hello| hello.is_hello_retry_request());
    let cookie = fragment.client_hello().ok().flatten().is_some_and(|hello| hello.has_cookie());
    let name = if retry { "HelloRetryRequest".to_owned() } else { fragment.message_type.to_string() };
    let name = if cookie { format!("{name} with cookie") } else { name };
    if fragment.is_whole() {
        return name;
    }
    let end = u64::from(fragment.fragment_offset) + u64::from(fragment.fragment_length);
    format!("{name} [{}..{end} of {}]", fragment.fragment_offset, fragment.length)
}

/// The highest version that a ClientHello offers, or the one that a ServerHello chose. Later versions have lower numbers.
fn hello_version(fragment: &HandshakeFragment<'_>) -> Option<Version> {
    if let Ok(Some(hello)) = fragment.client_hello() {
        return hello.offered_versions().ok()?.into_iter().filter(|version| version.name().is_some()).min();
    }
    fragment.server_hello().ok()??.version().ok()
}

const MAX_RECORDS: usize = 8;
