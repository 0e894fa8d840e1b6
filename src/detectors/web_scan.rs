//! # Search for weak web pages
//!
//! ## What it finds
//! Somebody who tries one path of a web server after the other, most of which are not there.
//! ## Why it matters
//! It is how forgotten pages, backups and known holes are found.
//! ## How it decides
//! In a minute 15 different paths (40 at a server of the Internet) that are answered with 404, 403 or 400, and at most one in ten that worked; or three
//! different paths that only such lists ask for; or ten folders whose names count up, none of which is there; or five
//! different paths by a program that calls itself what it is, a scanner; or three questions of sixty and more
//! names of values, each time others; or forty different names below one domain by which
//! one server of the home is asked (`Host`).
//! ## What fools it
//! A page whose pictures are all gone; programs that keep folders in step (WebDAV) are left out.
//! ## What to do
//! From the Internet: is that server meant to be reached? From the home: look at the device.
//!
//! Holds 1,024 pairs with 64 paths each.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::{Recent, Subjects, Weigh, Window},
    },
    model::{Card, Category, Finding, Findings, Mono, Severity, clean_text, hash_of, is_private},
    traffic::{Http, Talkers, What, owner, registered},
};

pub static CARD: Card = Card {
    id: "web_scan",
    title: "Search for weak web pages",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("web_scan.rs"),
};

pub type Settings = Usual;

const PAIRS_MAX: usize = 1024;
const SPAN: Duration = Duration::from_secs(60);
const MISSING_MIN: u32 = 15;
/// At a server of the Internet: who looks whether twenty programs are up to date, or a map without its pieces, asks for
/// what is not there as well. Lists of paths are of hundreds.
const MISSING_BEYOND_MIN: u32 = 40;
const LISTED_MIN: u32 = 3;
const COUNTED_MIN: u32 = 10;
const BY_SCANNER_MIN: u32 = 5;
/// Names of values in one question, and how many such questions. Tables of pages send a hundred, but always the same.
const FIELDS_MIN: usize = 60;
const FIELDS_DIFFERENT: u32 = 3;
/// A server at home that serves many names has some dozen, and a page that watches them asks for all.
const HOSTS_MIN: u32 = 40;
/// What scanners for web pages call themselves, by their own manuals.
const SCANNERS: [&str; 18] = [
    "nikto",
    "sqlmap",
    "nuclei",
    "gobuster",
    "dirbuster",
    "wpscan",
    "feroxbuster",
    "wfuzz",
    "ffuf",
    "zgrab",
    "masscan",
    "nmap scripting engine",
    "openvas",
    "nessus",
    "acunetix",
    "whatweb",
    "arachni",
    "joomscan",
];
/// Asked for by lists of scanners (public word lists), and by nobody who uses a server.
const LISTED: [&str; 26] = [
    "/.env",
    "/.git/",
    "/wp-login.php",
    "/xmlrpc.php",
    "/phpmyadmin",
    "/pma/",
    "/admin.php",
    "/.aws/",
    "/cgi-bin/luci",
    "/boaform/",
    "/hnap1",
    "/actuator",
    "/solr/",
    "/vendor/phpunit",
    "/manager/html",
    "/shell",
    "/setup.php",
    "/wp-admin",
    "/backup.sql",
    "/config.php.bak",
    "/server-status",
    "/.svn/",
    "/phpinfo.php",
    "/druid/",
    "/console/",
    "/jenkins/",
];

#[derive(Debug, Clone)]
struct Asked {
    missing: Recent<String>,
    listed: Recent<usize>,
    worked: Window,
    /// Folders that count up: their name without the number, and the number.
    counted: Recent<(String, String)>,
    /// Paths that a scanner asked for under its own name.
    by_scanner: Recent<u64>,
    /// First names of questions that hold very many.
    fields: Recent<u64>,
    /// Names the server was asked by, each behind its domain, as digests.
    hosts: Recent<(u64, u64)>,
}

/// `/old17/a.php` → `old`, `17`: a folder whose name ends in a number. The last part of a path is no folder: pieces of
/// a film count up, too.
fn numbered(path: &str) -> Option<(String, String)> {
    let (folder, _) = path.strip_prefix('/')?.split_once('/')?;
    let name = folder.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = folder.get(name.len()..).filter(|number| !number.is_empty())?;
    Some((name.chars().take(32).collect(), number.chars().take(12).collect()))
}

impl Weigh for Asked {
    fn weight(&self, now: Mono, span: Duration) -> u32 {
        if self.worked.sum(now, span.as_secs()) == 0 { self.missing.weight(now, span) } else { 0 }
    }
}

/// See the page above.
pub struct WebScan {
    bell: Bell,
    pairs: Subjects<(IpAddr, IpAddr), Asked>,
}

impl WebScan {
    #[must_use]
    pub fn new(settings: Settings) -> WebScan {
        WebScan { bell: Bell::new(settings), pairs: Subjects::new(PAIRS_MAX, SPAN, MISSING_MIN / 2) }
    }

    fn answer(&mut self, talk: &Talkers, http: &Http, context: &Context<'_>, findings: &mut Findings) {
        if matches!(http.method.as_str(), "PROPFIND" | "OPTIONS" | "CONNECT") {
            return;
        }
        let now = context.now.mono;
        let key = (talk.client.ip, talk.server.ip);
        let fresh = |left| Asked {
            missing: Recent::with(64, left, now),
            listed: Recent::new(64),
            worked: Window::default(),
            counted: Recent::new(64),
            by_scanner: Recent::new(16),
            fields: Recent::new(FIELDS_DIFFERENT as usize * 2),
            hosts: Recent::new(HOSTS_MIN as usize),
        };
        let Some(asked) = self.pairs.of(key, talk.client.mac.map_or(0, owner), now, fresh) else { return };
        let path = http.path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
        if let Some(which) = LISTED.iter().position(|listed| path.starts_with(listed)) {
            asked.listed.see(which, now);
        }
        let agent = http.agent.to_ascii_lowercase();
        if SCANNERS.iter().any(|scanner| agent.contains(scanner)) {
            asked.by_scanner.see(hash_of(&path), now);
        }
        let query = http.path.split_once('?').map_or("", |(_, query)| query);
        if query.bytes().filter(|byte| *byte == b'&').count() >= FIELDS_MIN {
            let name = query.split('=').next().unwrap_or_default();
            asked.fields.see(hash_of(name), now);
        }
        // A proxy is asked by the names of others, with all of the address (RFC 9112 §3.2.2).
        let domain = hash_of(registered(&http.host));
        if is_private(talk.server.ip) && path.starts_with('/') && http.host.contains('.') {
            asked.hosts.see((domain, hash_of(&http.host)), now);
        }
        let folder = numbered(&path).map(|(name, number)| {
            asked.counted.see((name.clone(), number), now);
            name
        });
        match http.status {
            404 | 403 | 400 | 405 | 410 => drop(asked.missing.see(path.chars().take(96).collect(), now)),
            200..=399 => asked.worked.add(now, 1),
            _ => {}
        }
        let missing = asked.missing.within(now, SPAN);
        let listed = asked.listed.within(now, SPAN);
        let worked = asked.worked.sum(now, SPAN.as_secs()) as usize;
        let alike = asked.counted.keys().filter(|(name, _)| Some(name) == folder.as_ref()).count();
        let counted = if worked == 0 && asked.counted.within(now, SPAN) >= alike { alike } else { 0 };
        let by_number = counted >= self.bell.scaled(COUNTED_MIN) as usize;
        let by_list = listed >= self.bell.scaled(LISTED_MIN) as usize;
        let leaves = !is_private(talk.server.ip) && talk.server.mac.is_none() && is_private(talk.client.ip);
        let least = self.bell.scaled(if leaves { MISSING_BEYOND_MIN } else { MISSING_MIN }) as usize;
        let by_missing = missing >= least && worked * 10 <= missing + worked;
        let by_name = asked.by_scanner.within(now, SPAN) >= self.bell.scaled(BY_SCANNER_MIN) as usize;
        let hosts = asked.hosts.within_keys(now, SPAN).filter(|(known, _)| *known == domain).count();
        let by_host = hosts >= self.bell.scaled(HOSTS_MIN) as usize;
        let by_field = asked.fields.within(now, SPAN) >= self.bell.scaled(FIELDS_DIFFERENT) as usize;
        if ![by_list, by_missing, by_number, by_name, by_host, by_field].contains(&true) {
            return;
        }
        let samples: Vec<String> = asked.missing.keys().take(4).map(|path| clean_text(path, 48)).collect();
        let finding = Finding::new(
            CARD.id,
            Category::Scan,
            Severity::Medium,
            format!("{} {}", talk.client.ip, talk.server.ip),
            context.now,
        )
        .by(talk.client.party())
        .against(talk.server.party())
        .why("missing", missing)
        .why("listed", listed)
        .why("worked", worked)
        .why("counted", counted)
        .why("hosts", hosts)
        .why("samples", samples.join(", "))
        .technique(&["T1595.003"])
        .points(if missing >= 30 || listed >= 6 { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

impl Detector for WebScan {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Http]
    }

    fn held(&self) -> usize {
        self.pairs.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        match &noticed.what {
            What::HttpAnswer(http) => self.answer(&noticed.talk, http, context, findings),
            // Asked and never answered counts by its name alone.
            What::HttpRequest(http) => self.answer(&noticed.talk, http, context, findings),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, arp, conversation};

    fn visits(paths: &[String], status: &str) -> usize {
        visits_by("Mozilla/5.0", paths, status)
    }

    fn visits_by(agent: &str, paths: &[String], status: &str) -> usize {
        visits_of(agent, paths, status, false)
    }

    fn visits_of(agent: &str, paths: &[String], status: &str, leaves: bool) -> usize {
        let mut stage = Stage::new(WebScan::new(Settings::default()));
        stage.frame(&arp(5, 1, 5, 5, 9), 0);
        let mut count = 0;
        for (n, path) in paths.iter().enumerate() {
            let (ask, answer) = (
                format!("GET {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: {agent}\r\n\r\n"),
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n"),
            );
            let script: [(bool, &[u8]); 2] = [(true, ask.as_bytes()), (false, answer.as_bytes())];
            for mut frame in conversation((9, 40_000 + n as u16), (5, 80), &script) {
                // Beyond the router instead.
                let far = if frame[29] == 5 { 26..30 } else { 30..34 };
                if leaves {
                    frame[far].copy_from_slice(&[203, 0, 113, 5]);
                }
                count += stage.frame(&frame, n as u64 * 300).len();
            }
        }
        count
    }

    #[test]
    fn who_looks_for_news_of_many_programs_is_not_told_and_a_list_of_paths_is() {
        let of = |count: usize| (0..count).map(|n| format!("/simple/program-{n}x/")).collect::<Vec<_>>();
        let beyond = |count: usize| visits_of("pip/24.0", &of(count), "404", true);
        assert_eq!(beyond(25), 0);
        assert!(beyond(90) > 0 && visits(&of(25), "404") > 0, "more, and at a server of the home");
        let listed = ["/.env", "/.git/config", "/wp-login.php", "/phpmyadmin/"].map(str::to_owned);
        assert!(visits_of("Mozilla/5.0", &listed, "404", true) > 0);
    }

    #[test]
    fn who_tries_names_of_values_is_told() {
        let ask = |n: usize, count: usize, same: bool| -> String {
            let names = (0..count).map(|k| format!("{}{k}=1", if same { "col".into() } else { format!("n{n}x") }));
            format!("/item.php?{}", names.collect::<Vec<_>>().join("&"))
        };
        let run = |count: usize, same: bool| visits(&(0..8).map(|n| ask(n, count, same)).collect::<Vec<_>>(), "200");
        assert!(run(90, false) > 0);
        assert_eq!((run(90, true), run(20, false)), (0, 0), "a table that is sorted anew; forms");
    }

    #[test]
    fn who_tries_names_of_hosts_is_told() {
        let run = |count: u16, name: &dyn Fn(u16) -> String, path: &str| -> usize {
            let mut stage = Stage::new(WebScan::new(Settings::default()));
            let mut told = 0;
            for n in 0..count {
                let ask = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", name(n));
                let script: [(bool, &[u8]); 2] =
                    [(true, ask.as_bytes()), (false, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")];
                for frame in conversation((9, 40_000 + n), (5, 80), &script) {
                    told += stage.frame(&frame, u64::from(n) * 200).len();
                }
            }
            told
        };
        let below = |n: u16| format!("w{n}.home.example");
        assert!(run(60, &below, "/") > 0);
        assert_eq!(run(25, &below, "/"), 0, "a page that watches all services of a home");
        assert_eq!(run(60, &|n| format!("www.ads{n}.com"), "/"), 0, "names that a blocker sends to itself");
        assert_eq!(run(60, &below, "http://a.home.example/"), 0, "a proxy");
    }

    #[test]
    fn a_search_is_told_and_use_is_not() {
        let many: Vec<String> = (0..30).map(|n| format!("/old{n}/index.php")).collect();
        assert!(visits(&many, "404") > 0);
        assert_eq!(visits(&many, "200"), 0, "they are there");
        let few: Vec<String> = (0..12).map(|n| format!("/backup{n}/a")).collect();
        assert!(visits(&few, "500") > 0, "folders that count up");
        let film: Vec<String> = (0..40).map(|n| format!("/film/piece{n}.ts")).collect();
        assert_eq!(visits(&film, "500"), 0, "pieces of a film");
        assert!(visits(&["/.env", "/.git/config", "/wp-login.php", "/phpmyadmin/"].map(str::to_owned), "404") > 0);
        let pages: Vec<String> = (0..8).map(|n| format!("/page/{n}")).collect();
        assert!(visits_by("Mozilla/5.00 (Nikto/2.1.5)", &pages, "200") > 0, "under its own name");
        assert_eq!(visits_by("sqlmap/1.7", &vec!["/login".to_owned(); 60], "200"), 0, "one page");
        assert_eq!(visits(&vec!["/favicon.ico".to_owned(); 60], "404"), 0, "one picture is gone");
    }
}
