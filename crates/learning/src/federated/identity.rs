//! Who a site is: the certificate that it shows on the wire, known to all by its SHA-256.
//!
//! A site signs what must reach the other sites unchanged with the key of that certificate, so that the coordinator, which carries it, cannot put words of
//! its own in between. What is signed starts like the content of a TLS 1.3 signature (RFC 8446, 4.4.3: 64 spaces, a context, a zero), with a context that
//! TLS does not have: a signature made here is of no use in a handshake, nor the other way round.

use std::fmt;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::sign::SigningKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::digest::Digest;

/// Why an identity is of no use.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The key's kind is not one that TLS 1.3 signs with here.
    #[error("the private key cannot be used: {reason}; use an Ed25519, ECDSA P-256 or P-384, or RSA key")]
    Key {
        /// What is wrong.
        reason: String,
    },
    /// The certificate is for another key.
    #[error("the certificate {certificate} is not that of the private key given with it")]
    Mismatch {
        /// SHA-256 of the certificate.
        certificate: Digest,
    },
}

/// Why a signature is not taken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SignatureError {
    /// It was made with a certificate that the roster does not have for this site.
    #[error("the certificate {shown} is not the one in the roster, {pinned}")]
    Certificate {
        /// SHA-256 of the certificate that came along.
        shown: Digest,
        /// SHA-256 in the roster.
        pinned: Digest,
    },
    /// It does not fit the content.
    #[error("the signature does not fit what was signed")]
    Signature,
}

/// A signature with the certificate to check it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    certificate: Vec<u8>,
    scheme: u16,
    signature: Vec<u8>,
}

/// A site's own certificate and private key.
#[derive(Clone)]
pub struct Identity {
    certificate: Vec<u8>,
    key: Arc<dyn SigningKey>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.digest())
    }
}

const SCHEMES: [SignatureScheme; 4] = [
    SignatureScheme::ED25519,
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::RSA_PSS_SHA256,
];

/// What is signed for a content under a context.
fn framed(context: &str, content: &[u8]) -> Vec<u8> {
    let mut framed = vec![b' '; 64];
    framed.extend_from_slice(b"GridTwin federated, ");
    framed.extend_from_slice(context.as_bytes());
    framed.push(0);
    framed.extend_from_slice(content);
    framed
}

impl Identity {
    /// From a certificate and its private key, both in DER.
    ///
    /// # Errors
    ///
    /// `Key` for a key of another kind, `Mismatch` when the certificate is not that of the key.
    pub fn new(certificate: &CertificateDer<'_>, key: &PrivateKeyDer<'_>) -> Result<Self, IdentityError> {
        let key = rustls::crypto::ring::sign::any_supported_type(key).map_err(|e| IdentityError::Key { reason: e.to_string() })?;
        let identity = Self { certificate: certificate.to_vec(), key };
        let probe = identity.sign("probe", b"").ok_or_else(|| IdentityError::Key { reason: "no known scheme".to_owned() })?;
        probe.verify("probe", b"", identity.digest()).map_err(|_| IdentityError::Mismatch { certificate: identity.digest() })?;
        Ok(identity)
    }

    /// SHA-256 of the certificate.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.certificate)
    }

    /// Signs `content` under `context`.
    pub(super) fn sign(&self, context: &str, content: &[u8]) -> Option<Signature> {
        let signer = self.key.choose_scheme(&SCHEMES)?;
        let signature = signer.sign(&framed(context, content)).ok()?;
        Some(Signature { certificate: self.certificate.clone(), scheme: signer.scheme().into(), signature })
    }
}

impl Signature {
    /// Checks that the owner of the pinned certificate signed `content` under `context`.
    ///
    /// # Errors
    ///
    /// `Certificate` when another certificate came along, `Signature` when it does not fit.
    pub fn verify(&self, context: &str, content: &[u8], pinned: Digest) -> Result<(), SignatureError> {
        let shown = Digest::of(&self.certificate);
        if shown != pinned {
            return Err(SignatureError::Certificate { shown, pinned });
        }
        let scheme = SignatureScheme::from(self.scheme);
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        let certificate = CertificateDer::from(self.certificate.as_slice());
        let certificate = webpki::EndEntityCert::try_from(&certificate).map_err(|_| SignatureError::Signature)?;
        let fits = SCHEMES.contains(&scheme)
            && algorithms
                .mapping
                .iter()
                .filter(|(s, _)| *s == scheme)
                .flat_map(|(_, algorithms)| algorithms.iter())
                .any(|algorithm| certificate.verify_signature(*algorithm, &framed(context, content), &self.signature).is_ok());
        if fits { Ok(()) } else { Err(SignatureError::Signature) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An identity as an operator would make it, with a key of this kind.
    pub fn identity(name: &str, kind: &'static rcgen::SignatureAlgorithm) -> Identity {
        let key = rcgen::KeyPair::generate_for(kind).unwrap();
        let certificate = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap().self_signed(&key).unwrap();
        Identity::new(certificate.der(), &PrivateKeyDer::try_from(key.serialize_der()).unwrap()).unwrap()
    }

    #[test]
    fn a_signature_fits_its_content_context_and_certificate_only() {
        for kind in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
            let (me, other) = (identity("a", kind), identity("a", kind));
            let signature = me.sign("keys", b"content").unwrap();
            assert_eq!(signature.verify("keys", b"content", me.digest()), Ok(()));
            assert_eq!(signature.verify("keys", b"contents", me.digest()), Err(SignatureError::Signature));
            assert_eq!(signature.verify("survivors", b"content", me.digest()), Err(SignatureError::Signature));
            assert!(matches!(signature.verify("keys", b"content", other.digest()), Err(SignatureError::Certificate { .. })));
            let forged = Signature { certificate: me.certificate.clone(), ..other.sign("keys", b"content").unwrap() };
            assert_eq!(forged.verify("keys", b"content", me.digest()), Err(SignatureError::Signature));
        }
    }

    #[test]
    fn a_certificate_with_another_key_is_no_identity() {
        let key = rcgen::KeyPair::generate().unwrap();
        let other = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap().self_signed(&key).unwrap();
        let made = Identity::new(certificate.der(), &PrivateKeyDer::try_from(other.serialize_der()).unwrap());
        assert!(matches!(made, Err(IdentityError::Mismatch { .. })));
    }
}
