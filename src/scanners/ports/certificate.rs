//! # The certificate of a TLS port
//!
//! Devices at home sign for themselves, so there is nothing to verify: the certificate is read for its names, as a
//! banner is. No secret is ever sent over such a connection.

use std::{
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

use crate::model::clean_text;

/// Names kept of one certificate; some hold hundreds.
const NAMES_MAX: usize = 4;
const NAME_BYTES_MAX: usize = 40;

/// Keeps the certificate that was shown, even if the handshake fails after it.
#[derive(Debug)]
pub struct Reader {
    shown: Mutex<Option<Vec<u8>>>,
    provider: CryptoProvider,
}

impl Reader {
    #[must_use]
    pub fn new() -> Arc<Reader> {
        Arc::new(Reader { shown: Mutex::new(None), provider: ring::default_provider() })
    }

    /// The first handshake over `stream`. `None`: it is no TLS, or none that is spoken here.
    pub async fn greet(self: &Arc<Reader>, ip: IpAddr, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        let provider = Arc::new(self.provider.clone());
        let verifier: Arc<dyn ServerCertVerifier> = Arc::<Reader>::clone(self);
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .ok()?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config)).connect(ServerName::IpAddress(ip.into()), stream).await.ok()
    }

    /// What was shown, in words.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        words(self.shown.lock().unwrap_or_else(PoisonError::into_inner).as_deref()?)
    }
}

impl ServerCertVerifier for Reader {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// `fritz.box, AVM, until 2038-01-15`: subject, organisation, other names, and the end. `None`: no certificate.
#[must_use]
pub fn words(der: &[u8]) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let subject = certificate.subject();
    let common = subject.iter_common_name().filter_map(|name| name.as_str().ok()).map(ToOwned::to_owned);
    let maker = subject.iter_organization().filter_map(|name| name.as_str().ok()).map(ToOwned::to_owned);
    let others = certificate.subject_alternative_name().ok().flatten();
    let others = others.iter().flat_map(|extension| &extension.value.general_names).filter_map(general);
    let mut names: Vec<String> = Vec::new();
    for name in common.chain(maker).chain(others) {
        let name = clean_text(&name, NAME_BYTES_MAX);
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
        if names.len() == NAMES_MAX {
            break;
        }
    }
    let until = jiff::Timestamp::from_second(certificate.validity().not_after.timestamp()).ok();
    if let Some(until) = until {
        names.push(format!("until {}", until.strftime("%F")));
    }
    (!names.is_empty()).then(|| names.join(", "))
}

fn general(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let ip = v4.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok()?;
            Some(ip.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn certificate(common: &str, names: &[&str]) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, common);
        params.distinguished_name.push(rcgen::DnType::OrganizationName, "Maker");
        params.not_after = rcgen::date_time_ymd(2031, 5, 17);
        params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_gives_its_names_and_its_end() {
        let cases: &[(&str, &[&str], &str)] = &[
            ("nas.home", &["nas.home", "10.0.0.4"], "nas.home, Maker, 10.0.0.4, until 2031-05-17"),
            ("", &["a.b"], "Maker, a.b, until 2031-05-17"),
            ("x\u{1b}[2Jy", &[], "x [2Jy, Maker, until 2031-05-17"),
            ("c", &["d", "e", "f", "g", "h"], "c, Maker, d, e, until 2031-05-17"),
        ];
        for (common, names, expected) in cases {
            assert_eq!(words(&certificate(common, names)).as_deref(), Some(*expected));
        }
        assert!(words(&certificate(&"x".repeat(64), &[])).is_some_and(|text| text.len() < 80));
    }

    proptest! {
        #[test]
        fn garbage_is_no_certificate(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0usize..400, byte: u8) {
            let _any = words(&bytes);
            let mut bent = certificate("nas.home", &["a.b"]);
            let at = at % bent.len();
            bent[at] = byte;
            if let Some(text) = words(&bent) {
                prop_assert!(text.len() < 250 && !text.chars().any(char::is_control), "{text:?}");
            }
        }
    }
}
