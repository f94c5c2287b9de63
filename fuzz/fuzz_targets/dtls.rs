//! The DTLS view: no input panics, every defect lies inside, and records with a full header are written back as they were.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::dtls::{HandshakeFragment, Header, build, records};

fuzz_target!(|input: &[u8]| {
    let Some((first, bytes)) = input.split_first() else { return };
    for record in records(bytes, usize::from(first % 21)) {
        let record = match record {
            Ok(record) => record,
            Err(defect) => return assert!(defect.offset <= bytes.len()),
        };
        if let Header::Full(header) = record.header {
            let written = build::record(&header, record.fragment);
            assert_eq!(written, bytes[record.offset..record.fragment_offset + record.fragment.len()]);
        }
        let _ = record.alert();
        record.handshake().flatten().for_each(|fragment| read(&fragment));
    }
    wire::describe(bytes);
});

fn read(fragment: &HandshakeFragment<'_>) {
    if let Ok(Some(hello)) = fragment.client_hello() {
        let _ = (hello.offered_versions(), hello.use_srtp(), hello.connection_id());
    }
    if let Ok(Some(hello)) = fragment.server_hello() {
        let _ = (hello.version(), hello.use_srtp(), hello.connection_id());
    }
    let _ = fragment.hello_verify_request();
    let joined: Vec<u8> = build::split(fragment, 7).iter().flat_map(|part| part.body).copied().collect();
    assert_eq!(joined, fragment.body);
}
