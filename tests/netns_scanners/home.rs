//! Two namespaces, thirty devices on the wire between them, and what runs inside.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use porchlight::model::{MacAddr, Moment, Mono, Wall};
use tokio::time::Instant;

pub const DEVICES: u8 = 30;
pub const FIRST: u8 = 101;
/// Nothing here takes this long, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub fn clock() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    // Both clocks are the system's own: kernel stamps are wall time.
    let wall = jiff::Timestamp::now().as_millisecond();
    let ns = u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap() + 3_600_000_000_000;
    Moment { mono: Mono(ns), wall: Wall(wall) }
}

pub fn ip_of(device: u8) -> IpAddr {
    Ipv4Addr::new(10, 77, 0, FIRST + device).into()
}

pub fn mac_of(device: u8) -> MacAddr {
    MacAddr([0x02, 0x77, 0, 0, 0, FIRST + device])
}

/// Two namespaces: `near` is where Porchlight looks from (`home0`, 10.77.0.1), `far` holds the devices.
pub struct Home {
    pub near: String,
    pub far: String,
}

impl Home {
    /// `None`: the quick run was asked for, not root, or no namespaces here; said aloud.
    pub fn build(name: &str) -> Option<Home> {
        if std::env::var("PORCHLIGHT_FAST").is_ok_and(|value| value == "1") {
            eprintln!("skipped: PORCHLIGHT_FAST=1 leaves out the network");
            return None;
        }
        let home = Home {
            near: format!("scan-{name}-near-{}", std::process::id()),
            far: format!("scan-{name}-far-{}", std::process::id()),
        };
        if !ip(&["netns", "add", &home.near]) || !ip(&["netns", "add", &home.far]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        let (near, far) = (&home.near, &home.far);
        assert!(ip(&["-n", near, "link", "add", "home0", "type", "veth", "peer", "name", "wire0", "netns", far]));
        let near_side = "link set lo up\nlink set home0 up\naddr add 10.77.0.1/24 dev home0\n";
        batch(near, near_side);
        batch(far, "link set lo up\nlink set wire0 up\n");
        // Each device answers for its own address only, by its own MAC.
        sysctl(far, "net.ipv4.conf.all.arp_ignore=1");
        sysctl(far, "net.ipv4.conf.all.rp_filter=0");
        // The devices share one kernel here, whose limit on complaints is meant for one host.
        sysctl(far, "net.ipv6.icmp.ratelimit=0");
        let mut script = String::new();
        for device in 0..DEVICES {
            let (mac, ip) = (mac_of(device), ip_of(device));
            script += &format!("link add dev{device} link wire0 address {mac} type macvlan mode bridge\n");
            script += &format!("addr add {ip}/24 dev dev{device}\nlink set dev{device} up\n");
            // What it sends of its own goes out by its own card, as in a home.
            let table = u16::from(device) + 100;
            script += &format!("route add 10.77.0.0/24 dev dev{device} src {ip} table {table}\n");
            script += &format!("rule add from {ip} table {table}\n");
        }
        batch(far, &script);
        Some(home)
    }

    /// Runs `inner` of this program in `namespace`, as `user`.
    pub fn command(namespace: &str, user: Option<&str>, inner: &str) -> Command {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace]);
        if let Some(user) = user {
            command.args(["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--inh-caps=-all"]);
        }
        command.arg(program).args([inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command
    }

    pub fn run(&self, user: Option<&str>, inner: &str) {
        let done = Home::command(&self.near, user, inner).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        for line in out.lines().chain(err.lines()).filter(|line| line.starts_with("measured")) {
            eprintln!("{line}");
        }
        assert!(done.status.success() && out.contains("1 passed"), "{inner}:\n{out}\n{err}");
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.near]);
        ip(&["netns", "del", &self.far]);
    }
}

pub fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

pub fn batch(namespace: &str, script: &str) {
    let mut child = Command::new("ip").args(["-n", namespace, "-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "ip -batch:\n{script}");
}

pub fn sysctl(namespace: &str, setting: &str) {
    let done = Command::new("ip").args(["netns", "exec", namespace, "sysctl", "-qw", setting]).status();
    assert!(done.unwrap().success(), "{setting}");
}

/// A process that ends with the test.
pub struct Helper(pub Child);

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
