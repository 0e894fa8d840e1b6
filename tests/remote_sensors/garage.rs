//! The daemon at both ends: a sensor in a garage that the hub's network does not reach, and a phone in it.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::until;

const PHONE: &str = "02:81:00:00:00:07";

struct Street {
    names: [String; 3],
    folder: tempfile::TempDir,
    children: Vec<Child>,
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip")
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|done| done.success())
}

impl Street {
    /// The hub and the sensor on one wire, the sensor and the phone on another.
    fn build() -> Option<Street> {
        let id = std::process::id();
        let names = ["hub", "garage", "phone"].map(|name| format!("doors-{name}-{id}"));
        let street = Street { names, folder: tempfile::tempdir().unwrap(), children: Vec::new() };
        let [hub, garage, phone] = &street.names;
        if ![hub, garage, phone].into_iter().all(|name| ip(&["netns", "add", name])) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        assert!(ip(&["-n", hub, "link", "add", "lan0", "type", "veth", "peer", "name", "up0", "netns", garage]));
        assert!(ip(&["-n", garage, "link", "add", "home0", "type", "veth", "peer", "name", "wifi0", "netns", phone]));
        assert!(ip(&["-n", phone, "link", "set", "wifi0", "address", PHONE]));
        let places = [
            (hub, "lan0", "10.81.0.1"),
            (garage, "up0", "10.81.0.2"),
            (garage, "home0", "10.82.0.1"),
            (phone, "wifi0", "10.82.0.7"),
        ];
        for (space, link, address) in places {
            assert!(ip(&["-n", space, "addr", "add", &format!("{address}/24"), "dev", link]));
            assert!(ip(&["-n", space, "link", "set", "lo", "up"]) && ip(&["-n", space, "link", "set", link, "up"]));
        }
        Some(street)
    }

    fn within(&self, space: usize, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[space], program]).stdin(Stdio::null());
        command
    }

    fn porchlight(&self, space: usize, name: &str) -> Command {
        let mut command = self.within(space, env!("CARGO_BIN_EXE_porchlight"));
        command.arg("--config").arg(self.file(&format!("{name}.yaml"))).arg("--state-dir").arg(self.file(name));
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn daemon(&self, space: usize, name: &str) -> Child {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.file(&format!("{name}.log"))).unwrap();
        self.porchlight(space, name).arg("run").stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn logs(&self) -> String {
        ["hub", "garage"]
            .map(|name| fs::read_to_string(self.file(&format!("{name}.log"))).unwrap_or_default())
            .join("\n--\n")
    }

    fn asks(&self, words: &[&str]) -> Option<Value> {
        let done = self.porchlight(0, "hub").args(words).arg("--json").output().ok()?;
        serde_json::from_slice(&done.stdout).ok()
    }

    /// The phone, as the hub knows it.
    fn phone(&self) -> Option<Value> {
        let all = self.asks(&["devices"])?;
        let devices = all["devices"].as_array()?;
        devices
            .iter()
            .find(|device| device["macs"].as_array().is_some_and(|macs| macs.iter().any(|mac| mac == PHONE)))
            .cloned()
    }

    /// The phone says something, to whomever.
    fn speaks(&self) {
        let mut command = self.within(2, "bash");
        drop(
            command
                .args(["-c", "echo > /dev/udp/10.82.0.1/9; echo > /dev/udp/10.82.0.9/9"])
                .stderr(Stdio::null())
                .status(),
        );
    }

    /// Retained messages of one topic filter.
    fn retained(&self, filter: &str) -> String {
        let mut command = self.within(0, "mosquitto_sub");
        let done =
            command.args(["-h", "127.0.0.1", "-t", filter, "-v", "-W", "2", "--retained-only"]).output().unwrap();
        String::from_utf8_lossy(&done.stdout).into_owned()
    }
}

impl Drop for Street {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
    }
}

#[test]
fn a_phone_in_the_garage_is_home_and_stays_so_when_the_sensor_is_killed() {
    if !super::mosquitto::wanted() {
        return;
    }
    let Some(mut street) = Street::build() else { return };
    fs::write(street.file("broker.conf"), "user root\nlistener 1883 0.0.0.0\nallow_anonymous true\n").unwrap();
    let broker = street
        .within(0, "mosquitto")
        .arg("-c")
        .arg(street.file("broker.conf"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    street.children.push(broker);
    let hub = "network: {interfaces: [lan0]}\nmqtt: {url: 'mqtt://127.0.0.1:1883', node: hub}\nscanners: {mqtt: {sensors: [garage]}}\n";
    let garage = "role: sensor\nnetwork: {interfaces: [home0]}\nmqtt: {url: 'mqtt://10.81.0.1:1883', node: garage, room: Garage}\n";
    fs::write(street.file("hub.yaml"), hub).unwrap();
    fs::write(street.file("garage.yaml"), garage).unwrap();
    let child = street.daemon(0, "hub");
    street.children.push(child);
    let mut sensor = street.daemon(1, "garage");
    until("the phone is home", || {
        street.speaks();
        street.phone().is_some_and(|phone| phone["presence"] == "home")
    });
    let phone = street.phone().unwrap();
    assert_eq!(phone["sources"], serde_json::json!(["mqtt"]), "{phone:#}\n{}", street.logs());

    let discovery = street.retained("homeassistant/device/+/config");
    assert!(
        discovery.contains("_sensor_garage/config") && discovery.contains("\"suggested_area\":\"Garage\""),
        "{discovery}"
    );
    let said = street.retained("porchlight/sensor/garage/+");
    assert!(said.contains("\"contract\":1") && said.contains("\"state\":\"online\""), "{said}");

    // Its will speaks, and what it heard is frozen.
    sensor.kill().unwrap();
    sensor.wait().unwrap();
    until("the hub misses the sensor", || {
        street.retained("porchlight/hub/bridge/health").contains("sensor garage is offline")
    });
    let state = street.retained("porchlight/sensor/garage/state");
    assert!(state.contains("offline"), "{state}");
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(street.phone().unwrap()["presence"], "home", "{}", street.logs());

    sensor = street.daemon(1, "garage");
    until("the sensor is back", || {
        street.speaks();
        street.retained("porchlight/sensor/garage/state").contains("online")
    });
    sensor.kill().unwrap();
    sensor.wait().unwrap();
}
