//! # TLS towards Home Assistant
//!
//! The system's authorities, or the one of `homeassistant.ca_file` alone.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_tungstenite::Connector;

use super::HaError;

/// `None`: the library's own choice, which is the system's authorities for `wss` and nothing for `ws`.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<Option<Connector>, HaError> {
    let Some(path) = ca_file else { return Ok(None) };
    let fault = |why: String| HaError::Authority { path: path.to_owned(), why };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| fault(e.to_string()))? {
        let certificate = certificate.map_err(|e| fault(e.to_string()))?;
        roots.add(certificate).map_err(|e| fault(e.to_string()))?;
    }
    if roots.is_empty() {
        return Err(fault("no certificate in it".into()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| fault(e.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(Connector::Rustls(Arc::new(config))))
}
