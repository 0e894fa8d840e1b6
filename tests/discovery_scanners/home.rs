//! Two namespaces and a wire: `near` is where Porchlight looks from (10.78.0.1), `far` is the peer (10.78.0.9).

use std::{fs, net::IpAddr, path::PathBuf};

use porchlight::{
    model::{DeviceId, DeviceView, MacAddr},
    scanners::Network,
};

#[path = "../spaces/mod.rs"]
mod spaces;

#[allow(unused_imports, reason = "each family of tests uses a part")]
pub use spaces::{DEADLINE, clock, ip, office::Office, ready};
use spaces::{End, Spaces};

pub const PEER: &str = "10.78.0.9";
pub const PEER_MAC: MacAddr = MacAddr([0x02, 0x78, 0, 0, 0, 9]);

pub fn peer() -> IpAddr {
    PEER.parse().unwrap()
}

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
        let mut spaces = Spaces::new(&format!("disc-{name}"))?;
        let (near, far) = (spaces.add("near")?, spaces.add("far")?);
        Spaces::wire(
            &End { space: &near, link: "home0", mac: None, address: "10.78.0.1/24" },
            &End { space: &far, link: "wire0", mac: Some(PEER_MAC), address: "10.78.0.9/24" },
        );
        Some(Home { near, far, dir: spaces.dir.clone(), spaces })
    }

    /// Starts a peer in `far`, in the foreground; it ends with the home. `false`: not installed, said aloud.
    pub fn peer(&mut self, program: &str, arguments: &[&str]) -> bool {
        self.spaces.start(&self.far, program, arguments)
    }

    /// The same in `near`.
    pub fn companion(&mut self, program: &str, arguments: &[&str]) -> bool {
        self.spaces.start(&self.near, program, arguments)
    }

    /// Rules for the kernel of `far`. `false`: nft is not installed, said aloud.
    pub fn nft(&self, rules: &str) -> bool {
        if !spaces::is_installed("nft") {
            return false;
        }
        let file = self.dir.join("rules.nft");
        fs::write(&file, rules).unwrap();
        let done = Spaces::within(&self.far, "nft").arg("-f").arg(&file).output().unwrap();
        assert!(done.status.success(), "{}\n{rules}", String::from_utf8_lossy(&done.stderr));
        true
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
        self.spaces.run(&self.near, &[], inner, &[]);
    }
}

/// With the peer as the one device that is here, and the only one that may be told of.
#[allow(dead_code, reason = "each family of tests uses a part")]
pub async fn office() -> Office {
    office_of(&[peer()]).await
}

/// With a device at each of `addresses`; the first is the gateway.
#[allow(dead_code, reason = "each family of tests uses a part")]
pub async fn office_of(addresses: &[IpAddr]) -> Office {
    let devices = addresses.iter().enumerate().map(|(number, address)| DeviceView {
        addresses: vec![*address],
        macs: vec![PEER_MAC],
        last_seen: clock().wall,
        is_gateway: number == 0,
        ..DeviceView::blank(DeviceId::mint(1, 0))
    });
    let mut office = Office::new(Network::default(), devices).await;
    office.about = Some(peer());
    office
}
