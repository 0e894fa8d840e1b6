//! Clocks that jump under the running program: somebody sets the wall clock, or the program stands still. Nobody
//! leaves by it, and what is told of times makes sense.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::house::{House, PATIENCE, Who, eventually};

const FAMILY: [Who; 2] = [(1, 11), (1, 12)];
const VISITOR: Who = (1, 13);
/// Longer than a device that is not heard needs to be called away here.
const A_DEPARTURE: Duration = Duration::from_secs(75);

/// The library that shows a program another wall clock. `None`: not installed, said aloud.
fn faker() -> Option<String> {
    let found = Command::new("sh").args(["-c", "ls /usr/lib/*/faketime/libfaketimeMT.so.1"]).output().ok()?;
    let path = String::from_utf8(found.stdout).ok()?.trim().to_owned();
    if !Path::new(&path).exists() {
        eprintln!("skipped: faketime is not installed (tests/run installs it)");
        return None;
    }
    Some(path)
}

#[test]
fn a_wall_clock_set_by_hours_moves_nobody() {
    let Some(mut house) = House::build("walls") else { return };
    let Some(faker) = faker() else { return };
    let file = house.dir.join("offset");
    let set = |hours: i32| {
        // Replaced as a whole: the program reads it again and again.
        let new = file.with_extension("new");
        fs::write(&new, format!("{hours:+}h\n")).unwrap();
        fs::rename(&new, &file).unwrap();
    };
    set(0);
    house.wire(1);
    FAMILY.into_iter().for_each(|who| house.comes(who));
    // Frames bear the kernel's own stamps, which cannot be set for one program.
    let environment = [
        ("LD_PRELOAD", faker.as_str()),
        ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let settings = ["capture.enabled=false", "scanners.arp_sweep.interval=20s"];
    house.start_with(&environment, &settings);
    house.until("home", &FAMILY);
    let ids = FAMILY.map(|who| house.id(who));
    for hours in [3, -5, 0] {
        set(hours);
        let expected = Timestamp::now() + SignedDuration::from_hours(hours.into());
        // Everybody is heard by the new clock, and the stay goes on.
        let is_near = |text: &str| {
            let at: Timestamp = text.parse().unwrap();
            expected.duration_since(at).abs() < SignedDuration::try_from(PATIENCE * 3).unwrap()
        };
        for (who, id) in FAMILY.iter().zip(&ids) {
            let heard = || house.stays(id).iter().all(|stay| is_near(stay["end"].as_str().unwrap()));
            assert!(eventually(heard), "{hours} h: {:?}\n{}", house.stays(id), house.log());
            let stay = house.stays(id)[0].clone();
            assert!(is_near(stay["start"].as_str().unwrap()), "{hours} h: {who:?} came long ago or never: {stay}");
            assert!(stay["start"].as_str() <= stay["end"].as_str(), "{hours} h: {stay}");
        }
        thread::sleep(A_DEPARTURE / 2);
        house.stayed(&FAMILY);
        assert_eq!(FAMILY.map(|who| house.id(who)), ids);
    }
    // And the program still sees who comes and who goes.
    house.comes(VISITOR);
    house.until("home", &[VISITOR]);
    house.goes(VISITOR);
    house.until("away", &[VISITOR]);
    house.stayed(&FAMILY);
}

#[test]
fn a_program_that_stood_still_calls_nobody_away() {
    let Some(mut house) = House::build("still") else { return };
    house.wire(1);
    FAMILY.into_iter().chain([VISITOR]).for_each(|who| house.comes(who));
    house.start(&[]);
    house.until("home", &[FAMILY[0], FAMILY[1], VISITOR]);
    let pid = rustix::process::Pid::from_child(house.program.as_ref().unwrap());
    rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
    house.goes(VISITOR);
    thread::sleep(A_DEPARTURE);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    // Who left meanwhile is noticed; who stayed, stayed.
    house.until("away", &[VISITOR]);
    house.stayed(&FAMILY);
}
