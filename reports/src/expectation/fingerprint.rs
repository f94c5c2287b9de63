//! Fingerprints: how a check departs, without what a seed changes.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use crate::record::Check;

/// Clauses plus the observed text with addresses, ports, times, hexadecimal and identifiers masked. Small decimal numbers stay: they
/// are error codes, counts and field values, which tell one way of failing from another.
///
/// Equal for all seeds if the observed text holds nothing else that depends on the seed. That is the duty of the check that writes
/// it: a port stands after an address or the word `port`, a packet number after `packet` or `#`, a short identifier after its name
/// (`ufrag aX3q`) or as `0x..`, and a count appears only where it decides.
pub fn fingerprint(check: &Check) -> String {
    let clauses = if check.clauses.is_empty() { "no clause".to_owned() } else { check.clauses.join(", ") };
    format!("{clauses}: {}", template(&check.observed_text))
}

/// A text with what a seed changes masked.
pub(crate) fn template(text: &str) -> String {
    let masked = MASKS.iter().fold(Cow::Borrowed(text), |text, mask| match mask.pattern.replace_all(&text, mask.with) {
        Cow::Borrowed(_) => text,
        Cow::Owned(replaced) => Cow::Owned(replaced),
    });
    masked.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Mask {
    pattern: Regex,
    with: &'static str,
}

/// In the order of application: a later mask never sees what an earlier one took, and no mask matches another's output.
static MASKS: LazyLock<Vec<Mask>> = LazyLock::new(|| {
    [
        // IPv6 with an IPv4 tail, in brackets or bare, before IPv4 alone.
        (r"\[[0-9A-Fa-f:]*:\d{1,3}(?:\.\d{1,3}){3}(?:%[0-9A-Za-z]+)?\](?::\d{1,5})?", "<addr>"),
        (r"[0-9A-Fa-f:]*:\d{1,3}(?:\.\d{1,3}){3}(?-u:\b)", "<addr>"),
        // 192.0.2.1:3478 and 192.0.2.1
        (r"(?-u:\b)\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?(?-u:\b)", "<addr>"),
        // [2001:db8::1%2]:3478 and [::1]
        (r"\[[0-9A-Fa-f]*:[0-9A-Fa-f:]*(?:%[0-9A-Za-z]+)?\](?::\d{1,5})?", "<addr>"),
        // Certificate fingerprints before bare IPv6, whose groups they would resemble.
        (r"(?-u:\b)[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){8,}(?-u:\b)", "<hex>"),
        // Bare IPv6: full, or compressed.
        (r"(?-u:\b)[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}(?-u:\b)", "<addr>"),
        (r"(?:(?-u:\b)[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*)?::(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4})*(?-u:\b))?", "<addr>"),
        // UUIDs and 0x-numbers.
        (r"(?-u:\b)[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?-u:\b)", "<id>"),
        (r"(?-u:\b)0x[0-9A-Fa-f]+(?-u:\b)", "<hex>"),
        // 1.5s, 250 ms, 39.5 µs
        (r"(?-u:\b)\d+(?:\.\d+)?\s?(?:ns|us|µs|μs|ms|s|sec|seconds?|min|minutes?|h|hours?)(?-u:\b)", "<time>"),
        // port 49152, ports 5000-5010
        (r"(?-u:\b)([Pp]orts?)[ :=]\s?\d{1,5}(?:\s?(?:,|-|\.\.|and|to)\s?\d{1,5})*(?-u:\b)", "$1 <port>"),
        // packet 12, #12, frames 3-5, id=77, ufrag aX3q, nonce "..."
        (r"(?-u:\b)([Pp]ackets?|[Ff]rames?)[ :=#]\s?\d+(?:\s?(?:,|-|\.\.|and|to)\s?\d+)*(?-u:\b)", "$1 <id>"),
        (r"#\d+(?-u:\b)", "<id>"),
        (
            r#"(?-u:\b)(id|[Tt]ransaction|ufrag|pwd|password|nonce|cookie|ssrc|SSRC|tag|session|tie-breaker)(?:\s?[:=]\s?|\s)(?:"[^"]*"|[^\s"<,;)]*\d[^\s",;)]*)"#,
            "$1 <id>",
        ),
        // Longer than any error code, count or size that decides something: ports, sequence numbers, priorities, identifiers. Both
        // share one mask, since an identifier in hexadecimal may happen to hold no letter.
        (r"(?-u:\b)[0-9A-Fa-f]{8,}(?-u:\b)", "<id>"),
        (r"(?-u:\b)\d{5,}(?-u:\b)", "<id>"),
    ]
    .map(|(pattern, with)| Mask { pattern: Regex::new(pattern).expect("the masks are fixed and compile"), with })
    .into()
});

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

    #[test]
    fn what_a_seed_changes_is_masked_and_what_decides_is_kept() {
        for (text, expected) in [
            ("answered 400 from 192.0.2.1:3478 after 1.5s", "answered 400 from <addr> after <time>"),
            ("answered 437 from [2001:db8::1]:3478 after 250 ms", "answered 437 from <addr> after <time>"),
            ("sent to fe80::1 and 2001:db8:0:0:0:0:0:1 and ::1", "sent to <addr> and <addr> and <addr>"),
            ("mapped ::ffff:192.0.2.1 or [::ffff:192.0.2.1]:80, then ::", "mapped <addr> or <addr>, then <addr>"),
            ("certificate 00:11:22:33:44:55:66:77:88:99:aa:bb", "certificate <hex>"),
            ("transaction 0x63c7117e0714278f5d, port 49152", "transaction <hex>, port <port>"),
            ("transaction b7e7a701bc34d686fa87dfae", "transaction <id>"),
            ("7 requests, the last at packet 113, frames 3-5", "7 requests, the last at packet <id>, frames <id>"),
            ("fingerprint AB:CD:EF:01:23:45:67:89:AB:CD of ufrag aX3q", "fingerprint <hex> of ufrag <id>"),
            ("tie-breaker 932348213893 lost against id=77", "tie-breaker <id> lost against id <id>"),
            ("nonce \"adl7W7PeDU4hKE72\" refused with 438", "nonce <id> refused with 438"),
            ("no response to a request", "no response to a request"),
            ("state became failed; the fabric decade", "state became failed; the fabric decade"),
            ("RFC 8656 says 600 seconds", "RFC 8656 says <time>"),
            ("MESSAGE-INTEGRITY-SHA256 of 32 bytes in 2 messages", "MESSAGE-INTEGRITY-SHA256 of 32 bytes in 2 messages"),
        ] {
            assert_eq!(template(text), expected);
        }
    }

    #[test]
    fn masking_a_template_again_changes_nothing() {
        for mask in MASKS.iter() {
            let once = template(&mask.with.replace("$1", "port"));
            assert_eq!(template(&once), once);
        }
    }

    fn observed(addr: SocketAddr, port: u16, id: &[u8], ns: u64, packet: u32) -> String {
        let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "error response 437 from {addr} (transaction 0x{hex}) on port {port} after {:.3} ms, packet {packet}; mapped {}",
            ns as f64 / 1e6,
            addr.ip()
        )
    }

    proptest! {
        #[test]
        fn seeds_do_not_change_a_fingerprint(
            v4 in any::<u32>(), v6 in prop::array::uniform8(prop_oneof![Just(0_u16), Just(0xffff), any::<u16>()]), six in any::<bool>(), port in any::<u16>(), id in any::<[u8; 12]>(), ns in any::<u64>(), packet in any::<u32>(),
        ) {
            let ip = if six { Ipv6Addr::from(v6).into() } else { Ipv4Addr::from(v4).into() };
            let expected = "error response 437 from <addr> (transaction <hex>) on port <port> after <time>, packet <id>; mapped <addr>";
            prop_assert_eq!(template(&observed(SocketAddr::new(ip, port), port, &id, ns, packet)), expected);
        }

        #[test]
        fn bare_transaction_ids_and_long_numbers_are_masked(id in any::<[u8; 12]>(), number in 10_000_u64..) {
            let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
            prop_assert_eq!(template(&format!("transaction {hex} of {number}")), "transaction <id> of <id>");
        }

        #[test]
        fn error_codes_tell_fingerprints_apart(one in 300_u16..700, other in 300_u16..700) {
            prop_assert_eq!(template(&format!("answered {one}")) == template(&format!("answered {other}")), one == other);
        }
    }
}
