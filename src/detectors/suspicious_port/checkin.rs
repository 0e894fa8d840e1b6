//! # Requests by which programs report to a master
//!
//! No single sign says it: makers' devices leave out headers, updaters name no browser, tools of measurement tell which
//! system they run on. What malware of many families shares is that several such signs meet in one small request.
//! Each is weighed; what people's own programs do as well weighs little, and without one strong sign nothing is told.
//! The kinds are those that public rules of many families describe (Emerging Threats, Snort's community rules).

use std::net::IpAddr;

use super::agent::Agent;
use crate::{
    model::{Severity, holds, is_binary, is_private},
    traffic::Http,
};

/// Of a body and of what is asked along.
const LOOKED_AT: usize = 1024;
/// Before this it is nothing; then low, medium, high.
const LEVELS: [u32; 3] = [5, 6, 8];
/// Of these so many by strong signs, for more than low.
const PROVED_MIN: u32 = 3;
/// Times that one page is asked for, after which somebody waits for something.
const MANY: u32 = 4;

/// What speaks for it, with the strongest sign in words.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Weight {
    points: u32,
    /// By strong signs.
    proved: u32,
    strong: Option<&'static str>,
}

impl Weight {
    fn add(&mut self, points: u32, holds: bool) {
        self.points += if holds { points } else { 0 };
    }

    fn prove(&mut self, points: u32, sign: &'static str, holds: bool) {
        if holds {
            self.points += points;
            self.proved += points;
            self.strong.get_or_insert(sign);
        }
    }

    /// How much it is worth to a person, and why.
    #[must_use]
    pub fn severity(self) -> Option<(Severity, &'static str)> {
        let [low, medium, high] = LEVELS;
        let sign = self.strong?;
        match self.points {
            points if points >= low && self.proved < PROVED_MIN => Some((Severity::Low, sign)),
            points if points >= high => Some((Severity::High, sign)),
            points if points >= medium => Some((Severity::Medium, sign)),
            points if points >= low => Some((Severity::Low, sign)),
            _ => None,
        }
    }
}

/// The address of the Internet that is asked without a name.
#[must_use]
pub fn is_bare(http: &Http) -> bool {
    let host = http.host.rsplit_once(':').map_or(http.host.as_str(), |(host, _)| host);
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| !is_private(ip) && !ip.is_loopback())
}

/// A request to the Internet, asked for the `turn`th time.
#[must_use]
pub fn request(http: &Http, turn: u32) -> Weight {
    let mut weight = Weight::default();
    let posts = http.method == "POST";
    let (path, query) = http.path.split_once('?').unwrap_or((&http.path, ""));
    let agent = Agent::of(&http.agent);
    weight.add(2, is_bare(http));
    weight.add(1, !http.has_accept && !http.is_referred && agent != Agent::Known);
    weight.add(1, posts && !http.is_referred && is_page(path));
    weight.add(1, path.starts_with("//"));
    weight.add(1, turn >= MANY);
    weight.add(1, is_panel(path));
    // Browsers of Windows say which kinds they take, and do not ask the same again and again.
    let feigned = !http.has_accept && !http.is_referred && turn >= MANY && http.agent.contains("Windows");
    let feigned = feigned && (http.agent.starts_with("Mozilla/") || http.agent.starts_with("Opera/"));
    weight.prove(2, "again and again under a browser's name, as no browser asks", feigned);
    weight.add(1, feigned && agent == Agent::Known);
    match agent {
        Agent::Known => {}
        Agent::None | Agent::Nameless | Agent::Old => weight.add(1, true),
        Agent::Lazy if posts => weight.prove(2, "under half the name of a browser", true),
        Agent::Lazy => weight.add(1, true),
        Agent::Script => weight.prove(2, "by a script", true),
        Agent::Impossible => weight.prove(4, "under the name of a browser that never was", true),
        Agent::Broken => weight.prove(4, "under what is no program's name", true),
    }
    if posts {
        let is_binary = !http.is_packed && is_binary(&http.body);
        weight.prove(3, "by data that is no form, said to be one", is_binary && is_form(&http.kind));
        let sealed = agent != Agent::Known && !http.has_accept && is_form(&http.kind) && is_sealed(&http.body);
        weight.prove(2, "by a form of which each field is base64", sealed);
        let odd = http.kind.starts_with("text/css") || http.kind.starts_with("image/") && !is_upload(path);
        weight.prove(3, "by data said to be a picture or a style", odd && !http.body.is_empty());
        let unbound = http.kind.starts_with("multipart/form-data") && !http.kind.contains("boundary=");
        weight.prove(3, "by parts without a boundary", unbound && !http.body.is_empty());
        weight.add(2, PICTURES.iter().any(|end| path.ends_with(end)));
    }
    let body = http.body.get(..http.body.len().min(LOOKED_AT)).unwrap_or_default();
    let told = tells(query.as_bytes()).join(if http.is_packed { Told::default() } else { tells(body) });
    let sign = "first of the machine it runs on";
    weight.add(2, told.groups() >= 3);
    weight.prove(3, sign, told.has_number());
    weight.prove(2, sign, told.is_telling() && !told.has_number());
    weight.prove(1, sign, told.windows && told.groups() >= 2);
    weight.prove(3, "of the number Windows was bought under", has_product_number(query.as_bytes()));
    weight.prove(2 + told.loot.min(2), "of passwords it found", told.loot > 0);
    weight
}

/// What was answered to it, beside what the request weighs.
#[must_use]
pub fn answer(http: &Http, mut weight: Weight) -> Weight {
    // RFC 9110 §15: five classes. Some programs of masters number their orders beyond them.
    weight.prove(4, "and is answered by a number that HTTP does not have", http.status >= 600);
    // A page that says that it is not there, and is no page: orders that who opens it does not see.
    let hidden = http.status == 404 && !http.is_packed && is_binary(&http.body) && http.method == "POST";
    weight.prove(3, "and is answered in what claims to be an error", hidden);
    // Nor is it a picture of which a server does not know what it is.
    let claims = http.status == 200 && http.kind.starts_with("text/html") && !http.is_packed;
    let noise = is_binary(&http.body) && !FILES.iter().any(|start| http.body.starts_with(start));
    weight.prove(3, "and is answered by a page that is none", claims && noise);
    // A page of a few words, in which the next place or the next command stands.
    let few = claims && !noise && http.body.len() <= 256 && !http.body.trim_ascii_start().starts_with(b"<");
    weight.add(1, few && !http.body.is_empty());
    weight.prove(2, "and gets orders", few && !http.has_accept && is_order(&http.body));
    weight
}

/// Commands joined together, a flood with a switch and a place, something to be loaded and run.
fn is_order(body: &[u8]) -> bool {
    const SIGNS: [&[u8]; 6] = [b"&&", b"downexec", b"download", b"cmd.exe", b"systeminfo", b"powershell"];
    let lower = body.to_ascii_lowercase();
    let is_switch = matches!(lower.as_slice(), [b'-', letter, ..] if letter.is_ascii_lowercase());
    let words = lower.split(|byte| matches!(byte, b' ' | b'|' | b'\r' | b'\n' | b';')).skip(1);
    let aims = |word: &[u8]| {
        let host = std::str::from_utf8(word).ok().and_then(|word| word.split(':').next());
        word.starts_with(b"http") || host.is_some_and(|host| host.parse::<IpAddr>().is_ok())
    };
    SIGNS.iter().any(|sign| holds(&lower, sign)) || is_switch && words.into_iter().any(aims)
}

/// What pages of masters are called in many a kit (Zeus, Pony, Andromeda and their heirs): one weak sign.
fn is_panel(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    is_page(file) && ["gate", "bot", "cmd", "task", "tasks", "getcmd", "cnc", "knock", "panel"].contains(&stem)
}

/// How pictures, films, sound, archives and documents begin, which some servers call pages.
const FILES: [&[u8]; 10] =
    [b"\xff\xd8", b"\x89PNG", b"GIF8", b"RIFF", b"PK", b"%PDF", b"\x1f\x8b", b"ID3", b"OggS", b"\0\0"];

const PAGES: [&str; 6] = [".php", ".asp", ".aspx", ".jsp", ".cgi", "/"];
const PICTURES: [&str; 5] = [".bmp", ".gif", ".png", ".jpg", ".jpeg"];

fn is_page(path: &str) -> bool {
    PAGES.iter().any(|end| path.ends_with(end))
}

fn is_upload(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["upload", "image", "photo", "avatar", "snap", "cam"].iter().any(|word| path.contains(word))
}

fn is_form(kind: &str) -> bool {
    kind.starts_with("application/x-www-form-urlencoded") || kind.starts_with("text/")
}

/// A form that tells nobody what it says: each value is long and of the letters of base64 (RFC 4648), which it need not be.
fn is_sealed(body: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'%' | b'-' | b'_');
    let mut fields = body.split(|byte| *byte == b'&').take(8).peekable();
    fields.peek().is_some()
        && fields.all(|field| {
            let at = field.iter().position(|byte| *byte == b'=').unwrap_or(field.len());
            let value = field.get(at + 1..).unwrap_or_default();
            let has = |is: fn(&u8) -> bool| value.iter().any(is);
            let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
            value.len() >= 16 && mixed && value.iter().all(is_letter)
        })
}

/// Groups of names of what a program says of the machine.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Told {
    /// A bit for each of [`GROUPS`].
    seen: u16,
    windows: bool,
    loot: u32,
}

/// Names of fields, by what they tell; the first two are what only few have a use for.
const GROUPS: [&[&str]; 8] = [
    &["hwid", "machine_guid", "machineguid", "machineid", "machine_id", "botid", "bot_id"],
    &["av", "antivirus", "antivir", "defender", "avname"],
    &[
        "pc",
        "pcname",
        "pc_name",
        "computer",
        "computername",
        "comp",
        "compname",
        "hostname",
        "host_name",
        "mac_name",
        "cname",
    ],
    &["user", "username", "user_name", "uname", "usr"],
    &["os", "osver", "os_version", "osversion", "windows", "winver", "betriebssystem", "system", "platform"],
    &["uid", "guid", "uuid", "id", "mac", "mid", "bid", "serial", "hdd"],
    &["ver", "version", "build", "bits", "bit", "arch", "lang", "lv", "x64"],
    &["ram", "cpu", "gpu", "screen", "admin", "isadmin", "privilege", "elevated", "ip", "country"],
];
const LOOT: [&str; 12] = [
    "passwords",
    "pswd",
    "pwds",
    "cookies",
    "wallets",
    "autofill",
    "autofills",
    "cred",
    "creds",
    "keylog",
    "keylogs",
    "pstore",
];

impl Told {
    const fn groups(self) -> u32 {
        self.seen.count_ones()
    }

    /// The machine's own number, under the name that only sellers of access and of cheats have for it.
    const fn has_number(self) -> bool {
        self.seen & 1 != 0
    }

    /// The machine's own number or its guard, or its name, its user and its system together.
    const fn is_telling(self) -> bool {
        self.seen & 0b11 != 0 && self.groups() >= 2 || self.seen & 0b1_1100 == 0b1_1100
    }

    const fn join(self, other: Told) -> Told {
        Told { seen: self.seen | other.seen, windows: self.windows || other.windows, loot: self.loot + other.loot }
    }
}

/// Names before `=` or `:`, in forms, JSON and plain lines.
fn tells(bytes: &[u8]) -> Told {
    let mut told = Told::default();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut rest = bytes;
    while let Some(from) = rest.iter().position(is_word) {
        let word = rest.get(from..).unwrap_or_default();
        let len = word.iter().take_while(|byte| is_word(byte)).count();
        let (word, after) = word.split_at(len.min(word.len()));
        rest = after;
        if word.len() > 16 {
            continue;
        }
        if word.eq_ignore_ascii_case(b"windows")
            && matches!(after.first(), Some(b' ' | b'+' | b'%' | b'_' | b'"' | b'&') | None)
        {
            told.windows = true;
        }
        let name = after.iter().find(|byte| !matches!(byte, b'"' | b' ' | b'\''));
        if !matches!(name, Some(b'=' | b':')) {
            continue;
        }
        let is = |known: &str| word.eq_ignore_ascii_case(known.as_bytes());
        for (n, group) in GROUPS.iter().enumerate() {
            told.seen |= if group.iter().any(|known| is(known)) { 1 << n } else { 0 };
        }
        told.loot += u32::from(LOOT.iter().any(|known| is(known)));
    }
    told
}

/// What a program says first in a protocol of its own, in JSON: as much as a request must hold.
#[must_use]
pub fn is_report(bytes: &[u8]) -> bool {
    let told = tells(bytes.get(..bytes.len().min(LOOKED_AT)).unwrap_or_default());
    bytes.starts_with(b"{") && told.is_telling() && told.groups() >= 3 && told.windows
}

/// `76487-OEM-0011903-00102`, and newer ones: four or five groups of five, the second often OEM.
fn has_product_number(query: &[u8]) -> bool {
    query.split(|byte| matches!(byte, b'=' | b'&')).any(|value| {
        let groups: Vec<&[u8]> = value.split(|byte| *byte == b'-').collect();
        let is_group = |group: &&[u8]| {
            (3..=8).contains(&group.len())
                && group.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
        };
        matches!(groups.len(), 4 | 5)
            && groups.iter().all(is_group)
            && groups.first().is_some_and(|first| first.len() == 5)
            && groups.iter().flat_map(|group| group.iter()).filter(|byte| byte.is_ascii_digit()).count() >= 10
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(method: &str, path: &str, host: &str, agent: &str, kind: &str, body: &[u8]) -> Option<Severity> {
        let http = Http {
            method: method.into(),
            path: path.into(),
            host: host.into(),
            agent: agent.into(),
            kind: kind.into(),
            body: body.to_vec(),
            ..Http::default()
        };
        // Again and again, as masters are asked and clouds are.
        request(&http, 4).severity().map(|(severity, _)| severity)
    }

    const FORM: &str = "application/x-www-form-urlencoded";
    const NOISE: &[u8] = b"\x03\x9f\x11\x80\x7a\x02\xee\x19\x04\xd0\xff\x1b\x88\x01\x10\xc3";

    #[test]
    fn reports_to_masters_are_known_by_what_meets_in_them() {
        let explorer = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.1)";
        let told = br#"{"id":"9f","hostname":"PC-7","username":"anna","os":"windows"}"#;
        let cases: &[(&str, &str, &str, &str, &str, &str, &[u8])] = &[
            ("binary in a form", "POST", "/gate.php", "203.0.113.9", explorer, FORM, NOISE),
            ("binary as a style", "POST", "/", "203.0.113.9", "Mozilla/5.0 (Windows NT 6.1) x", "text/css", NOISE),
            ("parts without a bound", "POST", "/a/b.bmp", "a.example", "", "multipart/form-data", b"QUJD"),
            ("JSON", "POST", "/user", "203.0.113.9", "go-resty/2.3.0", "application/json", told),
            ("passwords found", "POST", "//x/y.php", "203.0.113.9", "", FORM, b"id=15&cred=chrome|a|b"),
            (
                "number of Windows",
                "GET",
                "/c.php?s=Windows%20XP&p=76487-OEM-0011903-00102&id=9",
                "a.example",
                explorer,
                "",
                b"",
            ),
            ("a machine's number", "GET", "/g.php?hwid=91&os=Windows%2010&user=anna&av=none", "a.example", "", "", b""),
        ];
        for (name, method, path, host, agent, kind, body) in cases {
            assert!(level(method, path, host, agent, kind, body) >= Some(Severity::Medium), "{name}");
        }
    }

    #[test]
    fn programs_that_people_have_are_left_alone() {
        let camera = br#"{"mac":"02:00","uid":"AB12","version":"1.2"}"#;
        let game = br#"{"platform":"Windows","version":"1.2","uid":"77"}"#;
        let cases: &[(&str, &str, &str, &str, &str, &str, &[u8])] = &[
            ("a camera's cloud", "POST", "/api/register", "203.0.113.9", "", "application/json", camera),
            ("a game's figures", "POST", "/stat", "a.example", "UnityPlayer/2019.4", "application/json", game),
            ("a script's upload", "POST", "/in", "a.example", "curl/8.5.0", FORM, NOISE),
            (
                "certificates",
                "POST",
                "/ocsp",
                "a.example",
                "Microsoft-CryptoAPI/10.0",
                "application/ocsp-request",
                NOISE,
            ),
            ("an update", "GET", "/v.php?os=win&ver=1.2&id=9", "a.example", "Updater", "", b""),
            ("weather of a clock", "GET", "/w?id=9&uid=7", "203.0.113.9", "ESP8266HTTPClient", "", b""),
            (
                "a search engine",
                "GET",
                "/",
                "a.example",
                "Mozilla/5.0 (compatible; bot/1.0; +http://a.example)",
                "",
                b"",
            ),
            (
                "a name in German",
                "POST",
                "/f.php",
                "a.example",
                "Mozilla/5.0 (X11) x",
                FORM,
                "name=Müller&ort=Köln".as_bytes(),
            ),
            ("a television", "GET", "/epg", "a.example", "Mozilla/5.0 (SmartHub; TV) AppleWebKit/537", "", b""),
            ("a script's own page", "GET", "/t.txt", "a.example", "AutoHotkey", "", b""),
            ("a thing that is lazy", "GET", "/time", "203.0.113.9", "Mozilla/5.0", "", b""),
        ];
        for (name, method, path, host, agent, kind, body) in cases {
            assert_eq!(level(method, path, host, agent, kind, body), None, "{name}");
        }
    }

    #[test]
    fn answers_that_are_none_of_https_weigh_as_well() {
        let asked = Http { method: "POST".into(), path: "/a.php".into(), ..Http::default() };
        let level = |status, body: &[u8], is_packed| {
            let said = Http { status, body: body.to_vec(), is_packed, ..asked.clone() };
            answer(&said, request(&asked, 1)).severity()
        };
        assert!(level(666, b"ok", false).is_some() && level(404, NOISE, false).is_some());
        assert!(level(200, NOISE, false).is_none() && level(404, b"<html>not found</html>", false).is_none());
        let page = |body: &[u8]| {
            let (status, kind) = (200, "text/html".to_owned());
            answer(&Http { status, kind, body: body.to_vec(), ..asked.clone() }, request(&asked, 1)).severity()
        };
        assert!(page(NOISE).is_some() && page(b"<html>").is_none(), "a page that is none");
        assert!(page(&[b"\xff\xd8\xff\xe0".as_slice(), NOISE].concat()).is_none(), "a picture");
        assert!(level(404, NOISE, true).is_none(), "packed");
    }

    #[test]
    fn forms_that_tell_nobody_what_they_say_are_known() {
        assert!(
            is_sealed(b"env=QUJDREVGR0hJSktMTU5PUDEyMzQ1Njc4OTA%3D")
                && is_sealed(b"a=dGhpc0lzMUE5c3Rh&b=MTIzNDU2Nzg5MGFiQ0RF")
        );
        assert!(
            !is_sealed(b"")
                && !is_sealed(b"name=Anna&pass=secret")
                && !is_sealed(b"data=0123456789abcdef0123456789abcdef")
        );
        assert!(!is_sealed(b"id=7&t=QUJDREVGR0hJSktMTU5PUDEyMzQ1Njc4OTA") && !is_sealed(b"QUJDREVGR0hJSktM"));
    }

    #[test]
    fn who_asks_again_and_again_under_a_browsers_name_is_low() {
        let ask = |agent: &str, has_accept, turn, body: &[u8]| {
            let http = Http {
                method: "GET".into(),
                path: "/a/b.php?id=7".into(),
                agent: agent.into(),
                status: 200,
                kind: "text/html".into(),
                body: body.to_vec(),
                has_accept,
                ..Http::default()
            };
            let asked = Http { kind: String::new(), body: Vec::new(), ..http.clone() };
            answer(&http, request(&asked, turn)).severity().map(|(severity, _)| severity)
        };
        let (old, new) = (
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1)",
            "Mozilla/5.0 (Windows NT 10.0) Gecko/1 Firefox/140.0",
        );
        assert_eq!(ask(old, false, 4, b"ok"), Some(Severity::Low));
        assert_eq!(ask(old, false, 3, b"ok"), None, "a few times");
        assert_eq!(ask(old, true, 9, b"ok"), None, "as a browser asks");
        assert_eq!(ask("Updater/1.0 (Windows)", false, 9, b"2.1"), None, "under its own name");
        assert!(ask(new, false, 4, b"-udp 198.51.100.8 80|-get http://a.example/") >= Some(Severity::Medium), "orders");
        assert!(ask(new, false, 4, b"#command##systeminfo&&net view") >= Some(Severity::Medium), "orders");
        assert!(!is_order(b"2.1 see http://a.example/") && !is_order(b"ok") && !is_order(b"-1"));
    }
}
