//! # The list of doors, by UPnP
//!
//! Search, description, control point, status, outer address, list. Everything the router says is bounded: the
//! places tried, the requests, the time of the whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::Ipv4Addr,
    time::Duration,
};

use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::told::DOORS_MAX;
use crate::{
    model::{Clock, Port, clean_text},
    scanners::{
        fetch::{Ask, FetchError, fetch},
        groups,
        ssdp::{GROUP, MX_S, question},
    },
    wire::{
        http::Place,
        soap::{self, Answer, CONNECTIONS, Entry},
        ssdp::{self, Kind, Ssdp},
        upnp::Description,
        xml::Fault,
    },
};

/// Version 2 answers to it as well (UPnP Device Architecture 2.0 §1.3.2).
const GATEWAY: &str = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
/// After the last second of [`MX_S`].
const GRACE: Duration = Duration::from_secs(1);
/// Descriptions tried: a router may also be a media server.
const PLACES_MAX: usize = 4;
/// Answers to one search.
const ANSWERS_MAX: u32 = 64;
/// Connections tried: one for each line out.
const CONNECTIONS_MAX: usize = 4;
/// The whole dialogue. A request alone may take five seconds, and a list has up to [`DOORS_MAX`].
const WHOLE: Duration = Duration::from_secs(60);
/// Between two entries, for routers with little to spare.
const BREATH: Duration = Duration::from_millis(20);

/// What the router told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// `Some(None)`: it answered, but has none.
    pub address: Option<Option<Ipv4Addr>>,
    pub connected: Option<bool>,
    pub doors: Vec<Entry>,
    /// The list ended as it should: what is missing from it is closed.
    pub whole: bool,
    /// Entries that are no doors.
    pub odd: usize,
}

#[derive(Debug, Error)]
enum CallError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("no sound answer: {0:?}")]
    Unsound(Fault),
    #[error("refused with {0}")]
    Refused(u16),
}

/// `None`: it speaks no UPnP, or not to us.
pub async fn ask(router: Ipv4Addr, own: Ipv4Addr, clock: Clock) -> Option<Listed> {
    let places = match search(router, own).await {
        Ok(places) => places,
        Err(error) => {
            tracing::debug!(%router, %error, "could not search for the router's description");
            return None;
        }
    };
    let began = clock().mono;
    let is_late = || clock().mono.since(began) > WHOLE;
    let mut controls = Vec::new();
    for place in &places {
        if is_late() {
            break;
        }
        match describe(router, place).await {
            Ok(found) => controls.extend(found),
            Err(why) => tracing::debug!(%router, why, "no description of a gateway"),
        }
    }
    controls.truncate(CONNECTIONS_MAX);
    // The line that is connected tells; if none is, the first that answers.
    let (mut told, mut second) = (None, None);
    for control in &controls {
        if is_late() {
            break;
        }
        match control.call("GetStatusInfo", &[]).await {
            Ok(values) if values.get("NewConnectionStatus").is_some_and(|word| word == "Connected") => {
                told = Some((control, Some(true)));
                break;
            }
            Ok(_) => second = second.or(Some((control, Some(false)))),
            // An action it does not know: the list may be there all the same.
            Err(CallError::Refused(_)) => second = second.or(Some((control, None))),
            Err(error) => tracing::debug!(%router, %error, "a connection does not answer"),
        }
    }
    let (control, connected) = told.or(second)?;
    let mut listed = Listed { connected, address: control.address().await, ..Listed::default() };
    control.doors(&mut listed, is_late).await;
    if !listed.whole || listed.odd > 0 {
        tracing::debug!(%router, doors = listed.doors.len(), odd = listed.odd, whole = listed.whole, "an odd list of doors");
    }
    Some(listed)
}

/// Where its descriptions lie. Asked as a group and alone: some hear only one of them.
async fn search(router: Ipv4Addr, own: Ipv4Addr) -> io::Result<Vec<Place>> {
    let socket = groups::mouth(own)?;
    let message = question(GATEWAY);
    for to in [(GROUP, ssdp::PORT), (router, ssdp::PORT), (GROUP, ssdp::PORT)] {
        socket.send_to(message.as_bytes(), to).await?;
    }
    let (mut places, mut refused): (Vec<Place>, u32) = (Vec::new(), 0);
    let mut room = [0; groups::MESSAGE_MAX];
    let listen = async {
        for _ in 0..ANSWERS_MAX {
            // An error is what an earlier packet met, such as a closed port.
            let Ok((len, from)) = socket.recv_from(&mut room).await else { continue };
            if from.ip() != router {
                continue;
            }
            let Some(said) = Ssdp::read(room.get(..len).unwrap_or_default()) else { continue };
            let (Kind::Response, Some(url)) = (said.kind, said.header("location")) else { continue };
            match Place::on(router.into(), url) {
                Some(place) if places.len() < PLACES_MAX && !places.contains(&place) => {
                    // The one that calls itself a gateway is the one.
                    let is_gateway =
                        said.header("st").is_some_and(|st| st.windows(21).any(|word| word == b"InternetGatewayDevice"));
                    places.push(place);
                    if is_gateway {
                        break;
                    }
                }
                Some(_) => {}
                None => {
                    refused += 1;
                    let url = clean_text(&String::from_utf8_lossy(url), 120);
                    tracing::debug!(%router, url, refused, "a description elsewhere is not fetched");
                }
            }
        }
    };
    let _elapsed = timeout(Duration::from_secs(MX_S) + GRACE, listen).await;
    places.reverse();
    Ok(places)
}

/// The control points of the connections that a description names.
async fn describe(router: Ipv4Addr, place: &Place) -> Result<Vec<Control>, String> {
    let body = fetch(router.into(), place, &Ask::default()).await.map_err(|error| error.to_string())?;
    let description = Description::read(&body).map_err(|fault| format!("{fault:?}"))?;
    let found = controls(router, place, &description);
    if found.is_empty() { Err("it names no connection on its own host and port".to_owned()) } else { Ok(found) }
}

fn controls(router: Ipv4Addr, place: &Place, description: &Description) -> Vec<Control> {
    let mut found = Vec::new();
    for service in &description.services {
        let Some(kind) = CONNECTIONS.into_iter().find(|kind| *kind == service.kind) else { continue };
        // Another host, this host, a file, another port: not for us.
        match place.beside(router.into(), &service.control) {
            Some(place) => found.push(Control { router, place, kind }),
            None => tracing::debug!(%router, url = service.control, "a control point elsewhere is not asked"),
        }
    }
    found
}

/// Where actions of one connection go.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Control {
    router: Ipv4Addr,
    place: Place,
    kind: &'static str,
}

impl Control {
    async fn call(&self, action: &str, arguments: &[(&str, &str)]) -> Result<BTreeMap<String, String>, CallError> {
        let (body, headers) = (soap::request(self.kind, action, arguments), soap::headers(self.kind, action));
        let ask = Ask { headers: &headers, body: Some(&body), faults: true };
        let bytes = fetch(self.router.into(), &self.place, &ask).await?;
        match Answer::read(&bytes, action).map_err(CallError::Unsound)? {
            Answer::Values(values) => Ok(values),
            Answer::Refused(code) => Err(CallError::Refused(code)),
        }
    }

    async fn address(&self) -> Option<Option<Ipv4Addr>> {
        let values = self.call("GetExternalIPAddress", &[]).await.ok()?;
        let address = values.get("NewExternalIPAddress").and_then(|text| text.trim().parse().ok());
        Some(address.filter(|ip: &Ipv4Addr| !ip.is_unspecified()))
    }

    /// Entry by entry, which every version knows; the list of version 2 where that is not allowed.
    async fn doors(&self, listed: &mut Listed, is_late: impl Fn() -> bool) {
        let mut seen: BTreeSet<(bool, Port, Option<std::net::IpAddr>)> = BTreeSet::new();
        for index in 0..DOORS_MAX {
            if is_late() {
                return;
            }
            match self.call("GetGenericPortMappingEntry", &[("NewPortMappingIndex", &index.to_string())]).await {
                Ok(values) => match soap::entry(&values) {
                    // A list that repeats itself has no end.
                    Some(door) if !seen.insert((door.tcp, door.external, door.remote)) => return,
                    Some(door) => listed.doors.push(door),
                    None => listed.odd += 1,
                },
                // 713: no entry at this index. Others say 402 or 501 for the same, once there were entries.
                Err(CallError::Refused(713 | 714)) => return listed.whole = true,
                Err(CallError::Refused(402 | 501)) if index > 0 => return listed.whole = true,
                Err(CallError::Refused(_)) if index == 0 => return self.list(listed).await,
                Err(error) => {
                    tracing::debug!(router = %self.router, %error, index, "the list of doors breaks off");
                    return;
                }
            }
            sleep(BREATH).await;
        }
    }

    /// GetListOfPortMappings (WANIPConnection:2 §2.5.21): all of one protocol at once.
    async fn list(&self, listed: &mut Listed) {
        for protocol in ["TCP", "UDP"] {
            let range = [
                ("NewStartPort", "0"),
                ("NewEndPort", "65535"),
                ("NewProtocol", protocol),
                ("NewManage", "1"),
                ("NewNumberOfPorts", "0"),
            ];
            match self.call("GetListOfPortMappings", &range).await {
                Ok(values) => match soap::list(values.get("NewPortListing").map_or("", String::as_str)) {
                    Ok((doors, odd)) => {
                        listed.doors.extend(doors);
                        listed.odd += odd;
                    }
                    Err(_) => return,
                },
                // 730: none there.
                Err(CallError::Refused(730)) => {}
                Err(_) => return,
            }
        }
        listed.whole = listed.doors.len() <= DOORS_MAX;
    }
}

#[cfg(test)]
#[path = "gateway_tests.rs"]
mod tests;
