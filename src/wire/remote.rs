//! # What remote sensors of our own say to the hub
//!
//! `<base>/sensor/<name>/obs`: `{"boot","seq","sent","obs":[…]}`, with ages in milliseconds by the sensor's own steady
//! clock, since wall clocks of small machines are wrong. Fields and words that are not known are passed over, so that
//! an older hub hears a newer sensor. It allocates: payloads are documents.

use std::{net::IpAddr, time::Duration};

use serde_json::{Map, Value, json};

use crate::model::{Fact, Goodbye, Heard, MacAddr, Proof, Rssi, Source, clean_text};

/// Version of this shape, in `hello`.
pub const CONTRACT: u64 = 1;
/// Bytes of a message.
pub const PAYLOAD_MAX: usize = 64 << 10;
/// Sightings of a batch; the sensor sends 64 at most.
pub const SEEN_MAX: usize = 256;
const TEXT_MAX: usize = 120;
const NAME_MAX: usize = 24;
const BOOT_MAX: usize = 32;
/// DHCP option 55 has 255 entries at most.
const ASKED_MAX: usize = 255;

/// What a sensor saw of one address with one of its ears.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Since the newest of it.
    pub age: Duration,
    pub source: Source,
    pub mac: Option<MacAddr>,
    pub ip: Option<IpAddr>,
    /// How many sightings were folded into one.
    pub count: u32,
    pub facts: Vec<Fact>,
}

/// What goes out at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Of this run of the sensor.
    pub boot: String,
    /// Grows by one with each batch of a run.
    pub seq: u64,
    /// Milliseconds of the sensor's steady clock.
    pub sent: u64,
    pub seen: Vec<Seen>,
}

/// What a sensor says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    pub contract: u64,
    pub version: String,
    pub room: Option<String>,
    pub boot: String,
}

/// Whether this can be the name of a sensor: it is a level of topics and part of ids.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_MAX
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[must_use]
pub fn write_hello(hello: &Hello, name: &str) -> String {
    json!({"contract": hello.contract, "version": hello.version, "sensor": name, "room": hello.room, "boot": hello.boot})
        .to_string()
}

#[must_use]
pub fn hello(payload: &[u8]) -> Option<Hello> {
    let value = document(payload)?;
    Some(Hello {
        contract: value.get("contract")?.as_u64()?,
        version: text(&value, "version", NAME_MAX).unwrap_or_default(),
        room: text(&value, "room", TEXT_MAX),
        boot: boot(&value)?,
    })
}

#[must_use]
pub fn write(batch: &Batch) -> String {
    let seen: Vec<Value> = batch.seen.iter().map(write_seen).collect();
    json!({"boot": batch.boot, "seq": batch.seq, "sent": batch.sent, "obs": seen}).to_string()
}

/// `None`: not a batch.
#[must_use]
pub fn read(payload: &[u8]) -> Option<Batch> {
    let value = document(payload)?;
    let seen = value.get("obs")?.as_array()?.iter().take(SEEN_MAX).filter_map(read_seen).collect();
    Some(Batch {
        boot: boot(&value)?,
        seq: value.get("seq")?.as_u64()?,
        sent: value.get("sent").and_then(Value::as_u64).unwrap_or_default(),
        seen,
    })
}

/// Whether a fact is for the hub. The rest is about the sensor itself, or about its own questions.
#[must_use]
pub const fn is_told(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Alive { .. }
            | Fact::Gone(_)
            | Fact::Listed
            | Fact::Address(_)
            | Fact::Named { .. }
            | Fact::Dhcp { .. }
            | Fact::Service { .. }
            | Fact::Level(_)
    )
}

fn write_seen(seen: &Seen) -> Value {
    let mut entry = Map::new();
    entry.insert("age_ms".into(), ms(seen.age).into());
    entry.insert("source".into(), seen.source.word().into());
    if let Some(mac) = seen.mac {
        entry.insert("address".into(), mac.to_string().into());
    }
    let mut data = Map::new();
    if let Some(ip) = seen.ip {
        data.insert("ip".into(), ip.to_string().into());
    }
    if seen.count > 1 {
        data.insert("n".into(), seen.count.into());
    }
    let mut more = Vec::new();
    for fact in &seen.facts {
        match fact {
            // Its age is the entry's.
            Fact::Alive { proof, .. } => drop(data.insert("proof".into(), proof.word().into())),
            Fact::Gone(goodbye) => drop(data.insert("gone".into(), goodbye.word().into())),
            Fact::Listed => drop(data.insert("listed".into(), true.into())),
            Fact::Level(level) => drop(entry.insert("rssi".into(), level.dbm().into())),
            Fact::Address(ip) => more.push(json!({ "address": ip.to_string() })),
            Fact::Named { name, by } => more.push(json!({"name": name, "by": by.word()})),
            Fact::Service { tcp, port, name } => more.push(json!({"service": name, "tcp": tcp, "port": port})),
            Fact::Dhcp { asked, vendor_class, client_id } => {
                more.push(json!({"asked": asked, "vendor_class": vendor_class, "client_id": client_id}));
            }
            _ => {}
        }
    }
    if !more.is_empty() {
        data.insert("facts".into(), more.into());
    }
    entry.insert("data".into(), data.into());
    entry.into()
}

fn read_seen(entry: &Value) -> Option<Seen> {
    let source = entry.get("source")?.as_str()?.parse().ok()?;
    let mac = entry.get("address").and_then(Value::as_str).and_then(|text| text.parse().ok());
    let mac = mac.filter(|mac: &MacAddr| mac.is_station());
    let age = Duration::from_millis(entry.get("age_ms")?.as_u64()?);
    let data = entry.get("data").unwrap_or(&Value::Null);
    let word = |key: &str| data.get(key).and_then(Value::as_str);
    let ip = word("ip").and_then(|text| text.parse().ok());
    if mac.is_none() && ip.is_none() {
        return None;
    }
    let mut facts = Vec::new();
    if let Some(proof) = word("proof").and_then(|word| word.parse::<Proof>().ok()) {
        // What a sensor is itself, or was told, is nothing that was heard here.
        if !matches!(proof, Proof::OwnHost | Proof::Told) {
            facts.push(Fact::Alive { proof, age: Duration::ZERO });
        }
    }
    facts.extend(word("gone").and_then(|word| word.parse::<Goodbye>().ok()).map(Fact::Gone));
    if data.get("listed").and_then(Value::as_bool) == Some(true) {
        facts.push(Fact::Listed);
    }
    let level = entry.get("rssi").and_then(Value::as_i64).and_then(|level| i8::try_from(level).ok());
    facts.extend(level.filter(|dbm| *dbm < 0).and_then(Rssi::new).map(Fact::Level));
    let more = data.get("facts").and_then(Value::as_array).into_iter().flatten();
    facts.extend(more.take(SEEN_MAX).filter_map(read_fact));
    let count = data.get("n").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(1).max(1);
    Some(Seen { age, source, mac, ip, count, facts })
}

fn read_fact(value: &Value) -> Option<Fact> {
    if let Some(ip) = value.get("address").and_then(Value::as_str) {
        return Some(Fact::Address(ip.parse().ok()?));
    }
    if let Some(name) = text(value, "name", TEXT_MAX) {
        let by: Heard = value.get("by")?.as_str()?.parse().ok()?;
        return Some(Fact::Named { name, by });
    }
    if let Some(name) = text(value, "service", TEXT_MAX) {
        let port = u16::try_from(value.get("port")?.as_u64()?).ok()?;
        return Some(Fact::Service { tcp: value.get("tcp")?.as_bool()?, port, name });
    }
    let bytes = |key: &str| -> Option<Vec<u8>> {
        let list = value.get(key)?.as_array()?.iter().take(ASKED_MAX);
        list.map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok())).collect()
    };
    Some(Fact::Dhcp {
        asked: bytes("asked")?,
        vendor_class: text(value, "vendor_class", TEXT_MAX),
        client_id: bytes("client_id"),
    })
}

fn document(payload: &[u8]) -> Option<Value> {
    if payload.len() > PAYLOAD_MAX {
        return None;
    }
    serde_json::from_slice::<Value>(payload).ok().filter(Value::is_object)
}

fn boot(value: &Value) -> Option<String> {
    let boot = value.get("boot")?.as_str()?;
    is_boot(boot).then(|| boot.to_owned())
}

/// Whether this can be the name of a run.
#[must_use]
pub fn is_boot(boot: &str) -> bool {
    !boot.is_empty() && boot.len() <= BOOT_MAX && boot.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn text(value: &Value, key: &str, max: usize) -> Option<String> {
    Some(clean_text(value.get(key)?.as_str()?, max)).filter(|text| !text.is_empty())
}

fn ms(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let mac = MacAddr([0xc4, 0x7c, 0x8d, 0x6a, 0x11, 0x22]);
        let facts = vec![
            Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO },
            Fact::Listed,
            Fact::Level(Rssi::new(-71).unwrap()),
            Fact::Address("192.168.1.20".parse().unwrap()),
            Fact::Named { name: "Tile".into(), by: Heard::Bluetooth },
            Fact::Service { tcp: true, port: 80, name: "http".into() },
            Fact::Dhcp { asked: vec![1, 3, 6], vendor_class: Some("android".into()), client_id: Some(vec![1, 2]) },
        ];
        let first =
            Seen { age: Duration::from_millis(240), source: Source::Ble, mac: Some(mac), ip: None, count: 3, facts };
        let facts = vec![Fact::Gone(Goodbye::DhcpRelease)];
        let ip = "192.168.1.21".parse().ok();
        let second = Seen { age: Duration::ZERO, source: Source::Capture, mac: None, ip, count: 1, facts };
        Batch { boot: "5f0c".into(), seq: 1841, sent: 912_345, seen: vec![first, second] }
    }

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(read(write(&batch()).as_bytes()), Some(batch()));
        let hello =
            Hello { contract: CONTRACT, version: "0.1.0".into(), room: Some("Garage".into()), boot: "5f0c".into() };
        assert_eq!(super::hello(write_hello(&hello, "garage").as_bytes()), Some(hello));
    }

    #[test]
    fn the_shape_is_that_of_the_contract_and_what_is_unknown_is_passed_over() {
        let said = r#"{"boot":"5f0c","seq":1841,"sent":912345,"mood":"good","obs":[
            {"age_ms":240,"source":"ble","address":"c4:7c:8d:6a:11:22","kind":"public","rssi":-71,"data":{"proof":"ble_advert","colour":1}},
            {"age_ms":240,"source":"telepathy","address":"c4:7c:8d:6a:11:22"},
            {"age_ms":240,"source":"ble"},
            {"age_ms":1,"source":"ble","address":"ff:ff:ff:ff:ff:ff"},
            {"age_ms":1,"source":"ble","address":"c4:7c:8d:6a:11:23","data":{"proof":"own_host"}}]}"#;
        let batch = read(said.as_bytes()).unwrap();
        assert_eq!(batch.seen.len(), 2);
        assert_eq!(batch.seen[0].facts.len(), 2);
        assert!(batch.seen[1].facts.is_empty(), "a sensor is not the hub's own host");
        for odd in [
            "",
            "[]",
            "{}",
            r#"{"boot":"","seq":1,"obs":[]}"#,
            r#"{"boot":"x/y","seq":1,"obs":[]}"#,
            r#"{"boot":"x","seq":-1,"obs":[]}"#,
        ] {
            assert_eq!(read(odd.as_bytes()), None, "{odd}");
        }
        assert!(is_name("garage_2") && !is_name("Garage") && !is_name("a/b") && !is_name("") && !is_name("+"));
    }

    proptest::proptest! {
        #[test]
        fn any_payload_is_read(payload: Vec<u8>) {
            let _ = (read(&payload), hello(&payload));
        }
    }
}
