//! Servers that help to discover the behaviour of NATs (RFC 5780): where their responses come from and go to, and what they say about it.
//!
//! A server takes part where its Binding responses carry RESPONSE-ORIGIN or OTHER-ADDRESS. Requests without the magic cookie follow RFC 3489 and are left out.

use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, FrameEvent, Judge, Judgement, Level, Transaction, applies};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use wire::stun::{AttributeType as T, Class, Message, Method};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "stun.discovery.mapped-address",
        clauses: &["RFC5780-6.1-1"],
        level: Level::Must,
        summary: "responses of a discovery server carry MAPPED-ADDRESS beside XOR-MAPPED-ADDRESS, and both name the source of the request",
        applies: applies::stun_server,
        judge: |_, _| each(mapped_address),
    },
    Check {
        id: "stun.discovery.origin",
        clauses: &["RFC5780-6.1-7"],
        level: Level::Must,
        summary: "RESPONSE-ORIGIN names the address and port that the response comes from",
        applies: applies::stun_server,
        judge: |_, _| each(origin),
    },
    Check {
        id: "stun.discovery.announced",
        clauses: &["RFC5780-6.1-u3"],
        level: Level::Unmarked,
        summary: "a response with OTHER-ADDRESS carries RESPONSE-ORIGIN too",
        applies: applies::stun_server,
        judge: |_, _| each(announced),
    },
    Check {
        id: "stun.discovery.source",
        clauses: &["RFC5780-6.1-3", "RFC5780-6.1-4", "RFC5780-6.1-5", "RFC5780-6.1-6"],
        level: Level::Must,
        summary: "a response leaves from the address and port that CHANGE-REQUEST asks for, and otherwise from those that were asked",
        applies: applies::stun_server,
        judge: |_, _| Box::new(Source::default()),
    },
    Check {
        id: "stun.discovery.other-address",
        clauses: &["RFC5780-6.1-8"],
        level: Level::Must,
        summary: "OTHER-ADDRESS differs in address and in port from the address that was asked, and is where changed responses come from",
        applies: applies::stun_server,
        judge: |_, _| Box::new(OtherAddress::default()),
    },
    Check {
        id: "stun.discovery.same-ports",
        clauses: &["RFC5780-6-2"],
        level: Level::Should,
        summary: "the two addresses of a discovery server have the same two ports",
        applies: applies::stun_server,
        judge: |_, _| Box::new(SamePorts::default()),
    },
    Check {
        id: "stun.discovery.change-refused",
        clauses: &["RFC5780-6.1-2", "RFC5780-6-4"],
        level: Level::Must,
        summary: "a server without a second address refuses CHANGE-REQUEST with 420",
        applies: applies::stun_server,
        judge: |_, _| each(change_refused),
    },
    Check {
        id: "stun.discovery.padding",
        clauses: &["RFC5780-6.1-9"],
        level: Level::Must,
        summary: "a request with PADDING gets a response with PADDING",
        applies: applies::stun_server,
        judge: |_, _| each(padding),
    },
    Check {
        id: "stun.discovery.padding-length",
        clauses: &["RFC5780-6.1-10", "RFC5780-7.6-2"],
        level: Level::Should,
        summary: "PADDING of a response is a multiple of four octets long and fills at least the smallest MTU of its family",
        applies: applies::stun_server,
        judge: |_, _| each(padding_length),
    },
    Check {
        id: "stun.discovery.padding-elsewhere",
        clauses: &["RFC5780-6.1-11", "RFC5780-7.5-2"],
        level: Level::Must,
        summary: "a request with PADDING and RESPONSE-PORT gets 400",
        applies: applies::stun_server,
        judge: |_, _| each(padding_elsewhere),
    },
    Check {
        id: "stun.discovery.response-port",
        clauses: &["RFC5780-7.5-1"],
        level: Level::Must,
        summary: "the response to a request with RESPONSE-PORT goes to that port at the address of the request",
        applies: applies::stun_server,
        judge: |_, _| each(response_port),
    },
];

/// A response to a Binding request with a magic cookie.
fn answered<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<(&'d Message<'a>, &'d Transaction)> {
    let response = datagram.stun().filter(|message| datagram.sent && message.method() == Method::BINDING)?;
    let request = datagram.before.filter(|request| request.class == Class::Request && request.request().has_cookie())?;
    matches!(response.class(), Class::SuccessResponse | Class::ErrorResponse).then_some((response, request))
}

/// A success response.
fn success<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<(&'d Message<'a>, &'d Transaction)> {
    answered(datagram).filter(|(response, _)| response.class() == Class::SuccessResponse)
}

/// A success response of a server that takes part.
fn helpful<'d, 'a>(datagram: &'d Datagram<'a>) -> Option<(&'d Message<'a>, &'d Transaction)> {
    success(datagram).filter(|(response, _)| response.has(T::RESPONSE_ORIGIN) || response.has(T::OTHER_ADDRESS))
}

fn code(response: &Message<'_>) -> Option<u16> {
    response.error_code().ok().flatten().map(|error| error.code)
}

fn mapped_address(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "MAPPED-ADDRESS and XOR-MAPPED-ADDRESS with the source of the request";
    let Some((response, request)) = helpful(datagram) else { return Finding::Nothing };
    let source = Ok(Some(request.remote));
    let observed = match (response.mapped_address() == source, response.xor_mapped_address() == source) {
        (true, true) => return Finding::kept(EXPECTED),
        (false, _) if !response.has(T::MAPPED_ADDRESS) => "no MAPPED-ADDRESS",
        (false, _) => "MAPPED-ADDRESS with another address",
        (true, false) => "no XOR-MAPPED-ADDRESS with that address",
    };
    Finding::broken(EXPECTED, observed).because(request.last.0)
}

fn origin(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "RESPONSE-ORIGIN with the source of the response";
    let Some((response, request)) = helpful(datagram).filter(|(response, _)| response.has(T::RESPONSE_ORIGIN)) else {
        return Finding::Nothing;
    };
    match response.response_origin() == Ok(Some(datagram.local)) {
        true => Finding::kept(EXPECTED),
        false => Finding::broken(EXPECTED, "RESPONSE-ORIGIN with another address or port").because(request.last.0),
    }
}

fn announced(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "RESPONSE-ORIGIN beside OTHER-ADDRESS";
    let Some((response, request)) = helpful(datagram).filter(|(response, _)| response.has(T::OTHER_ADDRESS)) else {
        return Finding::Nothing;
    };
    match response.has(T::RESPONSE_ORIGIN) {
        true => Finding::kept(EXPECTED),
        false => Finding::broken(EXPECTED, "OTHER-ADDRESS alone").because(request.last.0),
    }
}

/// What CHANGE-REQUEST asks for: another address, another port.
fn change(request: &Transaction) -> (bool, bool) {
    request.request().change_request().ok().flatten().unwrap_or((false, false))
}

/// The other address, as the server announced it at each of its addresses.
#[derive(Default)]
struct Source {
    others: BTreeMap<SocketAddr, SocketAddr>,
    evidence: Evidence,
}

/// Addresses of a server that are followed at most.
const ADDRESSES: usize = 64;

impl Judge for Source {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        const EXPECTED: &str = "a response from the address and port that were asked for";
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let Some((response, request)) = helpful(datagram) else { return };
        let (address, port) = change(request);
        if let Some(other) = response.other_address().ok().flatten().filter(|_| !address && !port && self.others.len() < ADDRESSES) {
            self.others.insert(request.local, other);
        }
        let Some(other) = self.others.get(&request.local) else { return };
        let wanted =
            SocketAddr::new(if address { other.ip() } else { request.local.ip() }, if port { other.port() } else { request.local.port() });
        let asked = match (address, port) {
            (false, false) => "without a change",
            (true, false) => "with another address asked for",
            (false, true) => "with another port asked for",
            (true, true) => "with another address and port asked for",
        };
        let finding = match datagram.local == wanted {
            true => Finding::kept(EXPECTED),
            false => Finding::broken(EXPECTED, format!("a response from elsewhere, {asked}")).because(request.last.0),
        };
        self.evidence.add(frame.number, finding);
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

/// Where responses with both changes came from.
#[derive(Default)]
struct OtherAddress {
    announced: BTreeMap<SocketAddr, (SocketAddr, u32)>,
    evidence: Evidence,
}

impl Judge for OtherAddress {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        const EXPECTED: &str = "OTHER-ADDRESS that differs in address and port, and is the source of changed responses";
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let Some((response, request)) = success(datagram) else { return };
        let finding = match (response.other_address().ok().flatten(), change(request)) {
            (Some(other), _) if other.ip() == request.local.ip() || other.port() == request.local.port() => {
                Finding::broken(EXPECTED, "OTHER-ADDRESS with the address or port that was asked").because(request.last.0)
            }
            (_, (true, true)) => match self.announced.get(&request.local) {
                Some((other, said)) if *other != datagram.local => {
                    Finding::broken(EXPECTED, "a changed response from another address than OTHER-ADDRESS").because(*said)
                }
                Some(_) => Finding::kept(EXPECTED),
                None => Finding::Nothing,
            },
            (Some(other), (false, false)) if self.announced.len() < ADDRESSES => {
                self.announced.insert(request.local, (other, frame.number));
                Finding::kept(EXPECTED)
            }
            _ => Finding::Nothing,
        };
        self.evidence.add(frame.number, finding);
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

/// The ports at each address, announced or answering.
#[derive(Default)]
struct SamePorts {
    seen: BTreeSet<SocketAddr>,
    evidence: Evidence,
}

impl Judge for SamePorts {
    fn frame(&mut self, _: &Context, frame: Frame<'_>) {
        let FrameEvent::Datagram(datagram) = frame.event else { return };
        let Some((response, request)) = helpful(datagram) else { return };
        let Some(other) = response.other_address().ok().flatten().filter(|_| self.seen.len() < ADDRESSES) else { return };
        self.seen.extend([request.local, datagram.local, other]);
        let family = self.seen.iter().filter(|seen| seen.is_ipv4() == other.is_ipv4());
        let ports: BTreeSet<u16> = family.map(SocketAddr::port).collect();
        let finding = match ports.len() {
            0..=2 => Finding::kept("two ports for both addresses"),
            _ => Finding::broken("the same two ports on both addresses", "a third port").because(request.last.0),
        };
        self.evidence.add(frame.number, finding);
    }

    fn finish(self: Box<Self>, _: &Context) -> Judgement {
        self.evidence.judgement()
    }
}

fn change_refused(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "420 to CHANGE-REQUEST where there is no OTHER-ADDRESS";
    let Some((response, request)) = answered(datagram).filter(|(_, request)| change(request) != (false, false)) else {
        return Finding::Nothing;
    };
    match (response.class(), code(response)) {
        (Class::SuccessResponse, _) if !response.has(T::OTHER_ADDRESS) => {
            Finding::broken(EXPECTED, "a success response without OTHER-ADDRESS").because(request.last.0)
        }
        (_, Some(420)) => Finding::kept("420 to CHANGE-REQUEST"),
        _ => Finding::Nothing,
    }
}

fn padding(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let Some((response, request)) = success(datagram).filter(|(_, request)| request.request().has(T::PADDING)) else {
        return Finding::Nothing;
    };
    match response.has(T::PADDING) {
        true => Finding::kept("PADDING in the response"),
        false => Finding::broken("PADDING in the response", "a success response without PADDING").because(request.last.0),
    }
}

fn padding_length(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "PADDING as long as the MTU, a multiple of four";
    let Some((response, request)) = success(datagram) else { return Finding::Nothing };
    let Some(padding) = response.attribute(T::PADDING) else { return Finding::Nothing };
    let smallest = if datagram.local.is_ipv4() { 576 } else { 1280 };
    let observed = match (padding.value.len().is_multiple_of(4), padding.value.len() >= smallest) {
        (true, true) => return Finding::kept(EXPECTED),
        (false, _) => "PADDING that is no multiple of four long",
        (true, false) => "PADDING shorter than the smallest MTU",
    };
    Finding::broken(EXPECTED, observed).because(request.last.0)
}

fn padding_elsewhere(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let both = |request: &Message<'_>| request.has(T::PADDING) && request.has(T::RESPONSE_PORT);
    let Some((response, request)) = answered(datagram).filter(|(_, request)| both(&request.request())) else { return Finding::Nothing };
    match (response.class(), code(response)) {
        (Class::SuccessResponse, _) => Finding::broken("400 to PADDING with RESPONSE-PORT", "a success response").because(request.last.0),
        (_, Some(400)) => Finding::kept("400 to PADDING with RESPONSE-PORT"),
        // A server that knows neither says so.
        _ => Finding::Nothing,
    }
}

fn response_port(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    const EXPECTED: &str = "a response to the port that RESPONSE-PORT names";
    let Some((_, request)) = success(datagram) else { return Finding::Nothing };
    let Some(port) = request.request().response_port().ok().flatten() else { return Finding::Nothing };
    match datagram.remote == SocketAddr::new(request.remote.ip(), port) {
        true => Finding::kept(EXPECTED),
        false => Finding::broken(EXPECTED, "a response to another address or port").because(request.last.0),
    }
}
