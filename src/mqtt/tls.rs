//! # Whom we trust
//!
//! The own authority if one is named, else the system's. A client certificate if one is named.
//! Files are read at each connect: certificates are renewed while we run.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{MqttError, account::TlsFiles};

/// The TLS side of an account, from its files as they are now. Blocking.
pub(super) fn client_config(files: &TlsFiles) -> Result<Arc<ClientConfig>, MqttError> {
    let mut roots = RootCertStore::empty();
    match &files.ca {
        Some(path) => {
            for certificate in certificates(path)? {
                roots.add(certificate).map_err(|error| unusable(path, &error))?;
            }
        }
        None => {
            // One bad file in the system's folder does not cost us the rest.
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                return Err(MqttError::Setting(
                    "this system has no certificate authorities: install ca-certificates or set mqtt.ca_file".into(),
                ));
            }
        }
    }
    // Named here, not taken from the process: then it works before and after anybody installed one.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| MqttError::Setting(format!("TLS cannot be used: {error}")))?
        .with_root_certificates(roots);
    let config = match &files.client {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
            config.with_client_auth_cert(chain, secret).map_err(|error| unusable(key, &error))?
        }
    };
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, MqttError> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(path, &error))?;
    if chain.is_empty() { Err(unusable(path, &"no certificate in it")) } else { Ok(chain) }
}

fn unusable(path: &Path, why: &dyn std::fmt::Display) -> MqttError {
    MqttError::File { path: path.to_owned(), why: why.to_string() }
}
