//! More than one network: the tag of a VLAN on a trunk, hosts behind a router that tells of them by SNMP, a port that is
//! heard to be open, and the IPv6 addresses that a user without rights finds. Real kernels in network namespaces.
//!
//! Needs root and `ip`; without them, or with `PORCHLIGHT_FAST=1`, each test says why it skips.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use serde_json::Value as Json;

/// A scan is over in seconds, and who listens hears what is said meanwhile.
const TRIES: usize = 20;
/// The device on the wire.
const PEER: (&str, &str) = ("00:11:32:00:00:09", "10.83.0.9");

struct Home {
    near: String,
    far: String,
    others: Vec<String>,
    dir: PathBuf,
    helpers: Vec<Child>,
}

impl Home {
    /// `near`, where the program looks from (10.83.0.1), and `far` (10.83.0.9). `None`: said aloud.
    fn build(name: &str) -> Option<Home> {
        if std::env::var_os("PORCHLIGHT_FAST").is_some() {
            eprintln!("skipped: PORCHLIGHT_FAST is set");
            return None;
        }
        let id = std::process::id();
        let home = Home {
            near: format!("scan-{name}-near-{id}"),
            far: format!("scan-{name}-far-{id}"),
            others: Vec::new(),
            dir: std::env::temp_dir().join(format!("porchlight-segment-{name}-{id}")),
            helpers: Vec::new(),
        };
        if !ip(&format!("netns add {}", home.near)) || !ip(&format!("netns add {}", home.far)) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        fs::create_dir_all(&home.dir).unwrap();
        let (near, far) = (&home.near, &home.far);
        all(&[
            format!("-n {near} link add home0 type veth peer name wire0 netns {far}"),
            format!("-n {far} link set wire0 address {}", PEER.0),
            format!("-n {near} addr add 10.83.0.1/24 dev home0"),
            format!("-n {far} addr add {}/24 dev wire0", PEER.1),
            format!("-n {near} link set lo up"),
            format!("-n {far} link set lo up"),
            format!("-n {near} link set home0 up"),
            format!("-n {far} link set wire0 up"),
        ]);
        Some(home)
    }

    /// One more namespace, with `host0` there and `link` in `beside`, each with its address.
    fn another(&mut self, beside: &str, link: &str, (there, here): (&str, &str)) -> String {
        let name = format!("{}-{link}", self.near);
        all(&[
            format!("netns add {name}"),
            format!("-n {beside} link add {link} type veth peer name host0 netns {name}"),
            format!("-n {beside} addr add {here}/24 dev {link}"),
            format!("-n {name} addr add {there}/24 dev host0"),
            format!("-n {beside} link set {link} up"),
            format!("-n {name} link set host0 up"),
            format!("-n {name} route add default via {here}"),
        ]);
        self.others.push(name.clone());
        name
    }

    fn within(namespace: &str, program: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]).args(program).stdin(Stdio::null());
        command
    }

    /// Runs until the home goes.
    fn start(&mut self, namespace: &str, program: &[&str]) {
        let quiet = Home::within(namespace, program).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.helpers.push(quiet.unwrap());
    }

    fn sysctl(namespace: &str, setting: &str) {
        assert!(Home::within(namespace, &["sysctl", "-qw", setting]).status().unwrap().success(), "{setting}");
    }

    /// The devices of one scan, by the program started as `before` says.
    fn scan(&self, before: &[&str], only: &str) -> Vec<Json> {
        let program = env!("CARGO_BIN_EXE_porchlight");
        let done = Home::within(&self.near, before)
            .args([program, "scan", "--json", "--for", "40", "--only", only, "--state-dir"])
            .arg(self.dir.join("state"))
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let said: Json = serde_json::from_slice(&done.stdout).unwrap();
        said["devices"].as_array().unwrap().clone()
    }

    /// Scans until `is_there` holds, and no more often than [`TRIES`].
    fn until(&self, before: &[&str], only: &str, is_there: impl Fn(&[Json]) -> bool) -> Vec<Json> {
        let mut devices = Vec::new();
        for _ in 0..TRIES {
            devices = self.scan(before, only);
            if is_there(&devices) {
                break;
            }
        }
        assert!(is_there(&devices), "{devices:#?}");
        devices
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            drop(helper.kill());
            drop(helper.wait());
        }
        for name in [&self.near, &self.far].into_iter().chain(&self.others) {
            ip(&format!("netns del {name}"));
        }
        drop(fs::remove_dir_all(&self.dir));
    }
}

fn ip(arguments: &str) -> bool {
    Command::new("ip").args(arguments.split(' ')).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn all(commands: &[String]) {
    for command in commands {
        assert!(ip(command), "{command}");
    }
}

fn holds(device: &Json, key: &str, wanted: &str) -> bool {
    device[key].as_array().is_some_and(|list| list.contains(&wanted.into()))
}

fn with<'a>(devices: &'a [Json], key: &str, wanted: &str) -> Option<&'a Json> {
    devices.iter().find(|device| holds(device, key, wanted))
}

fn has(program: &str) -> bool {
    let found =
        ["/usr/bin", "/usr/sbin", "/bin", "/sbin"].iter().any(|dir| fs::exists(format!("{dir}/{program}")).unwrap());
    if !found {
        eprintln!("skipped: {program} is not installed (tests/run installs it)");
    }
    found
}

/// Frames with a tag (IEEE 802.1Q), as a switch sends them to a trunk: an ARP request of a bulb in VLAN 20.
const TAGGED: &str = "
import socket, time
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(('wire0', 0))
bulb = bytes.fromhex('10d561000020')
arp = bytes.fromhex('0001080006040001') + bulb + bytes([10, 20, 0, 7]) + bytes(6) + bytes([10, 20, 0, 1])
while True:
    wire.send(b'\\xff' * 6 + bulb + bytes.fromhex('81000014') + bytes.fromhex('0806') + arp)
    time.sleep(0.1)
";

#[test]
fn a_trunk_shows_the_vlan_of_a_device_as_its_segment() {
    if !has("python3") {
        return;
    }
    let Some(mut home) = Home::build("trunk") else { return };
    let far = home.far.clone();
    home.start(&far, &["/usr/bin/python3", "-c", TAGGED]);
    let is_there = |devices: &[Json]| {
        let bulb = with(devices, "macs", "10:d5:61:00:00:20");
        bulb.is_some_and(|bulb| bulb["segment"] == "VLAN 20") && with(devices, "macs", PEER.0).is_some()
    };
    let devices = home.until(&["env"], "capture,arp_sweep,netlink", is_there);
    assert_eq!(with(&devices, "macs", PEER.0).unwrap()["segment"], Json::Null, "its frames have no tag");
    let bulb = with(&devices, "macs", "10:d5:61:00:00:20").unwrap();
    assert!(
        holds(bulb, "addresses", "10.20.0.7") && bulb["maker"] == Json::Null && bulb["vendor"] == "Tuya",
        "{bulb:#}"
    );
}

#[test]
fn a_look_explains_a_device_and_a_store_that_is_empty_says_so() {
    let Some(home) = Home::build("explain") else { return };
    let program = env!("CARGO_BIN_EXE_porchlight");
    let state = home.dir.join("state");
    let run = |arguments: &[&str]| {
        let done = Home::within(&home.near, &["env", program]).args(arguments).arg("--state-dir").arg(&state).output();
        let done = done.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (done.status.code(), text(done.stdout), text(done.stderr))
    };
    let (code, out, err) = run(&["explain", "device", PEER.1]);
    assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
    assert!(err.contains(&format!("porchlight scan --explain '{}'", PEER.1)), "{err}");
    // What it advises does it.
    let look = ["scan", "--only", "arp_sweep,netlink,capture", "--explain"];
    let (code, out, err) = run(&[&look[..], &[PEER.1]].concat());
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("Synology") && out.contains("what would settle"), "{out}");
    let (code, out, err) = run(&[&look[..], &[PEER.0, "--json"]].concat());
    assert_eq!(code, Some(0), "{err}");
    let said: Json = serde_json::from_str(&out).unwrap();
    assert!(holds(&said["device"], "macs", PEER.0) && said["would_settle"].is_array(), "{said:#}");
    let (code, out, err) = run(&[&look[..], &["10.83.0.77"]].concat());
    assert_eq!((code, out.as_str()), (Some(3), ""), "{err}");
    assert!(!state.join("porchlight.db").exists(), "nothing is stored");
}

/// Takes connections at a port that no list has, until the end.
const SERVE: &str = "
import socket
taken = socket.create_server(('0.0.0.0', 12345))
while True:
    taken.accept()[0].close()
";
const CALL: &str = "
import socket, time
while True:
    try:
        socket.create_connection(('10.83.0.9', 12345), 2).close()
    except OSError:
        pass
    time.sleep(0.1)
";

#[test]
fn a_port_that_others_use_is_tried_though_no_list_has_it() {
    if !has("python3") {
        return;
    }
    let Some(mut home) = Home::build("used") else { return };
    let (near, far) = (home.near.clone(), home.far.clone());
    let guest = home.another(&near, "side0", ("10.85.0.9", "10.85.0.1"));
    all(&[format!("-n {far} route add default via 10.83.0.1")]);
    Home::sysctl(&near, "net.ipv4.ip_forward=1");
    home.start(&far, &["/usr/bin/python3", "-c", SERVE]);
    let service = |device: &Json| {
        device["services"]
            .as_array()
            .unwrap()
            .iter()
            .any(|service| service["port"] == 12_345 && service["proto"] == "tcp")
    };
    let only = "capture,arp_sweep,netlink,ports";
    let quiet = home.until(&["env"], only, |devices| with(devices, "macs", PEER.0).is_some());
    assert!(!service(with(&quiet, "macs", PEER.0).unwrap()), "nobody used it: {quiet:#?}");
    home.start(&guest, &["/usr/bin/python3", "-c", CALL]);
    home.until(&["env"], only, |devices| with(devices, "macs", PEER.0).is_some_and(service));
}

#[test]
fn a_router_that_speaks_snmp_tells_who_is_behind_it() {
    if !has("snmpd") || !has("ping") {
        return;
    }
    let Some(mut home) = Home::build("behind") else { return };
    let far = home.far.clone();
    let behind = home.another(&far, "lan2", ("10.86.0.7", "10.86.0.1"));
    all(&[format!("-n {behind} link set host0 address 10:d5:61:00:00:07")]);
    all(&[format!("-n {} route add default via {}", home.near, PEER.1)]);
    Home::sysctl(&far, "net.ipv4.ip_forward=1");
    let config = home.dir.join("snmpd.conf");
    let kept = home.dir.display();
    let lines = format!(
        "[snmp] persistentDir {kept}/kept\n[snmpd]\nagentaddress udp:161\nrocommunity public\nsysServices 76\n"
    );
    fs::write(&config, lines).unwrap();
    home.start(&far, &["snmpd", "-f", "-C", "-Lo", "-c", config.to_str().unwrap()]);
    // As its router does, by whatever it sends there.
    home.start(&far, &["ping", "-q", "-i", "1", "10.86.0.7"]);
    let is_there = |devices: &[Json]| with(devices, "addresses", "10.86.0.7").is_some();
    let devices = home.until(&["env"], "snmp,arp_sweep,netlink,capture", is_there);
    let host = with(&devices, "addresses", "10.86.0.7").unwrap();
    assert!(holds(host, "macs", "10:d5:61:00:00:07") && host["vendor"] == "Tuya", "as its router knows it: {host:#}");
    assert_eq!(host["sources"], Json::Array(vec!["snmp".into()]), "nothing of it can be heard here");
    // This host, the router, and the one behind it.
    assert_eq!(devices.len(), 3, "{devices:#?}");
}

/// Nobody, without any right.
const USER: [&str; 6] =
    ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"];

#[test]
fn a_user_without_rights_finds_global_addresses_by_echo() {
    if !has("setpriv") {
        return;
    }
    let Some(home) = Home::build("echo") else { return };
    all(&[
        format!("-n {} addr add fd83::1/64 dev home0 nodad", home.near),
        format!("-n {} addr add 2001:db8:83::1/64 dev home0 nodad", home.near),
        format!("-n {} addr add fd83::5a:9/64 dev wire0 nodad", home.far),
        format!("-n {} addr add 2001:db8:83::77:9/64 dev wire0 nodad", home.far),
    ]);
    // As distributions of desktops have it (systemd's 50-default.conf).
    Home::sysctl(&home.near, "net.ipv4.ping_group_range=0 2147483647");
    let is_there = |devices: &[Json]| {
        with(devices, "macs", PEER.0).is_some_and(|peer| {
            ["fd83::5a:9", "2001:db8:83::77:9"].iter().all(|address| holds(peer, "addresses", address))
        })
    };
    let devices = home.until(&USER, "netlink,arp_sweep,nd_sweep", is_there);
    assert_eq!(devices.len(), 2, "this host and that one: {devices:#?}");
}

#[test]
fn a_user_who_may_not_even_ping_finds_addresses_made_of_hardware_addresses() {
    if !has("setpriv") {
        return;
    }
    let Some(home) = Home::build("guess") else { return };
    all(&[
        format!("-n {} addr add fd83::1/64 dev home0 nodad", home.near),
        format!("-n {} addr add fd83::211:32ff:fe00:9/64 dev wire0 nodad", home.far),
    ]);
    Home::sysctl(&home.near, "net.ipv4.ping_group_range=1 0");
    let is_there = |devices: &[Json]| {
        with(devices, "macs", PEER.0).is_some_and(|peer| holds(peer, "addresses", "fd83::211:32ff:fe00:9"))
    };
    let devices = home.until(&USER, "netlink,arp_sweep,nd_sweep", is_there);
    assert_eq!(devices.len(), 2, "this host and that one: {devices:#?}");
}
