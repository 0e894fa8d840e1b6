//! One switch, a namespace for each host at it, and `near`, where Porchlight looks from.

use std::{
    path::PathBuf,
    process::{Child, Command},
};

#[path = "../spaces/mod.rs"]
mod spaces;

use spaces::Spaces;
pub use spaces::{ip, is_installed};

pub const OWN: &str = "10.80.0.5";
pub const ROUTER: &str = "10.80.0.1";

pub struct Street {
    pub near: String,
    pub switch: String,
    pub folder: PathBuf,
    spaces: Spaces,
}

impl Street {
    /// `None`: fast, not root, or no namespaces here; said aloud.
    pub fn build() -> Option<Street> {
        let mut spaces = Spaces::new("first")?;
        let street =
            Street { near: spaces.add("near")?, switch: spaces.add("switch")?, folder: spaces.dir.clone(), spaces };
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

    /// A host at the switch; its namespace.
    pub fn host(&mut self, number: u8) -> String {
        let (name, switch) = (self.spaces.add(&format!("h{number}")).unwrap(), self.switch.clone());
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

    #[allow(clippy::unused_self, reason = "it says whose it is")]
    pub fn within(&self, space: &str, program: &str) -> Command {
        Spaces::within(space, program)
    }

    /// Starts `program` in the foreground; it ends with the street.
    pub fn start(&mut self, space: &str, program: &str, arguments: &[&str]) {
        assert!(self.spaces.start(space, program, arguments), "{program}");
    }

    pub fn keep(&mut self, child: Child) {
        self.spaces.keep(child);
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
