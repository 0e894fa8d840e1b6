//! The program killed by the kernel at odd moments: what the store and the broker say afterwards is right.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::house::{House, Who, eventually, mac};

const FAMILY: [Who; 3] = [(1, 11), (1, 12), (1, 13)];
const LEAVER: Who = (1, 14);
const PORT: &str = "1883";
/// Milliseconds after the start at which it is killed: while it reads the store, while it connects, while it
/// publishes, while it looks around, and when all is quiet.
const MOMENTS: [u64; 7] = [40, 150, 300, 700, 1_500, 4_000, 9_000];

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// All retained messages, by topic.
fn retained(house: &House) -> BTreeMap<String, String> {
    let words = ["-p", PORT, "-t", "porchlight/#", "--retained-only", "-W", "1", "-F", "%t %p"];
    let read = house.within("mosquitto_sub").args(words).output().unwrap();
    let said = String::from_utf8_lossy(&read.stdout).into_owned();
    said.lines().filter_map(|line| line.split_once(' ')).map(|(t, p)| (t.to_owned(), p.to_owned())).collect()
}

/// What the broker says of the presence of a device.
fn shown(house: &House, id: &str, what: &str) -> String {
    let all = retained(house);
    let said = all.iter().find(|(topic, _)| topic.ends_with(&format!("/device/{id}/presence")));
    let said: Value = said.and_then(|(_, said)| serde_json::from_str(said).ok()).unwrap_or_default();
    said[what].as_str().unwrap_or_default().to_owned()
}

/// What it says of the program.
fn online(house: &House) -> String {
    let all = retained(house);
    all.into_iter().find(|(topic, _)| topic.ends_with("/bridge/state")).map(|(_, said)| said).unwrap_or_default()
}

fn stay_of(house: &House, who: Who) -> Value {
    let stays = house.stays(&house.id(who));
    assert_eq!(stays.len(), 1, "{who:?}: {stays:?}");
    stays[0].clone()
}

#[test]
fn killed_at_any_moment_nothing_is_wrong_afterwards() {
    let Some(mut house) = House::build("kills") else { return };
    let is_there = Command::new("mosquitto").arg("-h").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !is_there {
        eprintln!("skipped: mosquitto is not installed (tests/run installs it)");
        return;
    }
    let config = house.dir.join("mosquitto.conf");
    std::fs::write(&config, format!("user root\nlistener {PORT} 127.0.0.1\nallow_anonymous true\n")).unwrap();
    let mut broker = house.within("mosquitto");
    let _broker = Running(broker.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    house.wire(1);
    FAMILY.into_iter().chain([LEAVER]).for_each(|who| house.comes(who));
    let settings = ["mqtt.url=mqtt://127.0.0.1:1883", "presence.restart_keep=1h"];
    house.start(&settings);
    house.until("home", &[FAMILY[0], FAMILY[1], FAMILY[2], LEAVER]);
    let ids: Vec<String> = FAMILY.iter().map(|who| house.id(*who)).collect();
    let all_home = vec!["home".to_owned(); FAMILY.len()];
    let is_shown = |house: &House| ids.iter().map(|id| shown(house, id, "state")).collect::<Vec<_>>() == all_home;
    assert!(eventually(|| is_shown(&house)), "{:?}\n{}", retained(&house), house.log());
    let mut stays: Vec<Value> = FAMILY.iter().map(|who| stay_of(&house, *who)).collect();
    for moment in MOMENTS {
        house.kill();
        house.start(&settings);
        thread::sleep(Duration::from_millis(moment));
        // Whatever was written until now is whole.
        for (who, before) in FAMILY.iter().zip(&mut stays) {
            let now = stay_of(&house, *who);
            assert_eq!((&now["start"], &now["open"]), (&before["start"], &Value::Bool(true)), "{moment} ms: {who:?}");
            assert!(now["sightings"].as_u64() >= before["sightings"].as_u64(), "{moment} ms: {now} after {before}");
            assert!(now["end"].as_str() >= before["end"].as_str(), "{moment} ms: {now} after {before}");
            *before = now;
        }
    }
    // The broker says what the store says: of the program, and of everybody.
    assert!(eventually(|| online(&house) == "online"), "{:?}", retained(&house));
    for (who, id) in FAMILY.iter().zip(&ids) {
        assert_eq!(house.id(*who), *id);
        let device = house.devices()[&mac(*who)].clone();
        let is_same = |what: &str| shown(&house, id, what) == device[what].as_str().unwrap_or_default();
        assert!(eventually(|| is_shown(&house) && is_same("since")), "{device}: {:?}", retained(&house));
    }
    // Who leaves while nobody watches is called away in time, with a stay that ends at the last sign of life.
    let gone = house.id(LEAVER);
    house.kill();
    house.goes(LEAVER);
    // The broker speaks the will: nobody believes that the program runs.
    assert!(eventually(|| online(&house) == "offline"), "{:?}", retained(&house));
    let last = stay_of(&house, LEAVER);
    house.start(&settings);
    assert!(eventually(|| house.presence(LEAVER) == "away"), "{}", house.log());
    let stay = stay_of(&house, LEAVER);
    assert_eq!((&stay["start"], &stay["open"]), (&last["start"], &Value::Bool(false)));
    assert_eq!(stay["end"], house.devices()[&mac(LEAVER)]["last_seen"], "{stay}");
    assert!(eventually(|| shown(&house, &gone, "state") == "not_home"), "{:?}", retained(&house));
    house.stayed(&FAMILY);
    house.stop();
}
