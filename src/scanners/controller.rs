//! # A conversation with the controller of access points
//!
//! One HTTP or HTTPS peer, which the settings name. No redirect is followed (a password would go along), no
//! proxy is used, every answer has a deadline and a size. A certificate is good if an authority of the system or
//! of `ca_file` signed it, or if it is the very one whose `fingerprint` the settings name: controllers make
//! their own.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use reqwest::{Method, header::HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::model::Secret;

mod certificate;
mod trouble;

use certificate::{Keeper, fingerprint};
pub use trouble::Trouble;

/// From the first byte to the last of one answer.
const DEADLINE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of one answer: some kilobytes for each of some hundred clients.
const BYTES_MAX: usize = 4 << 20;
/// A longer file holds no password.
const SECRET_MAX: u64 = 16 << 10;

/// One controller or router that lists its stations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Where it answers, such as `http://192.168.1.1`.
    pub url: String,
    /// A user of its own with the fewest rights that suffice.
    pub username: String,
    pub password: Option<Secret>,
    /// File that holds the password, one line.
    pub password_file: Option<PathBuf>,
    /// PEM file of the authority that signed its certificate.
    pub ca_file: Option<PathBuf>,
    /// SHA-256 of its certificate, in hex, for one that it made itself.
    pub fingerprint: Option<String>,
}

impl Account {
    /// The password as it is now; the file is read each time, so that a new one needs no restart.
    pub async fn password(&self) -> Result<SecretString, Trouble> {
        let Some(path) = &self.password_file else {
            return Ok(SecretString::from(self.password.as_ref().map_or("", Secret::expose).to_owned()));
        };
        let fault = |why: String| Trouble::settings(format!("password_file {}: {why}", path.display()));
        let meta = tokio::fs::metadata(path).await.map_err(|error| fault(error.to_string()))?;
        if !meta.is_file() || meta.len() > SECRET_MAX {
            return Err(fault("it holds no password".into()));
        }
        let text = tokio::fs::read_to_string(path).await.map_err(|error| fault(error.to_string()))?;
        match text.trim_end_matches(['\n', '\r']) {
            "" => Err(fault("it is empty".into())),
            line if line.contains(['\n', '\r', '\0']) => Err(fault("it holds more than one line".into())),
            line => Ok(SecretString::from(line.to_owned())),
        }
    }

    /// Host and port, for people: a URL may carry a password.
    pub fn shown(&self) -> String {
        let url = Url::parse(self.url.trim()).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or("an address that is none");
        url.as_ref().and_then(Url::port).map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

/// An answer.
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// `name=value` of each cookie it sets, for the next request.
    pub fn cookies(&self) -> String {
        let set = self.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
        let pairs: Vec<&str> = set.filter_map(|line| line.split(';').next()).map(str::trim).collect();
        pairs.join("; ")
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// What is asked.
#[derive(Default)]
pub struct Request<'a> {
    /// Begins with a slash.
    pub path: &'a str,
    pub headers: &'a [(&'a str, &'a str)],
    /// Makes it a POST.
    pub body: Option<String>,
}

/// The peer.
pub struct Controller {
    client: reqwest::Client,
    base: Url,
    shown: String,
    keeper: Arc<Keeper>,
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Controller({})", self.shown)
    }
}

impl Controller {
    /// Makes ready; nothing is sent. Files are read, a few kilobytes.
    pub async fn open(account: &Account) -> Result<Controller, Trouble> {
        let shown = account.shown();
        let wrong = || Trouble::settings(format!("{shown}: url is no http:// or https:// address"));
        let base = Url::parse(account.url.trim()).map_err(|_| wrong())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none_or(str::is_empty) {
            return Err(wrong());
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(Trouble::settings(format!("{shown}: the url carries a user: use username and password_file")));
        }
        let pin = account.fingerprint.as_deref().map(|text| {
            fingerprint(text).ok_or_else(|| Trouble::settings(format!("{shown}: fingerprint is no SHA-256 in hex")))
        });
        let (pin, ca_file) = (pin.transpose()?, account.ca_file.clone());
        let secure = base.scheme() == "https";
        let made = tokio::task::spawn_blocking(move || Keeper::new(pin, ca_file.as_deref(), secure)).await;
        let keeper = made.map_err(|_| Trouble::odd(&shown, "TLS cannot be used"))?.map_err(Trouble::settings)?;
        let keeper = Arc::new(keeper);
        let client = reqwest::Client::builder()
            .timeout(DEADLINE)
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .user_agent(concat!("porchlight/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(Keeper::config(&keeper).map_err(Trouble::settings)?)
            .build()
            .map_err(|error| Trouble::odd(&shown, &error.to_string()))?;
        Ok(Controller { client, base, shown, keeper })
    }

    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// `path` as it is sent, below that of the settings.
    pub fn full(&self, path: &str) -> String {
        format!("{}{path}", self.base.path().trim_end_matches('/'))
    }

    /// Asks, and reads the answer whole. Redirects are trouble; what another status means is the caller's.
    pub async fn ask(&self, request: Request<'_>) -> Result<Reply, Trouble> {
        let url = self.base.join(&self.full(request.path));
        let url = url.map_err(|_| Trouble::odd(&self.shown, "it named a path that is none"))?;
        // A path that a peer names must not lead elsewhere: the next header may be a password.
        if url.origin() != self.base.origin() {
            return Err(Trouble::odd(&self.shown, "it sends us to another host"));
        }
        let method = if request.body.is_some() { Method::POST } else { Method::GET };
        let mut asked = self.client.request(method, url);
        for (name, value) in request.headers {
            asked = asked.header(*name, *value);
        }
        if let Some(body) = request.body {
            asked = asked.body(body);
        }
        let mut answer = asked.send().await.map_err(|error| self.failed(&error))?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.failed(&error))? {
            if body.len() + piece.len() > BYTES_MAX {
                return Err(Trouble::odd(&self.shown, "its answer has no end"));
            }
            body.extend_from_slice(&piece);
        }
        Ok(Reply { status, headers, body })
    }

    /// The session's key is in the body; nobody else's.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: String) -> Result<Reply, Trouble> {
        self.ask(Request { path, headers, body: Some(body) }).await
    }

    fn failed(&self, error: &reqwest::Error) -> Trouble {
        if let Some(print) = self.keeper.refused() {
            return Trouble::certificate(&self.shown, &print, self.keeper.is_pinned());
        }
        Trouble::unreached(&self.shown, error)
    }

    /// An answer that is none of ours.
    pub fn unexpected(&self, reply: &Reply, what: &str) -> Trouble {
        Trouble::status(&self.shown, reply.status, reply.header("location"), what)
    }
}

/// Shown nowhere; for the one place that sends it.
pub fn exposed(secret: &SecretString) -> &str {
    secret.expose_secret()
}

#[cfg(test)]
mod tests;
