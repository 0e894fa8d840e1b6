//! Two namespaces: `near`, where the program runs, with an interface to each wire, and `far` with the devices.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

/// Nothing here takes this long, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// Presence that decides within the patience of a test.
const SETTINGS: &str = "
presence:
  away_after: {unknown: 40s}
  ask_after: {busy: 5s}
  grace: 10s
mqtt: {broker: {port: 18839}}
homeassistant: {expose: all}
";

/// A device: the number of its wire, and its own.
pub type Who = (u8, u8);

pub struct House {
    pub near: String,
    pub far: String,
    pub dir: PathBuf,
    pub program: Option<Child>,
}

impl House {
    /// `None`: the quick run was asked for, not root, or no namespaces here; said aloud.
    pub fn build(name: &str) -> Option<House> {
        if std::env::var_os("PORCHLIGHT_FAST").is_some() {
            eprintln!("skipped: PORCHLIGHT_FAST leaves out the network");
            return None;
        }
        let id = std::process::id();
        let house = House {
            near: format!("core-{name}-near-{id}"),
            far: format!("core-{name}-far-{id}"),
            dir: std::env::temp_dir().join(format!("porchlight-house-{name}-{id}")),
            program: None,
        };
        if !ip(&["netns", "add", &house.near]) || !ip(&["netns", "add", &house.far]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        fs::create_dir_all(&house.dir).unwrap();
        fs::write(house.dir.join("config.yaml"), SETTINGS).unwrap();
        assert!(
            ip(&["-n", &house.near, "link", "set", "lo", "up"]) && ip(&["-n", &house.far, "link", "set", "lo", "up"])
        );
        // Each device answers for its own address only, by its own card.
        house.sysctl("net.ipv4.conf.all.arp_ignore=1");
        house.sysctl("net.ipv4.conf.all.rp_filter=0");
        house.sysctl("net.ipv4.conf.default.rp_filter=0");
        Some(house)
    }

    fn sysctl(&self, setting: &str) {
        let done = Command::new("ip").args(["netns", "exec", &self.far, "sysctl", "-qw", setting]).status();
        assert!(done.unwrap().success(), "{setting}");
    }

    pub fn near(&self, words: &str) {
        let words: Vec<&str> = ["-n", &self.near].into_iter().chain(words.split(' ')).collect();
        assert!(ip(&words), "ip {words:?}");
    }

    pub fn far(&self, words: &str) {
        let words: Vec<&str> = ["-n", &self.far].into_iter().chain(words.split(' ')).collect();
        assert!(ip(&words), "ip {words:?}");
    }

    /// A wire with its interface `netN`; the network on it is 10.81.N.0/24.
    pub fn wire(&self, wire: u8) {
        self.near(&format!("link add net{wire} type veth peer name wire{wire} netns {}", self.far));
        // The end of the wire itself is no device.
        self.sysctl(&format!("net.ipv6.conf.wire{wire}.disable_ipv6=1"));
        self.near(&format!("addr add 10.81.{wire}.1/24 dev net{wire}"));
        self.near(&format!("link set net{wire} up"));
        self.far(&format!("link set wire{wire} up"));
    }

    /// A device comes.
    pub fn comes(&self, (wire, device): Who) {
        let (mac, link) = (mac((wire, device)), format!("d{wire}x{device}"));
        let table = u16::from(wire) * 256 + u16::from(device);
        self.far(&format!("link add {link} link wire{wire} address {mac} type macvlan mode bridge"));
        self.far(&format!("addr add 10.81.{wire}.{device}/24 dev {link}"));
        self.far(&format!("link set {link} up"));
        // What it sends of its own goes out by its own card, as in a home.
        self.far(&format!("route add 10.81.{wire}.0/24 dev {link} src 10.81.{wire}.{device} table {table}"));
        self.far(&format!("rule add from 10.81.{wire}.{device} table {table}"));
    }

    /// A device is switched off.
    pub fn goes(&self, (wire, device): Who) {
        self.far(&format!("rule del from 10.81.{wire}.{device}"));
        self.far(&format!("link del d{wire}x{device}"));
    }

    pub fn within(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.near, program]).stdin(Stdio::null());
        command
    }

    pub fn start(&mut self, more: &[&str]) {
        self.start_with(&[], more);
    }

    pub fn start_with(&mut self, environment: &[(&str, &str)], more: &[&str]) {
        let log = fs::File::options().create(true).append(true).open(self.dir.join("log")).unwrap();
        let mut command = self.within("env");
        command.args(environment.iter().map(|(name, value)| format!("{name}={value}")));
        command.arg(env!("CARGO_BIN_EXE_porchlight"));
        command.arg("--config").arg(self.dir.join("config.yaml")).arg("--state-dir").arg(self.dir.join("state"));
        for setting in more {
            command.args(["--set", setting]);
        }
        command.arg("run").stdout(log.try_clone().unwrap()).stderr(log);
        // `ip netns exec` and `env` become the program itself.
        self.program = Some(command.spawn().unwrap());
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self) {
        let mut program = self.program.take().unwrap();
        let pid = rustix::process::Pid::from_child(&program);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let code = program.wait().unwrap();
        assert!(code.success(), "{code}: {}", self.log());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut program = self.program.take().unwrap();
        program.kill().unwrap();
        program.wait().unwrap();
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    /// What a verb of the program says in JSON; `null` while there is nothing to read.
    pub fn verb(&self, verb: &str) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_porchlight"));
        let out = command.arg("--state-dir").arg(self.dir.join("state")).args([verb, "--json"]).output().unwrap();
        serde_json::from_slice(&out.stdout).unwrap_or_default()
    }

    /// Devices by hardware address.
    pub fn devices(&self) -> BTreeMap<String, Value> {
        let all = self.verb("devices");
        let all = all["devices"].as_array().cloned().unwrap_or_default();
        all.into_iter().map(|device| (device["macs"][0].as_str().unwrap_or_default().to_owned(), device)).collect()
    }

    pub fn presence(&self, who: Who) -> String {
        let devices = self.devices();
        devices.get(&mac(who)).map_or("", |device| device["presence"].as_str().unwrap_or_default()).to_owned()
    }

    pub fn id(&self, who: Who) -> String {
        self.devices()[&mac(who)]["id"].as_str().unwrap().to_owned()
    }

    /// The stays of a device, newest first.
    pub fn stays(&self, id: &str) -> Vec<Value> {
        let all = self.verb("windows");
        let mut all: Vec<Value> = all["windows"].as_array().cloned().unwrap_or_default();
        all.retain(|window| window["device"] == id);
        all
    }

    /// Waits until everybody of `who` is shown as `presence`.
    pub fn until(&self, presence: &str, who: &[Who]) {
        let is_so = || who.iter().all(|who| self.presence(*who) == presence);
        if !eventually(is_so) {
            let shown: Vec<_> = who.iter().map(|who| (*who, self.presence(*who))).collect();
            panic!("not all {presence}: {shown:?}\n{}", self.log());
        }
    }

    /// Everybody of `who` is in the same stay as ever.
    pub fn stayed(&self, who: &[Who]) {
        for who in who {
            let stays = self.stays(&self.id(*who));
            assert!(stays.len() == 1 && stays[0]["open"] == true, "{who:?} left: {stays:?}\n{}", self.log());
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(mut program) = self.program.take() {
            drop(program.kill());
            drop(program.wait());
        }
        ip(&["netns", "del", &self.near]);
        ip(&["netns", "del", &self.far]);
        drop(fs::remove_dir_all(&self.dir));
    }
}

pub fn mac((wire, device): Who) -> String {
    format!("02:81:00:00:{wire:02x}:{device:02x}")
}

pub fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Whether `is_so` comes true within the patience.
pub fn eventually(mut is_so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(200));
    }
    false
}
