//! Interfaces: several at once, late, renamed, gone and back. Each device belongs to its own, and nobody leaves
//! because an interface does.

use std::{process::Command, thread, time::Duration};

use crate::house::{House, Who, eventually};

/// Longer than a device that is not heard needs to be called away here, and the mass rule does not hold two.
const A_DEPARTURE: Duration = Duration::from_secs(75);

const A: Who = (1, 11);
const B: Who = (1, 12);
const C: Who = (2, 21);
const D: Who = (2, 22);
/// Comes and goes where a test needs to see that the program still hears.
const VISITOR: Who = (1, 77);

fn home(name: &str, wires: &[u8], who: &[Who]) -> Option<House> {
    let mut house = House::build(name)?;
    wires.iter().for_each(|wire| house.wire(*wire));
    who.iter().for_each(|who| house.comes(*who));
    house.start(&[]);
    house.until("home", who);
    Some(house)
}

#[test]
fn each_of_two_networks_has_its_own_devices() {
    let Some(house) = home("two", &[1, 2], &[A, B, C, D]) else { return };
    // One wire is cut: who is on it is not heard, and that is no departure. On the other, life goes on.
    house.far("link set wire2 down");
    house.goes(B);
    house.until("away", &[B]);
    thread::sleep(A_DEPARTURE);
    house.stayed(&[A, C, D]);
    // Whole again, departures there are seen.
    house.far("link set wire2 up");
    house.goes(D);
    house.until("away", &[D]);
    house.stayed(&[A, C]);
}

#[test]
fn an_interface_that_appears_late_is_heard_at_once() {
    let Some(house) = home("late", &[1], &[A, B]) else { return };
    house.wire(2);
    house.comes(C);
    house.comes(D);
    house.until("home", &[C, D]);
    house.goes(D);
    house.until("away", &[D]);
    house.stayed(&[A, B, C]);
}

#[test]
fn an_interface_that_gets_another_name_is_the_same() {
    let Some(house) = home("renamed", &[1], &[A, B]) else { return };
    let ids = [house.id(A), house.id(B)];
    house.near("link set net1 down");
    house.near("link set net1 name lan0");
    house.near("link set lan0 up");
    house.comes(VISITOR);
    house.until("home", &[VISITOR]);
    thread::sleep(A_DEPARTURE);
    house.stayed(&[A, B, VISITOR]);
    assert_eq!(ids, [house.id(A), house.id(B)]);
    house.goes(VISITOR);
    house.until("away", &[VISITOR]);
    house.stayed(&[A, B]);
}

#[test]
fn an_interface_that_goes_and_comes_back_brings_everybody_back() {
    let Some(house) = home("gone", &[1, 2], &[A, B, C]) else { return };
    let ids = [house.id(A), house.id(B), house.id(C)];
    // The card is pulled, with the wire and all who are on it.
    house.near("link del net1");
    thread::sleep(A_DEPARTURE);
    house.stayed(&[A, B, C]);
    for device in [A, B] {
        house.far(&format!("rule del from 10.81.1.{}", device.1));
    }
    house.wire(1);
    house.comes(A);
    house.comes(VISITOR);
    house.until("home", &[VISITOR]);
    // B did not come back with it.
    house.until("away", &[B]);
    house.stayed(&[A, C]);
    assert_eq!(ids, [house.id(A), house.id(B), house.id(C)]);
}

#[test]
fn the_ring_makes_a_card_promiscuous_only_while_it_runs() {
    let Some(mut house) = House::build("promiscuous") else { return };
    house.wire(1);
    house.comes(A);
    let promiscuity = |house: &House| {
        let shown = Command::new("ip").args(["-n", &house.near, "-d", "link", "show", "net1"]).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        let after = shown.split("promiscuity ").nth(1).unwrap_or_else(|| panic!("{shown}"));
        after.split_whitespace().next().unwrap().parse::<u32>().unwrap()
    };
    for (wanted, set) in [(0, "capture.promiscuous=false"), (1, "capture.promiscuous=true")] {
        for killed in [false, true] {
            house.start(&[set]);
            house.until("home", &[A]);
            assert!(eventually(|| promiscuity(&house) == wanted), "{set}: {}", house.log());
            if killed {
                house.kill()
            } else {
                house.stop()
            }
            assert!(eventually(|| promiscuity(&house) == 0), "left behind with {set}, killed: {killed}");
        }
    }
}
