//! Fixture certificates, so that no key is generated in a run.

use iut::CertificateChoice;
use rtc::crypto::{RTCCrypto, SignatureScheme};
use rtc::peer_connection::certificate::RTCCertificate;
use rtc::shared::error::Result;
use std::time::{Duration, SystemTime};

/// The crate only stores when a certificate expires: beyond the end of any virtual clock.
const EXPIRES: Duration = Duration::from_secs(u32::MAX as u64);

pub(crate) fn fixture(choice: CertificateChoice, crypto: &dyn RTCCrypto) -> Result<RTCCertificate> {
    let chain = vec![choice.certificate_der().into()];
    RTCCertificate::from_pkcs8(crypto, SignatureScheme::EcdsaP256Sha256, chain, choice.private_key_der(), SystemTime::UNIX_EPOCH + EXPIRES)
}
