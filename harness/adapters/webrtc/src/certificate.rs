//! The fixture certificate as the crate wants it.

use iut::{BuildError, CertificateChoice};
use rtc::crypto::{SignatureScheme, default_provider};
use std::time::{Duration, SystemTime};
use webrtc::peer_connection::RTCCertificate;

/// After any clock that a run can show.
const EXPIRES: Duration = Duration::from_secs(100 * 365 * 86_400);

pub(crate) fn fixture(choice: CertificateChoice) -> Result<RTCCertificate, BuildError> {
    let provider = default_provider().map_err(|error| BuildError::Failed(error.to_string()))?;
    RTCCertificate::from_pkcs8(
        provider.crypto(),
        SignatureScheme::EcdsaP256Sha256,
        vec![choice.certificate_der().to_vec().into()],
        choice.private_key_der(),
        SystemTime::UNIX_EPOCH + EXPIRES,
    )
    .map_err(|error| BuildError::Failed(error.to_string()))
}
