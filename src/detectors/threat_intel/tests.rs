//! Each kind of entry, and its twin that must stay silent.

use super::*;
use crate::{
    detectors::stage::{ACK, SYN, Stage, between, datagram, dns, ip, mac, segment},
    intel::{
        feeds::read,
        indicators::{Builder, Indicators},
    },
    model::Wall,
};

const OUTSIDE: [u8; 4] = [203, 0, 113, 66];
const ROUTER: u8 = 1;

fn lists(texts: &[(&str, &str)]) -> Indicators {
    let mut builder = Builder::new(100);
    for (place, text) in texts {
        read(text.as_bytes(), &place.parse().expect(place), Wall(0), Wall(0), &mut builder).expect("a list");
    }
    builder.build()
}

fn stage(texts: &[(&str, &str)], settings: Settings) -> Stage<ThreatIntel> {
    Stage::new(ThreatIntel::new(settings)).knowing(lists(texts))
}

/// A conversation of device 9 with a host of the Internet, behind the router; or the other way round.
fn outside(port: u16, to: [u8; 4], script: &[(bool, &[u8])], inbound: bool) -> Vec<Vec<u8>> {
    let (own, far) = ((mac(9), ip(9)), (mac(ROUTER), to));
    let (client, server) = if inbound { (far, own) } else { (own, far) };
    let mut next = [101_u32, 501];
    let send = |by_client: bool, flags: u8, sequence: u32, payload: &[u8]| {
        let ports = if by_client { (40_000, port) } else { (port, 40_000) };
        let (from, to) = if by_client { (client, server) } else { (server, client) };
        between(from, to, 6, &segment(ports.0, ports.1, flags, sequence, payload))
    };
    let mut frames = vec![send(true, SYN, 100, b""), send(false, SYN | ACK, 500, b""), send(true, ACK, 101, b"")];
    for (by_client, bytes) in script {
        let side = usize::from(!by_client);
        frames.push(send(*by_client, ACK, next[side], bytes));
        next[side] += bytes.len() as u32;
    }
    frames
}

/// A question of device 9 to the router, or its answer with an address.
fn question(name: &str, answer: Option<[u8; 4]>) -> Vec<u8> {
    let mut message = dns(7, answer.map(|_| 0), name, 1);
    if let Some(address) = answer {
        message[7] = 1;
        message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        message.extend(address);
        return between((mac(ROUTER), ip(ROUTER)), (mac(9), ip(9)), 17, &datagram(53, 5353 + 1, &message));
    }
    between((mac(9), ip(9)), (mac(ROUTER), ip(ROUTER)), 17, &datagram(5353 + 1, 53, &message))
}

fn run(stage: &mut Stage<ThreatIntel>, frames: &[Vec<u8>]) -> Vec<(String, Severity, bool)> {
    let all = frames.iter().enumerate().flat_map(|(at, frame)| stage.frame(frame, 1000 + at as u64));
    let why = |finding: &Finding, key: &str| {
        finding.evidence.iter().find(|(name, _)| *name == key).map_or(String::new(), |(_, value)| value.clone())
    };
    // 0.7 is the bar of an alert.
    all.map(|f| (format!("{} {}", why(&f, "kind"), why(&f, "indicator")), f.severity, f.confidence >= 0.7)).collect()
}

const TALK: &[(bool, &[u8])] = &[(true, b"\x01\x02hello"), (false, b"\x03\x04order")];

#[test]
fn each_kind_of_entry_is_raised_once_and_its_twin_is_not() {
    let address = [("c2=/l/a.txt", "203.0.113.66\n")];
    let high = |what: &str| vec![(what.to_owned(), Severity::High, true)];
    let get = b"GET /a.exe HTTP/1.1\r\nHost: files.example\r\n\r\n";
    let other = b"GET /b.exe HTTP/1.1\r\nHost: files.example\r\n\r\n";
    let cases: Vec<(&str, &[(&str, &str)], Vec<Vec<u8>>, Vec<(String, Severity, bool)>)> = vec![
        ("a listed address", &address, outside(8443, OUTSIDE, TALK, false), high("address 203.0.113.66")),
        ("its neighbour", &address, outside(8443, [203, 0, 113, 67], TALK, false), vec![]),
        ("nobody answered", &address, outside(8443, OUTSIDE, &[(true, b"hello")], false), vec![]),
        (
            "a listed service",
            &[("c2=/l/a.csv", "dst_ip,dst_port\n203.0.113.66,8443\n")],
            outside(8443, OUTSIDE, TALK, false),
            high("service 203.0.113.66:8443"),
        ),
        (
            "another port of it",
            &[("c2=/l/a.csv", "dst_ip,dst_port\n203.0.113.66,8443\n")],
            outside(443, OUTSIDE, TALK, false),
            vec![],
        ),
        (
            "it calls, and is answered",
            &address,
            outside(22, OUTSIDE, TALK, true),
            vec![("inbound 203.0.113.66".to_owned(), Severity::Low, true)],
        ),
        ("it knocks", &address, outside(22, OUTSIDE, &[], true), vec![]),
        (
            "a page",
            &[("/l/u.txt", "http://files.example/a.exe\n")],
            outside(80, OUTSIDE, &[(true, get), (false, b"HTTP/1.1 200 OK\r\n\r\n")], false),
            high("url files.example/a.exe"),
        ),
        (
            "another page of the same host",
            &[("/l/u.txt", "http://files.example/a.exe\n")],
            outside(80, OUTSIDE, &[(true, other), (false, b"HTTP/1.1 200 OK\r\n\r\n")], false),
            vec![],
        ),
        (
            "a host by name",
            &[("phishing=/l/n.txt", "files.example\n")],
            outside(80, OUTSIDE, &[(true, other), (false, b"HTTP/1.1 200 OK\r\n\r\n")], false),
            vec![("domain files.example".to_owned(), Severity::Medium, true)],
        ),
        (
            "a name that is asked for and called",
            &[("c2=/l/n.txt", "evil.example\n")],
            [
                vec![question("x.evil.example", None), question("x.evil.example", Some(OUTSIDE))],
                outside(443, OUTSIDE, TALK, false),
            ]
            .concat(),
            vec![
                ("domain evil.example".to_owned(), Severity::High, false),
                ("domain evil.example".to_owned(), Severity::High, true),
            ],
        ),
        (
            "a name that is only looked up, as browsers do",
            &[("c2=/l/n.txt", "evil.example\n")],
            vec![question("evil.example", None), question("evil.example", Some(OUTSIDE))],
            vec![("domain evil.example".to_owned(), Severity::High, false)],
        ),
        (
            "another site at the address of a listed one",
            &[("c2=/l/n.txt", "evil.example\n")],
            [
                vec![question("fine.example", None), question("fine.example", Some(OUTSIDE))],
                outside(443, OUTSIDE, TALK, false),
            ]
            .concat(),
            vec![],
        ),
        (
            "weather",
            &[("weather=/l/w.txt", "203.0.113.0/24\n")],
            outside(443, OUTSIDE, TALK, false),
            vec![("address 203.0.113.66".to_owned(), Severity::Low, true)],
        ),
    ];
    for (name, texts, frames, expected) in cases {
        let mut stage = stage(texts, Settings::default());
        assert_eq!(run(&mut stage, &frames), expected, "{name}");
    }
}

#[test]
fn what_is_allowed_is_silent_whatever_lists_say() {
    let allow = ["203.0.113.64/28", "evil.example"].map(|text| Allowed::try_from(text.to_owned()));
    let settings = Settings { allow: allow.into_iter().collect::<Result<_, _>>().expect("two"), ..Settings::default() };
    let texts = [("c2=/l/a.txt", "203.0.113.66\nevil.example\n")];
    let mut stage = stage(&texts, settings);
    let frames = [outside(8443, OUTSIDE, TALK, false), vec![question("x.evil.example", None)]].concat();
    assert_eq!(run(&mut stage, &frames), vec![]);
    assert!(Allowed::try_from("http://x.example/".to_owned()).is_err());
}

#[test]
fn without_lists_nothing_is_held_and_nothing_said() {
    let mut stage = Stage::new(ThreatIntel::new(Settings::default()));
    assert_eq!(run(&mut stage, &outside(8443, OUTSIDE, TALK, false)), vec![]);
    assert_eq!(stage.detector.held(), 0);
}

#[test]
fn two_lists_weigh_more_than_one() {
    let texts = [("c2=/l/a.txt", "203.0.113.66\n"), ("/l/b.txt", "203.0.113.66\n")];
    let mut stage = stage(&texts, Settings::default());
    let frames = outside(8443, OUTSIDE, TALK, false);
    let found: Vec<Finding> = frames.iter().enumerate().flat_map(|(at, f)| stage.frame(f, 1000 + at as u64)).collect();
    assert!(found.len() == 1 && found[0].confidence > 0.85, "{found:?}");
}
