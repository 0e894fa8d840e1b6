//! # Stations of OpenWrt routers
//!
//! ## What it finds
//! Who is connected to the access points of OpenWrt routers and to which (fact `access_point`), how well each is
//! received, and who leaves.
//! ## What it sends
//! A login, and then two or three small HTTP requests to each router that the settings name, every 15 seconds by
//! default. Nothing to any other device.
//! ## What it needs
//! `scanners.openwrt.routers` with the router's address, a user and its password; on the router the packages
//! `uhttpd-mod-ubus` and `rpcd-mod-iwinfo`, or a user that may call `hostapd.*`. Over `http://` the password is read by
//! whoever can read the network: give that user no other right, or use `https://` with `fingerprint`.
//! ## How it decides
//! A station lives if the access point received more from it since the last look, or if it was not listed then. To be
//! listed proves nothing, and speaks against a departure. A station on no list has left after 30 seconds. A router that
//! does not answer, or lists less than half of before, says nothing of anybody.
//! ## What fools it
//! Stations that roam to an access point that no setting names.
//!
//! Holds: [`super::witness::CONTROLLERS_MAX`] routers.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Desk, ScanError,
    controller::{Account, Controller, Trouble, exposed},
    page::page,
    witness::{self, Answer, Witness},
};
use crate::{
    model::{Card, Probe, Source, Span},
    wire::station_list::{
        Listed, Point,
        openwrt::{self as wire, NO_SESSION, Said},
    },
};

pub(super) static CARD: Card =
    Card { id: "openwrt", title: "Stations of OpenWrt routers", needs: None, page: page!("openwrt.rs") };
pub(super) const SOURCE: Source = Source::Openwrt;
pub(super) const PROBES: &[Probe] = &[];

const NO_UBUS: &str = "install uhttpd-mod-ubus on the router, and see that the url is its own";
const NO_RIGHT: &str = "give the user hostapd.* get_clients or iwinfo assoclist in /usr/share/rpcd/acl.d on the router";
/// The router's default path of ubus over HTTP (`ubus_prefix` of uhttpd).
const PATH: &str = "/ubus";

/// `scanners.openwrt`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often the stations are listed.
    pub interval: Span,
    /// The routers and access points to ask.
    pub routers: Vec<Account>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::seconds(15), routers: Vec::new() }
    }
}

pub(super) async fn run(settings: Settings, desk: Desk) -> Result<(), ScanError> {
    let each = settings.routers.into_iter();
    witness::keep(each.map(|account| Router { account, talk: None }).collect(), desk).await
}

struct Router {
    account: Account,
    talk: Option<Talk>,
}

/// A session, and what was found out in it.
struct Talk {
    controller: Controller,
    session: SecretString,
    /// Objects of hostapd; empty: iwinfo is asked.
    points: Vec<(String, Option<String>)>,
    devices: Vec<(String, Option<String>)>,
}

impl Witness for Router {
    fn shown(&self) -> String {
        self.account.shown()
    }

    async fn ask(&mut self) -> Result<Answer, Trouble> {
        if let Some(talk) = &self.talk {
            match talk.lists().await {
                Ok(Some(points)) => return Ok(Answer { points, known: Vec::new() }),
                // The session is over, or an access point was added or taken away.
                Ok(None) => self.talk = None,
                Err(trouble) => {
                    self.talk = None;
                    return Err(trouble);
                }
            }
        }
        let talk = Talk::open(&self.account).await?;
        let points = talk.lists().await?;
        let shown = talk.controller.shown().to_owned();
        self.talk = Some(talk);
        let points = points.ok_or_else(|| Trouble::forbidden(&shown, "list stations", NO_RIGHT))?;
        Ok(Answer { points, known: Vec::new() })
    }
}

impl Talk {
    async fn open(account: &Account) -> Result<Talk, Trouble> {
        let controller = Controller::open(account).await?;
        let password = account.password().await?;
        let shown = controller.shown().to_owned();
        let arguments = json!({"username": account.username, "password": exposed(&password)});
        let login = wire::call(NO_SESSION, "session", "login", &arguments);
        let session = match Talk::say(&controller, login).await? {
            Said::Done(body) => {
                wire::session(&body).ok_or_else(|| Trouble::odd(&shown, "it logs us in without a session"))?
            }
            Said::Denied => return Err(Trouble::password(&shown)),
            Said::Missing | Said::Odd => return Err(Trouble::missing(&shown, "login over ubus", NO_UBUS)),
        };
        let mut talk =
            Talk { controller, session: SecretString::from(session), points: Vec::new(), devices: Vec::new() };
        talk.look_around().await?;
        Ok(talk)
    }

    /// Which access points there are, and which of the two ways of asking is open.
    async fn look_around(&mut self) -> Result<(), Trouble> {
        if let Said::Done(body) = Talk::say(&self.controller, wire::list(exposed(&self.session), "hostapd.*")).await? {
            for object in wire::points(&body) {
                if !matches!(self.call(&object, "get_clients", &json!({})).await?, Said::Done(_)) {
                    continue;
                }
                let ssid = match self.call(&object, "get_status", &json!({})).await? {
                    Said::Done(status) => wire::ssid(&status),
                    _ => None,
                };
                self.points.push((object, ssid));
            }
        }
        if !self.points.is_empty() {
            return Ok(());
        }
        let shown = self.controller.shown().to_owned();
        let body = match self.call("iwinfo", "devices", &json!({})).await? {
            Said::Done(body) => body,
            Said::Denied => return Err(Trouble::forbidden(&shown, "list stations", NO_RIGHT)),
            Said::Missing => {
                return Err(Trouble::missing(&shown, "list of stations", "install rpcd-mod-iwinfo on the router"));
            }
            Said::Odd => return Err(Trouble::odd(&shown, "it answers iwinfo with something else")),
        };
        for device in wire::devices(&body) {
            let ssid = match self.call("iwinfo", "info", &json!({ "device": device })).await? {
                Said::Done(info) => wire::ssid(&info),
                _ => None,
            };
            self.devices.push((device, ssid));
        }
        Ok(())
    }

    /// `None`: not in this session.
    async fn lists(&self) -> Result<Option<Vec<Point>>, Trouble> {
        let mut points = Vec::new();
        for (object, ssid) in &self.points {
            let said = self.call(object, "get_clients", &json!({})).await?;
            let Some(point) = point(object, ssid.as_ref(), said, wire::clients) else { return Ok(None) };
            points.push(point);
        }
        for (device, ssid) in &self.devices {
            let said = self.call("iwinfo", "assoclist", &json!({ "device": device })).await?;
            let Some(point) = point(device, ssid.as_ref(), said, wire::assoclist) else { return Ok(None) };
            points.push(point);
        }
        Ok(Some(points))
    }

    async fn call(&self, object: &str, method: &str, arguments: &Value) -> Result<Said, Trouble> {
        Talk::say(&self.controller, wire::call(exposed(&self.session), object, method, arguments)).await
    }

    async fn say(controller: &Controller, body: String) -> Result<Said, Trouble> {
        let reply = controller.post(PATH, &[("Content-Type", "application/json")], body).await?;
        match (reply.status, reply.json()) {
            (200, Some(answer)) => Ok(wire::said(&answer)),
            // uhttpd without the module looks for a file of that name.
            (404 | 405, _) | (200, None) => Err(Trouble::missing(controller.shown(), "ubus over HTTP", NO_UBUS)),
            // Since OpenWrt 23.05 a refusal may have this status too.
            (403, _) => Ok(Said::Denied),
            _ => Err(controller.unexpected(&reply, "ubus")),
        }
    }
}

fn point(name: &str, ssid: Option<&String>, said: Said, read: fn(&Value) -> Option<Vec<Listed>>) -> Option<Point> {
    let Said::Done(body) = said else { return None };
    Some(Point { name: name.to_owned(), ssid: ssid.cloned(), listed: read(&body)? })
}
