//! # Wireless clients of a UniFi controller
//!
//! ## What it finds
//! Who is connected to the access points of a UniFi network and to which (fact `access_point`), how well each is
//! received, who leaves, and the names and addresses that the controller knows.
//! ## What it sends
//! A login, and then one HTTPS request to each controller that the settings name, every 15 seconds by default.
//! ## What it needs
//! `scanners.unifi.controllers` with the controller's address, a local user that may view the site only, and its
//! password. UniFi OS (Dream Machine, Cloud Key) and the classic network application (port 8443) are told apart by
//! themselves. The certificate is usually the controller's own: name its `fingerprint`, which health shows.
//! ## How it decides
//! A client lives if its access point received more from it since the last look. The controller lists it for minutes
//! after it left, which proves nothing. Clients on a cable are left out: those counters are the switch port's.
//! A controller that does not answer, or lists less than half of before, says nothing of anybody.
//! ## What fools it
//! Access points report to the controller now and then only, so news are as old as their last report.
//!
//! Holds: [`super::witness::CONTROLLERS_MAX`] controllers.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    Desk, ScanError,
    controller::{Account, Controller, Request, Trouble, exposed},
    page::page,
    witness::{self, Answer, Witness},
};
use crate::{
    model::{Card, Probe, Source, Span},
    wire::station_list::unifi::{self as wire, Said},
};

pub(super) static CARD: Card =
    Card { id: "unifi", title: "Wireless clients of a UniFi controller", needs: None, page: page!("unifi.rs") };
pub(super) const SOURCE: Source = Source::Unifi;
pub(super) const PROBES: &[Probe] = &[];

/// Where UniFi OS keeps the network application.
const BEHIND_OS: &str = "/proxy/network";
const SITE_MAX: usize = 32;

/// `scanners.unifi`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub enabled: bool,
    /// How often the clients are listed.
    pub interval: Span,
    /// The site's short name, as in the address of its page.
    pub site: String,
    /// The controllers to ask.
    pub controllers: Vec<Account>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { enabled: true, interval: Span::seconds(15), site: "default".into(), controllers: Vec::new() }
    }
}

pub(super) async fn run(settings: Settings, desk: Desk) -> Result<(), ScanError> {
    let Settings { site, controllers, .. } = settings;
    let each = controllers.into_iter().map(|account| Site { account, site: site.clone(), talk: None });
    witness::keep(each.collect(), desk).await
}

struct Site {
    account: Account,
    site: String,
    talk: Option<Talk>,
}

/// A session.
struct Talk {
    controller: Controller,
    cookies: SecretString,
    prefix: &'static str,
}

impl Witness for Site {
    fn shown(&self) -> String {
        self.account.shown()
    }

    async fn ask(&mut self) -> Result<Answer, Trouble> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if self.site.is_empty() || self.site.len() > SITE_MAX || !self.site.chars().all(is_plain) {
            return Err(Trouble::settings("scanners.unifi.site is no short name of a site".into()));
        }
        if let Some(talk) = &self.talk {
            match talk.clients(&self.site).await {
                Ok(Some(answer)) => return Ok(answer),
                // The session is over: once more from the start.
                Ok(None) => self.talk = None,
                Err(trouble) => return Err(trouble),
            }
        }
        let talk = Talk::open(&self.account).await?;
        let shown = talk.controller.shown().to_owned();
        let answer = talk.clients(&self.site).await?;
        self.talk = Some(talk);
        answer.ok_or_else(|| Trouble::odd(&shown, "it forgets our login at once"))
    }
}

impl Talk {
    async fn open(account: &Account) -> Result<Talk, Trouble> {
        let controller = Controller::open(account).await?;
        let password = account.password().await?;
        // UniFi OS shows its own page at the root; the classic one sends browsers on to its pages.
        let root = controller.ask(Request { path: "/", ..Request::default() }).await?;
        let (path, prefix) = if root.status == 200 { ("/api/auth/login", BEHIND_OS) } else { ("/api/login", "") };
        let body = wire::login(&account.username, exposed(&password));
        let reply = controller.post(path, &[("Content-Type", "application/json")], body).await?;
        match reply.status {
            200 => {}
            400 | 401 | 403 => return Err(Trouble::password(controller.shown())),
            499 => {
                let advice = "use a local user without a second factor";
                return Err(Trouble::forbidden(controller.shown(), "log in by password alone", advice));
            }
            404 => {
                let advice = "see that the url is the controller's, with its port (8443 for the classic one)";
                return Err(Trouble::missing(controller.shown(), "login of a UniFi controller", advice));
            }
            _ => return Err(controller.unexpected(&reply, "the login")),
        }
        let cookies = reply.cookies();
        if cookies.is_empty() {
            return Err(Trouble::odd(controller.shown(), "it logs us in without a session"));
        }
        Ok(Talk { controller, cookies: SecretString::from(cookies), prefix })
    }

    /// `None`: not in this session.
    async fn clients(&self, site: &str) -> Result<Option<Answer>, Trouble> {
        let path = format!("{}/api/s/{site}/stat/sta", self.prefix);
        let headers = [("Cookie", exposed(&self.cookies)), ("Accept", "application/json")];
        let reply = self.controller.ask(Request { path: &path, headers: &headers, body: None }).await?;
        let shown = self.controller.shown();
        let no_right = || Trouble::forbidden(shown, "list the clients", "let the user view the site");
        let no_site = || Trouble::missing(shown, "such site", "correct scanners.unifi.site");
        match (reply.status, reply.json().map(|answer| wire::said(&answer))) {
            (200, Some(Said::Done(clients))) => Ok(Some(Answer { points: wire::points(&clients), known: Vec::new() })),
            (_, Some(Said::NoSite)) => Err(no_site()),
            (_, Some(Said::Forbidden)) | (403, _) => Err(no_right()),
            (401, _) | (_, Some(Said::Login)) => Ok(None),
            (404, _) => Err(Trouble::missing(shown, "list of clients", "see that the network application runs there")),
            _ => Err(self.controller.unexpected(&reply, "the list of clients")),
        }
    }
}
