//! # Who is let in when many come at once
//!
//! Every address that speaks is a device, so whoever invents addresses would keep the core busy and fill its book. So
//! newcomers come at a rate, and the room kept for them is graded by how well they prove themselves: what a list says
//! never uses up the room of those who speak, who speaks once not that of who speaks again, and who holds an address
//! of our subnets that nobody else took of late has room that a flood cannot buy: there are only so many.
//! Each interface has a room of its own. Who goes for a newcomer is in [`turn`].

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::model::{Capped, Change, DeviceId, InterfaceId, MacAddr, Moment, Mono, Observation, Proof, Source, Subject};

use super::{
    Presence,
    asks::{Bucket, Rate},
    device::Device,
    identity::{DEVICES_MAX, RANDOM_MAX, Registry},
};

/// A whole network may appear at once, later a few a second.
const NEWCOMERS: Rate = Rate { burst: 2_048, per: Duration::from_millis(250) };
/// Who was turned away and may speak again: four seconds of 2,000 strangers a second. RFC 5227 §1.1 has a host repeat
/// its probes within 2 s.
const CALLERS_MAX: usize = 8_192;
/// Addresses of our subnets: those of four homes.
const PLACES_MAX: usize = 1_024;
/// So far apart are two words of one caller, so that one burst is one word.
const APART: Duration = Duration::from_millis(300);
/// Who is not heard for so long calls for the first time again.
const CALLS_FOR: Duration = Duration::from_secs(30);
/// The first who calls for an address of ours is waited for so long, whoever else claims it.
const CLAIM_FOR: Duration = Duration::from_secs(4);
/// One newcomer at an address of ours in this time has room of its own.
const PLACE_FOR: Duration = Duration::from_secs(60);
/// More interfaces than hosts have share one room.
const INTERFACES_MAX: usize = 64;

/// Known so long, it is no newcomer.
const ESTABLISHED: Duration = Duration::from_secs(3600);
/// Heard for no longer than this, it spoke once: a host that joins says several things.
const ONCE: Duration = Duration::from_secs(10);
/// A newcomer has so long to show that it goes on: it is asked when it is silent for half a minute.
const PROBATION: Duration = Duration::from_secs(60);

/// Somebody unknown.
#[derive(Debug, Clone, Copy)]
pub struct Newcomer {
    mac: Option<MacAddr>,
    interface: Option<InterfaceId>,
    /// The address of our subnets that it holds.
    place: Option<IpAddr>,
    word: Word,
}

/// What shows that it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A table of somebody else, or a frame from an address that has no business here.
    Hearsay,
    /// A frame of its own.
    Own,
    /// It joins.
    Join,
}

/// Room that is kept for whoever proves more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Hearsay,
    Own,
    Join,
    Again,
    Placed,
}

impl Standing {
    const fn keeps(self) -> u32 {
        match self {
            Standing::Hearsay => 1_024,
            Standing::Own => 768,
            Standing::Join => 512,
            Standing::Again => 256,
            Standing::Placed => 0,
        }
    }
}

impl Newcomer {
    /// `is_ours`: whether an address is of a subnet of this host; `None` if no subnet is known.
    pub fn of(
        seen: &Observation,
        subject: &Subject,
        proof: Proof,
        is_ours: impl Fn(IpAddr) -> Option<bool>,
    ) -> Newcomer {
        let near = subject.ip.is_none_or(|ip| crate::model::is_link_local(ip) || is_ours(ip).unwrap_or(true));
        let word = match proof {
            _ if subject.mac.is_none() || !near || is_list(seen.source) => Word::Hearsay,
            Proof::NeighbourReachable | Proof::Told => Word::Hearsay,
            proof if proof.is_join() => Word::Join,
            _ => Word::Own,
        };
        let place = subject.ip.filter(|ip| ip.is_ipv4() && is_ours(*ip).unwrap_or(true));
        Newcomer { mac: subject.mac, interface: seen.interface, place, word }
    }
}

/// What others say of who is there; the device itself was not heard.
const fn is_list(source: Source) -> bool {
    matches!(
        source,
        Source::Netlink
            | Source::DhcpLeases
            | Source::Hostapd
            | Source::Openwrt
            | Source::Unifi
            | Source::Fritzbox
            | Source::Snmp
            | Source::UpnpIgd
    )
}

/// When somebody spoke who was not let in.
#[derive(Debug, Clone, Copy)]
struct Call {
    mac: MacAddr,
    first: Mono,
    last: Mono,
}

impl Call {
    fn again(&self, mac: MacAddr, now: Mono) -> bool {
        self.mac == mac && now.since(self.first) >= APART && now.since(self.last) <= CALLS_FOR
    }
}

/// Those who wait to be let in.
#[derive(Debug)]
pub struct Lobby {
    rooms: BTreeMap<Option<InterfaceId>, Bucket>,
    callers: Capped<MacAddr, Call>,
    claims: Capped<IpAddr, Call>,
    /// When somebody new was let in at an address.
    places: Capped<IpAddr, Mono>,
    refused: u64,
}

impl Default for Lobby {
    fn default() -> Lobby {
        Lobby {
            rooms: BTreeMap::new(),
            callers: Capped::new(CALLERS_MAX),
            claims: Capped::new(PLACES_MAX),
            places: Capped::new(PLACES_MAX),
            refused: 0,
        }
    }
}

impl Lobby {
    /// Whether `who` may come now. Who may not is remembered for a while.
    pub fn admits(&mut self, who: &Newcomer, now: Mono) -> bool {
        let keeps = self.standing(who, now).keeps();
        let room = self.room(who.interface, now);
        let may = room.ready(NEWCOMERS, keeps) <= now;
        if may {
            room.take(now, NEWCOMERS);
            if let Some(place) = who.place {
                self.places.insert(place, now);
            }
            if let Some(mac) = who.mac {
                self.callers.remove(&mac);
            }
        } else {
            self.refuse();
            self.note(who, now);
        }
        may
    }

    /// So many came of late that those who only are in a list find no room.
    pub fn is_crowded(&self, interface: Option<InterfaceId>, now: Mono) -> bool {
        let is_full = self.rooms.len() >= INTERFACES_MAX;
        let room = self.rooms.get(&interface).or_else(|| self.rooms.get(&None).filter(|_| is_full));
        // Asked with nearly each frame: mostly nobody came of late.
        room.is_some_and(|room| !room.is_full(now) && room.ready(NEWCOMERS, Standing::Hearsay.keeps()) > now)
    }

    pub fn refuse(&mut self) {
        self.refused = self.refused.saturating_add(1);
    }

    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Entries of each table.
    pub fn sizes(&self) -> [(&'static str, usize); 4] {
        [
            ("lobby.rooms", self.rooms.len()),
            ("lobby.callers", self.callers.len()),
            ("lobby.claims", self.claims.len()),
            ("lobby.places", self.places.len()),
        ]
    }

    fn standing(&self, who: &Newcomer, now: Mono) -> Standing {
        let Some(mac) = who.mac.filter(|_| who.word != Word::Hearsay) else { return Standing::Hearsay };
        let claim = who.place.and_then(|place| self.claims.get(&place));
        let is_again = [claim, self.callers.get(&mac)].into_iter().flatten().any(|call| call.again(mac, now));
        let is_free = |place| self.places.get(&place).is_none_or(|then| now.since(*then) >= PLACE_FOR);
        match who.word {
            _ if is_again && who.place.is_some_and(is_free) => Standing::Placed,
            _ if is_again => Standing::Again,
            Word::Join => Standing::Join,
            _ => Standing::Own,
        }
    }

    /// What only a table says is said again with every look at the table: it is no second word.
    fn note(&mut self, who: &Newcomer, now: Mono) {
        let Some(mac) = who.mac.filter(|_| who.word != Word::Hearsay) else { return };
        let new = Call { mac, first: now, last: now };
        match self.callers.get_mut(&mac) {
            Some(call) if now.since(call.last) <= CALLS_FOR => call.last = now,
            Some(call) => *call = new,
            None => drop(self.callers.insert(mac, new)),
        }
        let Some(place) = who.place else { return };
        match self.claims.get(&place) {
            Some(claim) if claim.mac != mac && now.since(claim.last) <= CLAIM_FOR => {}
            Some(claim) if claim.mac == mac && now.since(claim.last) <= CALLS_FOR => {
                if let Some(claim) = self.claims.get_mut(&place) {
                    claim.last = now;
                }
            }
            _ => drop(self.claims.insert(place, new)),
        }
    }

    fn room(&mut self, interface: Option<InterfaceId>, now: Mono) -> &mut Bucket {
        let mut interface = interface;
        if self.rooms.len() >= INTERFACES_MAX && !self.rooms.contains_key(&interface) {
            // Interfaces of containers come and go; a full room is like a new one.
            self.rooms.retain(|_, room| room.ready(NEWCOMERS, NEWCOMERS.burst - 1) > now);
            if self.rooms.len() >= INTERFACES_MAX {
                interface = None;
            }
        }
        self.rooms.entry(interface).or_default()
    }
}

impl Presence {
    /// Whether somebody unknown becomes a device now.
    pub(super) fn lets_in(&mut self, subject: &Subject, seen: &Observation, proof: Proof, now: Moment) -> bool {
        if !self.registry.has_room(self.exposure.all) {
            self.lobby.refuse();
            return false;
        }
        let routes = self.network.interfaces.iter().any(|interface| !interface.subnets.is_empty());
        let network = &self.network;
        let who = Newcomer::of(seen, subject, proof, |ip| routes.then(|| network.is_attached(ip)));
        self.lobby.admits(&who, now.mono)
    }

    /// Among very many newcomers those who are really there show it by an answer.
    pub(super) fn ask_in_a_crowd(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        let Some(device) = self.registry.get(id) else { return };
        let is_wanted = self.settings.ask && !device.answered && device.asked.is_none() && !device.own;
        let interface = device.interface;
        if is_wanted && self.lobby.is_crowded(interface, now.mono) {
            self.ask_first(id, self.network_rate().burst / 2, now, out);
        }
    }
}

impl Registry {
    /// Whom to forget so that one more fits. `all`: every device has entities, so having some says nothing.
    pub fn to_evict(&self, all: bool, now: Moment) -> Option<DeviceId> {
        let longest_silent = |device: &&Device| (turn(device, now), device.last.mono, device.last.wall, device.id);
        let gone = if self.strays().len() > RANDOM_MAX {
            self.strays().iter().filter_map(|id| self.get(*id)).min_by_key(longest_silent)
        } else if self.len() > DEVICES_MAX {
            self.iter().filter(|device| may_go(device, all)).min_by_key(longest_silent)
        } else {
            None
        };
        gone.map(|device| device.id)
    }

    /// Whether there is room, or somebody who may go.
    pub fn has_room(&self, all: bool) -> bool {
        self.len() < DEVICES_MAX || self.iter().any(|device| may_go(device, all))
    }
}

/// Nobody said anything of it. Entities that it has are automations' footing once it stayed.
fn may_go(device: &Device, all: bool) -> bool {
    device.is_nobodys() || (all && device.is_unsaid() && !is_established(device))
}

fn is_established(device: &Device) -> bool {
    life(device) >= ESTABLISHED
}

fn life(device: &Device) -> Duration {
    Duration::from_millis(device.last.wall.0.saturating_sub(device.first_seen.0).max(0).unsigned_abs())
}

/// In which turn `device` goes: invented ones that spoke once, those that never answered, newcomers, those that
/// answered, and last those that have been here for long. So a flood churns among itself.
pub fn turn(device: &Device, now: Moment) -> u8 {
    let is_young = device.macs.first().is_some_and(|held| now.mono.since(held.first) <= PROBATION);
    if is_established(device) {
        4 + u8::from(device.here)
    } else if device.answered {
        3
    } else if is_young {
        2
    } else {
        u8::from(life(device) > ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono((1_000_000 + ms) * 1_000_000)
    }

    fn who(n: u32, place: Option<u8>, word: Word) -> Newcomer {
        let b = n.to_be_bytes();
        let place = place.map(|last| IpAddr::from([192, 168, 1, last]));
        Newcomer { mac: Some(MacAddr([2, 0, b[0], b[1], b[2], b[3]])), interface: None, place, word }
    }

    /// As many as come in while `word` is all they have.
    fn flooded(word: Word, place: Option<u8>) -> Lobby {
        let mut lobby = Lobby::default();
        for n in 0..10_000 {
            lobby.admits(&who(n, place, word), at(0));
        }
        assert!(!lobby.admits(&who(10_000, place, word), at(0)));
        lobby
    }

    #[test]
    fn who_proves_more_has_room_when_those_who_prove_less_have_none() {
        let mine = Some(50);
        for (flood, word, calls) in [
            (Word::Hearsay, Word::Own, 1),
            (Word::Hearsay, Word::Join, 1),
            (Word::Own, Word::Join, 1),
            (Word::Own, Word::Own, 2),
            (Word::Join, Word::Own, 2),
            (Word::Join, Word::Join, 2),
        ] {
            let mut lobby = flooded(flood, None);
            let admitted =
                (0..calls).map(|n| lobby.admits(&who(77_777, mine, word), at(n * 1_000))).collect::<Vec<_>>();
            assert_eq!(admitted.iter().position(|yes| *yes), Some(calls as usize - 1), "{flood:?}, then {word:?}");
        }
    }

    #[test]
    fn who_speaks_again_and_again_leaves_room_for_the_holder_of_an_address() {
        let mut lobby = Lobby::default();
        // A pool of strangers that all repeat themselves at one address.
        let sing = |lobby: &mut Lobby, s: u64| {
            for n in 0..4_000 {
                lobby.admits(&who(n, Some(9), Word::Join), at(s * 1_000));
            }
        };
        (0..10).for_each(|s| sing(&mut lobby, s));
        assert!(!lobby.admits(&who(77_777, Some(50), Word::Join), at(9_000)));
        sing(&mut lobby, 10);
        assert!(lobby.admits(&who(77_777, Some(50), Word::Join), at(10_000)));
        // The next at the same address waits with the others.
        for s in 10..14 {
            sing(&mut lobby, s);
            assert!(!lobby.admits(&who(77_778, Some(50), Word::Join), at(s * 1_000)), "{s}");
        }
    }

    #[test]
    fn a_burst_is_one_word_and_a_table_read_again_is_none() {
        let mut lobby = flooded(Word::Join, None);
        for ms in [0, 10, 200] {
            assert!(!lobby.admits(&who(77_777, None, Word::Join), at(ms)), "{ms}");
        }
        let mut lobby = flooded(Word::Hearsay, None);
        // The room of four a second is refilled meanwhile: others take it.
        for n in 0..30 {
            let now = at(n * 1_000);
            for k in 0..4 {
                let _ = lobby.admits(&who(50_000 + n as u32 * 4 + k, None, Word::Hearsay), now);
            }
            assert!(!lobby.admits(&who(77_777, None, Word::Hearsay), now), "{n}");
        }
    }

    #[test]
    fn a_claim_survives_any_number_of_strangers_at_other_addresses() {
        let mut lobby = flooded(Word::Join, None);
        assert!(!lobby.admits(&who(77_777, Some(50), Word::Join), at(0)));
        for n in 0..100_000 {
            lobby.admits(&who(100_000 + n, None, Word::Join), at(900));
        }
        assert!(lobby.admits(&who(77_777, Some(50), Word::Join), at(1_000)));
    }

    #[test]
    fn one_interface_does_not_fill_the_room_of_another() {
        let mut lobby = flooded(Word::Join, None);
        let elsewhere = Newcomer { interface: Some(InterfaceId(3)), ..who(77_777, None, Word::Hearsay) };
        assert!(lobby.admits(&elsewhere, at(0)));
        for n in 0..1_000 {
            let container = Newcomer { interface: Some(InterfaceId(100 + n)), ..who(n, None, Word::Join) };
            assert!(lobby.admits(&container, at(1_000 + u64::from(n) * 1_000)));
        }
        assert!(lobby.sizes().iter().all(|(_, size)| *size <= CALLERS_MAX), "{:?}", lobby.sizes());
        assert!(lobby.rooms.len() <= INTERFACES_MAX + 1);
    }
}
