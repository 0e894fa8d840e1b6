//! # Probably the same phone
//!
//! A newcomer that took over from a known phone, without a fact that proves it, is joined by nobody but a person: it is
//! proposed, with why, and one word accepts or refuses. Until then what it proves keeps the phone it may be from being
//! called away, and never makes it arrive.
//!
//! A laptop has another address of its maker's on the other band, or at its dock. Both halves come and go in turns, so the
//! proposal stays until it is answered, whoever is heard.
//!
//! Holds: [`PROPOSED_MAX`] proposals. The oldest goes for a new one only where nobody could have answered it in time; of
//! drawn addresses only phones of people are proposed, and namesakes, so that strangers who come and go propose nothing.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use crate::model::{Answer, Change, DeviceId, Kind, Moment, Mono, Refusal, RefusalCode};

use super::{
    Presence,
    device::{Device, OVERLAP},
    identity, joins,
    proposal::{LOOKED_AFTER, Proposal},
    settings::Join,
};

/// Proposals that are open at once.
pub const PROPOSED_MAX: usize = 32;
/// Who takes over begins within this time of the other's last sign of life.
const TOOK_OVER: Duration = Duration::from_secs(30);
/// Nobody answers for so long: a new one may have its place.
const ANSWERED_IN: Duration = Duration::from_secs(7 * 86_400);

/// Why `newcomer`, first heard at `began`, may be `known`: both of a kind, and one took over from the other.
fn why(newcomer: &Device, known: &Device, began: Mono) -> Option<String> {
    let same_kind = newcomer.kind() == known.kind() || newcomer.kind() == Kind::Unknown;
    if !known.is_random() || !is_mobile(known.kind()) || !same_kind {
        return None;
    }
    let wants = newcomer.labels.get("dhcp_wants").and_then(|wants| wants.parse::<IpAddr>().ok());
    let wants_its = wants.is_some_and(|ip| known.addresses.iter().any(|held| held.ip == ip));
    let gap = began.since(known.spoke());
    let took_over = gap <= TOOK_OVER && known.spoke() <= began + OVERLAP;
    let same_client = !known.dhcp.asked.is_empty() && known.dhcp.asked == newcomer.dhcp.asked;
    let mut reasons = Vec::new();
    if wants_its {
        reasons.push("asked for its address".to_owned());
    }
    if took_over {
        reasons.push(format!("took over within {} s", gap.as_secs().max(1)));
    }
    if same_client {
        reasons.push("the same DHCP client".to_owned());
    }
    // One alone is what a guest's phone has too.
    (wants_its || took_over && same_client).then(|| reasons.join(", "))
}

/// Why `newcomer` may be `known` by another of its addresses: one maker, one name, one list of options, and the other was
/// silent when it came.
fn why_other_band(newcomer: &Device, known: &Device, began: Mono) -> Option<String> {
    let same_maker = newcomer.vendor.is_some() && newcomer.vendor == known.vendor;
    let same_kind = newcomer.kind() == known.kind() || newcomer.kind() == Kind::Unknown;
    let same_list = !known.dhcp.asked.is_empty() && known.dhcp.asked == newcomer.dhcp.asked;
    let apart = known.apart.contains(&newcomer.id) || newcomer.apart.contains(&known.id);
    let beside = known.spoke() > began + OVERLAP;
    if known.is_random() || !is_mobile(known.kind()) || known.own || apart || beside {
        return None;
    }
    let names = (newcomer.names.personal(), known.names.personal());
    let same_name = matches!(names, (Some(a), Some(b)) if a.eq_ignore_ascii_case(b));
    (same_maker && same_kind && same_list && same_name).then(|| "the same name, maker and DHCP client".to_owned())
}

fn is_mobile(kind: Kind) -> bool {
    matches!(kind, Kind::Phone | Kind::Tablet | Kind::Laptop | Kind::Watch)
}

/// The only one; nobody is chosen of two.
fn only<T>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

impl Presence {
    /// `id` is new and was joined to nobody. By now whoever is still here beside it has spoken or answered: is there one
    /// whose place it took? Returns when to look.
    pub(super) fn look_for_former_self(&mut self, id: DeviceId, now: Moment, out: &mut Vec<Change>) -> Option<Mono> {
        let newcomer = self.registry.get(id).filter(|device| device.proposed.is_none())?;
        let began = newcomer.macs.first()?.first;
        let from = began + LOOKED_AFTER;
        if self.settings.join == Join::Off || now.mono.since(began) > joins::NEW_FOR || newcomer.joined.is_some() {
            return None;
        }
        let of =
            if newcomer.is_random() { self.former_self(newcomer, began) } else { self.other_band(newcomer, began) };
        if now.mono < from {
            return (newcomer.is_random() || of.is_some()).then_some(from);
        }
        if let Some((of, why)) = of {
            self.propose(id, of, why, now, out);
        }
        None
    }

    /// The one phone of people's whose place the newcomer may have taken; else one of its name.
    fn former_self(&self, newcomer: &Device, began: Mono) -> Option<(DeviceId, String)> {
        let theirs = self.people.owner_of.keys().filter(|other| **other != newcomer.id);
        let known = theirs.filter_map(|other| self.registry.get(*other));
        let open = known.filter(|known| !joins::vetoed(newcomer, known, began));
        only(open.filter_map(|known| Some((known.id, why(newcomer, known, began)?))))
            .or_else(|| self.namesake(newcomer, began))
    }

    /// The one silent device of a drawn address that is called as the newcomer calls itself, and never asked for an address
    /// while it could have been heard: it was here at the first start. Else that name had joined them.
    fn namesake(&self, newcomer: &Device, began: Mono) -> Option<(DeviceId, String)> {
        let name = newcomer.names.personal().filter(|_| !newcomer.dhcp.asked.is_empty())?;
        let others = self.registry.iter().filter(|known| {
            known.id != newcomer.id && known.dhcp.asked.is_empty() && known.is_random() && known.names.is_called(name)
        });
        let open = others.filter(|known| !joins::vetoed(newcomer, known, began));
        only(open.map(|known| (known.id, "the same name".to_owned())))
    }

    /// The one device that the newcomer may be by another of its maker's addresses.
    pub(super) fn other_band(&self, newcomer: &Device, began: Mono) -> Option<(DeviceId, String)> {
        if newcomer.is_random() || newcomer.macs.len() != 1 || newcomer.own || newcomer.gateway {
            return None;
        }
        let client = newcomer.dhcp.client_id.as_ref().filter(|client| identity::is_key(client, newcomer.mac()));
        let by_client = client.into_iter().flat_map(|client| self.registry.by_client(client));
        let by_host = newcomer.names.personal().into_iter().flat_map(|host| self.registry.by_host(host));
        let candidates: BTreeSet<DeviceId> = by_client.chain(by_host).filter(|other| *other != newcomer.id).collect();
        let known = candidates.into_iter().filter_map(|other| self.registry.get(other));
        only(known.filter_map(|known| Some((known.id, why_other_band(newcomer, known, began)?))))
    }

    /// `id` is probably `of`.
    pub(super) fn propose(&mut self, id: DeviceId, of: DeviceId, why: String, now: Moment, out: &mut Vec<Change>) {
        let Some(newcomer) = self.registry.get(id).filter(|device| device.proposed.is_none()) else { return };
        let told = newcomer.unannounced.is_none();
        if newcomer.names.own.is_some() || newcomer.person().is_some() {
            return;
        }
        if !self.has_room(now) {
            self.proposals_dropped += 1;
            return;
        }
        tracing::debug!(%id, %of, why, "proposed as one device");
        self.proposals.insert(id, of);
        if let Some(device) = self.registry.get_mut(id) {
            device.proposed = Some(Proposal { of, why, at: now.wall });
        }
        self.touch(id);
        if told {
            self.tell_proposal(id, now, out);
        }
    }

    /// Says so, once the newcomer is told of.
    pub(super) fn tell_proposal(&self, id: DeviceId, now: Moment, out: &mut Vec<Change>) {
        if let Some(proposal) = self.registry.get(id).and_then(|device| device.proposed.as_ref()) {
            out.push(Change::JoinProposed { device: id, of: proposal.of, why: proposal.why.clone(), at: now.wall });
        }
    }

    /// The oldest that nobody answered for long makes room.
    fn has_room(&mut self, now: Moment) -> bool {
        if self.proposals.len() < PROPOSED_MAX {
            return true;
        }
        let at = |id: &DeviceId| self.registry.get(*id).and_then(|d| d.proposed.as_ref()).map(|proposal| proposal.at);
        let Some(oldest) = self.proposals.keys().copied().min_by_key(|id| at(id)) else { return true };
        let age_ms = at(&oldest).map_or(i64::MAX, |at| now.wall.0.saturating_sub(at.0));
        if Duration::from_millis(age_ms.max(0).unsigned_abs()) < ANSWERED_IN {
            return false;
        }
        self.withdraw(oldest);
        true
    }

    /// Nobody is asked any more whether `id` is somebody known.
    pub(super) fn withdraw(&mut self, id: DeviceId) {
        self.proposals.remove(&id);
        if self.registry.get_mut(id).is_some_and(|device| device.proposed.take().is_some()) {
            self.touch(id);
        }
    }

    /// `id` is no more, or is another's now.
    pub(super) fn forget_proposals(&mut self, id: DeviceId) {
        self.withdraw(id);
        let of_it: Vec<DeviceId> = self.proposals.iter().filter(|(_, of)| **of == id).map(|(new, _)| *new).collect();
        for newcomer in of_it {
            self.withdraw(newcomer);
        }
    }

    /// `id` gave a proof at `at`. What it may be is not away; and who is heard beside it is another.
    pub(super) fn weigh_proposals(&mut self, id: DeviceId, at: Mono) {
        if self.proposals.is_empty() {
            return;
        }
        if let Some(known) = self.proposals.get(&id).and_then(|of| self.registry.get_mut(*of)).filter(|d| d.here) {
            known.mute.restart(at, Duration::ZERO);
        }
        let beside: Vec<DeviceId> = self.proposals.iter().filter(|(_, of)| **of == id).map(|(new, _)| *new).collect();
        for newcomer in beside {
            // Of a laptop's bands now one is heard and now the other.
            let drawn = self.registry.get(newcomer).filter(|device| device.is_random());
            let first = drawn.and_then(|device| device.macs.first()).map(|held| held.first);
            if first.is_some_and(|first| at > first + OVERLAP) {
                self.set_apart(newcomer, id);
            }
        }
    }

    /// They are two: never joined by itself, and not proposed again.
    fn set_apart(&mut self, a: DeviceId, b: DeviceId) {
        self.withdraw(a);
        for (one, other) in [(a, b), (b, a)] {
            if let Some(device) = self.registry.get_mut(one) {
                device.set_apart(other);
                self.touch(one);
            }
        }
    }

    /// A person says whether `id` is whom it is taken for.
    pub(super) fn answer_proposal(
        &mut self,
        id: DeviceId,
        is_same: bool,
        now: Moment,
        out: &mut Vec<Change>,
    ) -> Result<Answer, Refusal> {
        let device = self.registry.get(id).ok_or_else(|| Refusal::no_device(id))?;
        let Some(of) = device.proposed.as_ref().map(|proposal| proposal.of) else {
            return Err(Refusal::new(RefusalCode::BadRequest, "nothing is proposed of this device"));
        };
        if self.registry.get(of).is_none() {
            self.withdraw(id);
            return Err(Refusal::no_device(of));
        }
        if is_same {
            self.withdraw(id);
            return Ok(Answer::Device(self.merge(id, of, false, now, out)));
        }
        self.set_apart(id, of);
        out.push(Change::DeviceChanged { device: id });
        Ok(Answer::Done)
    }
}
