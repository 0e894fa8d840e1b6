//! A sensor and a hub as programs of their own, made of the parts that the daemon is made of.

use std::{io::Write as _, path::PathBuf, sync::Arc, time::Duration};

use porchlight::{
    daemon::{clock, taken::Taken},
    model::{Fact, MacAddr, Observation, Phase, Proof, Source, Subject},
    mqtt::{
        Account, Link, Place,
        client::{Event, Filter, Options},
        find::{Found, How},
        sensors::{self, SensorParts},
    },
    scanners::mqtt::{Ear, Message, Settings},
};
use tokio::sync::{Mutex, mpsc, watch};

use super::SENSORS;

/// Fifty sightings a second.
const EACH: Duration = Duration::from_millis(20);
/// A sighting this many before the last is in the queue: two seconds.
const SURE: u32 = 100;

fn word(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn account() -> Account {
    Account::anonymous(Place::tcp("127.0.0.1", word("PLAY_PORT").parse().unwrap()))
}

fn folder() -> PathBuf {
    PathBuf::from(word("PLAY_FOLDER"))
}

/// Numbered sightings, each of an address of its own, until it is killed.
#[tokio::test]
#[ignore = "a player of the test above"]
async fn inner_sensor() {
    let (name, run) = (word("PLAY_NAME"), word("PLAY_RUN").parse::<u8>().unwrap());
    let sensor = u8::try_from(SENSORS.iter().position(|known| *known == name).unwrap()).unwrap();
    let (out, heard) = mpsc::channel(256);
    let (_running, phase) = watch::channel(Phase::Running);
    let place = account();
    let found = Found { line: place.place.to_string(), account: place, how: How::Configured, own: None };
    tokio::spawn(sensors::run(SensorParts {
        found,
        base: "porchlight".into(),
        prefix: "homeassistant".into(),
        name: name.clone(),
        room: Some("Garage".into()),
        instance: 0xaa_0000 + u32::from(sensor),
        folder: folder().join(&name),
        queue_max: 16 << 20,
        host: "host".into(),
        heard: Arc::new(Mutex::new(heard)),
        phase,
        tell: Box::new(|health| eprintln!("{health:?}")),
        now: clock::now,
    }));
    let file = folder().join(format!("progress-{name}"));
    let mut number = super::progress(&folder(), &name);
    loop {
        let [_, high, middle, low] = number.to_be_bytes();
        let seen = Observation {
            source: Source::Ble,
            interface: None,
            at: clock::now(),
            subject: Subject::mac(MacAddr([2, sensor, run, high, middle, low])),
            fact: Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO },
        };
        out.send(vec![seen]).await.unwrap();
        number += 1;
        let sure = number.saturating_sub(SURE);
        if sure > 0 && sure > super::progress(&folder(), &name) {
            std::fs::write(file.with_extension("part"), sure.to_string()).unwrap();
            std::fs::rename(file.with_extension("part"), &file).unwrap();
        }
        tokio::time::sleep(EACH).await;
    }
}

/// Writes down whom it hears, until it is killed.
#[tokio::test]
#[ignore = "a player of the test above"]
async fn inner_hub() {
    let mut file = std::fs::File::create(folder().join(format!("accepted-{}", word("PLAY_RUN")))).unwrap();
    let settings = Settings { sensors: SENSORS.map(str::to_owned).to_vec(), ..Settings::default() };
    let mut ear = Ear::new(&settings, "porchlight");
    let mut taken = Taken::open(&folder().join("taken"), &mut ear);
    let client_id = "porchlight-000001-ear".to_owned();
    let options = Options { account: account(), client_id, will: None, holds: true, session_s: Some(3600) };
    let mut link = Link::connect(options);
    loop {
        match link.next().await.unwrap() {
            Event::Up { .. } => {
                let filters: Vec<Filter> = ear.filters().into_iter().map(Filter::others).collect();
                link.subscribe(&filters).unwrap();
            }
            Event::Message(message) => {
                let said = Message { topic: &message.topic, payload: &message.payload, retained: message.retain };
                let told = ear.take(&said, |_| true, clock::now());
                taken.keep(&mut ear);
                for seen in told {
                    let (Fact::Alive { .. }, Some(mac)) = (&seen.fact, seen.subject.mac) else { continue };
                    let [_, sensor, run, high, middle, low] = mac.0;
                    let number = u32::from_be_bytes([0, high, middle, low]);
                    file.write_all(format!("{sensor} {run} {number}\n").as_bytes()).unwrap();
                }
                link.taken();
            }
            // From now on the broker keeps for it what comes.
            Event::Subscribed { refused: 0 } => std::fs::write(folder().join("hub-ready"), "").unwrap(),
            other => eprintln!("{other:?}"),
        }
    }
}
