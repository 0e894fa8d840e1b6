//! Searches of all kinds, and use that looks so.

use super::*;
use crate::detectors::stage::{
    ACK, RST, SYN, Stage, between, conversation, datagram, ip, mac, packet, segment, tcp, udp,
};

fn scan(ports: std::ops::Range<u16>, flags: u8, open_every: u16) -> Vec<Finding> {
    let mut stage = Stage::new(PortScan::new(Settings::default()));
    let mut found = Vec::new();
    for port in ports {
        let ms = u64::from(port) * 20;
        found.extend(stage.frame(&tcp((9, 50_000), (5, port), flags, 1, b""), ms));
        let open = open_every > 0 && port % open_every == 0;
        let answer = if open { SYN | ACK } else { RST | ACK };
        found.extend(stage.frame(&tcp((5, port), (9, 50_000), answer, 1, b""), ms + 1));
    }
    found
}

#[test]
fn scans_of_all_kinds_are_told_of_their_source() {
    for (name, flags) in [("syn", SYN), ("fin", 1), ("null", 0), ("xmas", 0x29), ("ack", ACK)] {
        let found = scan(100..140, flags, 0);
        assert_eq!(found.first().and_then(|f| f.attacker.mac), Some(MacAddr([2, 0, 0, 0, 0, 9])), "{name}");
    }
    assert!(!scan(100..160, SYN, 5).is_empty(), "one port in five is open");
}

#[test]
fn datagrams_in_vain_count_also_when_the_host_stops_complaining() {
    // RFC 792: unreachable, port; it quotes the packet.
    let complaint = |port: u16| {
        let asked = packet(9, 5, 17, &datagram(50_000, port, b""));
        packet(5, 9, 1, &[&[3, 3, 0, 0, 0, 0, 0, 0], &asked[14..]].concat())
    };
    let run = |complaints: u16, ports: u16| -> usize {
        let mut stage = Stage::new(PortScan::new(Settings::default()));
        let mut told = 0;
        for port in 0..ports {
            told += stage.frame(&udp((9, 50_000), (5, 100 + port), b""), u64::from(port) * 50).len();
            if port < complaints {
                told += stage.frame(&complaint(100 + port), u64::from(port) * 50 + 1).len();
            }
        }
        told + stage.frame(&udp((9, 50_000), (5, 999), b""), 60_000).len()
    };
    assert!(run(6, 25) > 0);
    assert_eq!(run(2, 25), 0, "a host that mostly says nothing");
    assert_eq!(run(6, 7), 0, "few");
}

#[test]
fn who_greets_a_port_in_all_ways_is_told_and_a_browser_is_not() {
    let run = |greetings: &[(u16, &[u8])]| -> usize {
        let mut stage = Stage::new(PortScan::new(Settings::default()));
        let frames = greetings
            .iter()
            .zip(40_000..)
            .flat_map(|((port, said), from)| conversation((9, from), (5, *port), &[(true, said)]));
        frames.enumerate().map(|(n, frame)| stage.frame(&frame, n as u64 * 100).len()).sum()
    };
    let (web, tls, camera): (&[u8], &[u8], &[u8]) =
        (b"GET / HTTP/1.0\r\n\r\n", &[22, 3, 1, 0, 9], b"OPTIONS / RTSP/1.0\r\n\r\n");
    assert!(run(&[(80, web), (80, camera), (80, b"\r\n\r\n")]) > 0);
    assert!(run(&[(80, web), (80, camera), (554, camera), (554, web)]) > 0, "two ports in two ways");
    assert_eq!(run(&[(80, tls), (80, web), (8080, tls), (8080, web), (554, camera)]), 0, "a browser");
    assert_eq!(run(&[(80, web), (554, camera), (443, tls), (80, web)]), 0, "each as it should be");
}

#[test]
fn what_was_pushed_out_is_not_forgotten() {
    let run = |before: std::ops::Range<u16>| -> usize {
        let mut stage = Stage::new(PortScan::new(Settings::default()));
        let mut refused = |host: (u8, u8), port: u16, ms: u64| -> usize {
            let (me, other) = ((mac(9), ip(9)), (mac(5), [192, 168, host.0, host.1]));
            let ask = between(me, other, 6, &segment(50_000, port, SYN, 1, b""));
            let answer = between(other, me, 6, &segment(port, 50_000, RST | ACK, 1, b""));
            stage.frame(&ask, ms).len() + stage.frame(&answer, ms + 1).len()
        };
        let mut told: usize = before.map(|port| refused((7, 5), port, u64::from(port) * 10)).sum();
        // It turns to as many others as one source may hold, and then to the first again.
        told +=
            (0..600u64).map(|n| refused((8 + (n / 250) as u8, (n % 250) as u8), 80, 20_000 + n * 10)).sum::<usize>();
        assert_eq!(told, 0, "too few of each");
        (700..704).map(|port| refused((7, 5), port, 90_000 + u64::from(port) * 10)).sum()
    };
    assert!(run(100..107) > 0);
    assert_eq!(run(100..101), 0);
}

#[test]
fn who_comes_again_until_it_opens_or_speaks_with_what_is_open_searches_nothing() {
    // Rounds over ports, of which some are open from a round on, spoken to or not; then eight other closed ones.
    let run = |opens_at: u16, speaks: bool| -> usize {
        let mut stage = Stage::new(PortScan::new(Settings::default()));
        let mut told = 0;
        for (n, (round, port)) in (0..3u16).flat_map(|round| (0..16u16).map(move |port| (round, port))).enumerate() {
            let (me, ms) = ((9, 40_000 + n as u16), n as u64 * 300);
            let frames = if port < 8 && round >= opens_at {
                let said: &[(bool, &[u8])] = &[(true, b"GET / HTTP/1.1\r\n\r\n"), (false, b"HTTP/1.1 200 OK\r\n\r\n")];
                conversation(me, (5, 8000 + port), if speaks { said } else { &[] })
            } else if port < 8 || round == 2 {
                let other = (5, if port < 8 { 8000 + port } else { 9000 + port });
                vec![tcp(me, other, SYN, 1, b""), tcp(other, me, RST | ACK, 1, b"")]
            } else {
                Vec::new()
            };
            told += frames.iter().map(|frame| stage.frame(frame, ms).len()).sum::<usize>();
        }
        told
    };
    assert!(run(9, false) > 0, "never open");
    assert_eq!((run(1, false), run(1, true), run(0, true)), (0, 0, 0));
    assert!(!scan(100..160, SYN, 5).is_empty(), "one port in five is open, and nobody speaks");
}

#[test]
fn use_is_no_scan() {
    assert!(scan(100..130, SYN, 1).is_empty(), "all ports answer");
    assert!(scan(100..104, SYN, 0).is_empty(), "a few closed doors");
    let mut stage = Stage::new(PortScan::new(Settings::default()));
    let retries = (0..200u64).flat_map(|n| {
        let port = 40_000 + n as u16;
        let mut found = stage.frame(&tcp((9, port), (5, 631), SYN, 1, b""), n * 500);
        found.extend(stage.frame(&tcp((5, 631), (9, port), RST | ACK, 1, b""), n * 500 + 1));
        found
    });
    assert_eq!(retries.count(), 0, "a printer that is off");
}
