//! The devices on the wire: one program in the far namespace that answers for all of them.
//!
//! It ends when its input ends. Words on its input: `announce N`, `murmur N`, `hush FROM TO`, `flood N`, `report`.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use pnet::datalink::{self, Channel, DataLinkReceiver, DataLinkSender};

use super::{
    Home,
    frames::{self, Dice, US},
};

/// What was asked and answered since the last report, in nanoseconds since the devices' start.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    pub asked: u64,
    /// How many different addresses were asked for.
    pub addresses: u64,
    pub answered: u64,
    pub first_ns: u64,
    pub last_ns: u64,
    pub last_answer_ns: u64,
}

/// The outside of it.
pub struct Devices {
    child: Child,
    words: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Devices {
    /// `count` devices; together they say `rate` frames a second of their own. Each asks for its address first if
    /// it is to be `heard` from the start.
    pub fn start(home: &Home, count: u32, rate: u32, heard: bool) -> Devices {
        let mut command = Home::part(&home.far, "devices");
        command.args([count.to_string(), rate.to_string(), u8::from(heard).to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("this program starts");
        let (words, out) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
        let mut devices = Devices { child, words, lines: BufReader::new(out) };
        assert_eq!(devices.line(), "ready", "the devices start");
        devices
    }

    pub fn say(&mut self, word: &str) {
        self.words.write_all(format!("{word}\n").as_bytes()).expect("the devices listen");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("the devices speak");
        line.trim().to_owned()
    }

    /// As [`Devices::say`], until it is done.
    pub fn done(&mut self, word: &str) {
        self.say(word);
        assert_eq!(self.line(), "done", "{word}");
    }

    /// What happened since the last report.
    pub fn report(&mut self) -> Report {
        self.say("report");
        let line = self.line();
        let numbers: Vec<u64> = line.split(' ').filter_map(|number| number.parse().ok()).collect();
        let [asked, addresses, answered, first_ns, last_ns, last_answer_ns] = numbers[..] else {
            panic!("a report, not {line:?}");
        };
        Report { asked, addresses, answered, first_ns, last_ns, last_answer_ns }
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[derive(Default)]
struct Seen {
    report: Report,
    addresses: BTreeSet<u32>,
    /// Devices that neither speak nor answer.
    hushed: std::ops::Range<u32>,
}

type Shared = Arc<Mutex<Seen>>;

fn lock(seen: &Shared) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The inside of it. Arguments: how many, frames a second, whether heard at the start.
pub fn play() {
    let given: Vec<u32> =
        std::env::args().skip_while(|a| a != "devices").skip(1).filter_map(|a| a.parse().ok()).collect();
    let [count, rate, heard] = given[..] else { panic!("how many devices, and how loud") };
    let seen = Shared::default();
    let (mut sender, _) = open();
    let (answers, chats) = (Arc::clone(&seen), Arc::clone(&seen));
    if count > 0 {
        let (answerer, receiver) = open();
        thread::spawn(move || answer(count, receiver, answerer, &answers));
    }
    if heard == 1 {
        for device in 0..count {
            send(sender.as_mut(), &frames::dhcp(device));
            send(sender.as_mut(), &frames::announce(device));
            thread::sleep(Duration::from_millis(2));
        }
    }
    if rate > 0 {
        let (sender, _) = open();
        thread::spawn(move || chat(count, rate, sender, &chats));
    }
    println!("ready");
    for line in std::io::stdin().lines() {
        let line = line.expect("words");
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or_default();
        match words[0] {
            "announce" => send(sender.as_mut(), &frames::announce(number(1))),
            "murmur" => send(sender.as_mut(), &frames::murmur(number(1))),
            "hush" => {
                lock(&seen).hushed = number(1)..number(2);
                println!("done");
            }
            "flood" => {
                flood(number(1), sender.as_mut());
                println!("done");
            }
            "report" => {
                let mut seen = lock(&seen);
                let Report { asked, answered, first_ns, last_ns, last_answer_ns, .. } = seen.report;
                println!("{asked} {} {answered} {first_ns} {last_ns} {last_answer_ns}", seen.addresses.len());
                (seen.report, seen.addresses) = (Report::default(), BTreeSet::new());
            }
            other => panic!("nobody knows {other:?}"),
        }
    }
}

fn open() -> (Box<dyn DataLinkSender>, Box<dyn DataLinkReceiver>) {
    let wire = datalink::interfaces().into_iter().find(|interface| interface.name == "wire0").expect("a wire");
    match datalink::channel(&wire, datalink::Config::default()).expect("the wire opens") {
        Channel::Ethernet(sender, receiver) => (sender, receiver),
        _ => panic!("an Ethernet channel"),
    }
}

fn send(sender: &mut dyn DataLinkSender, frame: &[u8]) {
    // A full queue of the kernel is the only thing in the way here, and passes.
    while sender.send_to(frame, None).is_some_and(|sent| sent.is_err()) {
        thread::yield_now();
    }
}

/// Answers ARP and echo requests of this machine.
fn answer(count: u32, mut receiver: Box<dyn DataLinkReceiver>, mut sender: Box<dyn DataLinkSender>, seen: &Shared) {
    let began = Instant::now();
    loop {
        let Ok(frame) = receiver.next() else { return };
        if let Some((mac, from, to)) = frames::asked(frame) {
            if from != US {
                continue;
            }
            let mut seen = lock(seen);
            let now = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            seen.report.asked += 1;
            if seen.addresses.insert(to.into()) && seen.addresses.len() == 1 {
                seen.report.first_ns = now;
            }
            seen.report.last_ns = now;
            let Some(device) = frames::device_of(to).filter(|d| *d < count && !seen.hushed.contains(d)) else {
                continue;
            };
            let reply = frames::arp(2, (frames::mac(device), to), (mac, from), mac);
            send(sender.as_mut(), &reply);
            seen.report.answered += 1;
            seen.report.last_answer_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        } else if let Some(reply) = frames::echo(frame) {
            let to = reply.get(26..30).and_then(|four| <[u8; 4]>::try_from(four).ok()).map(Into::into);
            if to.and_then(frames::device_of).is_some_and(|d| d < count && !lock(seen).hushed.contains(&d)) {
                send(sender.as_mut(), &reply);
            }
        }
    }
}

fn chat(count: u32, rate: u32, mut sender: Box<dyn DataLinkSender>, seen: &Shared) {
    let mut dice = Dice(7);
    loop {
        thread::sleep(Duration::from_secs(1) / rate);
        let device = dice.below(count);
        if !lock(seen).hushed.contains(&device) {
            send(sender.as_mut(), &frames::chatter(device, &mut dice));
        }
    }
}

/// `frames` frames, each of another address drawn by chance, half of them random ones as phones draw.
fn flood(frames: u32, sender: &mut dyn DataLinkSender) {
    let mut dice = Dice(11);
    for number in 0..frames {
        let [_, _, a, b, c, d, e, f] = dice.next().to_be_bytes();
        let first = if number % 2 == 0 { (a & 0xf0) | 2 } else { a & 0xfc };
        let from = [first, b, c, d, e, f];
        let ip = frames::ip(2048 + dice.below(2000));
        // For somebody who is not there: the kernel is not to answer each.
        send(sender, &frames::arp(1, (from, ip), ([0; 6], frames::ip(65_000)), [0xff; 6]));
    }
}
