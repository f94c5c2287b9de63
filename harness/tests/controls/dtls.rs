//! Controls of the checks on DTLS.

use crate::support::*;
use bytes::Bytes;
use harness::scenario::model::RoleName as R;
use iut::ApiEvent;
use wire::dtls::build::{handshake, handshake_fragment, plaintext, record};
use wire::dtls::{ContentType, FullHeader, HandshakeFragment, HandshakeType, Version};

pub(crate) const CONTROLS: &[Control] = &[
    // --- records
    rejects("dtls.record.framing", "a record that is longer than the datagram", || client().sends(cut(client_hello(0, &Hello::new()), 3))),
    rejects("dtls.record.framing", "a datagram that begins with no content type", || client().sends([30, 1, 2, 3])),
    accepts("dtls.record.framing", "two records that fill the datagram", || {
        client().sends([client_hello(0, &Hello::new()), plaintext(ContentType::ALERT, 1, &[1, 0])].concat())
    }),
    rejects("dtls.record.size", "a plaintext record of 2^14 + 1 octets", || {
        client().sends(plaintext(ContentType::HANDSHAKE, 0, &vec![0; 16_385]))
    }),
    accepts("dtls.record.size", "a small record", || client().sends(client_hello(0, &Hello::new()))),
    rejects("dtls.record.number", "a retransmission with the old record number", || {
        client().sends(client_hello(0, &Hello::new())).wait(1000).sends(client_hello(0, &Hello::new()))
    }),
    rejects("dtls.record.number", "application data with an old number", || client().sends(data(1, b"one")).sends(data(1, b"two"))),
    accepts("dtls.record.number", "a retransmission with a new number, and a new handshake that counts from zero", || {
        let again = Hello { random: 9, ..Hello::new() };
        client()
            .sends(client_hello(0, &Hello::new()))
            .wait(1000)
            .sends(client_hello(1, &Hello::new()))
            .wait(60_000)
            .sends(client_hello(0, &again))
    }),
    rejects("dtls.record.version-1-3", "record version 1.3", || {
        let hello = with_version(Version::DTLS_1_3, client_hello(0, &Hello::new_1_3()));
        client().sends(hello).gets(server_hello(0, Version::DTLS_1_3, 0x1301))
    }),
    accepts("dtls.record.version-1-3", "record version 1.0 in the first ClientHello alone", || {
        let hello = with_version(Version::DTLS_1_0, client_hello(0, &Hello::new_1_3()));
        client().sends(hello).gets(server_hello(0, Version::DTLS_1_3, 0x1301))
    }),
    rejects("dtls.record.no-change-cipher-spec", "ChangeCipherSpec behind the ServerHello of 1.3", || {
        let flight = [server_hello(0, Version::DTLS_1_3, 0x1301), plaintext(ContentType::CHANGE_CIPHER_SPEC, 1, &[1])].concat();
        server().gets(client_hello(0, &Hello::new_1_3())).sends(flight)
    }),
    accepts("dtls.record.no-change-cipher-spec", "protected records behind the ServerHello of 1.3", || {
        let flight = [server_hello(0, Version::DTLS_1_3, 0x1301), unified(2, b"encrypted extensions")].concat();
        server().exchanges_cookie(Hello::new_1_3()).sends(flight)
    }),
    rejects("dtls.record.mtu", "a ClientHello of 300 octets where 256 were told", || {
        told(256).sends(client_hello(0, &Hello { padding: 250, ..Hello::new() }))
    }),
    accepts("dtls.record.mtu", "a small ClientHello", || told(256).sends(client_hello(0, &Hello::new()))),
    rejects("dtls.handshake.fragment-bounds", "a fragment behind the end of its message", || {
        client().sends(fragments(&[(0, 20), (30, 20)], 40))
    }),
    accepts("dtls.handshake.fragment-bounds", "two fragments of a message", || client().sends(fragments(&[(0, 20), (20, 20)], 40))),
    rejects("dtls.handshake.fragments-overlap", "two fragments that overlap", || client().sends(fragments(&[(0, 25), (20, 20)], 40))),
    accepts("dtls.handshake.fragments-overlap", "two fragments side by side", || client().sends(fragments(&[(0, 20), (20, 20)], 40))),
    // --- hello
    rejects("dtls.client.cookie", "no cookie after HelloVerifyRequest", || verified(|hello| hello)),
    rejects("dtls.client.cookie", "another cookie", || verified(|hello| Hello { cookie: b"wrong", ..hello })),
    accepts("dtls.client.cookie", "the cookie", || verified(|hello| Hello { cookie: b"cookie", ..hello })),
    accepts("dtls.client.cookie", "the first of two cookies, and it again after a late second request", || {
        let with_cookie = Hello { cookie: b"cookie", ..Hello::new() };
        let case = client().sends(client_hello(0, &Hello::new())).gets(verify_request(0, b"cookie")).sends(client_hello(1, &with_cookie));
        case.gets(verify_request(1, b"second")).wait(1000).sends(client_hello(2, &with_cookie))
    }),
    rejects("dtls.client.hello-repeated", "another random beside the cookie", || {
        verified(|hello| Hello { cookie: b"cookie", random: 9, ..hello })
    }),
    rejects("dtls.client.hello-repeated", "another cipher suite beside the cookie", || {
        verified(|hello| Hello { cookie: b"cookie", suite: 0xC030, ..hello })
    }),
    accepts("dtls.client.hello-repeated", "the same parameters", || verified(|hello| Hello { cookie: b"cookie", ..hello })),
    rejects("dtls.client.hello-1-3", "legacy_version 1.3", || {
        client().sends(client_hello(0, &Hello { version: Version::DTLS_1_3, ..Hello::new_1_3() }))
    }),
    rejects("dtls.client.hello-1-3", "a legacy cookie in the first ClientHello", || {
        client().sends(client_hello(0, &Hello { cookie: b"x", ..Hello::new_1_3() }))
    }),
    accepts("dtls.client.hello-1-3", "legacy_version 1.2 and no cookie", || client().sends(client_hello(0, &Hello::new_1_3()))),
    rejects("dtls.client.retry-cookie", "no cookie after HelloRetryRequest", || retried(&[])),
    rejects("dtls.client.retry-cookie", "another cookie after HelloRetryRequest", || retried(b"wrong!")),
    accepts("dtls.client.retry-cookie", "the cookie of HelloRetryRequest", || retried(b"retry!")),
    rejects("dtls.server.hello-1-3", "legacy_version 1.3", || {
        server().exchanges_cookie(Hello::new_1_3()).sends(server_hello_of(0, Version::DTLS_1_3, Version::DTLS_1_3, 0x1301, &RANDOM, &[]))
    }),
    accepts("dtls.server.hello-1-3", "legacy_version 1.2", || {
        server().exchanges_cookie(Hello::new_1_3()).sends(server_hello(0, Version::DTLS_1_3, 0x1301))
    }),
    rejects("dtls.server.no-hello-verify-request-1-3", "HelloVerifyRequest before the ServerHello of 1.3", || {
        let case = server().gets(client_hello(0, &Hello::new_1_3())).sends(verify_request(0, b"cookie"));
        case.gets(client_hello(1, &Hello { cookie: b"cookie", ..Hello::new_1_3() })).sends(server_hello(1, Version::DTLS_1_3, 0x1301))
    }),
    accepts("dtls.server.no-hello-verify-request-1-3", "HelloRetryRequest before the ServerHello of 1.3", || {
        server().exchanges_cookie(Hello::new_1_3()).sends(server_hello(0, Version::DTLS_1_3, 0x1301))
    }),
    rejects("dtls.server.cookie-exchange", "ServerHello at once", || {
        server().gets(client_hello(0, &Hello::new())).sends(server_hello(0, Version::DTLS_1_2, 0xC02B))
    }),
    accepts("dtls.server.cookie-exchange", "HelloVerifyRequest before ServerHello", || {
        let case = server().gets(client_hello(0, &Hello::new())).sends(verify_request(0, b"cookie"));
        case.gets(client_hello(1, &Hello { cookie: b"cookie", ..Hello::new() })).sends(server_hello(1, Version::DTLS_1_2, 0xC02B))
    }),
    rejects("dtls.server.cipher-suite", "RC4", || {
        server().gets(client_hello(0, &Hello::new())).sends(server_hello(0, Version::DTLS_1_2, 0x0005))
    }),
    rejects("dtls.server.cipher-suite", "TLS_AES_128_CCM_8_SHA256", || {
        server().exchanges_cookie(Hello::new_1_3()).sends(server_hello(0, Version::DTLS_1_3, 0x1305))
    }),
    accepts("dtls.server.cipher-suite", "AES-GCM", || {
        server().exchanges_cookie(Hello::new_1_3()).sends(server_hello(0, Version::DTLS_1_3, 0x1301))
    }),
    // --- timers
    rejects("dtls.timer.initial", "a second ClientHello after 300 ms", || hellos_at(&[0, 300])),
    rejects("dtls.timer.initial", "a second ClientHello after 3 s", || hellos_at(&[0, 3000])),
    accepts("dtls.timer.initial", "a second ClientHello after 1 s", || hellos_at(&[0, 1000])),
    accepts("dtls.timer.initial", "a second ClientHello after 1 s and a quarter of jitter", || hellos_at(&[0, 1250])),
    rejects("dtls.timer.backoff", "a constant interval", || hellos_at(&[0, 1000, 2000])),
    rejects("dtls.timer.backoff", "an interval of four times the one before", || hellos_at(&[0, 1000, 5000])),
    accepts("dtls.timer.backoff", "intervals of 1, 2, 4, 8, 16, 32, 60 and 60 s", || {
        hellos_at(&[0, 1000, 3000, 7000, 15_000, 31_000, 63_000, 123_000, 183_000])
    }),
    accepts("dtls.timer.backoff", "intervals that double with a quarter of jitter", || hellos_at(&[0, 1222, 3242, 7382, 14_191])),
    // --- replay
    rejects("dtls.replay.delivered-once", "a record of DTLS 1.2 that is delivered twice", || {
        client().gets(data(1, b"one")).delivers(b"one").gets(data(1, b"one")).delivers(b"one")
    }),
    rejects("dtls.replay.delivered-once", "a record of DTLS 1.3 that is delivered twice", || {
        let case = client().gets(unified(3, b"an acknowledgement")).gets(unified(3, b"sealed one")).delivers(b"one").wait(500);
        case.gets(unified(3, b"sealed one")).delivers(b"one")
    }),
    accepts("dtls.replay.delivered-once", "a record of DTLS 1.2 that comes twice and is delivered once", || {
        client().gets(data(1, b"one")).delivers(b"one").gets(data(1, b"one")).gets(data(2, b"one")).delivers(b"one")
    }),
    accepts("dtls.replay.delivered-once", "a record of DTLS 1.3 that comes twice and is delivered once", || {
        let case = client().gets(unified(3, b"sealed one")).delivers(b"one").wait(500).gets(unified(3, b"sealed one"));
        case.wait(2000).gets(unified(3, b"sealed two")).delivers(b"two")
    }),
];

fn client() -> Case {
    Case::new(R::DtlsClient)
}

fn server() -> Case {
    Case::new(R::DtlsServer)
}

/// A client that was told how large its datagrams may be.
fn told(mtu: u16) -> Case {
    let mut case = client();
    case.context.parties[SUBJECT].dtls_mtu = Some(mtu);
    case
}

/// What a ClientHello says.
#[derive(Clone)]
struct Hello {
    version: Version,
    random: u8,
    cookie: &'static [u8],
    suite: u16,
    offers_1_3: bool,
    retry_cookie: &'static [u8],
    padding: usize,
}

impl Hello {
    fn new() -> Self {
        Self { version: Version::DTLS_1_2, random: 7, cookie: &[], suite: 0xC02B, offers_1_3: false, retry_cookie: &[], padding: 0 }
    }

    fn new_1_3() -> Self {
        Self { suite: 0x1301, offers_1_3: true, ..Self::new() }
    }

    fn body(&self) -> Vec<u8> {
        let mut body = self.version.0.to_be_bytes().to_vec();
        body.extend([self.random; 32]);
        body.push(0);
        body.push(self.cookie.len() as u8);
        body.extend(self.cookie);
        body.extend([0, 2]);
        body.extend(self.suite.to_be_bytes());
        body.extend([1, 0]);
        let mut extensions = Vec::new();
        if self.offers_1_3 {
            extensions.extend(extension(43, &[2, 0xFE, 0xFC]));
        }
        if !self.retry_cookie.is_empty() {
            extensions.extend(extension(44, self.retry_cookie));
        }
        extensions.extend(extension(21, &vec![0; self.padding]));
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        body
    }
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(data.len() as u16).to_be_bytes(), data].concat()
}

/// A ClientHello in a record with this number; one with a cookie of either kind is the second message.
fn client_hello(number: u64, hello: &Hello) -> Vec<u8> {
    let second = !hello.cookie.is_empty() || !hello.retry_cookie.is_empty();
    plaintext(ContentType::HANDSHAKE, number, &handshake(HandshakeType::CLIENT_HELLO, u16::from(second), &hello.body()))
}

fn verify_request(number: u64, cookie: &[u8]) -> Vec<u8> {
    let body = [&[0xFE, 0xFF, cookie.len() as u8], cookie].concat();
    plaintext(ContentType::HANDSHAKE, number, &handshake(HandshakeType::HELLO_VERIFY_REQUEST, 0, &body))
}

const RANDOM: [u8; 32] = [5; 32];
/// Random of a HelloRetryRequest (RFC 8446, section 4.1.3).
const RETRY: [u8; 32] = [
    0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11, 0xBE, 0x1D, 0x8C, 0x02, 0x1E, 0x65, 0xB8, 0x91, 0xC2, 0xA2, 0x11, 0x16, 0x7A, 0xBB,
    0x8C, 0x5E, 0x07, 0x9E, 0x09, 0xE2, 0xC8, 0xA8, 0x33, 0x9C,
];

fn server_hello(number: u64, version: Version, suite: u16) -> Vec<u8> {
    server_hello_of(number, Version::DTLS_1_2, version, suite, &RANDOM, &[])
}

fn server_hello_of(number: u64, legacy: Version, version: Version, suite: u16, random: &[u8; 32], cookie: &[u8]) -> Vec<u8> {
    let mut body = legacy.0.to_be_bytes().to_vec();
    body.extend(random);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    let mut extensions = Vec::new();
    if version == Version::DTLS_1_3 {
        extensions.extend(extension(43, &version.0.to_be_bytes()));
    }
    if !cookie.is_empty() {
        extensions.extend(extension(44, cookie));
    }
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let sequence = u16::from(random == &RANDOM);
    plaintext(ContentType::HANDSHAKE, number, &handshake(HandshakeType::SERVER_HELLO, sequence, &body))
}

fn retry_request(cookie: &[u8]) -> Vec<u8> {
    server_hello_of(0, Version::DTLS_1_2, Version::DTLS_1_3, 0x1301, &RETRY, cookie)
}

/// The same record with another version in its header.
fn with_version(version: Version, mut record: Vec<u8>) -> Vec<u8> {
    record[1..3].copy_from_slice(&version.0.to_be_bytes());
    record
}

/// Without the last octets.
fn cut(mut bytes: Vec<u8>, octets: usize) -> Vec<u8> {
    bytes.truncate(bytes.len() - octets);
    bytes
}

/// A record of DTLS 1.2 application data.
fn data(sequence: u64, content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    let header = FullHeader {
        content_type: ContentType::APPLICATION_DATA,
        version: Version::DTLS_1_2,
        epoch: 1,
        sequence,
        connection_id: &[],
        length,
    };
    record(&header, content)
}

/// A record with a unified header.
fn unified(epoch: u8, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [&[0x2C | epoch & 3, 0, 1, length[0], length[1]], content].concat()
}

/// Fragments of a Certificate: where each begins and how long it is.
fn fragments(parts: &[(u32, u32)], length: u32) -> Vec<u8> {
    let fragment = |(fragment_offset, fragment_length): &(u32, u32)| {
        handshake_fragment(&HandshakeFragment {
            offset: 0,
            message_type: HandshakeType::CERTIFICATE,
            length,
            message_sequence: 2,
            fragment_offset: *fragment_offset,
            fragment_length: *fragment_length,
            body: &vec![0; *fragment_length as usize],
        })
    };
    let body: Vec<u8> = parts.iter().flat_map(fragment).collect();
    plaintext(ContentType::HANDSHAKE, 5, &body)
}

/// A client that meets HelloVerifyRequest.
fn verified(second: impl Fn(Hello) -> Hello) -> Case {
    let second = client_hello(1, &second(Hello::new()));
    client().sends(client_hello(0, &Hello::new())).wait(40).gets(verify_request(0, b"cookie")).sends(second)
}

/// A client that meets HelloRetryRequest.
fn retried(retry_cookie: &'static [u8]) -> Case {
    let second = Hello { retry_cookie, ..Hello::new_1_3() };
    client().sends(client_hello(0, &Hello::new_1_3())).wait(40).gets(retry_request(b"retry!")).sends(client_hello(1, &second))
}

/// A client that sends its ClientHello at these times, in milliseconds.
fn hellos_at(times: &[u64]) -> Case {
    let mut now = 0;
    (0..).zip(times).fold(client(), |case, (number, time)| {
        let case = case.wait(time - now).sends(client_hello(number, &Hello::new()));
        now = *time;
        case
    })
}

trait Endpoint {
    fn exchanges_cookie(self, hello: Hello) -> Self;
    fn delivers(self, bytes: &'static [u8]) -> Self;
}

impl Endpoint for Case {
    /// The server asks for a cookie by HelloRetryRequest and gets it.
    fn exchanges_cookie(self, hello: Hello) -> Self {
        let second = Hello { retry_cookie: b"retry!", ..hello.clone() };
        self.gets(client_hello(0, &hello)).sends(retry_request(b"retry!")).gets(client_hello(1, &second))
    }

    /// The application gets data.
    fn delivers(self, bytes: &'static [u8]) -> Self {
        self.reports(ApiEvent::Data { channel: String::new(), bytes: Bytes::from_static(bytes) })
    }
}
