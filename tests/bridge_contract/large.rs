//! A home of many devices, each with all its entities.

use porchlight::model::{DeviceId, DeviceView, HomeView, Tier};

use crate::home;

pub fn large(devices: u32) -> HomeView {
    let instance = home::site().instance;
    let devices = (0..devices).map(|n| {
        let (id, slug) = (DeviceId::mint(instance, n), Some(format!("thing_{n}")));
        DeviceView { id, slug, name: format!("Thing {n}"), tier: Tier::Full, ..home::phone() }
    });
    HomeView { revision: 1, instance, ..home::of(devices) }
}
