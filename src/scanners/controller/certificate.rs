//! # Whose certificate is good
//!
//! The authorities of the system or of one file, or one certificate by its fingerprint. What was refused is
//! remembered, so that a person can be told which it was.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest, Sha256};

type Print = [u8; 32];

/// `AB:CD:…` or `abcd…`.
pub fn fingerprint(text: &str) -> Option<Print> {
    let digits: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut print = [0; 32];
    for (n, byte) in print.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(print)
}

/// Decides on the certificates of one peer.
#[derive(Debug)]
pub struct Keeper {
    provider: Arc<CryptoProvider>,
    pin: Option<Print>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
    refused: Mutex<Option<Print>>,
}

impl Keeper {
    /// `secure`: certificates will be seen, so authorities are needed. Blocking.
    pub fn new(pin: Option<Print>, ca_file: Option<&Path>, secure: bool) -> Result<Keeper, String> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        if let Some(path) = ca_file {
            let fault = |why: String| format!("ca_file {}: {why}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).map_err(|error| fault(error.to_string()))? {
                let certificate = certificate.map_err(|error| fault(error.to_string()))?;
                roots.add(certificate).map_err(|error| fault(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(fault("no certificate in it".into()));
            }
        } else if secure && pin.is_none() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        let authorities = (!roots.is_empty())
            .then(|| WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build());
        let authorities = authorities.transpose().map_err(|error| error.to_string())?;
        Ok(Keeper { provider, pin, authorities, refused: Mutex::default() })
    }

    pub fn config(keeper: &Arc<Keeper>) -> Result<ClientConfig, String> {
        let config = ClientConfig::builder_with_provider(Arc::clone(&keeper.provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Keeper>::clone(keeper);
        Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }

    pub const fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }

    /// The fingerprint of what was refused since the last call.
    pub fn refused(&self) -> Option<String> {
        let print = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(print.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"))
    }

    fn refuse(&self, print: Print) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(print);
    }
}

impl ServerCertVerifier for Keeper {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let print: Print = Sha256::digest(end_entity.as_ref()).into();
        if self.pin == Some(print) {
            return Ok(ServerCertVerified::assertion());
        }
        let unknown = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let checked = match &self.authorities {
            Some(authorities) => authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp, now),
            None => Err(unknown),
        };
        checked.inspect_err(|_| self.refuse(print))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
