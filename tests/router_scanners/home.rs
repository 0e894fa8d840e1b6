//! `near` is where Porchlight looks from (10.79.0.5), `far` is the router (10.79.0.1), whose other side is
//! `wan0` with an address of documentation.

use std::path::PathBuf;

use porchlight::{
    model::{DeviceId, DeviceView, MacAddr},
    scanners::Network,
};

#[path = "../spaces/mod.rs"]
mod spaces;

#[allow(unused_imports, reason = "each family of tests uses a part")]
pub use spaces::{DEADLINE, clock, ip, is_installed, office::Office, path, ready};
use spaces::{End, Spaces};

pub const ROUTER: &str = "10.79.0.1";
pub const OWN: &str = "10.79.0.5";
const OUTER: &str = "198.51.100.9";
pub const ROUTER_MAC: MacAddr = MacAddr([0x02, 0x79, 0, 0, 0, 1]);
pub const OWN_MAC: MacAddr = MacAddr([0x02, 0x79, 0, 0, 0, 5]);

pub struct Home {
    pub near: String,
    pub far: String,
    /// For the peers' files; goes with the home.
    pub dir: PathBuf,
    spaces: Spaces,
}

#[allow(dead_code, reason = "each family of tests uses a part")]
impl Home {
    /// `None`: fast, not root, or no namespaces here; said aloud.
    pub fn build(name: &str) -> Option<Home> {
        let mut spaces = Spaces::new(&format!("igd-{name}"))?;
        let (near, far) = (spaces.add("near")?, spaces.add("far")?);
        let (own, router) = (format!("{OWN}/24"), format!("{ROUTER}/24"));
        Spaces::wire(
            &End { space: &near, link: "home0", mac: Some(OWN_MAC), address: &own },
            &End { space: &far, link: "lan0", mac: Some(ROUTER_MAC), address: &router },
        );
        assert!(ip(&["-n", &near, "route", "add", "default", "via", ROUTER]));
        assert!(ip(&["-n", &far, "link", "add", "wan0", "type", "veth", "peer", "name", "wan1"]));
        assert!(ip(&["-n", &far, "addr", "add", &format!("{OUTER}/24"), "dev", "wan0"]));
        assert!(ip(&["-n", &far, "link", "set", "wan0", "up"]) && ip(&["-n", &far, "link", "set", "wan1", "up"]));
        Some(Home { near, far, dir: spaces.dir.clone(), spaces })
    }

    /// One more namespace, which goes with the home.
    pub fn another(&mut self, name: &str) -> String {
        self.spaces.add(name).unwrap()
    }

    /// Runs `program` in `far` to its end; its output.
    pub fn there(&self, program: &str, arguments: &[&str]) -> String {
        let done = Spaces::within(&self.far, program).args(arguments).output().unwrap();
        assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    /// Starts a peer in `far`, in the foreground; it ends with the home. `false`: not installed, said aloud.
    pub fn peer(&mut self, program: &str, arguments: &[&str]) -> bool {
        self.spaces.start(&self.far, program, arguments)
    }

    pub fn peer_in(&mut self, namespace: &str, program: &str, arguments: &[&str]) -> bool {
        self.spaces.start(namespace, program, arguments)
    }

    /// Runs `inner` of this program in `far` until the home ends.
    pub fn stranger(&mut self, inner: &str) {
        self.spaces.stranger(&self.far, inner);
    }

    /// The same, and waits until it says that it listens.
    pub fn listener(&mut self, inner: &str) {
        self.spaces.listener(&self.far, inner);
    }

    /// Runs `inner` of this program in `near`, to its end.
    pub fn run(&self, inner: &str) {
        self.run_by(&[], inner);
    }

    /// As [`Home::run`], started by another program and its arguments.
    pub fn run_by(&self, starter: &[&str], inner: &str) {
        self.spaces.run(&self.near, starter, inner, &[("HOME_FAR", &self.far)]);
    }
}

/// With the router as the one device that is here.
#[allow(dead_code, reason = "each family of tests uses a part")]
pub async fn office() -> Office {
    office_of(Network::default()).await
}

#[allow(dead_code, reason = "each family of tests uses a part")]
pub async fn office_of(network: Network) -> Office {
    let router = DeviceView {
        addresses: vec![ROUTER.parse().unwrap()],
        macs: vec![ROUTER_MAC],
        ..DeviceView::blank(DeviceId::mint(1, 0))
    };
    Office::new(network, [router]).await
}
