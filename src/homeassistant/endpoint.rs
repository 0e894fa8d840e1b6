//! # Where Home Assistant is, and the key to it
//!
//! Its own address with a long-lived token, or the Supervisor's proxy with the app's token. The file
//! is read again for each connection, so a new token needs no restart.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::{HaError, Settings, Supervisor};

// A long-lived token is a JWT of about 200 bytes; a file beyond this is not one.
const TOKEN_MAX: u64 = 8 * 1024;

/// One Home Assistant.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    /// `ws://…/api/websocket` or the Supervisor's `ws://supervisor/core/websocket`.
    pub url: Url,
    token: Token,
}

#[derive(Debug, Clone)]
enum Token {
    Given(SecretString),
    File(PathBuf),
    None,
}

impl Endpoint {
    /// `None`: neither an address nor a Supervisor, so there is no websocket.
    pub fn choose(settings: &Settings, supervisor: Option<&Supervisor>) -> Result<Option<Endpoint>, HaError> {
        if let Some(url) = settings.url.as_deref().map(str::trim).filter(|url| !url.is_empty()) {
            let token = match (&settings.token_file, settings.token.as_ref().map(|token| token.expose().trim())) {
                (Some(path), _) => Token::File(path.clone()),
                (None, Some(token)) if !token.is_empty() => Token::Given(token.into()),
                (None, _) => Token::None,
            };
            return Ok(Some(Endpoint { url: websocket_url(url, "api/websocket")?, token }));
        }
        let Some(supervisor) = supervisor else { return Ok(None) };
        let url = websocket_url(supervisor.base(), "core/websocket")?;
        Ok(Some(Endpoint { url, token: Token::Given(supervisor.token().expose_secret().into()) }))
    }

    /// The token of this moment; `None` while there is none.
    pub async fn token(&self) -> Option<SecretString> {
        match &self.token {
            Token::Given(token) => Some(token.clone()),
            Token::None => None,
            Token::File(path) => {
                let size = tokio::fs::metadata(path).await.ok()?.len();
                if size > TOKEN_MAX {
                    return None;
                }
                let text = tokio::fs::read_to_string(path).await.ok()?;
                let token = text.trim();
                (!token.is_empty()).then(|| token.into())
            }
        }
    }

    /// Host and port for messages: a URL may carry a password.
    pub fn shown(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }
}

/// `http://host:8123` → `ws://host:8123/api/websocket`; an address that already is one stays.
fn websocket_url(text: &str, path: &str) -> Result<Url, HaError> {
    let bad = || HaError::Url { url: without_password(text) };
    let mut url = Url::parse(text).map_err(|_| bad())?;
    let scheme = match url.scheme() {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return Err(bad()),
    };
    // `set_scheme` refuses to move between special and other schemes; these four are all special.
    url.set_scheme(scheme).map_err(|()| bad())?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(bad());
    }
    let prefix = url.path().trim_end_matches('/').to_owned();
    if !prefix.ends_with("/websocket") {
        url.set_path(&format!("{prefix}/{path}"));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn without_password(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            format!("{}://…{}", text.get(..scheme).unwrap_or_default(), text.get(at..).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_websocket_addresses() {
        let cases = [
            ("http://homeassistant.local:8123", Some("ws://homeassistant.local:8123/api/websocket")),
            ("http://10.0.0.4/", Some("ws://10.0.0.4/api/websocket")),
            ("https://ha.example.org/sub/", Some("wss://ha.example.org/sub/api/websocket")),
            ("ws://[::1]:8123/api/websocket", Some("ws://[::1]:8123/api/websocket")),
            ("wss://ha.example.org?x=1#y", Some("wss://ha.example.org/api/websocket")),
            ("homeassistant.local:8123", None),
            ("ftp://ha", None),
            ("http://", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(websocket_url(text, "api/websocket").ok().map(String::from).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_repeated() {
        let error = websocket_url("ftp://anna:secret@ha", "x").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }

    #[test]
    fn own_address_comes_before_the_supervisor_and_without_both_there_is_none() {
        let supervisor = Supervisor::new("http://supervisor", "key");
        let own = Settings { url: Some("http://ha:8123".into()), ..Settings::default() };
        let at = |settings: &Settings, supervisor: Option<&Supervisor>| {
            Endpoint::choose(settings, supervisor).unwrap().map(|e| e.url.to_string())
        };
        assert_eq!(at(&own, Some(&supervisor)).as_deref(), Some("ws://ha:8123/api/websocket"));
        assert_eq!(at(&Settings::default(), Some(&supervisor)).as_deref(), Some("ws://supervisor/core/websocket"));
        assert_eq!(at(&Settings::default(), None), None);
    }
}
