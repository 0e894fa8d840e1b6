//! # Which broker
//!
//! The configured one; else the Supervisor's; else one on this machine that takes us; else our
//! own. Asked at start, and again for the Supervisor's password when that is refused: it changes
//! when the broker's add-on is installed anew.

use std::{path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{Account, Link, MqttError, Password, Place, Scheme, Settings};

// The standard port of MQTT (IANA).
const LOCAL_PORT: u16 = 1883;
const ASK_MAX: Duration = Duration::from_secs(10);
// The real answer has some 200 bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// How the broker was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Configured,
    Supervisor,
    Localhost,
    Own,
}

/// A broker to use.
pub struct Found {
    pub account: Account,
    pub how: How,
    /// For the log and for `doctor`.
    pub line: String,
    /// Held here so that it lives as long as its user.
    #[cfg(feature = "broker")]
    pub own: Option<super::broker::OwnBroker>,
}

/// The Supervisor that started us.
#[derive(Debug, Clone)]
pub struct Supervisor {
    base: String,
    token: SecretString,
}

impl Supervisor {
    /// From `SUPERVISOR_TOKEN`, and `SUPERVISOR_URL` if that is not `http://supervisor`.
    #[must_use]
    pub fn from_env() -> Option<Supervisor> {
        let token = std::env::var("SUPERVISOR_TOKEN").ok().filter(|token| !token.is_empty())?;
        let base = std::env::var("SUPERVISOR_URL").ok().filter(|url| !url.is_empty());
        Some(Supervisor::new(base.unwrap_or_else(|| "http://supervisor".into()), token))
    }

    pub fn new(base: impl Into<String>, token: impl Into<String>) -> Supervisor {
        Supervisor { base: base.into(), token: SecretString::from(token.into()) }
    }

    /// The account of its broker; `None` while it has none or does not let us ask.
    pub async fn account(&self, settings: &Settings) -> Result<Option<Account>, MqttError> {
        let failed = |why: String| MqttError::Supervisor { why };
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            // Without one the HTTP client panics, even where no TLS is spoken.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(ASK_MAX)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| failed(error.to_string()))?;
        let url = format!("{}/services/mqtt", self.base.trim_end_matches('/'));
        let asked = client.get(url).bearer_auth(self.token.expose_secret()).send().await;
        let mut response = asked.map_err(|error| failed(error.without_url().to_string()))?;
        match response.status().as_u16() {
            200 => {}
            // 400: no broker add-on runs. 403: our add-on may not ask for one.
            400 | 403 => return Ok(None),
            status => return Err(failed(format!("it answers with status {status}"))),
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|error| failed(error.without_url().to_string()))? {
            if body.len() + piece.len() > ANSWER_BYTES_MAX {
                return Err(failed("its answer is too long".into()));
            }
            body.extend_from_slice(&piece);
        }
        read_answer(&body, settings).map(Some).ok_or_else(|| failed("its answer cannot be read".into()))
    }
}

fn read_answer(body: &[u8], settings: &Settings) -> Option<Account> {
    let answer: serde_json::Value = serde_json::from_slice(body).ok()?;
    let data = answer.get("data")?;
    let text = |key: &str| data.get(key).and_then(|v| v.as_str()).filter(|v| !v.is_empty()).map(str::to_owned);
    let port = data.get("port").and_then(serde_json::Value::as_u64).and_then(|port| u16::try_from(port).ok())?;
    let scheme =
        if data.get("ssl").and_then(serde_json::Value::as_bool) == Some(true) { Scheme::Mqtts } else { Scheme::Mqtt };
    let place = Place { scheme, ..Place::tcp(text("host")?, port) };
    Some(Account {
        username: text("username"),
        password: text("password").map_or(Password::None, |password| Password::Given(password.into())),
        ..Account::with_credentials(place, settings)
    })
}

/// What is around us besides the settings.
#[derive(Debug, Clone)]
pub struct Surroundings {
    pub supervisor: Option<Supervisor>,
    /// Where the own broker keeps its passwords.
    pub state_dir: PathBuf,
    /// Where a broker on this machine would listen.
    pub local_port: u16,
}

impl Surroundings {
    #[must_use]
    pub fn from_env(state_dir: PathBuf) -> Surroundings {
        Surroundings { supervisor: Supervisor::from_env(), state_dir, local_port: LOCAL_PORT }
    }
}

/// Finds the broker. Starts the own one if it comes to that.
pub async fn find(settings: &Settings, around: &Surroundings) -> Result<Found, MqttError> {
    if let Some(account) = Account::configured(settings)? {
        let line = format!("broker {} from the settings", account.place);
        return Ok(found(account, How::Configured, line));
    }
    if let Some(supervisor) = &around.supervisor
        && let Some(account) = supervisor.account(settings).await?
    {
        let line = format!("broker {} from the Supervisor", account.place);
        return Ok(found(account, How::Supervisor, line));
    }
    let local = Account::with_credentials(Place::tcp("127.0.0.1", around.local_port), settings);
    let refusal = match Link::probe(local.clone(), &probe_id()).await {
        Ok(_) => {
            let line = format!("broker {} found on this machine", local.place);
            return Ok(found(local, How::Localhost, line));
        }
        // Nothing there is the usual case and needs no word.
        Err(MqttError::NothingListens { .. }) => None,
        Err(error) => Some(error),
    };
    own(settings, around, refusal).await
}

const fn found(account: Account, how: How, line: String) -> Found {
    Found {
        account,
        how,
        line,
        #[cfg(feature = "broker")]
        own: None,
    }
}

#[cfg(feature = "broker")]
async fn own(settings: &Settings, around: &Surroundings, refusal: Option<MqttError>) -> Result<Found, MqttError> {
    if !settings.broker.enabled {
        return Err(refusal.unwrap_or_else(nothing_found));
    }
    let broker = super::broker::OwnBroker::start(&settings.broker, &around.state_dir).await?;
    let line = match refusal {
        Some(refusal) => format!("{}; {refusal}", broker.line()),
        None => broker.line(),
    };
    Ok(Found { account: broker.account(), how: How::Own, line, own: Some(broker) })
}

#[cfg(not(feature = "broker"))]
async fn own(_: &Settings, _: &Surroundings, refusal: Option<MqttError>) -> Result<Found, MqttError> {
    Err(refusal.unwrap_or_else(nothing_found))
}

fn nothing_found() -> MqttError {
    MqttError::Setting("no broker is configured, none was found, and there is no own one: set mqtt.url".into())
}

// Not our real name: another Porchlight may be connected with that.
fn probe_id() -> String {
    format!("porchlight-probe-{:08x}", getrandom::u32().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_supervisors_answer_is_read() {
        let settings = Settings::default();
        let body = br#"{"result":"ok","data":{"host":"core-mosquitto","port":1883,"ssl":false,"protocol":"3.1.1",
            "username":"addons","password":"deepsecret","addon":"core_mosquitto"}}"#;
        let account = read_answer(body, &settings).expect("a whole answer");
        assert_eq!(account.place, Place::tcp("core-mosquitto", 1883));
        assert_eq!(account.credentials(), Ok(Some(("addons".into(), "deepsecret".into()))));
        for broken in ["", "{}", r#"{"data":{"host":"x"}}"#, r#"{"data":{"host":"x","port":70000}}"#] {
            assert!(read_answer(broken.as_bytes(), &settings).is_none(), "{broken}");
        }
    }
}
