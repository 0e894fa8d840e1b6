//! # Where the broker is and who we are there
//!
//! Secrets are read at each connect, so that a rotated password file works, and never shown.

use std::{fmt, path::PathBuf};

use secrecy::ExposeSecret;

use super::{MqttError, Password, Settings};
use crate::model::Secret;

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    Mqtt,
    Mqtts,
    Ws,
    Wss,
}

impl Scheme {
    #[must_use]
    pub const fn is_tls(self) -> bool {
        matches!(self, Scheme::Mqtts | Scheme::Wss)
    }
    #[must_use]
    pub const fn is_websocket(self) -> bool {
        matches!(self, Scheme::Ws | Scheme::Wss)
    }
    const fn word(self) -> &'static str {
        match self {
            Scheme::Mqtt => "mqtt",
            Scheme::Mqtts => "mqtts",
            Scheme::Ws => "ws",
            Scheme::Wss => "wss",
        }
    }
    /// Registered ports of MQTT; those of HTTP for websockets.
    const fn port(self) -> u16 {
        match self {
            Scheme::Mqtt => 1883,
            Scheme::Mqtts => 8883,
            Scheme::Ws => 80,
            Scheme::Wss => 443,
        }
    }
}

/// The place of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub scheme: Scheme,
    /// Without brackets.
    pub host: String,
    pub port: u16,
    /// Of a websocket, with its slash.
    pub path: String,
}

impl Place {
    /// Plain MQTT at `host:port`.
    pub fn tcp(host: impl Into<String>, port: u16) -> Place {
        Place { scheme: Scheme::Mqtt, host: host.into(), port, path: "/".into() }
    }
    /// `host:port`, IPv6 in brackets.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.word(), self.authority())
    }
}

/// Files for TLS, all PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Instead of the system's authorities.
    pub ca: Option<PathBuf>,
    /// Certificate and key of ours.
    pub client: Option<(PathBuf, PathBuf)>,
}

/// Everything needed to knock at a broker.
#[derive(Debug, Clone)]
pub struct Account {
    pub place: Place,
    pub username: Option<String>,
    pub password: Password,
    pub tls: TlsFiles,
}

impl Account {
    /// Without user and TLS files.
    #[must_use]
    pub fn anonymous(place: Place) -> Account {
        Account { place, username: None, password: Password::None, tls: TlsFiles::default() }
    }

    /// The account at the configured `mqtt.url`, if there is one.
    pub fn configured(settings: &Settings) -> Result<Option<Account>, MqttError> {
        let Some(url) = settings.url.as_deref().map(str::trim).filter(|url| !url.is_empty()) else {
            return Ok(None);
        };
        let (place, user, password) = read_url(url)?;
        let mut account = Account::with_credentials(place, settings);
        if account.username.is_none() {
            account.username = user;
        }
        if let (Password::None, Some(password)) = (&account.password, password) {
            account.password = Password::Given(password.into());
        }
        Ok(Some(account))
    }

    /// The configured credentials, at another place.
    #[must_use]
    pub fn with_credentials(place: Place, settings: &Settings) -> Account {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let password = match (
            &settings.password_file,
            settings.password.as_ref().map(Secret::expose).filter(|text| !text.is_empty()),
        ) {
            (Some(file), _) => Password::File(file.clone()),
            (None, Some(text)) => Password::Given(text.into()),
            (None, None) => Password::None,
        };
        let client = settings.client_cert_file.clone().zip(settings.client_key_file.clone());
        Account {
            place,
            username: filled(&settings.username),
            password,
            tls: TlsFiles { ca: settings.ca_file.clone(), client },
        }
    }

    /// User and password as of now.
    pub fn credentials(&self) -> Result<Option<(String, String)>, MqttError> {
        let password = self.password.read()?;
        let Some(user) = self.username.clone() else { return Ok(None) };
        Ok(Some((user, password.map(|p| p.expose_secret().to_owned()).unwrap_or_default())))
    }
}

type UrlParts = (Place, Option<String>, Option<String>);

fn read_url(text: &str) -> Result<UrlParts, MqttError> {
    // The text itself may hold a password: it is never repeated.
    let bad = |why: &str| MqttError::Setting(format!("mqtt.url {why}; write it like mqtt://192.168.7.5:1883"));
    let url = url::Url::parse(text).map_err(|error| bad(&format!("cannot be read ({error})")))?;
    let scheme = match url.scheme() {
        "mqtt" | "tcp" => Scheme::Mqtt,
        "mqtts" | "ssl" => Scheme::Mqtts,
        "ws" => Scheme::Ws,
        "wss" => Scheme::Wss,
        other => return Err(bad(&format!("begins with `{other}:`, which is none of mqtt, mqtts, ws, wss"))),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| bad("names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let decoded = |text: &str| -> Option<String> {
        let text = percent_decoded(text)?;
        Some(text).filter(|text| !text.is_empty())
    };
    let port = url.port().unwrap_or_else(|| scheme.port());
    let mut path = url.path().to_owned();
    if path.is_empty() {
        path.push('/');
    }
    if let Some(query) = url.query() {
        path.push('?');
        path.push_str(query);
    }
    Ok((Place { scheme, host, port, path }, decoded(url.username()), url.password().and_then(decoded)))
}

// `%41` → `A` (RFC 3986 §2.1). `None` if that is no UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digits = (ahead.next().and_then(hex), ahead.next().and_then(hex));
        if let (b'%', (Some(high), Some(low))) = (byte, digits) {
            out.push(high << 4 | low);
            bytes = ahead;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Everything wrong with the settings, for `config check` and for the start.
#[must_use]
pub fn problems(settings: &Settings) -> Vec<String> {
    let mut found = Vec::new();
    if let Err(error) = Account::configured(settings) {
        found.push(error.to_string());
    }
    let topic_is_fit = |text: &str| {
        !text.is_empty() && !text.starts_with('/') && !text.ends_with('/') && !text.contains(['+', '#', '\0', ' '])
    };
    for (key, text) in
        [("mqtt.base_topic", &settings.base_topic), ("mqtt.discovery_prefix", &settings.discovery_prefix)]
    {
        if !topic_is_fit(text) || text.len() > 64 {
            found.push(format!(
                "{key} `{}` is no topic: 1 to 64 characters without + # and blanks",
                text.escape_debug()
            ));
        }
    }
    if let Some(node) = &settings.node {
        let fit = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if node.is_empty() || node.len() > 24 || !node.bytes().all(fit) || node == "sensor" {
            found.push(format!(
                "mqtt.node `{}` must be 1 to 24 of a-z, 0-9 and _, and not `sensor`",
                node.escape_debug()
            ));
        }
    }
    if settings.client_cert_file.is_some() != settings.client_key_file.is_some() {
        found.push("mqtt.client_cert_file and mqtt.client_key_file go together".into());
    }
    if settings.password.is_some() && settings.password_file.is_some() {
        found.push("mqtt.password and mqtt.password_file exclude each other".into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> Settings {
        Settings { url: Some(url.into()), ..Settings::default() }
    }

    #[test]
    fn urls_are_read() {
        let cases = [
            ("mqtt://broker", "mqtt://broker:1883", None),
            ("mqtt://anna:s%40fe@192.168.7.5:1884", "mqtt://192.168.7.5:1884", Some(("anna", "s@fe"))),
            ("mqtts://[fd00::5]", "mqtts://[fd00::5]:8883", None),
            ("ws://broker/mqtt", "ws://broker:80", None),
            ("wss://broker:9001/mqtt?x=1", "wss://broker:9001", None),
        ];
        for (url, place, credentials) in cases {
            let account = Account::configured(&settings(url)).expect(url).expect(url);
            assert_eq!(account.place.to_string(), place, "{url}");
            let expected = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
            assert_eq!(account.credentials().expect(url), expected, "{url}");
        }
        for url in ["http://broker", "mqtt://", "broker:1883", "mqtt:///x", "::", "mqtt://b:99999"] {
            let problems = problems(&settings(url));
            assert_eq!(problems.len(), 1, "{url}: {problems:?}");
        }
        assert!(Account::configured(&settings("  ")).expect("no url").is_none());
    }

    #[test]
    fn passwords_stay_dark() {
        let given = Settings {
            url: Some("mqtt://anna:deepsecret@broker".into()),
            username: Some("ben".into()),
            password: Some(Secret::new("deepsecret")),
            ..Settings::default()
        };
        let account = Account::configured(&given).expect("a url").expect("an account");
        assert!(!format!("{account:?} {given:?}").contains("deepsecret"));
        let error = Account::configured(&settings("mqtt://anna:deepsecret@:x:")).expect_err("a bad url");
        assert!(!format!("{error} {error:?}").contains("deepsecret"));
    }

    #[test]
    fn a_rotated_password_file_is_read_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("password");
        let account = Account {
            username: Some("anna".into()),
            password: Password::File(file.clone()),
            ..Account::anonymous(Place::tcp("::1", 1883))
        };
        assert!(matches!(account.credentials(), Err(MqttError::Password { .. })));
        for word in ["one", "two"] {
            std::fs::write(&file, format!("{word}\n")).expect("written");
            assert_eq!(account.credentials(), Ok(Some(("anna".into(), word.into()))));
        }
    }

    #[test]
    fn settings_are_checked_all_at_once() {
        let bad = Settings {
            base_topic: "a/#".into(),
            discovery_prefix: String::new(),
            node: Some("Home 1".into()),
            client_cert_file: Some("x.pem".into()),
            password: Some(Secret::new("x")),
            password_file: Some("y".into()),
            ..Settings::default()
        };
        assert_eq!(problems(&bad).len(), 5, "{:?}", problems(&bad));
        assert!(problems(&Settings::default()).is_empty());
    }
}
