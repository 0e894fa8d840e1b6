//! # Certificates and keys that the settings name

use std::{io, path::Path};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};

use super::{Check, Here};

/// One check a file.
pub fn files(here: &Here<'_>) -> Vec<Check> {
    let (mqtt, ha) = (&here.settings.mqtt, &here.settings.homeassistant);
    let mut checks = Vec::new();
    for (key, path) in [
        ("mqtt.ca_file", &mqtt.ca_file),
        ("mqtt.client_cert_file", &mqtt.client_cert_file),
        ("homeassistant.ca_file", &ha.ca_file),
    ] {
        checks.extend(path.as_deref().map(|path| certificates(key, path)));
    }
    checks.extend(mqtt.client_key_file.as_deref().map(|path| key("mqtt.client_key_file", path)));
    if let (Some(cert), Some(key)) = (&mqtt.client_cert_file, &mqtt.client_key_file)
        && checks.iter().all(|check| check.ok)
    {
        checks.push(pair(cert, key));
    }
    checks
}

fn certificates(key: &str, path: &Path) -> Check {
    if let Err(check) = readable(key, path) {
        return check;
    }
    let found = CertificateDer::pem_file_iter(path).map(|all| all.collect::<Result<Vec<_>, _>>());
    match found {
        Ok(Ok(all)) if !all.is_empty() => {
            let count = if all.len() == 1 { "1 certificate".into() } else { format!("{} certificates", all.len()) };
            Check::well(key, format!("{} holds {count}", path.display()))
        }
        _ => Check::fails(
            key,
            format!("{} holds no certificate in PEM form", path.display()),
            "openssl x509 -in FILE -out FILE.pem",
        ),
    }
}

fn key(key: &str, path: &Path) -> Check {
    if let Err(check) = readable(key, path) {
        return check;
    }
    match PrivateKeyDer::from_pem_file(path) {
        Ok(_) => Check::well(key, format!("{} holds a key", path.display())),
        Err(_) => {
            let found = format!("{} holds no key in PEM form without a pass phrase", path.display());
            Check::fails(key, found, "openssl pkey -in FILE -out FILE.pem")
        }
    }
}

/// The key is that of the certificate.
fn pair(cert: &Path, key: &Path) -> Check {
    let name = "client certificate";
    let certs = CertificateDer::pem_file_iter(cert).ok().and_then(|all| all.collect::<Result<Vec<_>, _>>().ok());
    let (Some(certs), Ok(key)) = (certs, PrivateKeyDer::from_pem_file(key)) else {
        return Check::fails(name, "could not be read again", "porchlight doctor, once more");
    };
    let provider = rustls::crypto::ring::default_provider();
    match rustls::sign::CertifiedKey::from_der(certs, key, &provider) {
        Ok(_) => Check::well(name, "fits its key"),
        Err(_) => {
            Check::fails(name, "does not fit its key", "set mqtt.client_cert_file and mqtt.client_key_file of one pair")
        }
    }
}

fn readable(key: &str, path: &Path) -> Result<(), Check> {
    let told = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Check::fails(key, format!("no file {}", path.display()), format!("set {key}")),
        io::ErrorKind::PermissionDenied => {
            let mend = format!("chown it to the user that runs porchlight, chmod 600 {}", path.display());
            Check::fails(key, format!("may not read {}", path.display()), mend)
        }
        _ => Check::fails(key, format!("cannot read {}: {error}", path.display()), format!("set {key}")),
    };
    std::fs::File::open(path).map(|_| ()).map_err(told)
}
