//! # The broker that would be chosen, and whether it lets us in
//!
//! The same order as the daemon: the settings', the Supervisor's, one on this machine, the own.
//! Plain TCP and TLS are followed by an MQTT CONNECT, so that a wrong password shows here.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs as _},
    sync::Arc,
    time::Duration,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use serde_json::Value as Json;

use super::{Check, Here};
use crate::{model::Secret, mqtt, settings::secret};

const PATIENCE: Duration = Duration::from_secs(3);

/// Found by knocking, not named by anybody.
const LOCAL: &str = "on this machine";
/// Where the own broker keeps its passwords, in the state folder.
const OWN_KEYS: &str = "broker.json";

/// Where to, and as whom.
struct Target {
    /// Which broker this is.
    chosen: &'static str,
    scheme: String,
    host: String,
    port: u16,
    username: Option<String>,
    password: Option<Secret>,
}

pub async fn check(here: &Here<'_>) -> Check {
    let target = match choose(here).await {
        Ok(Some(target)) => target,
        Ok(None) => return own(here),
        Err(check) => return check,
    };
    let name = format!("broker {}://{}:{}", target.scheme, target.host, target.port);
    let local = target.chosen == LOCAL;
    let settings = here.settings.mqtt.clone();
    let started = tokio::time::Instant::now();
    let chosen = target.chosen;
    let tried = tokio::task::spawn_blocking(move || connect(&target, &settings)).await;
    match tried {
        Ok(Ok(found)) => Check::well(name, format!("{found} in {} ms ({chosen})", started.elapsed().as_millis())),
        // One that does not take us is passed over by the daemon; it may be the own broker of one that runs.
        Ok(Err(_)) if local => own(here),
        Ok(Err((found, mend))) => Check::fails(name, format!("{found} ({chosen})"), mend),
        Err(_) => Check::fails(name, "the check itself broke", "porchlight doctor, once more"),
    }
}

async fn choose(here: &Here<'_>) -> Result<Option<Target>, Check> {
    let settings = &here.settings.mqtt;
    let found = secret::password(settings, here.credentials.as_deref()).map_err(|error| {
        Check::fails("broker", error.to_string(), error.advice().unwrap_or("set mqtt.password_file"))
    })?;
    let password = found.map(|found| found.secret);
    if let Some(text) = &settings.url {
        let url = url::Url::parse(text)
            .map_err(|error| Check::fails("broker", format!("mqtt.url: {error}"), "set mqtt.url"))?;
        let scheme = url.scheme().to_owned();
        let usual = match scheme.as_str() {
            "mqtts" => 8883,
            "ws" => 80,
            "wss" => 443,
            _ => 1883,
        };
        return Ok(Some(Target {
            chosen: "mqtt.url",
            host: url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(usual),
            scheme,
            username: settings.username.clone(),
            password,
        }));
    }
    if let Some((url, token)) = &here.supervisor
        && let Some(target) = supervisor(url, token).await
    {
        return Ok(Some(target));
    }
    let local = SocketAddr::from(([127, 0, 0, 1], 1883));
    let listens =
        tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(local)).await.is_ok_and(|tried| tried.is_ok());
    Ok(listens.then(|| Target {
        chosen: LOCAL,
        scheme: "mqtt".into(),
        host: "127.0.0.1".into(),
        port: 1883,
        username: settings.username.clone(),
        password,
    }))
}

/// What the Supervisor offers under `/services/mqtt`.
async fn supervisor(url: &str, token: &str) -> Option<Target> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().ok()?;
    let answer = client.get(format!("{url}/services/mqtt")).bearer_auth(token).send().await.ok()?;
    let json: Json = answer.error_for_status().ok()?.json().await.ok()?;
    let data = json.get("data")?;
    let text = |key: &str| data.get(key).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Target {
        chosen: "the Supervisor's",
        scheme: if data.get("ssl").and_then(Json::as_bool) == Some(true) { "mqtts" } else { "mqtt" }.into(),
        host: text("host")?,
        port: data.get("port").and_then(Json::as_u64).and_then(|port| u16::try_from(port).ok())?,
        username: text("username"),
        password: text("password").map(Secret::new),
    })
}

/// The own broker: it runs already, or its port must be free.
fn own(here: &Here<'_>) -> Check {
    let broker = &here.settings.mqtt.broker;
    if !broker.enabled {
        return Check::fails("broker", "none is set, found or allowed", "set mqtt.url, or mqtt.broker.enabled: true");
    }
    let host = if broker.lan { IpAddr::from([0, 0, 0, 0]) } else { IpAddr::from([127, 0, 0, 1]) };
    let name = format!("broker mqtt://{host}:{}", broker.port);
    let keys = here.state_dir.as_ref().map(|folder| folder.join(OWN_KEYS)).filter(|keys| keys.exists());
    let reached = if broker.lan { "from the network" } else { "from this machine only (mqtt.broker.lan)" };
    match (std::net::TcpListener::bind((host, broker.port)), keys) {
        (Ok(_), _) => Check::well(name, format!("none found, so the own one will run, reached {reached}")),
        (Err(_), Some(keys)) => {
            let found =
                format!("the own one runs, reached {reached}; Home Assistant's password is in {}", keys.display());
            Check::well(name, found)
        }
        (Err(error), None) => Check::fails(
            name,
            format!("one on this machine does not take us, and the own cannot listen: {error}"),
            "set mqtt.url, mqtt.username and mqtt.password_file, or mqtt.broker.port",
        ),
    }
}

type Found = Result<String, (String, String)>;

fn connect(target: &Target, settings: &mqtt::Settings) -> Found {
    let unreachable =
        |why: &dyn std::fmt::Display| (format!("not reachable: {why}"), "start the broker, or set mqtt.url".to_owned());
    let addresses = (target.host.as_str(), target.port).to_socket_addrs().map_err(|error| unreachable(&error))?;
    let mut last = io::Error::other("the name has no address");
    let mut stream = None;
    for address in addresses.take(4) {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(open) => {
                stream = Some(open);
                break;
            }
            Err(error) => last = error,
        }
    }
    let mut stream = stream.ok_or_else(|| unreachable(&last))?;
    let patience = stream.set_read_timeout(Some(PATIENCE)).and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
    patience.map_err(|error| unreachable(&error))?;
    match target.scheme.as_str() {
        "mqtt" => greet(&mut stream, target),
        "mqtts" => {
            let mut tls = tls(target, settings, stream)?;
            greet(&mut tls, target)
        }
        _ => Ok("port is open (WebSocket is tried only when running)".into()),
    }
}

type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

fn tls(target: &Target, settings: &mqtt::Settings, stream: TcpStream) -> Result<Tls, (String, String)> {
    let wrong =
        |what: String| (what, "set mqtt.ca_file to the authority that signed the broker's certificate".to_owned());
    let mut roots = rustls::RootCertStore::empty();
    match &settings.ca_file {
        Some(path) => {
            let certs =
                CertificateDer::pem_file_iter(path).map_err(|_| wrong(format!("cannot read {}", path.display())))?;
            roots.add_parsable_certificates(certs.filter_map(Result::ok));
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let config = rustls::ClientConfig::builder().with_root_certificates(roots);
    let client = settings.client_cert_file.as_ref().zip(settings.client_key_file.as_ref());
    let config = match client {
        Some((cert, key)) => {
            let certs = CertificateDer::pem_file_iter(cert).map(|all| all.filter_map(Result::ok).collect::<Vec<_>>());
            let key = PrivateKeyDer::from_pem_file(key);
            match (certs, key) {
                (Ok(certs), Ok(key)) => {
                    config.with_client_auth_cert(certs, key).map_err(|error| wrong(error.to_string()))?
                }
                _ => return Err(("cannot read the client certificate".into(), "set mqtt.client_cert_file".into())),
            }
        }
        None => config.with_no_client_auth(),
    };
    let name = ServerName::try_from(target.host.clone()).map_err(|error| wrong(error.to_string()))?;
    let connection = rustls::ClientConnection::new(Arc::new(config), name).map_err(|error| wrong(error.to_string()))?;
    let mut tls = rustls::StreamOwned::new(connection, stream);
    tls.conn.complete_io(&mut tls.sock).map_err(|error| wrong(format!("TLS failed: {error}")))?;
    Ok(tls)
}

/// CONNECT of MQTT 5, then of 3.1.1 if the broker is that old.
fn greet(stream: &mut (impl Read + Write), target: &Target) -> Found {
    let talk =
        |error: io::Error| (format!("no MQTT answer: {error}"), "is that port a broker's? set mqtt.url".to_owned());
    stream.write_all(&packet(5, target)).map_err(talk)?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).map_err(talk)?;
    // CONNACK is 0x20, length, flags, reason (MQTT 5 §3.2); a length below 128 is one byte.
    let [kind, _, _, reason] = head;
    let rights = "set mqtt.username and mqtt.password_file".to_owned();
    match (kind, reason) {
        (0x20, 0) => {
            // DISCONNECT (§3.14): a polite end fires no will and leaves no error in the broker's log.
            let _ = stream.write_all(&[0xe0, 0]);
            Ok("connected, MQTT 5".into())
        }
        (0x20, 0x86) => Err(("refuses user name or password".into(), rights)),
        (0x20, 0x87 | 5) => Err(("does not allow us in".into(), rights)),
        (0x20, 0x84 | 1) => Ok("answers, speaks MQTT 3.1.1 only".into()),
        (0x20, code) => Err((format!("refuses with code {code:#04x}"), "look at the broker's own log".into())),
        _ => Err(("answers, but not in MQTT".into(), "set mqtt.url".into())),
    }
}

/// MQTT 5 §3.1: protocol name, version, flags, keep alive, no properties, client id, user, password.
fn packet(version: u8, target: &Target) -> Vec<u8> {
    let mut flags = 0b10; // clean start
    let mut body = Vec::new();
    let mut tail = Vec::new();
    let field = |to: &mut Vec<u8>, bytes: &[u8]| {
        let length = bytes.len().min(usize::from(u16::MAX));
        to.extend_from_slice(&(length as u16).to_be_bytes());
        to.extend_from_slice(bytes.get(..length).unwrap_or_default());
    };
    field(&mut tail, format!("porchlight-doctor-{}", std::process::id()).as_bytes());
    if let Some(username) = &target.username {
        flags |= 0x80;
        field(&mut tail, username.as_bytes());
    }
    if let Some(password) = &target.password {
        flags |= 0x40;
        field(&mut tail, password.expose().as_bytes());
    }
    field(&mut body, b"MQTT");
    body.extend_from_slice(&[version, flags, 0, 10, 0]);
    body.extend_from_slice(&tail);
    let mut out = vec![0x10];
    // Variable byte integer (§1.5.5).
    let mut length = body.len();
    loop {
        let digit = (length % 128) as u8;
        length /= 128;
        out.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    out.extend_from_slice(&body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that says what it is told and keeps what it hears.
    struct Script {
        says: io::Cursor<Vec<u8>>,
        heard: Vec<u8>,
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.says.read(buffer)
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn target() -> Target {
        Target {
            chosen: "test",
            scheme: "mqtt".into(),
            host: "h".into(),
            port: 1883,
            username: Some("anna".into()),
            password: Some(Secret::new("s".repeat(200))),
        }
    }

    #[test]
    fn each_answer_of_a_broker_is_understood() {
        let cases: &[(&[u8], Result<&str, &str>)] = &[
            (&[0x20, 3, 0, 0, 0], Ok("connected, MQTT 5")),
            (&[0x20, 3, 0, 0x86, 0], Err("refuses user name or password")),
            (&[0x20, 3, 0, 0x87, 0], Err("does not allow us in")),
            (&[0x20, 2, 0, 1], Ok("answers, speaks MQTT 3.1.1 only")),
            (&[0x20, 3, 0, 0x97, 0], Err("refuses with code 0x97")),
            (b"HTTP/1.1 400", Err("answers, but not in MQTT")),
            (&[0x20], Err("no MQTT answer: failed to fill whole buffer")),
        ];
        for (says, expected) in cases {
            let mut script = Script { says: io::Cursor::new(says.to_vec()), heard: Vec::new() };
            let found = greet(&mut script, &target());
            assert_eq!(found.as_ref().map(String::as_str).map_err(|(what, _)| what.as_str()), *expected, "{says:?}");
        }
    }

    #[test]
    fn the_packet_says_its_own_length() {
        let packet = packet(5, &target());
        assert_eq!(packet[0], 0x10);
        let length = usize::from(packet[1] & 0x7f) + usize::from(packet[2]) * 128;
        assert_eq!((packet[1] & 0x80, packet.len() - 3), (0x80, length));
        assert_eq!(&packet[3..9], b"\0\x04MQTT");
    }
}
