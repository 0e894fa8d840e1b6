//! One switch, a namespace for each host at it, and `near`, where Porchlight looks from.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

pub const OWN: &str = "10.80.0.5";
pub const ROUTER: &str = "10.80.0.1";

pub struct Street {
    pub near: String,
    pub switch: String,
    pub folder: PathBuf,
    id: u32,
    spaces: Vec<String>,
    helpers: Vec<Child>,
}

impl Street {
    /// `None`: fast, not root, or no namespaces here; said aloud.
    pub fn build() -> Option<Street> {
        if std::env::var_os("PORCHLIGHT_FAST").is_some() {
            eprintln!("skipped: PORCHLIGHT_FAST is set");
            return None;
        }
        let id = std::process::id();
        let (near, switch) = (format!("first-near-{id}"), format!("first-switch-{id}"));
        let folder = std::env::temp_dir().join(format!("porchlight-first-{id}"));
        let mut street = Street { near, switch, folder, id, spaces: Vec::new(), helpers: Vec::new() };
        if !street.space(&street.near.clone()) || !street.space(&street.switch.clone()) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        fs::create_dir_all(&street.folder).unwrap();
        let (near, switch) = (&street.near, &street.switch);
        assert!(ip(&["-n", switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0"]));
        assert!(ip(&["-n", switch, "link", "set", "br0", "up"]));
        assert!(ip(&["-n", near, "link", "add", "home0", "type", "veth", "peer", "name", "wire0", "netns", switch]));
        assert!(ip(&["-n", switch, "link", "set", "wire0", "master", "br0", "up"]));
        // The switch itself is no host: it has no address and says nothing (snooping, it would join its own groups by
        // IGMP: net/bridge/br_multicast.c, br_ip4_multicast_join_snoopers).
        quiet(switch);
        for words in [
            &["link", "set", "home0", "address", "02:80:00:00:00:05"][..],
            &["addr", "add", &format!("{OWN}/24"), "brd", "+", "dev", "home0"],
            &["link", "set", "home0", "up"],
            &["route", "add", "default", "via", ROUTER],
            &["route", "add", "224.0.0.0/4", "dev", "home0"],
        ] {
            assert!(ip(&[&["-n", near.as_str()], words].concat()), "{words:?}");
        }
        Some(street)
    }

    #[allow(clippy::unused_self, reason = "it says whose it is")]
    pub fn own_mac(&self) -> String {
        "02:80:00:00:00:05".to_owned()
    }

    fn space(&mut self, name: &str) -> bool {
        let made = ip(&["netns", "add", name]);
        if made {
            self.spaces.push(name.to_owned());
            assert!(ip(&["-n", name, "link", "set", "lo", "up"]));
        }
        made
    }

    /// A host at the switch; its namespace.
    pub fn host(&mut self, number: u8) -> String {
        let (name, switch) = (format!("first-h{number}-{}", self.id), self.switch.clone());
        assert!(self.space(&name));
        let (port, mac) = (format!("port{number}"), mac(number));
        assert!(ip(&["-n", &name, "link", "add", "eth0", "type", "veth", "peer", "name", &port, "netns", &switch]));
        assert!(ip(&["-n", &switch, "link", "set", &port, "master", "br0", "up"]));
        quiet(&switch);
        for words in [
            &["link", "set", "eth0", "address", &mac][..],
            &["addr", "add", &format!("{}/24", address(number)), "brd", "+", "dev", "eth0"],
            &["link", "set", "eth0", "up"],
            &["route", "add", "224.0.0.0/4", "dev", "eth0"],
        ] {
            assert!(ip(&[&["-n", name.as_str()], words].concat()), "{words:?}");
        }
        name
    }

    pub fn within(&self, space: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", space, program]).env("PATH", path());
        command
    }

    /// Starts `program` in the foreground; it ends with the street.
    pub fn start(&mut self, space: &str, program: &str, arguments: &[&str]) {
        let log = fs::File::create(self.folder.join(format!(
            "{}-{}.log",
            self.helpers.len(),
            program.rsplit('/').next().unwrap()
        )))
        .unwrap();
        let mut command = self.within(space, program);
        command.args(arguments).stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        self.helpers.push(command.spawn().unwrap());
    }

    pub fn keep(&mut self, child: Child) {
        self.helpers.push(child);
    }
}

impl Drop for Street {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            drop(helper.kill());
            drop(helper.wait());
        }
        for space in &self.spaces {
            // What a helper started besides itself.
            let pids = Command::new("ip").args(["netns", "pids", space]).output();
            for pid in String::from_utf8_lossy(&pids.map(|done| done.stdout).unwrap_or_default()).split_whitespace() {
                drop(Command::new("kill").args(["-9", pid]).status());
            }
            ip(&["netns", "del", space]);
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

pub fn address(number: u8) -> String {
    format!("10.80.0.{number}")
}

pub fn mac(number: u8) -> String {
    format!("02:80:00:00:00:{number:02x}")
}

/// No IPv6 of its own, so it sends nothing.
fn quiet(space: &str) {
    let off = "for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do echo 1 > $f; done";
    drop(Command::new("ip").args(["netns", "exec", space, "sh", "-c", off]).status());
}

pub fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

pub fn path() -> String {
    format!("/usr/bin:/usr/sbin:{}", std::env::var("PATH").unwrap_or_default())
}

/// Says aloud if not.
pub fn is_installed(program: &str) -> bool {
    let there = path().split(':').any(|folder| std::path::Path::new(folder).join(program).exists());
    if !there {
        eprintln!("skipped: {program} is not installed (tests/run installs it)");
    }
    there
}
