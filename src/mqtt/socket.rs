//! # The way to the broker: TCP, TLS, websocket
//!
//! Opened here and not by the MQTT crate, so that each failure has its own name and its own
//! advice.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_tungstenite::tungstenite::{client::IntoClientRequest, http::HeaderValue};

use super::{
    MqttError,
    account::{Account, Place, Scheme},
    tls,
    websocket::Bytes,
};

// One address of a host; the next is tried after it.
const CONNECT_MAX: Duration = Duration::from_secs(5);
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}
pub(super) type Socket = Box<dyn Duplex>;

/// Opens the way for MQTT packets.
pub(super) async fn open(account: &Account) -> Result<Socket, MqttError> {
    let place = &account.place;
    let tcp = dial(place).await?;
    let plain: Socket = if place.scheme.is_tls() { Box::new(secured(tcp, account).await?) } else { Box::new(tcp) };
    if !matches!(place.scheme, Scheme::Ws | Scheme::Wss) {
        return Ok(plain);
    }
    let protocol = |why: String| MqttError::Protocol { broker: place.to_string(), why };
    let mut request = format!("{}{}", place, place.path).into_client_request().map_err(|e| protocol(e.to_string()))?;
    // MQTT 5 §6.0: the subprotocol is `mqtt`.
    request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("mqtt"));
    let shaken = timeout(HANDSHAKE_MAX, tokio_tungstenite::client_async(request, plain)).await;
    match shaken {
        Err(_) => Err(MqttError::Silent { broker: place.to_string() }),
        Ok(Err(error)) => Err(protocol(error.to_string())),
        Ok(Ok((stream, _))) => Ok(Box::new(Bytes::new(stream))),
    }
}

async fn dial(place: &Place) -> Result<TcpStream, MqttError> {
    let addresses: Vec<SocketAddr> = lookup_host((place.host.as_str(), place.port))
        .await
        .map_err(|_| MqttError::HostNotFound { host: place.host.clone() })?
        .collect();
    let mut last = MqttError::HostNotFound { host: place.host.clone() };
    for address in addresses {
        last = match timeout(CONNECT_MAX, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Presence must not wait for a full segment.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                MqttError::NothingListens { broker: place.to_string() }
            }
            Ok(Err(error)) => MqttError::Unreachable { broker: place.to_string(), why: error.to_string() },
            Err(_) => MqttError::Silent { broker: place.to_string() },
        };
    }
    Err(last)
}

async fn secured(
    tcp: TcpStream,
    account: &Account,
) -> Result<rumqttc::tokio_rustls::client::TlsStream<TcpStream>, MqttError> {
    let place = &account.place;
    let files = account.tls.clone();
    let config = tokio::task::spawn_blocking(move || tls::client_config(&files))
        .await
        .map_err(|error| MqttError::Setting(format!("TLS cannot be used: {error}")))??;
    let name = rustls::pki_types::ServerName::try_from(place.host.clone())
        .map_err(|_| MqttError::Setting(format!("`{}` is no name a certificate can be for", place.host)))?;
    let connector = rumqttc::tokio_rustls::TlsConnector::from(Arc::clone(&config));
    match timeout(HANDSHAKE_MAX, connector.connect(name, tcp)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(named(&error, place)),
        Err(_) => Err(MqttError::Silent { broker: place.to_string() }),
    }
}

/// The I/O error at the bottom of what the MQTT crates report; they wrap it in several ways.
pub(super) fn io_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return Some(found);
        }
        at = error.source();
    }
    None
}

/// The name of an I/O error on an open way. TLS 1.3 refuses our certificate only after the
/// handshake, so such errors come from reads too.
pub(super) fn named(error: &io::Error, place: &Place) -> MqttError {
    use rustls::AlertDescription as Alert;
    let broker = place.to_string();
    if let Some(known) = error.get_ref().and_then(|inner| inner.downcast_ref::<MqttError>()) {
        return known.clone();
    }
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            return MqttError::NotTrusted { broker, why: format!("{why:?}") };
        }
        Some(rustls::Error::AlertReceived(
            alert @ (Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::HandshakeFailure
            | Alert::DecryptError),
        )) => return MqttError::CertificateWanted { broker, why: format!("{alert:?}") },
        Some(other) => return MqttError::Protocol { broker, why: other.to_string() },
        None => {}
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => MqttError::NothingListens { broker },
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => MqttError::Closed { broker },
        io::ErrorKind::TimedOut => MqttError::Silent { broker },
        io::ErrorKind::InvalidData | io::ErrorKind::Other => MqttError::Protocol { broker, why: error.to_string() },
        _ => MqttError::Unreachable { broker, why: error.to_string() },
    }
}
