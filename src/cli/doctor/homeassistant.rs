//! # Home Assistant and its Supervisor

use std::time::Duration;

use super::{Check, Here};
use crate::settings::secret;

mod doors;
mod persons;

/// Either is on this network.
const PATIENCE: Duration = Duration::from_secs(5);

/// Inside the app only: whether the Supervisor takes our token.
pub async fn supervisor(here: &Here<'_>) -> Option<Check> {
    let (url, token) = here.supervisor.as_ref()?;
    let answer = get(&format!("{url}/info"), token, None).await;
    Some(match answer {
        Ok(200) => Check::well("supervisor", "answers"),
        Ok(status) => Check::fails("supervisor", format!("answers {status}"), "restart the app"),
        Err(why) => Check::fails("supervisor", why, "restart the app; if it stays so, ha supervisor repair"),
    })
}

/// Whether Home Assistant takes the token, and whether the doors can be read and each person is tracked
/// once there.
pub async fn checks(here: &Here<'_>) -> Vec<Check> {
    let way = way(here);
    let mut checks = vec![token(here, &way).await];
    if let (Ok(Some((url, token))), true) = (&way, checks.iter().all(|check| check.ok)) {
        match doors::states(here, url, token.secret.expose()).await {
            Ok(states) => {
                checks.push(doors::judge(&here.settings.presence.doors, &states));
                checks.push(persons::check(&states));
            }
            Err(why) => checks.push(Check::fails(doors::NAME, why, "look at Home Assistant's own log")),
        }
    }
    checks
}

/// Where it is, and what to show it. `None`: nobody set one.
type Way = Result<Option<(String, secret::Found)>, Check>;

fn way(here: &Here<'_>) -> Way {
    let name = "home assistant";
    let settings = &here.settings.homeassistant;
    let found = match secret::token(settings, here.credentials.as_deref()) {
        Ok(found) => found,
        Err(error) => {
            let mend = error.advice().unwrap_or("set homeassistant.token_file");
            return Err(Check::fails(name, error.to_string(), mend));
        }
    };
    match (&settings.url, found, &here.supervisor) {
        (Some(url), Some(found), _) => Ok(Some((url.trim_end_matches('/').to_owned(), found))),
        (Some(_), None, _) => {
            let mend = "make a long-lived token in your Home Assistant profile, write it to a file, set homeassistant.token_file";
            Err(Check::fails(name, "has an address but no token", mend))
        }
        (None, _, Some((url, token))) => {
            let secret = crate::model::Secret::new(token.clone());
            Ok(Some((format!("{url}/core"), secret::Found { secret, from: "the Supervisor".into(), warning: None })))
        }
        (None, Some(found), None) => {
            Err(Check::fails(name, format!("has a token ({}) but no address", found.from), "set homeassistant.url"))
        }
        (None, None, None) => Ok(None),
    }
}

async fn token(here: &Here<'_>, way: &Way) -> Check {
    let name = "home assistant";
    let (url, token) = match way {
        Ok(Some(way)) => way,
        Ok(None) => return Check::well(name, "not set: names and areas come from the network alone"),
        Err(check) => return check.clone(),
    };
    let name = format!("{name} {url}");
    let ca_file = here.settings.homeassistant.ca_file.as_deref();
    match get(&format!("{url}/api/"), token.secret.expose(), ca_file).await {
        Ok(200) => match &token.warning {
            Some(warning) => Check::fails(name, warning.clone(), format!("chmod 600 {}", token.from)),
            None => Check::well(name, format!("takes the token of {}", token.from)),
        },
        Ok(401 | 403) => {
            let mend = "make a new long-lived token in your Home Assistant profile";
            Check::fails(name, format!("refuses the token of {}", token.from), mend)
        }
        Ok(404) => Check::fails(name, "has no API there", "set homeassistant.url to http://HOST:8123 without a path"),
        Ok(status) => Check::fails(name, format!("answers {status}"), "look at Home Assistant's own log"),
        Err(why) => Check::fails(name, why, "set homeassistant.url"),
    }
}

/// The status, or why there is none.
async fn get(url: &str, token: &str, ca_file: Option<&std::path::Path>) -> Result<u16, String> {
    ask(url, token, ca_file).await.map(|answer| answer.status().as_u16())
}

/// Redirects are an answer: the token goes to nobody else.
async fn ask(url: &str, token: &str, ca_file: Option<&std::path::Path>) -> Result<reqwest::Response, String> {
    let mut client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none());
    if let Some(path) = ca_file {
        let pem = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        for certificate in reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| "ca_file holds no certificate")? {
            client = client.add_root_certificate(certificate);
        }
    }
    let client = client.build().map_err(|error| format!("cannot speak TLS: {error}"))?;
    let answer = client.get(url).bearer_auth(token).send().await;
    answer.map_err(|error| why(&error))
}

/// The innermost cause says it best; the outer ones repeat the address.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no answer in {} s", PATIENCE.as_secs());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    format!("not reachable: {cause}")
}
