//! # What outlets see of a device, and how it comes back from the store
//!
//! Identity and naming rest on facts; they travel as `key value` pairs, so that `explain` can
//! print them and a restart knows whom it knew.

use std::{fmt::Write as _, sync::Arc, time::Duration};

use crate::model::{
    DeviceId, DeviceView, MacAddr, Moment, NameSource, NetworkFacts, Presence as Where, Proof, Source, Wall,
};

use super::{
    device::{Device, HeldIp, HeldMac, Joined, OVERLAP_WITHIN},
    fingerprint::unhex,
    kinds::{Guess, Second},
    names::Title,
    proposal::Proposal,
    proxies::Proxy,
    systems::Known,
    windows::Window,
};

/// The view of `device`. `facts` are those of the last view, if nothing but gauges moved.
pub fn cut(device: &Device, network: &NetworkFacts, facts: Option<Arc<[(String, String)]>>) -> DeviceView {
    let mut addresses: Vec<_> = device.current().collect();
    addresses.sort_by_key(std::net::IpAddr::is_ipv6);
    DeviceView {
        id: device.id,
        name: device.title.shown.clone(),
        name_source: device.title.source,
        own_name: device.names.own.clone(),
        slug: device.slug.clone(),
        macs: device.macs.iter().map(|held| held.mac).collect(),
        hostname: device.names.hostname().map(ToOwned::to_owned),
        vendor: device.vendor.map(ToOwned::to_owned),
        vendor_source: device.vendor.map(|_| device.vendor_by),
        kind: device.kind(),
        kind_confidence: if device.kind_set.is_some() { 1.0 } else { device.guess.confidence },
        os: device.os.as_ref().map(|known| known.value.clone()),
        model: device.model.as_ref().map(|known| known.value.clone()),
        area: device.area.clone().or_else(|| device.ha_area.clone()),
        owner: device.person().map(ToOwned::to_owned),
        group: device.group.clone(),
        notes: device.notes.clone(),
        important: device.important,
        alerts: device.alerts,
        trust: device.trust,
        randomised: device.is_random(),
        is_own: device.own,
        is_gateway: device.gateway,
        presence: device.presence,
        presence_reason: device.reason,
        first_seen: device.first_seen,
        last_seen: device.last.wall,
        since: device.since.wall,
        sources: device.sources.keys().copied().collect(),
        services: device.services.iter().cloned().collect(),
        signal_dbm: device.level.map(crate::model::Rssi::dbm),
        segment: segment(device, network),
        away_after_s: u32::try_from(device.away_after.as_secs()).unwrap_or(u32::MAX),
        tier: device.tier,
        exposed: device.exposed,
        hidden: device.hidden,
        away_for_s: device.away_for_s,
        window: device.window.as_ref().map(|window| window.view(device.id, None)),
        facts: facts.unwrap_or_else(|| facts_of(device)),
        addresses,
    }
}

/// The label of the network it is on; where nobody gave one, the VLAN with which its frames are tagged on a trunk.
pub fn segment(device: &Device, network: &NetworkFacts) -> Option<String> {
    let mut addresses: Vec<_> = device.current().collect();
    addresses.sort_by_key(std::net::IpAddr::is_ipv6);
    let label = addresses.into_iter().find_map(|ip| network.label(ip)).map(ToOwned::to_owned);
    // Whoever routes is in all of them, and so is who was heard in several.
    let is_in_one = !(device.own || device.gateway || device.routes);
    let tag = device.labels.get("vlan").filter(|tags| is_in_one && !tags.contains(' '));
    label.or_else(|| tag.map(|tag| format!("VLAN {tag}")))
}

fn facts_of(device: &Device) -> Arc<[(String, String)]> {
    let mut facts: Vec<(String, String)> = Vec::new();
    let mut put = |key: &str, value: String| facts.push((key.to_owned(), value));
    if let Some(client) = &device.dhcp.client_id {
        put(
            "client_id",
            client.iter().fold(String::new(), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            }),
        );
    }
    if !device.dhcp.asked.is_empty() {
        put("dhcp_asked", device.dhcp.asked.iter().map(u8::to_string).collect::<Vec<_>>().join(","));
    }
    if let Some(class) = &device.dhcp.vendor_class {
        put("vendor_class", class.clone());
    }
    if let Some(habit) = &device.habit {
        let (spells, at) = (habit.spells(), device.last.wall);
        let learned = if habit.is_learned(at) { "learned" } else { "learning" };
        put(
            "sleep",
            format!("{learned} from {spells} silences, {} wrongly called away of late", habit.false_aways(at)),
        );
        put("quality", habit.quality(at, device.terms.dial).to_owned());
        put("false_aways", habit.false_aways(at).to_string());
        if let Some(sure) = device.confidence.or((device.here && habit.is_learned(at)).then_some(1.0)) {
            put("confidence", sure.to_string());
        }
        for (key, value) in habit.lines() {
            put(&format!("habit.{key}"), value);
        }
    }
    // Nothing is known yet of one that matters: that is told too.
    if !device.fingerprint.asked.is_empty() || device.important {
        put("identity", device.visit.word().to_owned());
    }
    for (key, value) in device.fingerprint.facts() {
        put(&format!("identity.{key}"), value);
    }
    for (key, value) in [("room", &device.room), ("room.last", &device.last_room)] {
        if let Some(room) = value {
            put(key, room.clone());
        }
    }
    for (source, name) in device.names.heard() {
        put(&format!("name.{source}"), name.to_owned());
    }
    if let Some(name) = &device.names.ha {
        put("name.homeassistant", name.clone());
    }
    for (key, value) in &device.labels {
        put(&format!("label.{key}"), value.clone());
    }
    if device.routes {
        put("routes", "yes".into());
    }
    if !device.guess.why.is_empty() {
        put("kind.why", device.guess.why.clone());
    }
    for (key, known) in [("os.why", &device.os), ("model.why", &device.model)] {
        if let Some(known) = known {
            put(key, format!("{} {}", known.confidence, known.why));
        }
    }
    if let Some(second) = &device.guess.second {
        put("kind.second", format!("{} {} {}", second.kind, second.confidence, second.why));
    }
    if let Some(kind) = device.kind_set {
        put("kind.set", kind.word().into());
    }
    for (key, value) in [
        ("owner.set", &device.owner),
        ("owner.ha", &device.ha_owner),
        ("area.own", &device.area),
        ("area.ha", &device.ha_area),
    ] {
        if let Some(value) = value {
            put(key, value.clone());
        }
    }
    for (key, source, at) in device.learned() {
        put(&format!("from.{key}"), format!("{source} {at}"));
    }
    for (source, (proof, at)) in device.sources.iter() {
        put(&format!("proof.{source}"), format!("{proof} {at}"));
    }
    if let Some(joined) = &device.joined {
        let how = if joined.by_itself { "auto" } else { "told" };
        let macs: Vec<String> = joined.macs.iter().map(ToString::to_string).collect();
        put("joined", format!("{} {} {} {how}", joined.id, joined.first_seen, macs.join(",")));
        if let Some(name) = &joined.own_name {
            put("joined.name", name.clone());
        }
    }
    for (key, value) in of_stays(device) {
        put(key, value);
    }
    facts.into()
}

/// What is kept of the last stay, of who answers for it, and of whom it may be or is not.
fn of_stays(device: &Device) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let Some(before) = &device.before {
        facts.push(("stay.before", before.line()));
    }
    if let Some(until) = device.mute.proxy.until().filter(|until| *until > device.last.mono) {
        let left = i64::try_from(until.since(device.last.mono).as_millis()).unwrap_or(i64::MAX);
        facts.push(("answered_for.until", Wall(device.last.wall.0.saturating_add(left)).to_string()));
    }
    if device.is_witnessed {
        facts.push(("left.witnessed", "yes".to_owned()));
    }
    if let Some(proposal) = &device.proposed {
        facts.push(("proposal", proposal.line()));
    }
    facts.extend(device.apart.iter().map(|id| ("apart", id.to_string())));
    facts
}

/// A device from the store. Wall times become steady ones by their age, as far as the boot reaches.
pub fn restore(view: &DeviceView, network: &NetworkFacts, now: Moment) -> Device {
    let moment = |at: Wall| {
        let age = Duration::from_millis(now.wall.0.saturating_sub(at.0).max(0).unsigned_abs());
        Moment { mono: now.mono - age, wall: at }
    };
    let last = moment(view.last_seen);
    let mut device = Device::new(view.id, last);
    device.first_seen = view.first_seen;
    let first = moment(view.first_seen).mono;
    // Newest first. When each was heard is not kept: the newest with the device, those before it long enough before that
    // nobody takes them for two that were heard at once.
    let before = |index: usize| OVERLAP_WITHIN * 2 * u32::try_from(index).unwrap_or(u32::MAX);
    let held = |(index, mac): (usize, &MacAddr)| HeldMac {
        mac: *mac,
        first,
        last: (last.mono - before(index)).max(first),
        aside: false,
    };
    device.macs = view.macs.iter().enumerate().map(held).collect();
    device.addresses =
        view.addresses.iter().map(|ip| HeldIp { ip: *ip, first, last: last.mono, used: None, current: true }).collect();
    device.presence = view.presence;
    device.reason = view.presence_reason;
    device.since = moment(view.since);
    device.window = view.window.as_ref().and_then(Window::restored);
    device.here = match view.presence {
        Where::Away => false,
        Where::Unknown => device.window.is_some(),
        Where::Home | Where::Asleep | Where::Leaving => true,
    };
    if device.here {
        device.presence = Where::Home;
        device.window.get_or_insert_with(|| Window::open(last.wall, view.segment.clone()));
    } else {
        device.presence = Where::Away;
    }
    device.away_for_s = view.away_for_s;
    device.names.own.clone_from(&view.own_name);
    device.title = Title { base: String::new(), source: view.name_source, shown: view.name.clone() };
    device.vendor = view.macs.iter().find_map(|mac| crate::intel::vendors::lookup(*mac));
    device.services = view.services.iter().cloned().collect();
    device.guess = Guess { kind: view.kind, confidence: view.kind_confidence, ..Guess::default() };
    let known = |value: &Option<String>| {
        value.as_ref().map(|value| Known { value: value.clone(), confidence: 0.5, why: String::new() })
    };
    (device.os, device.model) = (known(&view.os), known(&view.model));
    device.own = view.is_own;
    device.answered = true;
    let gateway = device.current().any(|ip| network.is_gateway(ip));
    device.gateway = gateway;
    device.trust = view.trust;
    device.group.clone_from(&view.group);
    device.notes.clone_from(&view.notes);
    device.important = view.important;
    device.alerts = view.alerts;
    device.away_after = Duration::from_secs(view.away_after_s.into());
    device.exposed = view.exposed;
    device.hidden = view.hidden;
    device.tier = view.tier;
    device.slug.clone_from(&view.slug);
    for (key, value) in view.facts.iter() {
        read(&mut device, key, value);
        if key == "answered_for.until"
            && let Ok(Wall(until)) = value.parse()
        {
            let left = Duration::from_millis(until.saturating_sub(now.wall.0).max(0).unsigned_abs());
            device.mute.proxy = Proxy::restored(now.mono + left);
        }
    }
    device
}

/// One fact back into its place. What cannot be read is left out.
fn read(device: &mut Device, key: &str, value: &str) {
    match key.split_once('.') {
        Some(("name", "homeassistant")) => device.names.ha = super::names::clean(value),
        Some(("name", source)) => {
            if let Ok(source) = source.parse::<NameSource>() {
                device.names.restore(source, value);
            }
        }
        Some(("identity", key)) => device.fingerprint.recall(key, value),
        Some(("habit", key)) => device.habit.get_or_insert_default().recall(key, value),
        Some(("label", key)) => {
            device.labels.insert(key.to_owned(), value.to_owned());
        }
        Some(("proof", source)) => {
            if let (Ok(source), Some((proof, at))) = (source.parse::<Source>(), value.split_once(' '))
                && let (Ok(proof), Ok(at)) = (proof.parse::<Proof>(), at.parse())
            {
                device.sources.insert(source, (proof, at));
            }
        }
        Some(("room", "last")) => device.last_room = Some(value.to_owned()),
        Some(("stay", "before")) => device.before = Window::read(value),
        Some(("left", "witnessed")) => device.is_witnessed = true,
        Some(("owner", "set")) => device.owner = Some(value.to_owned()),
        Some(("owner", "ha")) => device.ha_owner = Some(value.to_owned()),
        Some(("area", "own")) => device.area = Some(value.to_owned()),
        Some(("area", "ha")) => device.ha_area = Some(value.to_owned()),
        Some(("kind", "set")) => device.kind_set = value.parse().ok(),
        Some(("kind", "why")) => value.clone_into(&mut device.guess.why),
        Some(("os", "why")) => device.os = known(device.os.take(), value),
        Some(("model", "why")) => device.model = known(device.model.take(), value),
        Some(("from", key)) => device.restore_learned(key, value),
        Some(("kind", "second")) => device.guess.second = second(value),
        Some(("joined", "name")) => {
            if let Some(joined) = &mut device.joined {
                joined.own_name = Some(value.to_owned());
            }
        }
        _ => match key {
            "client_id" => device.dhcp.client_id = unhex(value),
            "dhcp_asked" => device.dhcp.asked = value.split(',').filter_map(|code| code.parse().ok()).collect(),
            "vendor_class" => device.dhcp.vendor_class = Some(value.to_owned()),
            "routes" => device.routes = true,
            "confidence" if !device.here => {
                device.confidence = value.parse().ok().filter(|sure| (0.0..=1.0).contains(sure))
            }
            "joined" => device.joined = joined(value),
            "proposal" => device.proposed = Proposal::read(value),
            "apart" => device.apart.extend(value.parse::<DeviceId>()),
            _ => {}
        },
    }
}

/// How sure the word was, and why: `0.9 it announces model`.
fn known(word: Option<Known>, why: &str) -> Option<Known> {
    let (confidence, why) = why.split_once(' ')?;
    Some(Known { confidence: confidence.parse().ok()?, why: why.to_owned(), ..word? })
}

fn second(value: &str) -> Option<Second> {
    let mut words = value.splitn(3, ' ');
    let (kind, confidence) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Second { kind, confidence, why: words.next()?.to_owned() })
}

fn joined(value: &str) -> Option<Joined> {
    let mut words = value.split(' ');
    let (id, first_seen) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let macs: Vec<MacAddr> = words.next()?.split(',').filter_map(|mac| mac.parse().ok()).collect();
    let by_itself = words.next() == Some("auto");
    Some(Joined { id, by_itself, macs, first_seen, own_name: None })
}
