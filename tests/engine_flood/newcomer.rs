//! A real newcomer is told within ten seconds, whatever somebody invents meanwhile and has invented before; and
//! nobody of the home is lost by it.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        Change, Command, DeviceId, DeviceView, Fact, Heard, InterfaceFacts, InterfaceId, MacAddr, Moment, Mono,
        NetworkFacts, Observation, Presence, Probe, Proof, Remembered, Source, Subject, Ticket, Wall,
    },
};

const DAY: i64 = 86_400_000;
const BEGAN: i64 = 1_795_600_000_000;
/// Strangers a second.
const RATE: u32 = 300;
const FAMILY: u8 = 6;

/// How an attacker goes about it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flood {
    /// 15,000 neighbours in the kernel's table, that is read again and again.
    Neighbours,
    /// Each joins once, at an address from elsewhere.
    JoinsElsewhere,
    /// Each joins once, at an address of this home.
    JoinsHere,
    /// Each asks for an address by DHCP, with a name.
    Leases,
    /// Addresses of a maker, that speak once.
    Makers,
    /// Two thousand that say so again and again, at addresses from elsewhere.
    Choir,
    /// The same at a quarter of this home's addresses.
    ChoirHere,
    /// All of it in turn.
    Everything,
}

const FLOODS: [Flood; 8] = [
    Flood::Neighbours,
    Flood::JoinsElsewhere,
    Flood::JoinsHere,
    Flood::Leases,
    Flood::Makers,
    Flood::Choir,
    Flood::ChoirHere,
    Flood::Everything,
];

fn alive(proof: Proof) -> Fact {
    Fact::Alive { proof, age: Duration::ZERO }
}

/// What the `n`th stranger says.
fn strange(flood: Flood, n: u32) -> (Source, Vec<(Subject, Fact)>) {
    let b = n.to_be_bytes();
    let mac = |first| MacAddr([first, 1, b[0], b[1], b[2], b[3]]);
    let away = IpAddr::from([10, b[1], b[2], b[3]]);
    let here = |of: u32, from: u32| IpAddr::from([192, 168, 7, (from + n % of) as u8]);
    match flood {
        Flood::Neighbours => {
            let n = (n % 15_000).to_be_bytes();
            let who = Subject::both(MacAddr([2, 8, 0, 0, n[2], n[3]]), [192, 168, n[2], n[3]].into());
            (Source::Netlink, vec![(who, alive(Proof::NeighbourReachable))])
        }
        Flood::JoinsElsewhere => (Source::Capture, vec![(Subject::both(mac(2), away), alive(Proof::ArpAnnounce))]),
        Flood::JoinsHere => (Source::Capture, vec![(Subject::both(mac(6), here(254, 1)), alive(Proof::ArpAnnounce))]),
        Flood::Leases => {
            let who = Subject::mac(mac(10));
            let client_id = Some(vec![255, 9, 9, b[0], b[1], b[2], b[3], 7]);
            let dhcp = Fact::Dhcp { asked: vec![1, 3, 6], vendor_class: Some("android-dhcp-14".into()), client_id };
            let named = Fact::Named { name: format!("Phone-{n}"), by: Heard::Dhcp };
            (Source::Capture, vec![(who, alive(Proof::DhcpRequest)), (who, dhcp), (who, named)])
        }
        Flood::Makers => {
            let who = Subject::both(MacAddr([0x3c, 0x22, 0xfb, b[1], b[2], b[3]]), here(254, 1));
            (Source::Capture, vec![(who, alive(Proof::Mdns))])
        }
        Flood::Choir | Flood::ChoirHere => {
            let (n, b) = (n % 2_000, (n % 2_000).to_be_bytes());
            let ip = if flood == Flood::Choir { IpAddr::from([10, 9, b[2], b[3]]) } else { here(64, 150) };
            let proof = if n % 2 == 0 { Proof::ArpAnnounce } else { Proof::Frame };
            (Source::Capture, vec![(Subject::both(MacAddr([14, 5, 5, 5, b[2], b[3]]), ip), alive(proof))])
        }
        Flood::Everything => strange(FLOODS[(n % 7) as usize], n / 7),
    }
}

/// The home, in the time of the test.
struct Home {
    engine: Engine,
    ms: u64,
    strangers: u32,
    /// Those who answer when they are asked.
    there: BTreeMap<MacAddr, IpAddr>,
    found: BTreeMap<MacAddr, u64>,
    lost: Vec<DeviceId>,
    left: Vec<DeviceId>,
}

impl Home {
    fn new(all: bool) -> Home {
        let mut settings = Settings::default();
        settings.exposure.all = all;
        settings.exposure.limit = 40;
        let home = |n: u32, id: u32, net: &str, mac: u8| InterfaceFacts {
            id: InterfaceId(id),
            name: format!("eth{n}"),
            mac: Some(MacAddr([0xdc, 0xa6, 0x32, 0, 0, mac])),
            addresses: vec![format!("{net}.2").parse().unwrap()],
            up: true,
            subnets: vec![format!("{net}.0/24").parse().unwrap()],
            gateways: vec![format!("{net}.1").parse().unwrap()],
        };
        let interfaces = vec![home(0, 2, "192.168.7", 1), home(1, 3, "192.168.8", 2)];
        let network = Arc::new(NetworkFacts { interfaces, labels: Vec::new() });
        let now = Moment { mono: Mono(1_000_000_000_000), wall: Wall(BEGAN) };
        // Somebody of whom nobody ever said anything, long known and away for a week.
        let old = DeviceView {
            macs: vec![OLD],
            first_seen: Wall(BEGAN - 300 * DAY),
            last_seen: Wall(BEGAN - 7 * DAY),
            presence: Presence::Away,
            ..DeviceView::blank(DeviceId::mint(7, 0))
        };
        let remembered =
            Remembered { devices: vec![old], minted: 1, stopped: Some(Wall(BEGAN - 60_000)), ..Remembered::default() };
        let engine = Engine::new(&settings, network, &remembered, 7, now);
        let mut home = Home {
            engine,
            ms: 1_000_000,
            strangers: 0,
            there: BTreeMap::new(),
            found: BTreeMap::new(),
            lost: Vec::new(),
            left: Vec::new(),
        };
        for n in 1..=FAMILY {
            home.there.insert(family(n), [192, 168, 7, 10 + n].into());
        }
        home.seconds(600, None, |_, _| {});
        // Half of the family was given names, the other half only lives here.
        let devices: Vec<DeviceId> = home.engine.view().devices.keys().copied().collect();
        for (n, device) in devices.into_iter().enumerate().filter(|(n, _)| n % 2 == 0) {
            let name = Some(format!("Ours {n}"));
            home.give(Input::Command(Ticket(n as u64), Command::Rename { device, name }));
        }
        home.seconds(4_000, None, |_, _| {});
        home
    }

    fn now(&self) -> Moment {
        let wall = BEGAN + self.ms as i64 - 1_000_000;
        Moment { mono: Mono(self.ms * 1_000_000), wall: Wall(wall) }
    }

    fn say(&mut self, source: Source, subject: Subject, fact: Fact) {
        let (at, interface) = (self.now(), Some(InterfaceId(2)));
        self.give(Input::Observation(Observation { source, interface, at, subject, fact }));
    }

    fn give(&mut self, input: Input<'_>) {
        let now = self.now();
        for change in self.engine.handle(input, now) {
            match change {
                Change::DeviceFound { device, .. } => {
                    for mac in &device.macs {
                        self.found.entry(*mac).or_insert(self.ms);
                    }
                }
                Change::DeviceForgotten { device, .. } => self.lost.push(device),
                Change::Presence { device, to: Presence::Away, .. } => self.left.push(device),
                Change::Asked(look) => {
                    let there = look.mac.is_some_and(|mac| self.there.contains_key(&mac));
                    let fact = match look.probe {
                        Probe::Arp if there => alive(Proof::ArpReply),
                        Probe::Icmp if there => alive(Proof::IcmpReply),
                        _ if there => continue,
                        probe => Fact::Unanswered { probe },
                    };
                    let subject = Subject { mac: look.mac, ip: Some(look.ip) };
                    self.say(Source::ArpSweep, subject, fact);
                }
                _ => {}
            }
        }
    }

    /// Life in the home, with a flood or without.
    fn seconds(&mut self, seconds: u64, flood: Option<Flood>, mut also: impl FnMut(&mut Home, u64)) {
        for second in 0..seconds {
            // Everybody speaks now and then, not in step.
            let speakers: Vec<_> = self.there.clone().into_iter().enumerate().collect();
            for (n, (mac, ip)) in speakers {
                if (second + 7 * n as u64).is_multiple_of(70) {
                    self.say(Source::Capture, Subject::both(mac, ip), alive(Proof::Frame));
                }
            }
            for part in 0..10 {
                if let Some(flood) = flood {
                    for _ in 0..RATE / 10 {
                        let (source, facts) = strange(flood, self.strangers);
                        self.strangers += 1;
                        for (subject, fact) in facts {
                            self.say(source, subject, fact);
                        }
                    }
                }
                if part == 5 {
                    also(self, second);
                }
                self.ms += 100;
            }
            self.give(Input::Tick);
            if second % 10 == 0 {
                self.engine.view();
            }
        }
    }

    /// `mac` comes as phones do; returns after how many milliseconds it was told.
    fn comes(&mut self, mac: MacAddr, ip: IpAddr, flood: Option<Flood>) -> Option<u64> {
        let began = self.ms;
        self.there.insert(mac, ip);
        self.seconds(10, flood, |home, second| match second {
            // DISCOVER and REQUEST, a probe and two announcements (RFC 5227 §2.3), and a first word.
            0 | 1 => home.say(Source::Capture, Subject::mac(mac), alive(Proof::DhcpRequest)),
            2 | 4 => home.say(Source::Capture, Subject::both(mac, ip), alive(Proof::ArpAnnounce)),
            5 => home.say(Source::Capture, Subject::both(mac, ip), alive(Proof::Mdns)),
            _ => {}
        });
        self.found.get(&mac).map(|at| at - began)
    }

    fn holds(&mut self, mac: MacAddr) -> Option<Arc<DeviceView>> {
        self.engine.view().devices.values().find(|device| device.macs.contains(&mac)).cloned()
    }

    fn is_whole(&mut self, what: &str, ids: &BTreeMap<MacAddr, DeviceId>) {
        for (mac, id) in ids {
            let device = self.holds(*mac).unwrap_or_else(|| panic!("{what}: {mac} is lost"));
            assert_eq!(device.id, *id, "{what}: {mac} became another");
            assert!(!self.lost.contains(id), "{what}: {mac} was forgotten");
            assert!(*mac == OLD || device.presence == Presence::Home, "{what}: {mac} is {}", device.presence);
            assert!(!self.left.contains(id), "{what}: {mac} was called away");
        }
    }

    fn ids(&mut self) -> BTreeMap<MacAddr, DeviceId> {
        let macs: Vec<MacAddr> = self.there.keys().copied().chain([OLD]).collect();
        macs.into_iter().map(|mac| (mac, self.holds(mac).expect("it is known").id)).collect()
    }
}

const OLD: MacAddr = MacAddr([0x3c, 0x22, 0xfb, 0xee, 0xee, 0xee]);

fn family(n: u8) -> MacAddr {
    // Phones with an address of their own, and things of a maker.
    if n.is_multiple_of(2) { MacAddr([0xb8, 0x27, 0xeb, 9, 9, n]) } else { MacAddr([0x5a, 0x11, 0x22, 9, 9, n]) }
}

fn is_told_through(flood: Flood, all: bool) {
    let mut home = Home::new(all);
    let mut ids = home.ids();
    assert_eq!(ids.len(), usize::from(FAMILY) + 1);
    let what = |when: &str| format!("{flood:?}, exposed {all}, {when}");
    // A third of them with an address of a maker, and one by one.
    let newcomer = |n: u8| {
        let mac =
            if n.is_multiple_of(3) { MacAddr([0xac, 0xbc, 0x32, 1, 1, n]) } else { MacAddr([0x7a, 1, 1, 1, 1, n]) };
        (mac, IpAddr::from([192, 168, 7, 100 + n]))
    };
    let mut come = |home: &mut Home, n: u8, flood: Option<Flood>, when: &str| {
        let (mac, ip) = newcomer(n);
        let told = home.comes(mac, ip, flood);
        assert!(told.is_some_and(|ms| ms <= 10_000), "{}: told after {told:?} ms", what(when));
        ids.insert(mac, home.holds(mac).expect("it was told").id);
        home.is_whole(&what(when), &ids);
    };
    home.seconds(2, Some(flood), |_, _| {});
    come(&mut home, 0, Some(flood), "when it begins");
    home.seconds(20, Some(flood), |_, _| {});
    come(&mut home, 1, Some(flood), "while it goes on");
    home.seconds(60, Some(flood), |_, _| {});
    come(&mut home, 2, Some(flood), "while it still goes on");
    home.seconds(5, None, |_, _| {});
    come(&mut home, 3, None, "just after");
    home.seconds(200, None, |_, _| {});
    come(&mut home, 4, None, "long after");
    let sizes: BTreeMap<&str, usize> = home.engine.sizes().into_iter().collect();
    assert!(sizes["registry.devices"] <= 4_096 + 1, "{}", sizes["registry.devices"]);
}

/// All strangers that fit are in the book already, and have been for so long that rooms are full again.
#[test]
fn with_a_full_book() {
    for all in [false, true] {
        let mut home = Home::new(all);
        let mut ids = home.ids();
        for n in 0..5_000u32 {
            let b = n.to_be_bytes();
            let (mac, ip) = (MacAddr([0x3c, 0x22, 0xfb, 7, b[2], b[3]]), [10, 8, b[2], b[3]]);
            home.say(Source::Capture, Subject::both(mac, ip.into()), alive(Proof::ArpAnnounce));
            home.ms += 250;
        }
        let full = home.engine.sizes().into_iter().find(|(table, _)| *table == "registry.devices").unwrap().1;
        assert!(full >= 4_096, "{full}");
        let mac = MacAddr([0x7a, 1, 1, 1, 1, 50]);
        let told = home.comes(mac, [192, 168, 7, 150].into(), Some(Flood::Neighbours));
        assert!(told.is_some_and(|ms| ms <= 10_000), "exposed {all}: told after {told:?} ms");
        ids.insert(mac, home.holds(mac).unwrap().id);
        home.seconds(60, Some(Flood::Neighbours), |_, _| {});
        home.is_whole(&format!("exposed {all}"), &ids);
    }
}

macro_rules! floods {
    ($($name:ident $flood:ident)*) => { $(
        #[test]
        fn $name() {
            is_told_through(Flood::$flood, false);
            is_told_through(Flood::$flood, true);
        }
    )* };
}

floods! {
    neighbours_in_the_kernel Neighbours
    joins_from_elsewhere JoinsElsewhere
    joins_at_addresses_of_the_home JoinsHere
    leases_asked_for Leases
    addresses_of_a_maker Makers
    a_choir_that_repeats_itself Choir
    a_choir_at_addresses_of_the_home ChoirHere
    everything_at_once Everything
}
