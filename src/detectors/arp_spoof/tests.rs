//! Forged addresses, and what looks like them.

use super::*;
use crate::detectors::stage::{Stage, arp, mac};

/// Seconds, who (hardware), operation, claimed, to whom, asked for.
type Line = (u64, u8, u16, u8, u8);

fn told(lines: &[Line]) -> Vec<(Option<MacAddr>, Severity)> {
    let mut stage = Stage::new(ArpSpoof::new(Settings::default()));
    let found = lines.iter().flat_map(|(second, mac, op, sender, target)| {
        stage.frame(&arp(*mac, *op, *mac, *sender, *target), second * 1000)
    });
    found.map(|finding| (finding.attacker.mac, finding.severity)).collect()
}

#[test]
fn a_forger_is_named_and_what_looks_like_one_is_not() {
    let mac = |n: u8| MacAddr([2, 0, 0, 0, 0, n]);
    // Hosts 1 and 5 speak; 9 forges both, again and again.
    let mut attack = vec![(0, 1, 1, 1, 5), (0, 5, 2, 5, 1), (1, 9, 1, 9, 1)];
    for n in 0..12u64 {
        attack.extend([(2 + n * 2, 9, 2, 1, 5), (2 + n * 2, 9, 2, 5, 1), (3 + n * 2, 1, 1, 1, 5)]);
    }
    let found = told(&attack);
    assert!(!found.is_empty() && found.iter().all(|(who, _)| *who == Some(mac(9))), "{found:?}");
    let mut under_way: Vec<Line> = attack.iter().filter(|line| line.1 == 9).copied().collect();
    under_way.push((40, 1, 1, 1, 5));
    under_way.push((42, 9, 2, 1, 5));
    let found = told(&under_way);
    assert!(!found.is_empty() && found.iter().all(|(who, _)| *who == Some(mac(9))), "under way: {found:?}");
    // Host 9, which has an address of its own, tells all that the router's is its own.
    let mut all = vec![(0, 9, 1, 9, 1), (1, 1, 1, 1, 5), (1, 5, 1, 5, 1)];
    all.extend((0..6).flat_map(|n| [(2 + n, 9, 1, 1, 1), (2 + n, 1, 1, 1, 5)]));
    assert!(told(&all).iter().all(|(who, _)| *who == Some(mac(9))) && !told(&all).is_empty());
    let quiet: &[(&str, Vec<Line>)] = &[
        ("duplicate fixed address", (0..20).map(|n| (n * 20, 5 + (n % 2) as u8, 1, 5, 1)).collect()),
        ("a phone's announcements", vec![(0, 5, 1, 5, 5), (1, 5, 2, 5, 5), (2, 5, 2, 5, 1)]),
        ("address handed on after an hour", vec![(0, 5, 1, 5, 1), (4000, 6, 1, 5, 1), (4001, 6, 2, 5, 1)]),
        (
            "a proxy that answers when asked",
            (0..9).flat_map(|n| [(n * 60, 1, 1, 1, 5), (n * 60, 7, 2, 5, 1), (n * 60 + 9, 5, 1, 5, 1)]).collect(),
        ),
    ];
    for (name, lines) in quiet {
        assert!(told(lines).is_empty(), "{name}: {:?}", told(lines));
    }
}
#[test]
fn a_forger_is_told_by_its_own_words_where_nobody_else_is_heard() {
    let both: Vec<Line> = (0..6).flat_map(|n| [(n * 2, 9, 2, 1, 5), (n * 2, 9, 2, 5, 1)]).collect();
    assert_eq!(told(&both).first(), Some(&(Some(MacAddr(mac(9))), Severity::High)));
    let one: Vec<Line> = (0..9).map(|n| (n * 2, 9, 2, 1, 5)).collect();
    assert_eq!(told(&one), [(Some(MacAddr(mac(9))), Severity::Low)], "one side only");
    let rarely: Vec<Line> = (0..9).map(|n| (n * 40, 9, 2, 1, 5)).collect();
    assert!(told(&rarely).is_empty(), "answers to what is not heard here");
    let uneven: Vec<Line> = [0, 1, 2, 9, 10, 22, 23, 24, 40].map(|second| (second, 9, 2, 1, 5)).to_vec();
    assert!(told(&uneven).is_empty());
}

#[test]
fn a_repeater_is_low_and_who_wants_both_sides_is_not() {
    // 7 has an address of its own, and tells 2 that it is 5 and 6, who speak as well.
    let mut repeater: Vec<Line> = vec![(0, 5, 1, 5, 2), (0, 6, 1, 6, 2), (0, 7, 1, 7, 2), (0, 2, 1, 2, 5)];
    for n in 0..8u64 {
        repeater.extend([(1 + n, 7, 2, 5, 2), (1 + n, 7, 2, 6, 2), (1 + n, 5, 1, 5, 5), (1 + n, 6, 1, 6, 6)]);
    }
    // The first of several may be all that is known of it; what is told last is low.
    let found = told(&repeater);
    assert!(found.iter().all(|(_, severity)| *severity == Severity::Low), "{found:?}");
    let mut both = repeater.clone();
    both.extend((0..8u64).map(|n| (20 + n, 7, 2, 2, 5)));
    both.extend((0..8u64).map(|n| (20 + n, 2, 1, 2, 5)));
    assert!(told(&both).iter().any(|(_, severity)| *severity >= Severity::High), "also the other way");
    let one: Vec<Line> = repeater.iter().filter(|line| !(line.1 == 7 && line.3 == 6)).copied().collect();
    assert!(told(&one).iter().any(|(_, severity)| *severity >= Severity::High), "one alone is wanted");
}
#[test]
fn whom_it_answered_when_asked_does_not_count_against_a_repeater() {
    // 7 answered 3, who asked for 4; then it stands for 5 and 6 before 2.
    let mut lines: Vec<Line> = vec![(0, 4, 1, 4, 3), (0, 5, 1, 5, 2), (0, 6, 1, 6, 2), (0, 7, 1, 7, 2)];
    lines.extend([(5, 3, 1, 3, 4), (5, 7, 2, 4, 3), (6, 4, 1, 4, 3)]);
    for n in 0..5u64 {
        lines.extend([(10 + n, 7, 2, 5, 2), (10 + n, 5, 1, 5, 5), (20 + n, 7, 2, 6, 2), (20 + n, 6, 1, 6, 6)]);
    }
    lines.sort_by_key(|line| line.0);
    let found = told(&lines);
    assert!(found.iter().all(|(_, severity)| *severity == Severity::Low), "{found:?}");
}

/// Host `from` sends what host `sender_mac` would say.
fn in_the_name_of(from: u8, sender_mac: u8, sender: u8, target: u8) -> Vec<u8> {
    let mut bytes = arp(from, 2, sender_mac, sender, target);
    bytes[6..12].copy_from_slice(&mac(from));
    bytes
}

#[test]
fn who_puts_things_back_is_told_as_who_took_them() {
    let run = |is_put_back: bool| -> Vec<Severity> {
        let mut stage = Stage::new(ArpSpoof::new(Settings::default()));
        let mut frames = vec![arp(9, 1, 9, 9, 7), arp(7, 2, 7, 7, 9)];
        frames.extend((0..3).map(|_| arp(9, 2, 9, 5, 7)));
        frames.extend([arp(9, 1, 9, 9, 5), arp(5, 2, 5, 5, 9)]);
        if is_put_back {
            frames.extend((0..3).map(|_| in_the_name_of(9, 5, 5, 7)));
        }
        let found = frames.iter().zip(1..).flat_map(|(frame, second)| stage.frame(frame, second * 1000));
        found.filter(|finding| finding.attacker.mac == Some(MacAddr(mac(9)))).map(|finding| finding.severity).collect()
    };
    assert!(run(true).iter().any(|severity| *severity >= Severity::High), "{:?}", run(true));
    assert!(run(false).iter().all(|severity| *severity <= Severity::Low), "{:?}", run(false));
}

#[test]
fn a_forger_that_was_there_first_is_not_called_by_the_address_it_took() {
    let mut stage = Stage::new(ArpSpoof::new(Settings::default()));
    let mut found = Vec::new();
    for n in 0..20u64 {
        // 9 tells 5 that it is the router and the router that it is 5, who is never heard.
        for frame in [arp(9, 2, 9, 1, 5), arp(9, 2, 9, 5, 1), arp(8, 1, 8, 8, 1), arp(1, 2, 1, 1, 8)] {
            found.extend(stage.frame(&frame, n * 1000));
        }
    }
    let who = Some(MacAddr(mac(9)));
    assert!(!found.is_empty() && found.iter().all(|f| f.attacker.mac == who && f.attacker.ip.is_none()), "{found:?}");
}

#[test]
fn one_machine_with_two_cards_is_low_and_who_listens_in_is_not() {
    // Cards 10 and 11 answer each for both of its addresses, whichever is asked for, and it asks by either.
    let mut flux: Vec<Line> = Vec::new();
    for n in 0..40u64 {
        let (at, asker, ip) = (n * 15, [1, 5, 6][n as usize % 3], 10 + (n as u8 / 3) % 2);
        flux.push((at, asker, 1, asker, ip));
        let (one, other) = if n % 3 == 0 { (11, 10) } else { (10, 11) };
        flux.extend([(at, one, 2, ip, asker), (at, other, 2, ip, asker)]);
        if n % 4 == 0 {
            flux.push((at + 3, [10, 11][n as usize % 2], 1, [10, 11][(n as usize / 4) % 2], 1));
        }
    }
    let found = told(&flux);
    assert!(found.iter().all(|(_, severity)| *severity == Severity::Low), "{found:?}");
    // 9 answers for 5 and 6 whoever asks, and 5 and 6 do for themselves.
    let mut stands_between: Vec<Line> = vec![(0, 9, 1, 9, 1)];
    for n in 0..40u64 {
        let (at, asker, ip) = (n * 15, [1, 7][n as usize % 2], 5 + (n as u8 / 2) % 2);
        stands_between.push((at, asker, 1, asker, ip));
        stands_between.extend([(at, ip, 2, ip, asker), (at, 9, 2, ip, asker), (at + 1, 9, 1, ip, asker)]);
    }
    let found = told(&stands_between);
    assert!(
        found.iter().any(|(who, severity)| *who == Some(MacAddr(mac(9))) && *severity >= Severity::High),
        "{found:?}"
    );
    // The router's address is never one of them.
    let mut stage = Stage::new(ArpSpoof::new(Settings::default())).behind(crate::detectors::stage::ip(10));
    let all: Vec<Severity> = flux
        .iter()
        .flat_map(|(second, who, op, sender, target)| {
            stage.frame(&arp(*who, *op, *who, *sender, *target), second * 1000)
        })
        .map(|finding| finding.severity)
        .collect();
    assert!(all.iter().any(|severity| *severity >= Severity::High), "{all:?}");
}
