//! # Tests of the memory of ports

use super::*;
use crate::model::{DeviceId, Kind};
use crate::scanners::ports::read::Said;

const DAY: Duration = Duration::from_secs(86_400);

fn host(ip: &str) -> Host {
    Host { ip: ip.parse().unwrap(), mac: Some(MacAddr([2, 0, 0, 0, 0, 1])), kind: Kind::Unknown, is_gateway: false }
}

fn at(seconds: u64) -> Moment {
    // The machine was started two days ago.
    let past = Duration::from_secs(172_800 + seconds);
    Moment { mono: Mono(0) + past, wall: Wall(1_795_600_000_000 + i64::try_from(seconds * 1000).unwrap()) }
}

fn device(label: Option<&str>, services: &[Port]) -> DeviceView {
    let service = |port: &Port| ServiceView { tcp: true, port: *port, name: "x".into(), product: None };
    DeviceView {
        facts: label.iter().map(|value| (format!("label.{LABEL}"), (*value).to_owned())).collect(),
        services: services.iter().map(service).collect(),
        macs: vec![MacAddr([2, 0, 0, 0, 0, 1])],
        ..DeviceView::blank(DeviceId::mint(1, 1))
    }
}

fn memory() -> Memory {
    Memory::new(Known::default(), DAY, false)
}

fn saw(open: &[Port], refused: &[Port], silent: &[Port]) -> Outcome {
    let set = |ports: &[Port]| ports.iter().copied().collect::<BTreeSet<Port>>();
    Outcome {
        answered: true,
        whole: true,
        open: set(open),
        refused: set(refused),
        silent: set(silent),
        ..Outcome::default()
    }
}

fn gone(facts: &[Fact]) -> Vec<Port> {
    facts.iter().filter_map(|fact| if let Fact::ServiceGone { port, .. } = fact { Some(*port) } else { None }).collect()
}

fn ports(due: Option<(Scope, Todo)>) -> Option<(Scope, Vec<Port>)> {
    due.map(|(scope, mut todo)| (scope, std::iter::from_fn(|| todo.next()).collect()))
}

#[test]
fn a_device_is_tried_when_new_when_old_when_moved_and_when_asked() {
    let (mut memory, here) = (memory(), host("10.0.0.5"));
    let due = |memory: &mut Memory, host: &Host, now: u64| memory.due(host, &device(None, &[]), at(now)).map(|d| d.0);
    assert_eq!(due(&mut memory, &here, 0), Some(Scope::Usual), "new");
    memory.learn(&here, Scope::Usual, &Todo::usual(), saw(&[80], &[], &[]), at(0));
    assert_eq!(due(&mut memory, &here, 86_399), None);
    assert_eq!(due(&mut memory, &here, 86_400), Some(Scope::Usual), "old");
    assert_eq!(due(&mut memory, &host("10.0.0.6"), 5), Some(Scope::Usual), "another address");
    memory.again();
    assert_eq!(due(&mut memory, &here, 5), Some(Scope::Usual), "asked");
    let mut full = Memory::new(Known::default(), DAY, true);
    assert_eq!(full.due(&here, &device(None, &[]), at(0)).map(|due| due.0), Some(Scope::Full));
}

#[test]
fn what_others_say_is_tried_once_and_alone() {
    let (mut memory, here) = (memory(), host("10.0.0.5"));
    memory.learn(&here, Scope::Usual, &Todo::usual(), saw(&[80], &[], &[]), at(0));
    let said = device(None, &[80, 5001, 7777]);
    let due = memory.due(&here, &said, at(10)).unwrap();
    assert_eq!(ports(Some(due.clone())), Some((Scope::Some, vec![5001, 7777])));
    let facts = memory.learn(&here, Scope::Some, &due.1, saw(&[5001], &[], &[]), at(11));
    let label = Fact::Label { key: LABEL, value: format!("{} 80 5001", at(0).wall) };
    assert!(facts.contains(&label), "found besides, tried as a whole before: {facts:?}");
    assert_eq!(ports(memory.due(&here, &said, at(12))), None, "neither again");
    memory.again();
    let (_, all) = ports(memory.due(&here, &said, at(13))).unwrap();
    assert!(all.contains(&5001) && all.contains(&80), "what was found is part of the next round");
    let mut heard = device(None, &[]);
    let talks = "from:tcp/8060 from:udp/5678 to:tcp/8009 from:tcp/80 nonsense";
    heard.facts = [("label.speaks".to_owned(), talks.to_owned())].into();
    memory.learn(&here, Scope::Usual, &Todo::usual(), saw(&[80], &[], &[]), at(14));
    assert_eq!(
        ports(memory.due(&here, &heard, at(15))),
        Some((Scope::Some, vec![8060])),
        "it was heard to take a connection"
    );
    heard.facts = [("label.accepts".to_owned(), "12345 80 99999 nonsense 0".to_owned())].into();
    assert_eq!(ports(memory.due(&here, &heard, at(16))), Some((Scope::Some, vec![12_345])), "not known to be open");
    let liar = device(None, &(1000..3000).collect::<Vec<Port>>());
    memory.learn(&here, Scope::Usual, &Todo::usual(), saw(&[80], &[], &[]), at(20));
    let (_, some) = ports(memory.due(&here, &liar, at(21))).unwrap();
    assert_eq!(some.len(), CHECKED_MAX, "whoever announces a thousand services gets no further");
    memory.learn(&here, Scope::Some, &Todo::only(some), saw(&[], &[], &[]), at(22));
    assert_eq!(ports(memory.due(&here, &liar, at(23))), None);
}

#[test]
fn a_port_is_gone_after_two_refusals_or_four_silences() {
    let (mut memory, here) = (memory(), host("10.0.0.5"));
    let visit =
        |memory: &mut Memory, scope, outcome, now| gone(&memory.learn(&here, scope, &Todo::usual(), outcome, at(now)));
    visit(&mut memory, Scope::Usual, saw(&[22, 80, 443], &[], &[]), 0);
    assert_eq!(visit(&mut memory, Scope::Usual, saw(&[22], &[80], &[443]), 100), [0; 0], "one refusal is a restart");
    assert_eq!(ports(memory.due(&here, &device(None, &[]), at(150))), None);
    let again = ports(memory.due(&here, &device(None, &[]), at(161)));
    assert_eq!(again, Some((Scope::Some, vec![80, 443])), "a minute later, the doubtful alone");
    assert_eq!(visit(&mut memory, Scope::Some, saw(&[], &[80], &[]), 162), [80]);
    for day in 1..3 {
        assert_eq!(visit(&mut memory, Scope::Usual, saw(&[22], &[], &[443]), day * 86_400), [0; 0], "day {day}");
    }
    assert_eq!(visit(&mut memory, Scope::Usual, saw(&[22], &[], &[443]), 3 * 86_400), [443]);
    // It answers in between: nothing is held against it.
    visit(&mut memory, Scope::Usual, saw(&[22, 80], &[], &[]), 400_000);
    assert_eq!(visit(&mut memory, Scope::Usual, saw(&[22], &[80], &[]), 400_100), [0; 0]);
    visit(&mut memory, Scope::Some, saw(&[80], &[], &[]), 400_200);
    assert_eq!(visit(&mut memory, Scope::Usual, saw(&[22], &[80], &[]), 486_500), [0; 0]);
}

#[test]
fn a_restart_remembers_with_the_age() {
    let here = host("10.0.0.5");
    let label = |hours: i64| format!("{} 22 80", Wall(at(0).wall.0 - hours * 3_600_000));
    let due = |memory: &mut Memory, label: &str, now: u64| memory.due(&here, &device(Some(label), &[22, 80]), at(now));
    let mut young = memory();
    assert_eq!(due(&mut young, &label(20), 0), None, "four hours are left");
    assert_eq!(ports(due(&mut young, &label(20), 4 * 3600)).map(|due| due.0), Some(Scope::Usual));
    assert_eq!(young.open(Key::of(here.mac, here.ip)), [22, 80].into());
    for odd in [label(24).as_str(), &label(-1), "yesterday 80", ""] {
        assert!(due(&mut memory(), odd, 0).is_some(), "{odd:?}");
    }
    // A machine that was just started knows ages that lie before its start.
    let booted = Moment { mono: Mono(60_000_000_000), ..at(0) };
    assert!(memory().due(&here, &device(Some(&label(72)), &[]), booted).is_some());
    assert!(memory().due(&here, &device(Some(&label(2)), &[]), booted).is_none());
}

#[test]
fn a_single_scan_is_told_what_the_store_knows() {
    let here = host("10.0.0.5");
    let mut stored = device(Some(&format!("{} 80", at(0).wall)), &[80]);
    stored.services[0].product = Some("lighttpd".into());
    let known = known(&[stored, device(None, &[1])]);
    let mut scan = Memory::new(Arc::clone(&known), DAY, false);
    let facts = scan.recalled(&here, at(60)).unwrap();
    assert_eq!(facts.len(), 3, "service, product, label: {facts:?}");
    assert_eq!((scan.recalled(&here, at(61)), ports(scan.due(&here, &device(None, &[80]), at(61)))), (None, None));
    assert_eq!(Memory::new(Arc::clone(&known), DAY, false).recalled(&here, at(86_400)), None, "old");
    assert_eq!(Memory::new(Arc::clone(&known), DAY, true).recalled(&here, at(60)), None, "all ports were asked for");
}

#[test]
fn one_that_answers_on_everything_has_no_services() {
    let (mut memory, here) = (memory(), host("10.0.0.5"));
    let tarpit = Outcome { answered: true, everything: true, ..Outcome::default() };
    let facts = memory.learn(&here, Scope::Full, &Todo::full(), tarpit, at(0));
    assert!(facts.iter().all(|fact| matches!(fact, Fact::Label { .. })) && facts.len() == 2, "{facts:?}");
    let mut many = saw(&(1..=64).map(|n| n * 1000).collect::<Vec<Port>>(), &[], &[]);
    many.said.insert(2000, Said { product: Some("p".into()), ..Said::default() });
    for fact in memory.learn(&here, Scope::Full, &Todo::full(), many, at(0)) {
        if let Fact::Label { value, .. } = fact {
            assert!(value.len() <= LABEL_MAX, "{value}");
        }
    }
}
