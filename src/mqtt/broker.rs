//! # The own broker
//!
//! For homes that have none: a broker inside this program. It keeps everything in memory, because
//! the whole state is published again at each start. Nobody enters without one of the two
//! generated passwords, also from this machine. It listens to this machine only, unless
//! `mqtt.broker.lan` says otherwise.

use std::{
    fs,
    io::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use mqtt5::broker::{
    BrokerConfig, BrokerShutdownHandle, MqttBroker,
    config::{StorageBackend, StorageConfig},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::JoinHandle;

use super::{Account, Broker as Settings, MqttError, Password, Place};

mod doorman;

/// File in the state directory that holds the passwords.
pub const FILE: &str = "broker.json";
/// The user Home Assistant gets.
pub const HOME_ASSISTANT: &str = "homeassistant";
const OURSELVES: &str = "porchlight";

// If the wished port is taken, so many after it are tried.
const PORTS_TRIED: u16 = 20;
// A home has one Home Assistant and a handful of sensors.
const CLIENTS_MAX: usize = 64;
const PACKET_BYTES_MAX: usize = 1 << 20;
const RETAINED_MAX: usize = 20_000;
const SUBSCRIPTIONS_MAX: usize = 1_000;
const QUEUED_MAX: usize = 2_000;
const QUEUED_BYTES_MAX: usize = 4 << 20;
const SESSION_MAX: Duration = Duration::from_secs(3_600);
const STOP_MAX: Duration = Duration::from_secs(2);

/// The two passwords. Never shown by `Debug`.
#[derive(Debug, Clone)]
pub struct Keys {
    ourselves: SecretString,
    home_assistant: SecretString,
}

impl Keys {
    /// Those in `state_dir`, drawn at the first call. Blocking.
    pub fn load(state_dir: &Path) -> Result<Keys, MqttError> {
        let path = state_dir.join(FILE);
        match fs::read_to_string(&path) {
            Ok(text) => {
                // Somebody may have copied the file with wider rights.
                let _ = fs::set_permissions(&path, fs::Permissions::from_mode(0o600));
                Keys::read(&text).ok_or_else(|| MqttError::OwnBroker {
                    why: format!("{} is damaged; delete it, and give Home Assistant the new password", path.display()),
                })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let keys = Keys::draw()?;
                keys.save(&path).map_err(|error| MqttError::File { path, why: error.to_string() })?;
                Ok(keys)
            }
            Err(error) => Err(MqttError::File { path, why: error.to_string() }),
        }
    }

    /// For the dialog of Home Assistant. Print it on a terminal, never into a log.
    #[must_use]
    pub fn home_assistant(&self) -> &SecretString {
        &self.home_assistant
    }

    fn read(text: &str) -> Option<Keys> {
        let file: serde_json::Value = serde_json::from_str(text).ok()?;
        let password = |user: &str| {
            let text = file.get(user)?.get("password")?.as_str()?;
            (text.len() >= 8).then(|| SecretString::from(text.to_owned()))
        };
        Some(Keys { ourselves: password(OURSELVES)?, home_assistant: password(HOME_ASSISTANT)? })
    }

    fn draw() -> Result<Keys, MqttError> {
        Ok(Keys { ourselves: drawn_password()?, home_assistant: drawn_password()? })
    }

    // Through a second file: after a power cut there is the whole file or none.
    fn save(&self, path: &Path) -> std::io::Result<()> {
        let text = serde_json::json!({
            OURSELVES: {"password": self.ourselves.expose_secret()},
            HOME_ASSISTANT: {"password": self.home_assistant.expose_secret()},
        });
        let fresh = path.with_extension("json.new");
        if let Err(error) = fs::remove_file(&fresh)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        writeln!(file, "{text:#}")?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    }
}

// 24 characters of 5 bits: 120 bits, without the digits and letters people mix up.
fn drawn_password() -> Result<SecretString, MqttError> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mut chance = [0u8; 24];
    getrandom::fill(&mut chance)
        .map_err(|error| MqttError::OwnBroker { why: format!("no randomness for its passwords: {error}") })?;
    let letters = chance.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 31)));
    Ok(SecretString::from(letters.map(|letter| char::from(*letter)).collect::<String>()))
}

/// A running broker. Dropping it stops it.
pub struct OwnBroker {
    keys: Keys,
    port: u16,
    lan: bool,
    /// The wished port, when another program has it.
    taken: Option<u16>,
    state_dir: PathBuf,
    stop: BrokerShutdownHandle,
    task: JoinHandle<()>,
}

impl OwnBroker {
    /// Starts it on the wished port or one of the next.
    pub async fn start(settings: &Settings, state_dir: &Path) -> Result<OwnBroker, MqttError> {
        let folder = state_dir.to_owned();
        let keys = tokio::task::spawn_blocking(move || Keys::load(&folder))
            .await
            .map_err(|error| MqttError::OwnBroker { why: error.to_string() })??;
        let hosts = hosts(settings.lan);
        let port = free_port(settings.port, &hosts).await?;
        let mut config = BrokerConfig {
            bind_addresses: hosts.into_iter().map(|host| SocketAddr::new(host, port)).collect(),
            max_clients: CLIENTS_MAX,
            session_expiry_interval: SESSION_MAX,
            max_packet_size: PACKET_BYTES_MAX,
            max_subscriptions_per_client: SUBSCRIPTIONS_MAX,
            max_retained_messages: RETAINED_MAX,
            max_retained_message_size: PACKET_BYTES_MAX,
            sys_topics_enabled: false,
            storage_config: StorageConfig::default()
                .with_backend(StorageBackend::Memory)
                .with_persistence(false)
                .with_max_queued_messages_per_client(QUEUED_MAX)
                .with_max_queued_bytes_per_client(QUEUED_BYTES_MAX),
            ..BrokerConfig::default()
        };
        // Said of the crate's own doormen, one of which it would then want a file for. Ours, which
        // replaces them below, lets nobody in without a password.
        config.auth_config.allow_anonymous = true;
        let failed = |error: mqtt5::MqttError| MqttError::OwnBroker { why: error.to_string() };
        let doorman = doorman::Doorman::new([(OURSELVES, &keys.ourselves), (HOME_ASSISTANT, &keys.home_assistant)]);
        let mut broker = MqttBroker::with_config(config).await.map_err(failed)?.with_auth_provider(Arc::new(doorman));
        let stop = broker.shutdown_handle();
        let mut ready = broker.ready_receiver();
        let task = tokio::spawn(async move {
            if let Err(error) = broker.run().await {
                tracing::warn!(%error, "the own broker ended");
            }
        });
        let is_ready = ready.wait_for(|ready| *ready).await.is_ok();
        if !is_ready {
            return Err(MqttError::OwnBroker { why: "it ended at once".into() });
        }
        let taken = (port != settings.port).then_some(settings.port);
        Ok(OwnBroker { keys, port, lan: settings.lan, taken, state_dir: state_dir.to_owned(), stop, task })
    }

    /// Our own account there.
    #[must_use]
    pub fn account(&self) -> Account {
        Account {
            username: Some(OURSELVES.into()),
            password: Password::Given(self.keys.ourselves.clone()),
            ..Account::anonymous(Place::tcp("127.0.0.1", self.port))
        }
    }

    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// What to tell the log at start.
    #[must_use]
    pub fn line(&self) -> String {
        let reach = if self.lan { "this network" } else { "this machine only" };
        let taken = self.taken.map(|port| format!(" (port {port} is taken)")).unwrap_or_default();
        format!("own broker on port {}{taken}, reachable from {reach}", self.port)
    }

    /// What to type into Home Assistant. The password itself is not in it.
    #[must_use]
    pub fn hint(&self) -> String {
        hint(self.lan, self.port, &self.state_dir)
    }

    /// Stops it and waits until it has.
    pub async fn stop(mut self) {
        self.stop.shutdown();
        let _ = tokio::time::timeout(STOP_MAX, &mut self.task).await;
    }
}

impl Drop for OwnBroker {
    fn drop(&mut self) {
        self.stop.shutdown();
        self.task.abort();
    }
}

/// What to type into Home Assistant's MQTT dialog, as lines for people.
#[must_use]
pub fn hint(lan: bool, port: u16, state_dir: &Path) -> String {
    let host = if lan { "the address of this machine" } else { "127.0.0.1 (Home Assistant must run on this machine)" };
    format!(
        "In Home Assistant: Settings, Devices & services, Add integration, MQTT:\n  \
         Broker    {host}\n  \
         Port      {port}\n  \
         Username  {HOME_ASSISTANT}\n  \
         Password  in {}, at {HOME_ASSISTANT}",
        state_dir.join(FILE).display()
    )
}

// One socket for both families where the system allows; else the broker crate would fail at the
// second and say so at each start.
fn hosts(lan: bool) -> Vec<IpAddr> {
    let (all4, all6) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    if !lan {
        return vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    }
    // Linux: 0 means that an IPv6 socket takes IPv4 too (ipv6(7), IPV6_V6ONLY).
    let shared = fs::read_to_string("/proc/sys/net/ipv6/bindv6only").is_ok_and(|text| text.trim() == "0");
    match std::net::TcpListener::bind((all6, 0)) {
        Err(_) => vec![all4],
        Ok(_) if shared => vec![all6],
        Ok(_) => vec![all4, all6],
    }
}

async fn free_port(wished: u16, hosts: &[IpAddr]) -> Result<u16, MqttError> {
    let first = wished.max(1);
    let last = first.saturating_add(PORTS_TRIED);
    let mut why = String::new();
    'ports: for port in first..=last {
        for host in hosts {
            if let Err(error) = tokio::net::TcpListener::bind((*host, port)).await {
                why = error.to_string();
                continue 'ports;
            }
        }
        return Ok(port);
    }
    Err(MqttError::OwnBroker { why: format!("none of the ports {first} to {last} can be opened: {why}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_drawn_once_and_guarded() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = Keys::load(folder.path()).expect("drawn");
        let file = folder.path().join(FILE);
        assert_eq!(fs::metadata(&file).expect("written").permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("opened up");
        let second = Keys::load(folder.path()).expect("read");
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
        let (ours, theirs) = (first.ourselves.expose_secret(), first.home_assistant.expose_secret());
        assert_eq!((ours, theirs), (second.ourselves.expose_secret(), second.home_assistant.expose_secret()));
        assert!(ours.len() == 24 && ours != theirs);
        assert!(!format!("{first:?}").contains(ours));
        fs::write(&file, "{\"porchlight\": 1").expect("damaged");
        assert!(matches!(Keys::load(folder.path()), Err(MqttError::OwnBroker { .. })));
    }

    #[test]
    fn the_hint_names_the_file_and_not_the_password() {
        let text = hint(false, 1884, Path::new("/var/lib/porchlight"));
        assert!(
            text.contains("1884") && text.contains("/var/lib/porchlight/broker.json") && text.contains("homeassistant")
        );
    }
}
