//! A cryptographic provider for str0m in pure Rust.
//!
//! str0m takes its cryptography through traits. Its published backends bind AWS-LC or OpenSSL, whose entropy cannot be made repeatable from outside; this
//! one is made of the RustCrypto crates, which ask the operating system, and of dimpl for DTLS, which is what the published backends use as well.

mod dtls;
mod srtp;

pub(crate) use dtls::config as dtls_config;
use hmac::{Hmac, KeyInit, Mac};
use iut::CertificateChoice;
use sha1::{Digest, Sha1};
use sha2::Sha256;
use str0m::crypto::dtls::DtlsCert;
use str0m::crypto::{CryptoProvider, Sha1HmacProvider, Sha1Provider, Sha256Provider};

/// The provider.
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        srtp_provider: &srtp::Srtp,
        sha1_hmac_provider: &Hashes,
        sha1_provider: &Hashes,
        sha256_provider: &Hashes,
        dtls_provider: &dtls::Dtls,
    }
}

pub(crate) fn fixture(choice: CertificateChoice) -> DtlsCert {
    DtlsCert { certificate: choice.certificate_der().to_vec(), private_key: choice.private_key_der().to_vec() }
}

#[derive(Debug)]
struct Hashes;

impl Sha1Provider for Hashes {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        Sha1::digest(data).into()
    }
}

impl Sha256Provider for Hashes {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        Sha256::digest(data).into()
    }
}

impl Sha1HmacProvider for Hashes {
    fn sha1_hmac(&self, key: &[u8], payloads: &[&[u8]]) -> [u8; 20] {
        let mut mac = <Hmac<Sha1> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
        for payload in payloads {
            mac.update(payload);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha1_agrees_with_fips_180() {
        assert_eq!(hex::encode(Hashes.sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
    }

    #[test]
    fn sha256_agrees_with_fips_180() {
        assert_eq!(hex::encode(Hashes.sha256(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn hmac_sha1_agrees_with_rfc_2202_also_in_pieces() {
        let expected = "b617318655057264e28bc0b6fb378c8ef146be00";
        assert_eq!(hex::encode(Hashes.sha1_hmac(&[0x0b; 20], &[b"Hi There"])), expected);
        assert_eq!(hex::encode(Hashes.sha1_hmac(&[0x0b; 20], &[b"Hi ", b"", b"There"])), expected);
        let long_key = Hashes.sha1_hmac(&[0xaa; 80], &[b"Test Using Larger Than Block-Size Key - Hash Key First"]);
        assert_eq!(hex::encode(long_key), "aa4ae5e15272d00e95705637ce8a3b55ed402112");
    }
}
