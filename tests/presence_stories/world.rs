//! # A small world
//!
//! It stands in for the scanners: it answers each question for the devices that are there, and
//! reports the others unanswered two seconds later, as scanners do.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use porchlight::{
    engine::{Engine, Input, Settings},
    model::{
        Captured, Change, Command, Decision, DeviceId, DeviceView, Fact, Heard, InterfaceFacts, InterfaceId, LinkType,
        Look, MacAddr, Moment, Mono, NetworkFacts, Observation, Probe, Proof, Remembered, Source, Subject, Ticket,
        Wall,
    },
};

pub const START: u64 = 1_000_000;
pub const ETH: InterfaceId = InterfaceId(2);
pub const GATEWAY: (&str, &str) = ("b8:27:eb:00:00:01", "192.168.7.1");
pub const PHONE: (&str, &str) = ("3c:22:fb:01:02:03", "192.168.7.40");

pub struct World {
    pub engine: Engine,
    pub settings: Settings,
    pub network: NetworkFacts,
    pub now: u64,
    /// Who answers questions.
    pub there: BTreeSet<MacAddr>,
    /// For whom an access point answers ARP, and nothing else does.
    pub proxied: BTreeSet<MacAddr>,
    /// The same, of hosts beyond a router.
    pub beyond: BTreeSet<IpAddr>,
    /// Answers and silences on their way.
    pub coming: BTreeMap<(u64, u64), Observation>,
    pub serial: u64,
    pub lines: Vec<(u64, String)>,
    pub found: Vec<Arc<DeviceView>>,
    /// By what each departure was decided.
    pub judged: Vec<(DeviceId, Arc<Decision>)>,
    pub asks: Vec<(u64, Look)>,
    /// Nobody reports anything on questions.
    pub mute: bool,
    /// Milliseconds until an answer is reported: of a scanner that is not behind, those of the wire.
    pub answers_after: u64,
}

pub fn mac(text: &str) -> MacAddr {
    text.parse().expect("a MAC")
}

pub fn at(ms: u64) -> Moment {
    Moment { mono: Mono(ms * 1_000_000), wall: Wall(1_795_600_000_000 + ms as i64) }
}

pub fn network() -> NetworkFacts {
    NetworkFacts {
        interfaces: vec![InterfaceFacts {
            id: ETH,
            name: "eth0".into(),
            mac: None,
            addresses: vec!["192.168.7.5".parse().expect("an address")],
            up: true,
            subnets: vec!["192.168.7.0/24".parse().expect("a subnet")],
            gateways: vec![GATEWAY.1.parse().expect("an address")],
        }],
        labels: vec![("192.168.7.0/24".parse().expect("a subnet"), "home".into())],
    }
}

impl World {
    pub fn new() -> World {
        World::with(Settings::default(), &Remembered::default())
    }

    pub fn with(settings: Settings, remembered: &Remembered) -> World {
        World::starting(settings, remembered, START)
    }

    /// The same home after a stop of `seconds`.
    pub fn after_a_stop(&mut self, seconds: u64) -> World {
        let remembered = self.remember();
        let mut home = World::starting(self.settings.clone(), &remembered, self.now + seconds * 1_000);
        home.there.clone_from(&self.there);
        home
    }

    fn starting(mut settings: Settings, remembered: &Remembered, now: u64) -> World {
        if settings.exposure.limit == 0 {
            settings.exposure.limit = 40;
        }
        let network = network();
        let engine = Engine::new(&settings, Arc::new(network.clone()), remembered, 0x7f3a2c, at(now));
        World {
            engine,
            settings,
            network,
            now,
            there: BTreeSet::new(),
            proxied: BTreeSet::new(),
            beyond: BTreeSet::new(),
            coming: BTreeMap::new(),
            serial: 0,
            lines: Vec::new(),
            found: Vec::new(),
            judged: Vec::new(),
            asks: Vec::new(),
            mute: false,
            answers_after: 20,
        }
    }

    pub fn give(&mut self, input: Input<'_>) {
        let changes = self.engine.handle(input, at(self.now));
        for change in changes {
            if let Change::DeviceFound { device, .. } = &change {
                self.found.push(Arc::clone(device));
            }
            if let Change::Judged { device, decision, .. } = &change {
                self.judged.push((*device, Arc::clone(decision)));
            }
            if let Change::Asked(look) = change {
                self.asks.push((self.now, look));
                // A connect is put by no scanner yet: neither answered nor told as unanswered.
                if self.mute || look.probe == Probe::Tcp {
                    continue;
                }
                let answers = look.mac.map_or(self.beyond.contains(&look.ip), |mac| self.there.contains(&mac));
                let is_arp = matches!(look.probe, Probe::Arp | Probe::Nd);
                let answers = answers || is_arp && look.mac.is_some_and(|mac| self.proxied.contains(&mac));
                let fact = match answers {
                    true => Fact::Alive { proof: Proof::ArpReply, age: Duration::ZERO },
                    false => Fact::Unanswered { probe: look.probe },
                };
                let after = if answers { self.answers_after } else { 2_000 };
                self.serial += 1;
                self.coming.insert(
                    (self.now + after, self.serial),
                    Observation {
                        source: if look.probe == Probe::Arp { Source::ArpSweep } else { Source::Icmp },
                        interface: look.interface,
                        at: at(self.now + after),
                        subject: Subject { mac: look.mac, ip: Some(look.ip) },
                        fact,
                    },
                );
            } else {
                self.lines.push((self.now, change.to_string()));
            }
        }
    }

    /// Lets time pass, one second at a time, so that answers find their questions.
    pub fn run(&mut self, seconds: u64) {
        let end = self.now + seconds * 1_000;
        while self.now < end {
            let next = self.engine.next_wake().map_or(end, |wake| (wake.0 / 1_000_000).max(self.now + 1));
            let answer = self.coming.keys().next().map_or(end, |(due, _)| *due);
            self.now = next.min(answer).min(end);
            while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let observation = entry.remove();
                self.give(Input::Observation(observation));
            }
            self.give(Input::Tick);
        }
    }

    pub fn seen(&mut self, who: (&str, &str), proof: Proof) {
        self.fact(who, Fact::Alive { proof, age: Duration::ZERO });
    }

    pub fn fact(&mut self, who: (&str, &str), fact: Fact) {
        let subject = Subject::both(mac(who.0), who.1.parse().expect("an address"));
        self.give(Input::Observation(Observation {
            source: Source::Capture,
            interface: Some(ETH),
            at: at(self.now),
            subject,
            fact,
        }));
    }

    /// A frame as capture hands it over.
    pub fn frame(&mut self, bytes: &[u8]) {
        let wire_len = bytes.len() as u32;
        let captured = Captured { link: LinkType::ETHERNET, interface: ETH, at: at(self.now), wire_len, bytes };
        self.give(Input::Frame(captured));
    }

    pub fn named(&mut self, who: (&str, &str), name: &str) {
        self.fact(who, Fact::Named { name: name.into(), by: Heard::Dhcp });
    }

    pub fn dhcp(&mut self, who: (&str, &str), name: &str) {
        self.fact(
            who,
            Fact::Dhcp { asked: vec![1, 121, 3, 6, 15, 114, 119, 252], vendor_class: None, client_id: None },
        );
        self.named(who, name);
    }

    /// Comes, and answers from now on.
    pub fn comes(&mut self, who: (&str, &str)) {
        self.there.insert(mac(who.0));
        self.seen(who, Proof::ArpAnnounce);
    }

    pub fn goes(&mut self, who: (&str, &str)) {
        self.there.remove(&mac(who.0));
    }

    pub fn order(&mut self, command: Command) -> bool {
        let before = self.lines.len();
        self.give(Input::Command(Ticket(1), command));
        self.lines[before..].iter().any(|(_, line)| line == "answered 1 ok")
    }

    pub fn device(&mut self, who: (&str, &str)) -> Arc<DeviceView> {
        let view = self.engine.view();
        let found = view.devices.values().find(|device| device.macs.contains(&mac(who.0)));
        Arc::clone(found.unwrap_or_else(|| panic!("{} is known", who.0)))
    }

    pub fn id(&mut self, who: (&str, &str)) -> DeviceId {
        self.device(who).id
    }

    pub fn saw(&self, part: &str) -> usize {
        self.lines.iter().filter(|(_, line)| line.contains(part)).count()
    }

    /// Seconds from the start to the first line with `part`.
    pub fn when(&self, part: &str) -> Option<u64> {
        self.lines.iter().find(|(_, line)| line.contains(part)).map(|(at, _)| (at - START) / 1_000)
    }

    pub fn remember(&mut self) -> Remembered {
        let view = self.engine.view();
        Remembered {
            instance: Some(view.instance),
            minted: view.minted,
            stopped: Some(at(self.now).wall),
            devices: view.devices.values().map(|device| DeviceView::clone(device)).collect(),
            tombstones: BTreeMap::clone(&view.tombstones),
            mode: Some(view.household.mode),
            person_ids: view.household.person_ids.clone(),
            ..Remembered::default()
        }
    }
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}
