//! # Who lives in the home
//!
//! Devices of the file become actors, with addresses, names and outings; guests too.

use super::{Event, World, actor, actor::Actor, address};
use crate::{
    cli::simulate::{
        dice::Dice,
        home::{Guests, Thing, When},
        schedule,
        world::breaks,
    },
    model::MacAddr,
};

/// When people sleep if the home does not say.
const NIGHT: (f64, f64) = (7.0 * 3_600.0, 23.5 * 3_600.0);
/// Guests come between these times of day.
const VISITS: (f64, f64) = (10.0 * 3_600.0, 21.0 * 3_600.0);
/// Names of guests' phones.
const GUESTS: &[&str] =
    &["Dora", "Emil", "Frida", "Gus", "Hana", "Ivo", "Juna", "Karl", "Lena", "Milo", "Nora", "Otto"];
/// Makers whose devices never sleep: Espressif, Shelly's radios.
const PLUG: [u8; 3] = [0x34, 0x94, 0x54];

impl World<'_> {
    pub(super) fn cast(&mut self, seed: u64) {
        let home = self.home;
        let days = breaks::days(self.end);
        let rules: Vec<f64> = home.compare.iter().map(|span| span.0).collect();
        let interfaces = home.interfaces();
        // Who goes out with whom: a person's devices leave together.
        for (name, person) in &home.people {
            let Some(plan) = home.schedules.get(&person.schedule) else { continue };
            let trips = schedule::of_person(plan, days, &mut Dice::of(seed, name));
            for device in &person.devices {
                let Some(thing) = home.devices.get(device) else { continue };
                let mut dice = Dice::of(seed, &format!("{device} left"));
                let trips = trips.iter().filter(|_| !dice.chance(thing.left_home)).copied().collect();
                self.add(seed, device, thing, Some(name), trips, &rules, &interfaces);
                let night = |clock: Option<crate::cli::simulate::home::Clock>, or| clock.map_or(or, |clock| clock.0);
                if let Some(actor) = self.actors.last_mut() {
                    actor.night = (night(person.wakes, NIGHT.0), night(person.sleeps, NIGHT.1));
                }
            }
        }
        for (device, thing) in home.devices.iter().filter(|(device, _)| home.owner(device).is_none()) {
            let off = home.behaviours.get(&thing.behaves).and_then(|behaviour| behaviour.off.as_ref());
            let trips = off
                .map_or(Vec::new(), |off| schedule::of_thing(off, days, &mut Dice::of(seed, &format!("{device} off"))));
            self.add(seed, device, thing, None, trips, &rules, &interfaces);
        }
        if let Some(guests) = &home.guests {
            self.invite(seed, guests, days);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one call a device; a struct would be named for this alone")]
    fn add(
        &mut self,
        seed: u64,
        name: &str,
        thing: &Thing,
        owner: Option<&str>,
        trips: Vec<schedule::Trip>,
        rules: &[f64],
        interfaces: &[String],
    ) {
        let Some(behaviour) = self.home.behaviours.get(&thing.behaves).cloned() else { return };
        let dice = Dice::of(seed, name);
        // What is nobody's and hardly ever mute is a plug, a lamp, a television.
        let restless = behaviour.asleep.as_ref().is_none_or(|spells| spells.per_hour() < 0.5);
        let sleeps = owner.is_some() || !restless && behaviour.off.is_none();
        let rotates = matches!(behaviour.rotate, Some(When::After(_)));
        let given =
            actor::Given { name: name.to_owned(), owner: owner.map(ToOwned::to_owned), sleeps, behaviour, dice, trips };
        let (index, number) = (self.actors.len(), self.next_address());
        let interface = thing.on.as_ref().and_then(|on| interfaces.iter().position(|known| known == on)).unwrap_or(0);
        let mut actor = Actor::new(given, MacAddr::ZERO, address(interface, number), rules);
        let drawn = actor.draws_address();
        let [_, _, _, a, b, c] = drawn.0;
        let [x, y, z] = PLUG;
        actor.mac = if sleeps { drawn } else { MacAddr([x, y, z, a, b, c]) };
        actor.interface = interface;
        actor.android = thing.behaves.contains("android");
        actor.wifi = thing.radio.as_deref() != Some("ble");
        if self.home.ears() > 0 && (thing.irk || !actor.wifi) {
            // What a key resolves to is a fixed address.
            actor.ble = Some(MacAddr([0xc0, 0x11, 0x22, b, c, a]));
        }
        if !actor.wifi {
            actor.mac = actor.ble.unwrap_or(actor.mac);
        }
        let personal = thing.names.as_deref() == Some("personal");
        actor.host = host(name, sleeps, actor.wifi, actor.android, personal, actor.mac);
        actor.key_fact = personal || thing.irk;
        actor.uses_before_leaving = if sleeps { thing.uses_before_leaving } else { 0.0 };
        actor.night = NIGHT;
        actor.fixed_ap = thing.ap.as_ref().and_then(|ap| self.home.network.aps.iter().position(|known| known == ap));
        let points = self.home.network.aps.len();
        actor.ap = actor.fixed_ap.or((sleeps && actor.wifi && points > 0).then_some(index % points.max(1)));
        if rotates {
            // Not all on the same day.
            let every = match actor.behaviour.rotate {
                Some(When::After(every)) => every,
                _ => 0.0,
            };
            actor.rotated = -actor.dice.between(0.0, every);
        }
        self.enter(actor, index as f64 * 0.3);
    }

    fn next_address(&mut self) -> u32 {
        self.addresses += 1;
        self.addresses
    }

    /// It is at home from the beginning.
    fn enter(&mut self, mut actor: Actor, at: f64) {
        let index = self.actors.len();
        actor.comes(at);
        self.macs.insert(actor.mac, index);
        if let Some(ble) = actor.ble {
            self.macs.insert(ble, index);
        }
        let (life, due) = (actor.life, actor.due);
        self.actors.push(actor);
        for (before, after) in super::REPEATS.into_iter().enumerate() {
            self.at(at + after, Event::Joins(index, life, before));
        }
        self.at(due, Event::Step(index, life));
        self.plan(index);
    }

    fn invite(&mut self, seed: u64, guests: &Guests, days: u32) {
        let mut dice = Dice::of(seed, "guests");
        let Some(behaviour) = self.home.people.values().flat_map(|person| &person.devices).find_map(|device| {
            let thing = self.home.devices.get(device)?;
            self.home.behaviours.get(&thing.behaves).cloned()
        }) else {
            return;
        };
        let family: Vec<String> = self
            .actors
            .iter()
            .filter(|actor| actor.sleeps && actor.key_fact && actor.owner.is_some())
            .map(|actor| actor.host.clone())
            .collect();
        for day in 0..days {
            if !dice.chance(guests.per_week / 7.0) {
                continue;
            }
            let at = f64::from(day) * schedule::DAY + dice.between(VISITS.0, VISITS.1);
            let mut until = at + dice.lasts(guests.lasts.0.0, guests.lasts.1);
            if dice.chance(guests.overnight) {
                until = f64::from(day + 1) * schedule::DAY + VISITS.0;
            }
            let name = format!("guest {}", self.actors.len());
            let given = actor::Given {
                name: name.clone(),
                owner: None,
                sleeps: true,
                behaviour: behaviour.clone(),
                dice: Dice::of(seed, &name),
                trips: vec![(0.0, at), (until, f64::MAX)],
            };
            let number = self.next_address();
            let mut actor = Actor::new(given, MacAddr::ZERO, address(0, number), &[]);
            actor.guest = true;
            actor.mac = actor.draws_address();
            actor.night = NIGHT;
            actor.uses_before_leaving = 0.75;
            let index = self.actors.len();
            let called = dice.one_of(GUESTS).unwrap_or("Pia");
            actor.host = if dice.chance(guests.same_name_as_family) && !family.is_empty() {
                family.get(self.actors.len() % family.len()).cloned().unwrap_or_default()
            } else if dice.chance(guests.names_personal) {
                // No two guests have one name; `same_name_as_family` is what tries that.
                format!("{called}-{index}s-iPhone")
            } else {
                "iPhone".to_owned()
            };
            actor.home = false;
            self.macs.insert(actor.mac, index);
            self.actors.push(actor);
            self.at(at, Event::Come(index));
        }
    }
}

/// What it calls itself.
fn host(name: &str, sleeps: bool, wifi: bool, android: bool, personal: bool, mac: MacAddr) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in name.split(['_', ' ', '-']).filter(|word| !word.is_empty()) {
        let mut letters = word.chars();
        words.extend(letters.next().map(|first| first.to_uppercase().chain(letters).collect()));
    }
    let own = words.join("-");
    let [.., a, b, c] = mac.0;
    match (sleeps, wifi, personal, android) {
        (true, false, ..) => format!("{own} Apple Watch"),
        (false, false, ..) => format!("{own} Tag"),
        (false, true, ..) => format!("shellyplug-s-{a:02X}{b:02X}{c:02X}"),
        (true, true, true, false) => format!("{own}s-iPhone"),
        (true, true, true, true) => format!("{own}s-Android"),
        (true, true, false, false) => "iPhone".to_owned(),
        (true, true, false, true) => "android".to_owned(),
    }
}
