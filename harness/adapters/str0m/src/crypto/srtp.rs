//! SRTP ciphers: AES counter mode (RFC 3711 section 4.1.1) and AES-GCM (RFC 7714).
//!
//! The data channel peers of the harness carry no media; the ciphers are here because the provider is not whole without them.

use aes::cipher::consts::{U12, U16};
use aes::{Aes128, Aes256};
use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use ctr::Ctr128BE;
use ctr::cipher::{BlockCipherEncrypt, KeyInit, KeyIvInit, StreamCipher};
use std::fmt;
use str0m::crypto::{
    AeadAes128GcmCipher, AeadAes256GcmCipher, Aes128CmSha1_80Cipher, CryptoError, SrtpProvider, SupportedAeadAes128Gcm,
    SupportedAeadAes256Gcm, SupportedAes128CmSha1_80,
};

const BLOCK: usize = 16;
const TAG: usize = 16;

#[derive(Debug)]
pub(super) struct Srtp;

impl SrtpProvider for Srtp {
    fn aes_128_cm_sha1_80(&self) -> &'static dyn SupportedAes128CmSha1_80 {
        &Srtp
    }

    fn aead_aes_128_gcm(&self) -> &'static dyn SupportedAeadAes128Gcm {
        &Srtp
    }

    fn aead_aes_256_gcm(&self) -> &'static dyn SupportedAeadAes256Gcm {
        &Srtp
    }

    fn srtp_aes_128_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        ecb_round::<Aes128>(key, input, output);
    }

    fn srtp_aes_256_ecb_round(&self, key: &[u8], input: &[u8], output: &mut [u8]) {
        ecb_round::<Aes256>(key, input, output);
    }
}

/// Encrypts one block. As in the crate's own providers the output has room for a second block, which is that of the padding of PKCS #7.
fn ecb_round<C: KeyInit + BlockCipherEncrypt<BlockSize = U16>>(key: &[u8], input: &[u8], output: &mut [u8]) {
    let cipher = C::new_from_slice(key).expect("str0m derives keys of the length that the profile names");
    let padding = [TAG as u8; BLOCK];
    for (source, target) in [input, &padding].into_iter().zip(output.chunks_exact_mut(BLOCK)) {
        let mut block: [u8; BLOCK] = source.try_into().expect("the round is called with one block");
        cipher.encrypt_block((&mut block).into());
        target.copy_from_slice(&block);
    }
}

impl SupportedAes128CmSha1_80 for Srtp {
    fn create_cipher(&self, key: [u8; 16], _: bool) -> Box<dyn Aes128CmSha1_80Cipher> {
        Box::new(CounterMode(key))
    }
}

impl SupportedAeadAes128Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 16], _: bool) -> Box<dyn AeadAes128GcmCipher> {
        Box::new(Gcm(Aes128Gcm::new(&key.into())))
    }
}

impl SupportedAeadAes256Gcm for Srtp {
    fn create_cipher(&self, key: [u8; 32], _: bool) -> Box<dyn AeadAes256GcmCipher> {
        Box::new(Gcm(Aes256Gcm::new(&key.into())))
    }
}

struct CounterMode([u8; 16]);

impl fmt::Debug for CounterMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CounterMode(key withheld)")
    }
}

impl Aes128CmSha1_80Cipher for CounterMode {
    fn encrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let output = prefix(output, input.len())?;
        output.copy_from_slice(input);
        Ctr128BE::<Aes128>::new(&self.0.into(), iv.into()).apply_keystream(output);
        Ok(())
    }

    fn decrypt(&mut self, iv: &[u8; 16], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.encrypt(iv, input, output)
    }
}

struct Gcm<C>(C);

impl<C> fmt::Debug for Gcm<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcm(key withheld)")
    }
}

impl<C: AeadInOut<NonceSize = U12>> Gcm<C> {
    /// The ciphertext, then the tag.
    fn seal(&self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        let (ciphertext, tag) = prefix(output, input.len() + TAG)?.split_at_mut(input.len());
        ciphertext.copy_from_slice(input);
        let computed = self.0.encrypt_inout_detached(iv.into(), aad, ciphertext.into()).map_err(other)?;
        tag.copy_from_slice(&computed);
        Ok(())
    }

    fn open(&self, iv: &[u8; 12], aads: &[&[u8]], input: &[u8], output: &mut [u8]) -> Result<usize, CryptoError> {
        let (ciphertext, tag) = input.split_last_chunk::<TAG>().ok_or_else(|| CryptoError::Other("shorter than a tag".into()))?;
        let output = prefix(output, ciphertext.len())?;
        output.copy_from_slice(ciphertext);
        let tag = tag.as_slice().try_into().map_err(other)?;
        self.0.decrypt_inout_detached(iv.into(), &aads.concat(), output.into(), tag).map_err(other)?;
        Ok(ciphertext.len())
    }
}

impl AeadAes128GcmCipher for Gcm<Aes128Gcm> {
    fn encrypt(&mut self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(&mut self, iv: &[u8; 12], aads: &[&[u8]], input: &[u8], output: &mut [u8]) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

impl AeadAes256GcmCipher for Gcm<Aes256Gcm> {
    fn encrypt(&mut self, iv: &[u8; 12], aad: &[u8], input: &[u8], output: &mut [u8]) -> Result<(), CryptoError> {
        self.seal(iv, aad, input, output)
    }

    fn decrypt(&mut self, iv: &[u8; 12], aads: &[&[u8]], input: &[u8], output: &mut [u8]) -> Result<usize, CryptoError> {
        self.open(iv, aads, input, output)
    }
}

fn prefix(output: &mut [u8], length: usize) -> Result<&mut [u8], CryptoError> {
    output.get_mut(..length).ok_or_else(|| CryptoError::Other(format!("no room for {length} bytes")))
}

fn other(error: impl fmt::Display) -> CryptoError {
    CryptoError::Other(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes<const N: usize>(hexadecimal: &str) -> [u8; N] {
        hex::decode(hexadecimal).expect("hexadecimal").try_into().expect("the length of the vector")
    }

    #[test]
    fn one_block_agrees_with_fips_197() {
        let plain: [u8; 16] = bytes("00112233445566778899aabbccddeeff");
        let mut output = [0; 32];
        Srtp.srtp_aes_128_ecb_round(&bytes::<16>("000102030405060708090a0b0c0d0e0f"), &plain, &mut output);
        assert_eq!(hex::encode(&output[..16]), "69c4e0d86a7b0430d8cdb78070b4c55a");
        Srtp.srtp_aes_256_ecb_round(&bytes::<32>("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), &plain, &mut output);
        assert_eq!(hex::encode(&output[..16]), "8ea2b7ca516745bfeafc49904b496089");
    }

    #[test]
    fn the_key_stream_agrees_with_rfc_3711_appendix_b_2() {
        let mut cipher = Srtp.aes_128_cm_sha1_80().create_cipher(bytes("2b7e151628aed2a6abf7158809cf4f3c"), true);
        let mut stream = [0; 48];
        cipher.encrypt(&bytes("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000"), &[0; 48], &mut stream).expect("encrypts");
        assert_eq!(hex::encode(stream), "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0");
    }

    /// Plaintext, additional data and initialisation vector of test cases 4 and 16 of the GCM specification.
    const PLAIN: &str =
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
    const AAD: &str = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
    const IV: &str = "cafebabefacedbaddecaf888";

    #[test]
    fn aes_128_gcm_agrees_with_test_case_4_and_refuses_a_changed_tag() {
        let mut cipher = Srtp.aead_aes_128_gcm().create_cipher(bytes("feffe9928665731c6d6a8f9467308308"), true);
        let mut sealed = [0; 76];
        cipher.encrypt(&bytes(IV), &bytes::<20>(AAD), &bytes::<60>(PLAIN), &mut sealed).expect("encrypts");
        let ciphertext =
            "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091";
        assert_eq!(hex::encode(sealed), format!("{ciphertext}5bc94fbc3221a5db94fae95ae7121a47"));
        let mut opened = [0; 60];
        let aad = bytes::<20>(AAD);
        assert_eq!(cipher.decrypt(&bytes(IV), &[&aad[..7], &aad[7..]], &sealed, &mut opened).expect("opens"), 60);
        assert_eq!(hex::encode(opened), PLAIN);
        sealed[75] ^= 1;
        assert!(cipher.decrypt(&bytes(IV), &[&aad], &sealed, &mut opened).is_err());
    }

    #[test]
    fn aes_256_gcm_agrees_with_test_case_16() {
        let key = bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let mut cipher = Srtp.aead_aes_256_gcm().create_cipher(key, true);
        let mut sealed = [0; 76];
        cipher.encrypt(&bytes(IV), &bytes::<20>(AAD), &bytes::<60>(PLAIN), &mut sealed).expect("encrypts");
        assert_eq!(hex::encode(&sealed[60..]), "76fc6ece0f4e1768cddf8853bb2d551b");
        let mut opened = [0; 60];
        assert_eq!(cipher.decrypt(&bytes(IV), &[&bytes::<20>(AAD)], &sealed, &mut opened).expect("opens"), 60);
        assert_eq!(hex::encode(opened), PLAIN);
    }

    #[test]
    fn short_input_and_short_output_are_errors() {
        let mut gcm = Srtp.aead_aes_128_gcm().create_cipher([0; 16], true);
        assert!(gcm.decrypt(&[0; 12], &[], &[0; 15], &mut [0; 64]).is_err());
        assert!(gcm.encrypt(&[0; 12], &[], &[0; 8], &mut [0; 23]).is_err());
        let mut counter = Srtp.aes_128_cm_sha1_80().create_cipher([0; 16], true);
        assert!(counter.encrypt(&[0; 16], &[0; 8], &mut [0; 7]).is_err());
    }
}
