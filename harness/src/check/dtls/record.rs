//! Records: how they lie in datagrams, their numbers, versions and sizes.

use super::association::{chosen_version, following, handshake, new_handshake};
use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, Party, applies};
use std::collections::BTreeSet;
use wire::dtls::{ContentType, HandshakeType, Header, Version};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "dtls.record.framing",
        clauses: &["RFC9147-4.3-2", "RFC9147-4.3-5", "RFC6347-4.1.1-1", "RFC6347-4.1.1-u9"],
        level: Level::Must,
        summary: "a datagram begins with a record header and its records end with it",
        applies: applies::dtls_endpoint,
        judge: |_, _| each(framing),
    },
    Check {
        id: "dtls.record.size",
        clauses: &["RFC9147-4.4-4", "RFC6347-4.1.1.1-4"],
        level: Level::Must,
        summary: "no record exceeds 2^14 octets of plaintext",
        applies: applies::dtls_endpoint,
        judge: |_, _| each(size),
    },
    Check {
        id: "dtls.record.number",
        clauses: &["RFC9147-4.5.1-3", "RFC6347-4.1.2.6-3"],
        // The clauses bind the receiver, who takes the second record with a number for a replay. A sender that repeats one loses that record.
        level: Level::Should,
        summary: "every record has a number of its own, also when its content is sent again",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, number),
    },
    Check {
        id: "dtls.record.version-1-3",
        clauses: &["RFC9147-4-2"],
        level: Level::Must,
        summary: "in DTLS 1.3 plaintext records say version 1.2; those of the first ClientHello may say 1.0",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, version),
    },
    Check {
        id: "dtls.record.no-change-cipher-spec",
        clauses: &["RFC9147-5-1"],
        level: Level::Must,
        summary: "DTLS 1.3 sends no ChangeCipherSpec",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, change_cipher_spec),
    },
    Check {
        id: "dtls.record.mtu",
        clauses: &["RFC9147-4.3-3", "RFC9147-4.4-11", "RFC6347-4.1.1-2", "RFC6347-4.1.1.1-9"],
        level: Level::Should,
        summary: "datagrams stay within the size that the endpoint was told",
        applies: told_a_size,
        judge: |_, subject| Box::new(Mtu { subject, evidence: Evidence::default() }),
    },
    Check {
        id: "dtls.handshake.fragment-bounds",
        clauses: &["RFC6347-4.2.3-2"],
        level: Level::Must,
        summary: "fragments lie within their message",
        applies: applies::dtls_endpoint,
        judge: |_, _| each(fragment_bounds),
    },
    Check {
        id: "dtls.handshake.fragments-overlap",
        clauses: &["RFC9147-5.5-1", "RFC6347-4.2.3-3"],
        // MUST NOT in 1.3 and SHOULD NOT in 1.2.
        level: Level::Should,
        summary: "the fragments of one transmission do not overlap",
        applies: applies::dtls_endpoint,
        judge: |_, _| each(fragments_overlap),
    },
];

/// Whether the length of a connection id would be needed to read the records.
fn has_connection_id(datagram: &Datagram<'_>) -> bool {
    matches!(datagram.payload.first(), Some(25)) || matches!(datagram.payload.first(), Some(first @ 32..=63) if first & 0x10 != 0)
}

fn framing(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "records that fill the datagram";
    if !datagram.sent || !datagram.is_dtls() || has_connection_id(datagram) {
        return Finding::Nothing;
    }
    match datagram.dtls().find_map(Result::err) {
        None => Finding::kept(EXPECTED),
        Some(defect) if defect.offset == 0 => Finding::broken(EXPECTED, "a datagram that does not begin with a record header"),
        Some(_) => Finding::broken(EXPECTED, "a record that does not end with the datagram"),
    }
}

/// 2^14 octets of plaintext.
const PLAINTEXT: usize = 1 << 14;
/// How much protection may add: RFC 5246 section 6.2.3.
const PROTECTION: usize = 2048;

fn size(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let mut finding = Finding::Nothing;
    for record in datagram.dtls().flatten().filter(|_| datagram.sent) {
        let limit = if record.is_plaintext() { PLAINTEXT } else { PLAINTEXT + PROTECTION };
        if record.fragment.len() > limit {
            return Finding::broken("2^14 octets of plaintext at most", "a larger record");
        }
        finding = Finding::kept("2^14 octets of plaintext at most");
    }
    finding
}

/// Records that are remembered of an association at most.
const RECORDS: usize = 65_536;

/// Numbers of the records that the subject sent: epoch and sequence number. Those of unified headers are encrypted and left out.
#[derive(Default)]
struct Numbers {
    sent: BTreeSet<(u16, u64)>,
    random: Option<[u8; 32]>,
}

fn number(numbers: &mut Numbers, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    if let Some(random) = new_handshake(datagram)
        && numbers.random.replace(random).is_some_and(|before| before != random)
    {
        numbers.sent.clear();
    }
    if !datagram.sent {
        return;
    }
    // A server takes the number of HelloVerifyRequest and of the first ServerHello from the ClientHello (RFC 6347 section 4.2.1), so these may repeat.
    let from_client = |kind| matches!(kind, HandshakeType::HELLO_VERIFY_REQUEST | HandshakeType::SERVER_HELLO);
    let borrowed = handshake(datagram).any(|message| from_client(message.message_type));
    for record in datagram.dtls().flatten() {
        let Header::Full(header) = record.header else { continue };
        if borrowed && header.epoch == 0 || numbers.sent.len() == RECORDS {
            continue;
        }
        evidence.add(
            frame.number,
            match numbers.sent.insert((header.epoch, header.sequence)) {
                true => Finding::kept("numbers that are used once"),
                false => Finding::broken("numbers that are used once", format!("a record number of epoch {} used again", header.epoch)),
            },
        );
    }
}

/// What was seen of the handshake: whether 1.3 was chosen, and what would be wrong then.
#[derive(Default)]
struct Handshake {
    version: Option<Version>,
    /// Frames of records that are wrong in 1.3, seen before the version was chosen.
    suspicious: Vec<u32>,
    /// Frames of records that are right.
    right: Vec<u32>,
}

impl Handshake {
    /// Adds a frame that is wrong, or right, if the version is 1.3, and settles what can be settled.
    fn settle(&mut self, datagram: &Datagram<'_>, evidence: &mut Evidence, expected: &'static str, observed: &'static str) {
        self.version = self.version.or_else(|| chosen_version(datagram));
        match self.version {
            Some(Version::DTLS_1_3) => {
                self.suspicious.drain(..).for_each(|frame| evidence.add(frame, Finding::broken(expected, observed)));
                self.right.drain(..).for_each(|frame| evidence.add(frame, Finding::kept(expected)));
            }
            Some(_) => {
                self.suspicious.clear();
                self.right.clear();
            }
            None => {
                self.suspicious.truncate(crate::check::FRAMES);
                self.right.truncate(crate::check::FRAMES);
            }
        }
    }
}

fn version(state: &mut Handshake, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    for record in datagram.dtls().flatten().filter(|record| datagram.sent && record.is_plaintext()) {
        let Header::Full(header) = record.header else { continue };
        let first_hello = record
            .handshake()
            .flatten()
            .any(|fragment| fragment.message_type == HandshakeType::CLIENT_HELLO && fragment.message_sequence == 0);
        let right = header.version == Version::DTLS_1_2 || first_hello && header.version == Version::DTLS_1_0;
        if right { state.right.push(frame.number) } else { state.suspicious.push(frame.number) }
    }
    state.settle(datagram, evidence, "version 1.2 in plaintext records", "another version in a plaintext record of DTLS 1.3");
}

fn change_cipher_spec(state: &mut Handshake, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    for record in datagram.dtls().flatten().filter(|_| datagram.sent) {
        match (record.content_type(), record.header) {
            (Some(ContentType::CHANGE_CIPHER_SPEC), _) => state.suspicious.push(frame.number),
            // Only who has come to protected records has come past the place where it would stand.
            (_, Header::Unified(_)) => state.right.push(frame.number),
            _ => {}
        }
    }
    state.settle(datagram, evidence, "no ChangeCipherSpec in DTLS 1.3", "ChangeCipherSpec in DTLS 1.3");
}

fn told_a_size(context: &Context, party: &Party) -> bool {
    applies::dtls_endpoint(context, party) && party.dtls_mtu.is_some()
}

/// Compares datagrams with the size that the subject was told.
struct Mtu {
    subject: usize,
    evidence: Evidence,
}

impl Judge for Mtu {
    fn frame(&mut self, context: &Context, frame: Frame<'_>) {
        let (FrameEvent::Datagram(datagram), Some(mtu)) = (frame.event, context.parties[self.subject].dtls_mtu) else { return };
        // Application data is as large as the application makes it; the handshake is the stack's own.
        if !datagram.sent || handshake(datagram).next().is_none() {
            return;
        }
        self.evidence.add(
            frame.number,
            match datagram.payload.len() <= usize::from(mtu) {
                true => Finding::kept("handshake datagrams within the size that was told"),
                false => Finding::broken(format!("handshake datagrams of {mtu} octets at most"), "a larger one"),
            },
        );
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

fn fragment_bounds(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let mut finding = Finding::Nothing;
    for message in handshake(datagram).filter(|_| datagram.sent) {
        if !message.is_within_message() {
            return Finding::broken("fragments within their message", format!("a fragment of {} that exceeds it", message.message_type));
        }
        finding = Finding::kept("fragments within their message");
    }
    finding
}

fn fragments_overlap(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let mut seen: Vec<(u16, u64, u64)> = Vec::new();
    for message in handshake(datagram).filter(|_| datagram.sent) {
        let fragment = message;
        let start = u64::from(fragment.fragment_offset);
        let end = start + u64::from(fragment.fragment_length);
        let overlaps = |(sequence, from, to): &(u16, u64, u64)| *sequence == fragment.message_sequence && start < *to && *from < end;
        if seen.iter().any(overlaps) {
            return Finding::broken("fragments that do not overlap", format!("overlapping fragments of {}", fragment.message_type));
        }
        seen.push((fragment.message_sequence, start, end));
    }
    if seen.is_empty() { Finding::Nothing } else { Finding::kept("fragments that do not overlap") }
}
