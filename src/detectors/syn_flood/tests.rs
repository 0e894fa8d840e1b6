//! Floods, each with the busy service that looks like it.

use super::*;
use crate::detectors::stage::{ACK, FIN, RST, SYN, Stage, between, ip, mac, segment, tcp};

#[test]
fn who_holds_all_the_room_of_a_service_is_noted() {
    let run = |count: u16, gap_ms: u64, ends: bool| -> Vec<Severity> {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let mut told = Vec::new();
        for n in 0..count {
            let (client, server) = ((9, 1000 + n), (5, 80));
            let mut script = vec![(client, server, SYN), (server, client, SYN | ACK), (client, server, ACK)];
            if ends {
                script.extend([(client, server, FIN | ACK), (server, client, FIN | ACK)]);
            }
            for ((from, to, flags), seq) in script.into_iter().zip([1, 1, 2, 2, 2]) {
                told.extend(stage.frame(&tcp(from, to, flags, seq, b""), u64::from(n) * gap_ms));
            }
        }
        told.iter().map(|finding| finding.severity).collect()
    };
    assert!(run(200, 50, false).contains(&Severity::Low));
    assert!(run(3000, 2, true).contains(&Severity::Low), "faster than anybody reads");
    assert!(run(300, 100, true).is_empty(), "one after the other");
    assert!(run(40, 10, false).is_empty(), "a browser");
    assert!(run(600, 2000, false).is_empty(), "all day long, and no end is heard");
}

#[test]
fn a_flood_names_its_one_source_or_nobody_and_a_busy_server_is_none() {
    let mut stage = Stage::new(SynFlood::new(Settings::default()));
    let one: Vec<_> =
        (0..400u16).flat_map(|n| stage.frame(&tcp((9, 1000 + n), (5, 80), SYN, 1, b""), u64::from(n) * 5)).collect();
    assert_eq!(one.first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(9))));
    let mut stage = Stage::new(SynFlood::new(Settings::default()));
    for (from, to, flags) in [((7, 900), (5, 80), SYN), ((5, 80), (7, 900), SYN | ACK), ((7, 900), (5, 80), ACK)] {
        stage.frame(&tcp(from, to, flags, 1, b""), 0);
    }
    let after: Vec<_> = (0..400u16)
        .flat_map(|n| stage.frame(&tcp((9, 1000 + n), (5, 80), SYN, 1, b""), 60_000 + u64::from(n) * 5))
        .collect();
    assert_eq!(after.first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(9))), "another was served before");
    let mut stage = Stage::new(SynFlood::new(Settings::default()));
    let forged: Vec<_> = (0..400u16)
        .flat_map(|n| {
            let from = [100, 64, (n / 200) as u8, (n % 200) as u8];
            // It is the way out for others.
            stage.frame(&between((mac(7), ip(7)), (mac(1), [203, 0, 113, 9]), 17, &[0; 8]), 0);
            stage.frame(&between((mac(1), from), (mac(5), ip(5)), 6, &segment(1000, 80, SYN, 1, b"")), u64::from(n) * 5)
        })
        .collect();
    assert_eq!(forged.first().map(|f| f.attacker), Some(Party::default()), "from outside");
    let mut stage = Stage::new(SynFlood::new(Settings::default()));
    stage.frame(&crate::detectors::stage::arp(9, 1, 9, 9, 1), 0);
    let within: Vec<_> = (0..400u16)
        .flat_map(|n| {
            let from = [100, 64, (n / 200) as u8, (n % 200) as u8];
            let ask = segment(1000, 80, SYN, 1, b"");
            stage.frame(&between((mac(9), from), (mac(5), ip(5)), 6, &ask), u64::from(n) * 5)
        })
        .collect();
    let who = Party { device: None, mac: Some(MacAddr(mac(9))), ip: None };
    assert_eq!(within.first().map(|f| f.attacker), Some(who), "forged, from within");
    let mut stage = Stage::new(SynFlood::new(Settings::default()));
    let mut busy = Vec::new();
    for n in 0..600u16 {
        let (client, server) = ((9, 1000 + n), (5, 80));
        for (from, to, flags) in [(client, server, SYN), (server, client, SYN | ACK), (client, server, ACK)] {
            busy.extend(stage.frame(&tcp(from, to, flags, 1, b""), u64::from(n) * 5));
        }
    }
    assert!(busy.iter().all(|found| found.severity == Severity::Low), "a load test");
}
#[test]
fn acknowledgements_of_nothing_are_told_and_a_server_that_forgot_is_not() {
    let run = |count: u16, after: bool| -> Vec<Finding> {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let mut found = Vec::new();
        for n in 0..count {
            let ms = u64::from(n) * 3;
            found.extend(stage.frame(&tcp((9, 20_000 + n), (5, 80), ACK, 1, b""), ms));
            if after {
                found.extend(stage.frame(&tcp((9, 20_000 + n), (5, 80), ACK, 1, b"more"), ms));
            }
            found.extend(stage.frame(&tcp((5, 80), (9, 20_000 + n), 4, 1, b""), ms + 1));
        }
        found
    };
    assert_eq!(run(500, false).first().and_then(|f| f.attacker.ip), Some(IpAddr::from(ip(9))));
    assert!(run(120, false).is_empty() && run(500, true).is_empty());
}
/// Resets `count` times, two a millisecond, from whom to whom.
fn resets(count: u16, ends: impl Fn(u16) -> ((u8, u16), (u8, u16))) -> Vec<Finding> {
    let mut stage = Stage::new(SynFlood::new(Settings::default()));
    let all = (0..count).map(|n| (n, ends(n)));
    all.flat_map(|(n, (from, to))| stage.frame(&tcp(from, to, RST, 1, b""), u64::from(n) / 2)).collect()
}

#[test]
fn resets_of_nothing_are_told_and_those_of_a_restart_or_a_search_are_not() {
    let named = |found: &[Finding]| found.first().map(|f| (f.attacker.ip, f.victim.ip));
    let (one, two) = (Some(IpAddr::from(ip(9))), Some(IpAddr::from(ip(5))));
    assert_eq!(named(&resets(400, |n| ((9, 2000 + n), (5, 443)))), Some((one, two)));
    assert_eq!(named(&resets(400, |n| ((9, 4444), (5, 1000 + n)))), Some((one, two)), "one port after the other");
    assert_eq!(named(&resets(1200, |n| ((5, 443), (9, 2000 + n)))), Some((one, two)), "heard from its answers");
    assert!(resets(700, |n| ((5, 443), (9, 40_000 + n))).is_empty(), "a server that forgot its connections");
    assert!(resets(200, |n| ((9, 40_000 + n), (5, 443))).is_empty(), "a client that ends all of its own");
    assert!(resets(1200, |n| ((5, 1 + n), (9, 50_000))).is_empty(), "a search by acknowledgements");
}

#[test]
fn forged_resets_are_of_the_machine_that_sends_them() {
    for (flags, said, is_seen) in [(RST, &b""[..], true), (ACK, b"", false), (ACK | 8, b"data", false)] {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        stage.frame(&crate::detectors::stage::arp(9, 1, 9, 9, 1), 0);
        let found: Vec<_> = (0..3000u16)
            .flat_map(|n| {
                let from = [100, 64, (n / 200) as u8, (n % 200) as u8];
                let stray = segment(2000 + n, 80, flags, 1, said);
                let mut found = stage.frame(&between((mac(9), from), (mac(5), ip(5)), 6, &stray), u64::from(n) * 3);
                if flags != RST {
                    let no = segment(80, 2000 + n, RST, 1, b"");
                    found.extend(stage.frame(&between((mac(5), ip(5)), (mac(1), from), 6, &no), u64::from(n) * 3 + 1));
                }
                found
            })
            .collect();
        let who = Party { device: None, mac: is_seen.then_some(MacAddr(mac(9))), ip: None };
        assert_eq!(found.first().map(|f| f.attacker), Some(who), "{flags}");
    }
}

#[test]
fn answers_to_the_own_port_check_are_no_flood() {
    let answers = |from: [u8; 4]| -> usize {
        let mut stage = Stage::new(SynFlood::new(Settings::default())).behind(ip(1));
        (0..200u16)
            .map(|n| {
                let answer = segment(1 + n, 40_000 + n, SYN | ACK, 1, b"");
                let frame = between((mac(5), from), (mac(250), ip(250)), 6, &answer);
                stage.frame(&frame, u64::from(n) * 5).len()
            })
            .sum()
    };
    assert_eq!(answers(ip(5)), 0);
    assert!(answers([203, 0, 113, 9]) > 0, "from outside nobody was asked");
}

#[test]
fn the_same_names_and_ports_again_and_again_are_a_flood_and_who_asks_once_more_is_none() {
    // From so many ports of one host, 600 attempts in all; each with a number of its own, or each port with one.
    let run = |ports: u32, anew: bool, gap_ms: u64| -> usize {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let attempt = |n: u32| {
            let sequence = if anew { n * 7919 } else { n % ports };
            tcp((9, 20_000 + (n % ports) as u16), (5, 80), SYN, sequence, b"")
        };
        (0..600).map(|n| stage.frame(&attempt(n), u64::from(n) * gap_ms).len()).sum()
    };
    assert_eq!((run(10, true, 5), run(1, true, 5), run(3, false, 1)), (1, 1, 1));
    assert_eq!(run(20, false, 60), 0, "a server that is down");
    let twice = {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let asked = |n: u16| tcp((9, 20_000 + n), (5, 80), SYN, u32::from(n), b"");
        (0..200u16).map(|n| stage.frame(&asked(n / 2), u64::from(n) * 20).len()).sum::<usize>()
    };
    assert_eq!(twice, 0, "a mirror that shows everything twice");
}

#[test]
fn a_closed_door_is_knocked_at_by_all_things_of_a_home_and_a_flood_is_faster() {
    // So many clients of five hosts, each coming again after so long; the service is back at last.
    let run = |clients: u16, every_ms: u64, answers: u8| -> usize {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        let mut told = 0;
        for n in 0..clients * 8 {
            let (round, client) = (u64::from(n / clients), n % clients);
            let (me, ms) = ((20 + (client % 5) as u8, 10_000 + n), round * every_ms + u64::from(client) / 4);
            told += stage.frame(&tcp(me, (5, 1883), SYN, u32::from(n), b""), ms).len();
            if round == 7 {
                told += stage.frame(&tcp((5, 1883), me, SYN | ACK, 1, b""), ms).len();
                told += stage.frame(&tcp(me, (5, 1883), ACK, u32::from(n) + 1, b""), ms).len();
            } else if answers > 0 {
                told += stage.frame(&tcp((5, 1883), me, answers, 1, b""), ms).len();
            }
        }
        told
    };
    assert_eq!(run(140, 2000, RST | ACK), 0, "a broker that is started anew");
    assert!(run(140, 100, RST | ACK) == 0 && run(1200, 400, RST | ACK) > 0, "a good thousand is none yet");
    assert!(run(140, 2000, 0) > 0 && run(140, 2000, SYN | ACK) > 0, "half-open");
}

#[test]
fn at_a_mirror_of_one_direction_nothing_is_half_open() {
    // Others converse with the host, which is heard itself or not; then all ask it, or it is answered by all.
    let run = |is_heard: bool, asks: bool| -> usize {
        let mut stage = Stage::new(SynFlood::new(Settings::default()));
        stage.frame(&crate::detectors::stage::arp(5, 1, 5, 5, 1), 0);
        for n in 0..12u16 {
            stage.frame(&tcp((7, 40_000 + n), (5, 80), ACK, 1, b"more"), 1);
            if is_heard {
                stage.frame(&tcp((5, 80), (7, 40_000 + n), ACK, 1, b"here"), 1);
            }
        }
        let frame = |n: u16| {
            if asks {
                tcp((9, 10_000 + n), (5, 1883), SYN, 1, b"")
            } else {
                tcp((9, 443), (5, 40_000 + n), SYN | ACK, 1, b"")
            }
        };
        (0..400u16).map(|n| stage.frame(&frame(n), 10 + u64::from(n) * 5).len()).sum()
    };
    assert_eq!((run(false, true), run(false, false)), (0, 0));
    assert!(run(true, true) > 0 && run(true, false) > 0);
}
