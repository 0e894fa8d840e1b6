//! # The Supervisor's API
//!
//! Only what an app may ask without extra rights: its own options, the broker, the releases. Every
//! answer is `{"result":"ok","data":{…}}` or `{"result":"error","message":…}`.

use std::{path::Path, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::HaError;

/// Written by the Supervisor before each start.
const OPTIONS: &str = "/data/options.json";
const PATIENCE: Duration = Duration::from_secs(10);
// The longest answer, an app's own page, is a few KiB.
const ANSWER_MAX: usize = 1024 * 1024;

/// The Supervisor of the machine we are an app on.
#[derive(Debug, Clone)]
pub struct Supervisor {
    base: String,
    token: SecretString,
}

/// The broker the Supervisor knows.
#[derive(Debug, Clone, Deserialize)]
pub struct MqttService {
    pub host: String,
    pub port: u16,
    #[serde(default)]
    pub ssl: bool,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub password: Option<SecretString>,
}

/// What it says of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MachineInfo {
    pub arch: Option<String>,
    pub timezone: Option<String>,
    pub homeassistant: Option<String>,
    pub supervisor: Option<String>,
}

/// What it says of this app.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AppInfo {
    pub version: Option<String>,
    pub slug: Option<String>,
    pub ingress_port: Option<u16>,
    pub ingress_url: Option<String>,
    /// The user switched the watchdog on: a crash is mended.
    pub watchdog: Option<bool>,
}

impl Supervisor {
    /// `None` where we are not an app: no `SUPERVISOR_TOKEN`.
    #[must_use]
    pub fn from_environment() -> Option<Supervisor> {
        let token = std::env::var("SUPERVISOR_TOKEN").ok().filter(|token| !token.is_empty())?;
        let base = std::env::var("SUPERVISOR_URL").ok().filter(|url| !url.is_empty());
        Some(Supervisor::new(base.as_deref().unwrap_or("http://supervisor"), &token))
    }

    #[must_use]
    pub fn new(base: &str, token: &str) -> Supervisor {
        Supervisor { base: base.trim_end_matches('/').to_owned(), token: token.into() }
    }

    /// The file with the app's options, where the Supervisor puts it.
    #[must_use]
    pub fn options_path() -> &'static Path {
        Path::new(OPTIONS)
    }

    pub(super) fn base(&self) -> &str {
        &self.base
    }

    pub(super) fn token(&self) -> &SecretString {
        &self.token
    }

    /// The broker; `None` while no broker app runs. Ask again when the broker says `not authorised`:
    /// the password changes when its app is reinstalled.
    pub async fn mqtt(&self) -> Result<Option<MqttService>, HaError> {
        const CALL: &str = "/services/mqtt";
        match self.get(CALL).await? {
            // "Service not enabled": there is no such service now.
            (400, _) => Ok(None),
            (_, answer) => data(CALL, answer).map(Some),
        }
    }

    pub async fn info(&self) -> Result<MachineInfo, HaError> {
        const CALL: &str = "/info";
        let (_, answer) = self.get(CALL).await?;
        data(CALL, answer)
    }

    pub async fn app_info(&self) -> Result<AppInfo, HaError> {
        const CALL: &str = "/addons/self/info";
        let (_, answer) = self.get(CALL).await?;
        data(CALL, answer)
    }

    async fn get(&self, call: &'static str) -> Result<(u16, Value), HaError> {
        let fault = |why: String| HaError::Supervisor { call, why };
        // The client wants a process-wide provider even for plain HTTP; a second install is refused, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|e| fault(e.without_url().to_string()))?;
        let mut response = client
            .get(format!("{}{call}", self.base))
            .bearer_auth(self.token.expose_secret())
            .send()
            .await
            .map_err(|e| fault(e.without_url().to_string()))?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(part) = response.chunk().await.map_err(|e| fault(e.without_url().to_string()))? {
            if body.len() + part.len() > ANSWER_MAX {
                return Err(fault(format!("more than {ANSWER_MAX} bytes")));
            }
            body.extend_from_slice(&part);
        }
        if status == 401 || status == 403 {
            return Err(fault(format!("status {status}: the app may not ask this")));
        }
        serde_json::from_slice(&body)
            .map(|answer| (status, answer))
            .map_err(|_| fault(format!("status {status}, no JSON")))
    }
}

fn data<T: serde::de::DeserializeOwned>(call: &'static str, mut answer: Value) -> Result<T, HaError> {
    let fault = |why: String| HaError::Supervisor { call, why };
    if answer.get("result").and_then(Value::as_str) != Some("ok") {
        let message = answer.get("message").and_then(Value::as_str).unwrap_or("no reason");
        return Err(fault(crate::model::clean_text(message, 200)));
    }
    let data = answer.get_mut("data").map(Value::take).unwrap_or_default();
    // The error names a key and a type, never a value: the data may hold a password.
    T::deserialize(data).map_err(|_| fault("an answer of another shape".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_and_refusals_are_told() {
        let service: MqttService = data(
            "/services/mqtt",
            serde_json::json!({"result":"ok","data":{"host":"core-mosquitto","port":1883,"ssl":false,"protocol":"3.1.1","username":"addons","password":"p"}}),
        )
        .unwrap();
        assert_eq!((service.host.as_str(), service.port, service.ssl), ("core-mosquitto", 1883, false));
        assert!(!format!("{service:?}").contains("\"p\""), "a password is not printed");

        let cases = [
            (serde_json::json!({"result":"error","message":"Service not enabled"}), "Service not enabled"),
            (serde_json::json!({"result":"ok","data":{"host":"x","port":70000}}), "another shape"),
            (serde_json::json!({"result":"ok"}), "another shape"),
            (serde_json::json!([]), "no reason"),
        ];
        for (answer, expected) in cases {
            let error = data::<MqttService>("/services/mqtt", answer).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
