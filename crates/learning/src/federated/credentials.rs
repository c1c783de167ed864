//! A certificate with its key, from PEM, and new ones for trying out.
//!
//! Who may take part is pinned by the SHA-256 of certificates in the document of the federation ([`super::wire::tls`]), so a certificate signs itself: there is no
//! authority whose word would count, and none to be lost. The key of a site is made at the site and does not leave it; what it tells the others is the SHA-256.

use std::sync::Arc;

use rustls::{ClientConfig, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use super::digest::Digest;
use super::federation::Federation;
use super::identity::{Identity, IdentityError};
use super::wire::tls;

/// Why certificate or key are of no use.
#[derive(Debug, Error)]
pub enum CredentialsError {
    /// The text of the certificate.
    #[error("the certificate cannot be read: {reason}; it has to be PEM, from \"-----BEGIN CERTIFICATE-----\" on")]
    Certificate {
        /// What is wrong.
        reason: String,
    },
    /// The text of the key.
    #[error("the private key cannot be read: {reason}; it has to be PEM and not encrypted, from \"-----BEGIN PRIVATE KEY-----\" on")]
    Key {
        /// What is wrong.
        reason: String,
    },
    /// They are not of one pair, or of a kind that does not sign.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// TLS does not take them.
    #[error("certificate or private key cannot be used for TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// No key pair could be made.
    #[error("no key and certificate could be made: {reason}")]
    Make {
        /// What is wrong.
        reason: String,
    },
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Credentials {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// A new pair as texts.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPair {
    /// The certificate, which everybody may see.
    pub certificate_pem: String,
    /// The private key: only its owner may read the file.
    pub key_pem: String,
}

/// A new Ed25519 key with a certificate of its own.
///
/// # Errors
///
/// `Make` for a name that no certificate can hold.
pub fn make(name: &str) -> Result<NewPair, CredentialsError> {
    let error = |e: rcgen::Error| CredentialsError::Make { reason: e.to_string() };
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(error)?;
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).map_err(error)?;
    parameters.distinguished_name.push(rcgen::DnType::CommonName, name);
    let certificate = parameters.self_signed(&key).map_err(error)?;
    Ok(NewPair { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
}

impl Credentials {
    /// From PEM; of several certificates the first counts.
    ///
    /// # Errors
    ///
    /// `Certificate`, `Key`; `Identity` when they are not a pair.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, CredentialsError> {
        let certificate =
            CertificateDer::from_pem_slice(certificate).map_err(|e| CredentialsError::Certificate { reason: e.to_string() })?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|e| CredentialsError::Key { reason: e.to_string() })?;
        Identity::new(&certificate, &key)?;
        Ok(Self { certificate, key })
    }

    /// SHA-256 of the certificate, as it stands in the document of a federation.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.certificate)
    }

    /// What a site signs with.
    ///
    /// # Errors
    ///
    /// `Identity`.
    pub fn identity(&self) -> Result<Identity, CredentialsError> {
        Ok(Identity::new(&self.certificate, &self.key)?)
    }

    /// The coordinator's end of the wire.
    ///
    /// # Errors
    ///
    /// `Tls`.
    pub fn server(&self, federation: &Federation) -> Result<Arc<ServerConfig>, CredentialsError> {
        Ok(tls::server(federation, self.certificate.clone(), self.key.clone_key())?)
    }

    /// A site's end of the wire.
    ///
    /// # Errors
    ///
    /// `Tls`.
    pub fn client(&self, federation: &Federation) -> Result<Arc<ClientConfig>, CredentialsError> {
        Ok(tls::client(federation, self.certificate.clone(), self.key.clone_key())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pair_is_read_back_and_mixed_ones_are_refused() {
        let (a, b) = (make("substation north").unwrap(), make("coordinator").unwrap());
        let read = |certificate: &str, key: &str| Credentials::from_pem(certificate.as_bytes(), key.as_bytes());
        let credentials = read(&a.certificate_pem, &a.key_pem).unwrap();
        assert_eq!(credentials.digest(), credentials.identity().unwrap().digest());
        assert_ne!(credentials.digest(), read(&b.certificate_pem, &b.key_pem).unwrap().digest());
        assert!(matches!(read(&a.certificate_pem, &b.key_pem), Err(CredentialsError::Identity(_))));
        assert!(matches!(read("nothing", &a.key_pem), Err(CredentialsError::Certificate { .. })));
        assert!(matches!(read(&a.certificate_pem, "nothing"), Err(CredentialsError::Key { .. })));
        assert!(matches!(read(&a.certificate_pem, &a.certificate_pem), Err(CredentialsError::Key { .. })));
        assert!(a.key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}
