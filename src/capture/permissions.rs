//! # Which right is missing, what is lost by it, and the command that grants it
//!
//! Every part works without rights as far as it can; this page is what `doctor` prints of the rest.
//! After start all rights but the needed ones are given up.

use caps::{CapSet, Capability};

/// Grants what capture and sweeps need to the program file.
pub const GRANT_RAW: &str =
    "setcap cap_net_raw,cap_net_admin=ep \"$(command -v porchlight)\", or run it by its systemd unit";

/// A right this process does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// As the kernel spells it.
    pub capability: &'static str,
    pub what_is_lost: &'static str,
    pub command: &'static str,
}

const WANTED: [(Capability, &str, &str); 2] = [
    (
        Capability::CAP_NET_RAW,
        "CAP_NET_RAW",
        "frames are not heard: arrivals are noticed seconds late, and no attack is seen",
    ),
    (
        Capability::CAP_NET_ADMIN,
        "CAP_NET_ADMIN",
        "Wi-Fi stations, passive Bluetooth and larger kernel buffers are not available",
    ),
];

/// The rights that are wanted and not there, most important first.
#[must_use]
pub fn missing() -> Vec<Missing> {
    WANTED
        .into_iter()
        .filter(|(capability, ..)| !caps::has_cap(None, CapSet::Effective, *capability).unwrap_or(false))
        .map(|(_, capability, what_is_lost)| Missing { capability, what_is_lost, command: GRANT_RAW })
        .collect()
}

/// Gives up every right of the calling thread but the wanted ones, so that a fault in a decoder
/// cannot become more than a fault. Rights belong to threads and pass to those started later:
/// call it before the first thread.
///
/// # Errors
/// What the kernel refused, as text; nothing then is more than it was before.
pub fn drop_all_but_needed() -> Result<(), String> {
    let held = caps::read(None, CapSet::Permitted).map_err(|error| error.to_string())?;
    let kept: caps::CapsHashSet = WANTED.iter().map(|(c, ..)| *c).filter(|c| held.contains(c)).collect();
    // What cannot be regained by running a program with file rights. Needs CAP_SETPCAP, which only root has.
    if held.contains(&Capability::CAP_SETPCAP) {
        for capability in caps::runtime::thread_all_supported() {
            if !kept.contains(&capability) {
                caps::drop(None, CapSet::Bounding, capability).map_err(|error| error.to_string())?;
            }
        }
    }
    if caps::runtime::ambient_set_supported().is_ok() {
        caps::clear(None, CapSet::Ambient).map_err(|error| error.to_string())?;
    }
    caps::clear(None, CapSet::Inheritable).map_err(|error| error.to_string())?;
    caps::set(None, CapSet::Effective, &kept).map_err(|error| error.to_string())?;
    caps::set(None, CapSet::Permitted, &kept).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_keeps_the_needed_and_nothing_else() {
        // Rights are the thread's own, so the other tests keep theirs.
        let (before, after, left) = std::thread::spawn(|| {
            let before = missing();
            drop_all_but_needed().unwrap();
            (before, missing(), caps::read(None, CapSet::Permitted).unwrap())
        })
        .join()
        .unwrap();
        assert_eq!(before, after, "what is needed and was there is still there");
        assert!(left.iter().all(|c| WANTED.iter().any(|(wanted, ..)| wanted == c)), "{left:?}");
    }
}
