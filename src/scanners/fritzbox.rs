//! # Wireless devices of a Fritz!Box
//!
//! ## What it finds
//! Who connects to the Wi-Fi of a Fritz!Box and who leaves it, with the names and addresses that the box knows.
//! ## What it sends
//! TR-064 requests to each box that the settings name, every 30 seconds by default: one a network and one for each
//! device in it, and one for the list of names.
//! ## What it needs
//! `scanners.fritzbox.boxes` with `url: http://fritz.box:49000` (or `https://fritz.box:49443` with `fingerprint`), a
//! user of the box with the right to see its settings, and its password. In the box, "Allow access for applications"
//! must be on. The password itself is never sent, only a digest of it.
//! ## How it decides
//! The box counts nothing that it received, so a device in its list is merely listed: that proves nothing. Who was not
//! in the list 30 seconds before has just connected, which is a sign of life; who is in none of its lists any more
//! has left after 30 seconds. What the box calls active is its own guess, and is not read.
//! ## What fools it
//! Repeaters that are not in the same mesh: their devices are not listed.
//!
//! Holds: [`super::witness::CONTROLLERS_MAX`] boxes, of each [`NETWORKS_MAX`] networks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Desk, ScanError,
    controller::{Account, Controller, Reply, Request, Trouble, exposed},
    page::page,
    witness::{self, Answer, Witness},
};
use crate::{
    model::{Card, MacAddr, Probe, Source, Span},
    wire::{
        http::digest::{Challenge, Login},
        station_list::{
            Listed, Point,
            fritzbox::{self as wire, Fault},
        },
    },
};

pub(super) static CARD: Card =
    Card { id: "fritzbox", title: "Wireless devices of a Fritz!Box", needs: None, page: page!("fritzbox.rs") };
pub(super) const SOURCE: Source = Source::Fritzbox;
pub(super) const PROBES: &[Probe] = &[];

/// Two bands or three, and the guests' network.
const NETWORKS_MAX: usize = 4;
/// Devices of one network that are asked for: each is a request.
const DEVICES_MAX: usize = 128;
/// Of so many rounds, one reads the names; for a newcomer they are read sooner.
const NAMES_EACH: u32 = 20;
const NOT_ON: &str =
    "allow access for applications in the box (Home Network, Network, Network Settings), and use port 49000";
const NO_RIGHT: &str = "give the user the right FRITZ!Box Settings in the box";

/// `scanners.fritzbox`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often the devices are listed.
    pub interval: Span,
    /// The boxes to ask; one of a mesh is enough.
    pub boxes: Vec<Account>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::seconds(30), boxes: Vec::new() }
    }
}

pub(super) async fn run(settings: Settings, desk: Desk) -> Result<(), ScanError> {
    let each = settings.boxes.into_iter();
    witness::keep(
        each.map(|account| Fritz { account, talk: None, known: Vec::new(), served: BTreeSet::new(), rounds: 0 })
            .collect(),
        desk,
    )
    .await
}

struct Fritz {
    account: Account,
    talk: Option<Talk>,
    /// The box's list of names, as it was last read.
    known: Vec<Listed>,
    served: BTreeSet<MacAddr>,
    rounds: u32,
}

struct Talk {
    controller: Controller,
    login: Login,
    challenge: Option<Challenge>,
    asked: u32,
}

/// What an action gave.
enum Done {
    Body(Vec<u8>),
    Fault(Fault),
    /// The box has no such service.
    Missing,
}

impl Witness for Fritz {
    fn shown(&self) -> String {
        self.account.shown()
    }

    async fn ask(&mut self) -> Result<Answer, Trouble> {
        let mut talk = match self.talk.take() {
            Some(talk) => talk,
            None => Talk::open(&self.account).await?,
        };
        let points = talk.stations().await?;
        let served: BTreeSet<MacAddr> =
            points.iter().flat_map(|point| &point.listed).map(|listed| listed.station.mac).collect();
        if self.rounds == 0 || !served.is_subset(&self.served) {
            self.known = talk.names().await?;
            self.rounds = NAMES_EACH;
        }
        self.rounds -= 1;
        self.served = served;
        self.talk = Some(talk);
        Ok(Answer { points, known: self.known.clone() })
    }
}

impl Talk {
    async fn open(account: &Account) -> Result<Talk, Trouble> {
        let controller = Controller::open(account).await?;
        let login = Login { username: account.username.clone(), password: account.password().await? };
        Ok(Talk { controller, login, challenge: None, asked: 0 })
    }

    async fn stations(&mut self) -> Result<Vec<Point>, Trouble> {
        let mut points = Vec::new();
        for n in 1..=NETWORKS_MAX {
            let (service, path) = (format!("{}{n}", wire::WLAN), format!("/upnp/control/wlanconfig{n}"));
            let count = match self.act(&service, &path, "GetTotalAssociations", None).await? {
                Done::Body(body) => wire::value(&body, "NewTotalAssociations").and_then(|text| text.parse().ok()),
                Done::Fault(Fault::Forbidden) => {
                    return Err(Trouble::forbidden(self.controller.shown(), "list the Wi-Fi devices", NO_RIGHT));
                }
                Done::Missing if n == 1 => return Err(Trouble::missing(self.controller.shown(), "TR-064", NOT_ON)),
                // So many networks there are.
                Done::Missing | Done::Fault(_) => break,
            };
            let count: usize = count.unwrap_or_default();
            let mut point = Point { name: format!("wlan{n}"), ssid: None, listed: Vec::new() };
            for index in 0..count.min(DEVICES_MAX) {
                let index = index.to_string();
                let argument = Some(("NewAssociatedDeviceIndex", index.as_str()));
                match self.act(&service, &path, "GetGenericAssociatedDeviceInfo", argument).await? {
                    Done::Body(body) => point.listed.extend(wire::station(&body)),
                    // One left meanwhile, and the list is shorter now.
                    Done::Fault(_) | Done::Missing => break,
                }
            }
            points.push(point);
        }
        Ok(points)
    }

    async fn names(&mut self) -> Result<Vec<Listed>, Trouble> {
        let path = match self.act(wire::HOSTS, "/upnp/control/hosts", "X_AVM-DE_GetHostListPath", None).await? {
            Done::Body(body) => wire::host_list(&body),
            // An old box, or no right: names are no need.
            Done::Fault(_) | Done::Missing => None,
        };
        let Some(path) = path else { return Ok(Vec::new()) };
        let reply = self.controller.ask(Request { path: &path, ..Request::default() }).await?;
        Ok(if reply.status == 200 { wire::hosts(&reply.body) } else { Vec::new() })
    }

    async fn act(
        &mut self,
        service: &str,
        path: &str,
        action: &str,
        argument: Option<(&str, &str)>,
    ) -> Result<Done, Trouble> {
        let body = wire::request(service, action, argument);
        let soap = format!("{service}#{action}");
        let mut reply = self.send(path, &soap, &body).await?;
        if reply.status == 401 {
            // No challenge yet, or it is too old: one answer to the new one, and no guessing.
            let shown = self.controller.shown().to_owned();
            let had = self.challenge.take();
            self.challenge = reply.header("www-authenticate").and_then(Challenge::read);
            let Some(challenge) = &self.challenge else {
                return Err(Trouble::odd(&shown, "it asks for a login of another kind than digest"));
            };
            // The same challenge again, and not stale: our answer was wrong.
            if had.is_some_and(|had| had.nonce == challenge.nonce) {
                return Err(Trouble::password(&shown));
            }
            self.asked = 0;
            reply = self.send(path, &soap, &body).await?;
            if reply.status == 401 {
                return Err(Trouble::password(&shown));
            }
        }
        match reply.status {
            200 => Ok(Done::Body(reply.body)),
            404 => Ok(Done::Missing),
            403 => Err(Trouble::forbidden(self.controller.shown(), "use TR-064", NOT_ON)),
            500 => Ok(Done::Fault(wire::fault(&reply.body))),
            _ => Err(self.controller.unexpected(&reply, "TR-064")),
        }
    }

    async fn send(&mut self, path: &str, soap: &str, body: &str) -> Result<Reply, Trouble> {
        let mut headers = vec![("Content-Type", "text/xml; charset=\"utf-8\""), ("SOAPAction", soap)];
        let answer = self.challenge.as_ref().map(|challenge| {
            self.asked += 1;
            challenge.answer(
                &self.login,
                "POST",
                &self.controller.full(path),
                self.asked,
                &format!("{:016x}", getrandom::u64().unwrap_or_default()),
            )
        });
        if let Some(answer) = &answer {
            headers.push(("Authorization", exposed(answer)));
        }
        self.controller.post(path, &headers, body.to_owned()).await
    }
}
