//! Agents that break the rules. Whatever one does, the scanner goes on, and the good agent beside it (10.78.0.10)
//! is asked each round in time.

use std::{collections::BTreeSet, net::UdpSocket, path::PathBuf, thread, time::Duration};

use porchlight::{
    model::Span,
    scanners::snmp::Target,
    wire::snmp::{Oid, Version, ber, tag},
};

use tokio::time::Instant;

use super::{
    home::{DEADLINE, Home, ip, office, peer, ready},
    player::{Asked, answer, asked, oid, play, socket, system, text},
};

const GOOD: &str = "10.78.0.10";

/// What it does, and whether it is told of by its name nevertheless.
const WAYS: &[(&str, bool)] = &[
    ("names that do not grow", true),
    ("names that go round in a ring", true),
    ("tables without end", true),
    ("no rows in an answer", true),
    ("another number first", true),
    ("garbage first", true),
    ("only another number", false),
    ("from another address", false),
    ("cut in the middle", false),
    ("a length of four gigabytes", false),
    ("a whole datagram of sequences", false),
    ("a flood", false),
    ("never in time", false),
    ("another version", false),
];

fn folder() -> PathBuf {
    std::env::var("HOME_DIR").unwrap().into()
}

#[test]
fn whatever_an_agent_does_the_others_are_asked_in_time() {
    // All at once: each has its own two namespaces.
    thread::scope(|scope| {
        for (number, (way, _)) in WAYS.iter().enumerate() {
            scope.spawn(move || {
                let Some(mut home) = Home::build(&format!("snmph{number}")) else { return };
                assert!(ip(&["-n", &home.far, "addr", "add", "10.78.0.10/24", "dev", "wire0"]));
                std::fs::write(home.dir.join("way"), way).unwrap();
                home.listener("hostile::inner_agents");
                home.run("hostile::inner_asks");
            });
            thread::sleep(Duration::from_millis(100));
        }
    });
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_agents() {
    let way = std::fs::read_to_string(folder().join("way")).unwrap();
    let good = socket(GOOD);
    thread::scope(|scope| {
        scope.spawn(|| {
            let values = system("good", 72);
            loop {
                let (question, from) = asked(&good);
                good.send_to(&play(&question, &values), from).unwrap();
            }
        });
        let evil = socket("10.78.0.9");
        ready();
        let other = UdpSocket::bind("10.78.0.10:0").unwrap();
        let mut count = 0;
        loop {
            let (question, from) = asked(&evil);
            count += 1;
            std::fs::write(folder().join("count.new"), format!("{count}")).unwrap();
            std::fs::rename(folder().join("count.new"), folder().join("count")).unwrap();
            let reply = play(&question, &system("evil", 2));
            let send = |bytes: &[u8]| drop(evil.send_to(bytes, from));
            match way.as_str() {
                _ if question.tag == tag::GET
                    && WAYS.iter().any(|(name, named)| *name == way && *named && !way.ends_with("first")) =>
                {
                    send(&reply);
                }
                "names that do not grow" => send(&rows(&question, |name, _| name.clone())),
                "names that go round in a ring" => send(&rows(&question, |name, n| {
                    let depth = name.arcs().len();
                    Oid::new(&name.arcs()[..depth.min(14)]).with(&[(n % 3) + 1, 2, 3, 4, 5, 6])
                })),
                "tables without end" => send(&rows(&question, |name, n| {
                    let (count, base) = if name.arcs().len() > 14 {
                        (name.arcs().last().copied().unwrap(), Oid::new(&name.arcs()[..name.arcs().len() - 1]))
                    } else {
                        (0, name.with(&[2, 2, 2, 2, 2]))
                    };
                    base.with(&[count + n + 1])
                })),
                "no rows in an answer" => send(&answer(&question, question.id, 0, 0, &[])),
                "another number first" => {
                    send(&answer(&question, question.id ^ 1, 0, 0, &[(oid("1.3.6.1.2.1.1.5.0"), text("forged"))]));
                    send(&reply);
                }
                "garbage first" => {
                    send(b"");
                    send(&[0x30; 1200]);
                    send(&reply);
                }
                "only another number" => {
                    send(&answer(&question, question.id ^ 1, 0, 0, &[(oid("1.3.6.1.2.1.1.5.0"), text("forged"))]))
                }
                "from another address" => drop(other.send_to(&reply, from)),
                "cut in the middle" => send(&reply[..reply.len() / 2]),
                "a length of four gigabytes" => send(&[&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff][..], &reply].concat()),
                "a whole datagram of sequences" => send(&[0x30, 0x80].repeat(32_000)),
                "a flood" => {
                    for _ in 0..2000 {
                        send(&reply[..reply.len() - 1]);
                    }
                }
                "never in time" => {
                    // Two questions wait 3 s in all.
                    thread::sleep(Duration::from_secs(4));
                    send(&reply);
                }
                "another version" => {
                    let version = if question.version == Version::V1 { Version::V2c } else { Version::V1 };
                    send(&play(&Asked { version, ..question }, &system("evil", 2)));
                }
                _ => send(&reply),
            }
        }
    });
}

/// An answer of twenty rows to a walk, named by `name` of the last one and the place.
fn rows(question: &Asked, name: impl Fn(&Oid, u32) -> Oid) -> Vec<u8> {
    let first = &question.names[0];
    let binds: Vec<_> = (0..20).map(|n| (name(first, n), ber::put_int(3))).collect();
    answer(question, question.id, 0, 0, &binds)
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_asks() {
    let way = std::fs::read_to_string(folder().join("way")).unwrap();
    let named = WAYS.iter().any(|(name, named)| *name == way && *named);
    let mut office = office().await;
    office.settings.snmp.interval = Span::seconds(15);
    let target = |address| Target { address, community: None, community_file: None, user: None };
    office.settings.snmp.targets = vec![target(peer()), target(GOOD.parse().unwrap())];
    let began = Instant::now();
    office.start("snmp");
    let (mut good, mut evil) = (Vec::new(), BTreeSet::new());
    let listen = async {
        // Two rounds of the good one, so that the first of the other is over.
        while good.len() < 2 {
            let seen = office.observations.recv().await.unwrap();
            let fact = format!("{:?}", seen.fact);
            if seen.subject.ip == Some(peer()) {
                evil.insert(fact);
            } else {
                assert_eq!(seen.subject.ip, Some(GOOD.parse().unwrap()), "{way}: {seen:?}");
                if fact.contains("\"good\"") {
                    good.push(began.elapsed());
                }
            }
        }
    };
    tokio::time::timeout(DEADLINE, listen).await.unwrap_or_else(|_| panic!("{way}: the good one was not asked twice"));
    // The agents may need a moment to begin, the first question is then put once more.
    let gap = good[1] - good[0];
    assert!(gap < Duration::from_secs(25), "{way}: {good:?}");
    let is_named = evil.iter().any(|fact| fact.contains("\"evil\""));
    assert_eq!(is_named, named, "{way}: {evil:?}");
    assert!(!evil.iter().any(|fact| fact.contains("forged")), "{way}: {evil:?}");
    assert!(named || evil.is_empty(), "{way}: {evil:?}");
    let count: u32 = std::fs::read_to_string(folder().join("count")).unwrap().parse().unwrap();
    // 400 a round, of which there were two or three.
    assert!(count <= 1200, "{way}: {count} questions");
    eprintln!("measured: {way}: {count} questions, the good one told after {:.1} s", good[0].as_secs_f64());
}
