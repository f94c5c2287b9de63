//! Hello messages and cookies (RFC 6347 section 4.2.1, RFC 9147 sections 5.1 to 5.4).

use super::association::{chosen_version, following, handshake};
use crate::check::finding::{Evidence, Finding, each};
use crate::check::{Check, Context, Datagram, Frame, Level, applies};
use wire::dtls::{ClientHello, ExtensionType, Version};

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "dtls.client.cookie",
        clauses: &["RFC6347-4.2.1-2"],
        level: Level::Must,
        summary: "after HelloVerifyRequest the client repeats its ClientHello with the cookie",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, cookie),
    },
    Check {
        id: "dtls.client.hello-repeated",
        clauses: &["RFC6347-4.2.1-6"],
        level: Level::Must,
        summary: "the ClientHello with cookie repeats version, random, session id, cipher suites and compression methods",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, repeated),
    },
    Check {
        id: "dtls.client.hello-1-3",
        clauses: &["RFC9147-5.3-1", "RFC9147-5.1-3", "RFC9147-5.3-4"],
        level: Level::Must,
        summary: "the first ClientHello of DTLS 1.3 says version 1.2, has no cookie of either kind and lists 1.3 in supported_versions",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, hello_1_3),
    },
    Check {
        id: "dtls.client.retry-cookie",
        clauses: &["RFC9147-5.1-2"],
        level: Level::Must,
        summary: "after HelloRetryRequest with a cookie the client repeats its ClientHello with that cookie",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, retry_cookie),
    },
    Check {
        id: "dtls.server.hello-1-3",
        clauses: &["RFC9147-5.4-u1"],
        level: Level::Unmarked,
        summary: "the ServerHello of DTLS 1.3 says version 1.2",
        applies: applies::dtls_endpoint,
        judge: |_, _| each(server_hello_1_3),
    },
    Check {
        id: "dtls.server.no-hello-verify-request-1-3",
        clauses: &["RFC9147-5.2-3"],
        level: Level::Must,
        summary: "DTLS 1.3 uses no HelloVerifyRequest",
        applies: applies::dtls_endpoint,
        judge: |context, subject| following(context, subject, no_hello_verify_request),
    },
    Check {
        id: "dtls.server.cookie-exchange",
        clauses: &["RFC9147-5.1-6", "RFC9147-5.1-8", "RFC6347-4.2.1-14", "RFC6347-4.2.1-16"],
        level: Level::Should,
        summary: "a server exchanges cookies before it answers with its own flight",
        applies: applies::dtls_server,
        judge: |context, subject| following(context, subject, cookie_exchange),
    },
    Check {
        id: "dtls.server.cipher-suite",
        clauses: &["RFC9147-4.5.3-6", "RFC6347-4.1.2.2-1"],
        level: Level::Must,
        summary: "neither RC4 nor TLS_AES_128_CCM_8_SHA256 is chosen",
        applies: applies::dtls_endpoint,
        judge: |_, _| each(cipher_suite),
    },
];

/// The whole ClientHello of a datagram that the subject sent.
fn sent_hello<'d>(datagram: &'d Datagram<'_>) -> Option<ClientHello<'d>> {
    if !datagram.sent {
        return None;
    }
    handshake(datagram).find_map(|message| message.client_hello().ok().flatten())
}

/// The cookies that the server has sent since the last ClientHello without one. A client that has answered may pass over further requests, or answer the
/// new cookie (a SHOULD), so these are left alone.
#[derive(Default)]
struct Verify {
    cookies: Vec<(u32, Vec<u8>)>,
    /// The latest ClientHello had no cookie.
    bare: bool,
}

fn cookie(state: &mut Verify, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    const EXPECTED: &str = "the cookie of HelloVerifyRequest in the next ClientHello";
    if !datagram.sent {
        let verify = handshake(datagram).find_map(|message| message.hello_verify_request().ok().flatten());
        if let Some(verify) = verify.filter(|_| state.bare && state.cookies.len() < 64) {
            state.cookies.push((frame.number, verify.cookie.to_vec()));
        }
        return;
    }
    let Some(hello) = sent_hello(datagram) else { return };
    state.bare = hello.cookie.is_empty();
    let cookies = std::mem::take(&mut state.cookies);
    let Some((because, _)) = cookies.first() else { return };
    evidence.add(
        frame.number,
        match hello.cookie {
            known if cookies.iter().any(|(_, cookie)| cookie == known) => Finding::kept(EXPECTED),
            [] => Finding::broken(EXPECTED, "a ClientHello without cookie").because(*because),
            _ => Finding::broken(EXPECTED, "a ClientHello with another cookie").because(*because),
        },
    );
}

/// What the first ClientHello said: version, random, session id, cipher suites, compression methods.
type Parameters = (u16, [u8; 32], Vec<u8>, Vec<u16>, Vec<u8>);

fn parameters(hello: &ClientHello<'_>) -> Parameters {
    (hello.legacy_version.0, hello.random, hello.session_id.to_vec(), hello.cipher_suites.clone(), hello.compression_methods.to_vec())
}

fn repeated(first: &mut Option<(u32, Parameters)>, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    let Some(hello) = sent_hello(datagram) else { return };
    let now = parameters(&hello);
    if hello.cookie.is_empty() {
        *first = Some((frame.number, now));
        return;
    }
    let Some((because, before)) = first else { return };
    let changed = [
        (before.0 != now.0, "version"),
        (before.1 != now.1, "random"),
        (before.2 != now.2, "session id"),
        (before.3 != now.3, "cipher suites"),
        (before.4 != now.4, "compression methods"),
    ];
    evidence.add(
        frame.number,
        match changed.into_iter().find(|(changed, _)| *changed) {
            None => Finding::kept("the parameters of the first ClientHello"),
            Some((_, what)) => {
                Finding::broken("the parameters of the first ClientHello", format!("another {what} beside the cookie")).because(*because)
            }
        },
    );
}

fn offers_1_3(hello: &ClientHello<'_>) -> bool {
    hello.offered_versions().is_ok_and(|versions| versions.contains(&Version::DTLS_1_3))
}

fn hello_1_3(answered: &mut bool, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    const EXPECTED: &str = "version 1.2 and no cookie in the first ClientHello of DTLS 1.3";
    // After an answer the ClientHello is no first one, and may carry the cookie of either version.
    *answered |= !datagram.sent && handshake(datagram).next().is_some();
    let Some(hello) = sent_hello(datagram).filter(|hello| !*answered && offers_1_3(hello)) else { return };
    let observed = if hello.legacy_version != Version::DTLS_1_2 {
        "another version in legacy_version"
    } else if !hello.cookie.is_empty() {
        "a legacy_cookie that is not empty"
    } else if hello.extension(ExtensionType::COOKIE).is_some() {
        "a cookie extension"
    } else {
        return evidence.add(frame.number, Finding::kept(EXPECTED));
    };
    evidence.add(frame.number, Finding::broken(EXPECTED, observed));
}

fn retry_cookie(state: &mut Option<(u32, Vec<u8>)>, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    const EXPECTED: &str = "the cookie of HelloRetryRequest in the next ClientHello";
    if !datagram.sent {
        let retry =
            handshake(datagram).find_map(|message| message.server_hello().ok().flatten()).filter(|hello| hello.is_hello_retry_request());
        let cookie = retry.and_then(|retry| retry.extension(ExtensionType::COOKIE)).map(|extension| extension.data.to_vec());
        *state = cookie.map(|cookie| (frame.number, cookie)).or(state.take());
        return;
    }
    let Some(hello) = sent_hello(datagram) else { return };
    let Some((because, cookie)) = state.take() else { return };
    evidence.add(
        frame.number,
        match hello.extension(ExtensionType::COOKIE) {
            Some(extension) if extension.data == cookie => Finding::kept(EXPECTED),
            Some(_) => Finding::broken(EXPECTED, "a ClientHello with another cookie").because(because),
            None => Finding::broken(EXPECTED, "a ClientHello without the cookie extension").because(because),
        },
    );
}

fn server_hello_1_3(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let hello = handshake(datagram).filter(|_| datagram.sent).find_map(|message| message.server_hello().ok().flatten());
    let Some(hello) = hello.filter(|hello| hello.version() == Ok(Version::DTLS_1_3)) else { return Finding::Nothing };
    match hello.legacy_version {
        Version::DTLS_1_2 => Finding::kept("version 1.2 in legacy_version"),
        _ => Finding::broken("version 1.2 in legacy_version", "another version in the ServerHello of DTLS 1.3"),
    }
}

/// The HelloVerifyRequest that the subject sent.
fn no_hello_verify_request(sent: &mut Option<u32>, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    const EXPECTED: &str = "no HelloVerifyRequest in DTLS 1.3";
    if !datagram.sent {
        return;
    }
    if handshake(datagram).any(|message| matches!(message.hello_verify_request(), Ok(Some(_)))) {
        *sent = Some(frame.number);
    }
    if chosen_version(datagram) == Some(Version::DTLS_1_3) {
        evidence.add(
            frame.number,
            match *sent {
                None => Finding::kept(EXPECTED),
                Some(because) => Finding::broken(EXPECTED, "HelloVerifyRequest before a ServerHello of DTLS 1.3").because(because),
            },
        );
    }
}

/// Whether the server asked for a cookie: with HelloVerifyRequest, or with a HelloRetryRequest that carries one.
fn cookie_exchange(asked: &mut bool, frame: &Frame<'_>, datagram: &Datagram<'_>, evidence: &mut Evidence) {
    const EXPECTED: &str = "a cookie exchange before ServerHello";
    if !datagram.sent {
        return;
    }
    for message in handshake(datagram) {
        *asked |= matches!(message.hello_verify_request(), Ok(Some(_)));
        let Ok(Some(hello)) = message.server_hello() else { continue };
        if hello.is_hello_retry_request() {
            *asked |= hello.extension(ExtensionType::COOKIE).is_some();
            continue;
        }
        evidence.add(
            frame.number,
            if *asked { Finding::kept(EXPECTED) } else { Finding::broken(EXPECTED, "ServerHello without a cookie exchange") },
        );
    }
}

/// Cipher suites with RC4, from the TLS registry.
const RC4: [u16; 10] = [0x0003, 0x0004, 0x0005, 0x0017, 0x0018, 0x0020, 0xC002, 0xC007, 0xC00C, 0xC011];
/// TLS_AES_128_CCM_8_SHA256.
const CCM_8: u16 = 0x1305;

fn cipher_suite(_: &Context, _: &Frame<'_>, datagram: &Datagram<'_>) -> Finding {
    let hello = handshake(datagram).filter(|_| datagram.sent).find_map(|message| message.server_hello().ok().flatten());
    let Some(hello) = hello.filter(|hello| !hello.is_hello_retry_request()) else { return Finding::Nothing };
    match hello.cipher_suite {
        suite if RC4.contains(&suite) => Finding::broken("a cipher suite without known weakness", "a cipher suite with RC4"),
        CCM_8 => Finding::broken("a cipher suite without known weakness", "TLS_AES_128_CCM_8_SHA256"),
        _ => Finding::kept("neither RC4 nor TLS_AES_128_CCM_8_SHA256"),
    }
}
