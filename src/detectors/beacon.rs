//! # Steady calls to one place
//!
//! ## What it finds
//! A device that calls one host of the Internet again and again at even steps, with messages of even size.
//! ## Why it matters
//! Malware asks its master so. So do most devices of a home, their makers': on its own it is only noted, every few
//! seconds low.
//! ## How it decides
//! Connections that were accepted, of one device to one host and port, requests for one and the same page on one that stays
//! open, and datagrams from a new port each that were
//! answered: at least 20 over at least an hour (a quarter of one if they are very even), or 30 over five minutes and more if
//! they are nearly so, or 30 over 40 seconds and more if they come every few seconds. Ten over a quarter of a minute are enough for messages of one size to an address that nobody
//! looked up by a name, where look-ups are heard, or with TLS that asks for nobody by name.
//! Steadiness is that of RITA (Active Countermeasures): skew and deviation of the steps, and of the bytes; their mean
//! must reach 0.8; below an hour 0.85 with 30 calls, 0.9 with fewer.
//! ## What fools it
//! Steps with more than half of them jitter; one connection that stays open (but of HTTP), also of datagrams.
//! ## What to do
//! Look who the host belongs to. If it is the maker's, add it to `exempt` or leave it at low.
//!
//! Leaves out: hosts of the home, time servers, name servers, push services. Holds 1,024 pairs of 64 calls each.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    net::IpAddr,
    time::Duration,
};

use crate::{
    detectors::{
        Context, Detector, Evidence,
        usual::{Bell, Exempt},
    },
    model::{Category, Finding, Findings, Guarded, MacAddr, Mono, Port, Severity, is_private},
    traffic::{Http, Outcome, Talkers, What, owner},
    wire::protocol,
};

card!("beacon", "Steady calls to one place");

const PAIRS_MAX: usize = 1024;
const CALLS_MAX: usize = 64;
const CALLS_MIN: u32 = 20;
const SPAN_MIN: Duration = Duration::from_secs(900);
// Below an hour only what is very even.
const SPAN_SURE: Duration = Duration::from_secs(3600);
const VERY_STEADY: f64 = 0.9;
// More calls need less time, and leave less to chance.
const SPAN_MANY: Duration = Duration::from_secs(300);
const NEARLY_STEADY: f64 = 0.85;
// Fast ones, as of a shell that waits for orders.
const FAST_MIN: u32 = 30;
const FAST_SPAN: Duration = Duration::from_secs(40);
const FAST_STEP: f64 = 15.0;
// To an address without a name: who has one built in does not want to be found by it.
const NAMELESS_MIN: u32 = 10;
const NAMELESS_SPAN: Duration = Duration::from_secs(15);
/// RITA's deviation of steps that jitter by half is 0.74; sizes then have to be all but one.
const NAMELESS_TIMES: f64 = 0.6;
const ONE_SIZE: f64 = 0.95;
const STEADY: f64 = 0.8;
/// The first request of a connection comes with it.
const AT_ONCE: Duration = Duration::from_millis(500);
/// Of the middle value: quartiles farther apart than this lean for a reason.
const LEAN: f64 = 0.25;
/// Time, names, push of Apple and Google: steady by design.
const LEFT_OUT: [Port; 8] = [53, 123, 853, 5223, 5228, 5229, 5230, 8883];

/// Of datagrams besides: QUIC, keys of VPNs and WireGuard's usual port, STUN: programs of people, which have names elsewhere.
const DATAGRAMS_LEFT_OUT: [Port; 7] = [443, 500, 4500, 3478, 19302, 51820, 1194];

#[derive(Debug, Clone)]
struct Calls {
    at: VecDeque<Mono>,
    bytes: VecDeque<u64>,
    /// TLS that asks for nobody by name, at an address of the Internet.
    bare: bool,
    /// The page that is asked for by HTTP, and whether there are others: then it is use.
    page: Option<u64>,
    mixed: bool,
}

/// See the page above.
pub struct Beacon {
    bell: Bell,
    exempt: Vec<Exempt>,
    pairs: Guarded<Key, Calls>,
}

impl Beacon {
    #[must_use]
    pub fn new(settings: Settings) -> Beacon {
        Beacon { exempt: settings.exempt.clone(), bell: Bell::new(settings), pairs: Guarded::new(PAIRS_MAX) }
    }
}

/// How even numbers are, from 0 to 1: their skew about the median and their deviation from it, as RITA measures them.
fn evenness(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        sorted.get(((sorted.len().saturating_sub(1)) as f64 * share).round() as usize).copied().unwrap_or_default()
    };
    let (low, middle, high) = (at(0.25), at(0.5), at(0.75));
    let skew = if high - low > f64::EPSILON && middle > low && middle < high {
        ((high + low - 2.0 * middle) / (high - low)).abs()
    } else {
        0.0
    };
    let mut away: Vec<f64> = sorted.iter().map(|value| (value - middle).abs()).collect();
    away.sort_by(f64::total_cmp);
    let deviation = away.get(away.len() / 2).copied().unwrap_or_default();
    let spread = if middle > 0.0 { (1.0 - deviation / middle).max(0.0) } else { 0.0 };
    // Which way a few values lean that are all but equal is chance: skew counts as far as they differ at all.
    let skew = if middle > 0.0 { skew * ((high - low) / middle / LEAN).min(1.0) } else { skew };
    (1.0 - skew + spread) / 2.0
}

type Key = (Option<MacAddr>, IpAddr, IpAddr, Port);

impl Beacon {
    fn call(&mut self, key: Key, talk: &Talkers, tick: u64) {
        if self.pairs.get(&key).is_none() {
            let calls = Calls { at: VecDeque::new(), bytes: VecDeque::new(), bare: false, page: None, mixed: false };
            self.pairs.insert(key, calls, talk.client.mac.map_or(0, owner), tick);
        }
        if let Some(calls) = self.pairs.get_mut(&key, tick) {
            calls.at.push_back(talk.began.mono);
            if calls.at.len() > CALLS_MAX {
                calls.at.pop_front();
            }
        }
    }

    /// A connection that stays open for the next call: one and the same page, again and again.
    fn asked(&mut self, key: &Key, http: &Http, now: Mono, tick: u64) -> bool {
        let Some(calls) = self.pairs.get_mut(key, tick) else { return false };
        let page = http.path.split('?').next().unwrap_or_default();
        let mut hasher = DefaultHasher::new();
        page.hash(&mut hasher);
        let page_is = hasher.finish();
        // What is playing is asked for again and again while it plays (RFC 8216 §6.3.4, DASH).
        calls.mixed |=
            calls.page.is_some_and(|known| known != page_is) || page.ends_with(".m3u8") || page.ends_with(".mpd");
        calls.page = Some(page_is);
        let is_first = calls.at.back().is_none_or(|last| now.since(*last) < AT_ONCE);
        if is_first || calls.mixed {
            return false;
        }
        let len = http.path.len() + http.heads.len() + http.body.len();
        if calls.at.len() >= CALLS_MAX {
            calls.at.pop_front();
        }
        calls.at.push_back(now);
        self.said(key, len as u64, tick);
        true
    }

    fn said(&mut self, key: &Key, bytes: u64, tick: u64) {
        if let Some(calls) = self.pairs.get_mut(key, tick) {
            calls.bytes.push_back(bytes);
            if calls.bytes.len() > CALLS_MAX {
                calls.bytes.pop_front();
            }
        }
    }
}

impl Detector for Beacon {
    says!(self, [Outcome, Completed, Size, Tls, Http], self.pairs.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        let (client, server) = (talk.client, talk.server);
        let is_tcp = talk.protocol == protocol::TCP;
        if !is_tcp && (talk.protocol != protocol::UDP || DATAGRAMS_LEFT_OUT.contains(&server.port))
            || is_private(server.ip)
            || server.ip.is_loopback()
            || server.mac.is_some() && client.mac.is_none()
            || LEFT_OUT.contains(&server.port)
        {
            return;
        }
        // Hosts of the Internet that call each other are not ours to judge.
        if client.mac.is_none() && !is_private(client.ip) {
            return;
        }
        if self.exempt.iter().any(|exempt| matches!(exempt, Exempt::Net(net) if net.contains(server.ip))) {
            return;
        }
        let tick = context.now.mono.0 / 1_000_000_000;
        let key = (client.mac, client.ip, server.ip, server.port);
        match noticed.what {
            What::Completed if is_tcp && talk.is_sure => self.call(key, talk, tick),
            // Each question by datagram has a port of its own, or is one of a long conversation that is no call.
            What::Outcome(Outcome::Answered) if !is_tcp && talk.packets == [1, 1] => {
                self.call(key, talk, tick);
                self.said(&key, talk.bytes[0], tick);
            }
            What::Tls(ref tls) => {
                if let Some(calls) = self.pairs.get_mut(&key, tick) {
                    calls.bare = tls.name.is_none();
                }
                return;
            }
            What::HttpRequest(ref http) if is_tcp && talk.is_sure => {
                if !self.asked(&key, http, context.now.mono, tick) {
                    return;
                }
            }
            What::Closed { .. } => return self.said(&key, talk.bytes[0], tick),
            _ => return,
        }
        let Some(calls) = self.pairs.get_mut(&key, tick) else { return };
        let count = calls.at.len() as u32;
        let (Some(first), Some(last)) = (calls.at.front(), calls.at.back()) else { return };
        let span = last.since(*first);
        let stamps: Vec<f64> = calls.at.iter().map(|at| at.0 as f64 / 1e9).collect();
        let steps: Vec<f64> = stamps.iter().zip(stamps.iter().skip(1)).map(|(a, b)| b - a).collect();
        let mut sorted = steps.clone();
        sorted.sort_by(f64::total_cmp);
        let step = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let many = count >= self.bell.scaled(FAST_MIN);
        let slow = count >= self.bell.scaled(CALLS_MIN) && span >= SPAN_MIN || many && span >= SPAN_MANY;
        let fast = many && span >= FAST_SPAN && (0.5..=FAST_STEP).contains(&step);
        let nameless = count >= self.bell.scaled(NAMELESS_MIN)
            && span >= NAMELESS_SPAN
            && (0.5..=FAST_STEP).contains(&step)
            && match context.neighbours.is_looked_up(client.ip, server.ip) {
                _ if calls.bare => true,
                Some(known) => !known,
                // It asked nobody since this began: of those whose look-ups are heard it is one.
                None => context.neighbours.hears_names(),
            };
        if !slow && !fast && !nameless {
            return;
        }
        let bytes: Vec<f64> = calls.bytes.iter().map(|bytes| *bytes as f64).collect();
        let sizes = if bytes.len() >= 10 { evenness(&bytes) } else { 0.5 };
        let (times, score) = (evenness(&steps), (evenness(&steps) * 2.0 + sizes) / 3.0);
        let least = match () {
            () if fast || span >= SPAN_SURE => STEADY,
            () if many => NEARLY_STEADY,
            () => VERY_STEADY,
        };
        let one_size = bytes.len() + 1 >= NAMELESS_MIN as usize && evenness(&bytes) >= ONE_SIZE;
        let hidden = nameless && one_size && times >= NAMELESS_TIMES;
        if !hidden && (!slow && !fast || score < least || times < least) {
            return;
        }
        // Slow and steady is what makers' devices are.
        let severity = if fast || hidden { Severity::Low } else { Severity::Info };
        let finding = Finding::new(
            CARD.id,
            Category::Malware,
            severity,
            format!("{} {}:{}", client.ip, server.ip, server.port),
            context.now,
        )
        .by(client.party())
        .against(server.party())
        .why("destination", server.ip)
        .why("port", server.port)
        .why("connections", count)
        .why("interval_s", format!("{step:.1}"))
        .why("name", if hidden { "nobody looked it up" } else { "" })
        .why("scores", format!("times {times:.2}, sizes {sizes:.2}"))
        .technique(&["T1071.001"])
        .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, FIN, SYN, Stage, between, dns, ip, mac, segment, udp};

    fn calls(steps: impl Iterator<Item = u64>, to: [u8; 4]) -> usize {
        let mut stage = Stage::new(Beacon::new(Settings::default()));
        let (mut ms, mut count) = (0, 0);
        for (n, step) in steps.enumerate() {
            ms += step;
            let (me, other, port) = ((mac(9), ip(9)), (mac(1), to), 40_000 + n as u16);
            for (from, bytes) in [
                (me, segment(port, 443, SYN, 1, b"")),
                (other, segment(443, port, SYN | ACK, 1, b"")),
                (me, segment(port, 443, ACK, 2, b"any news?")),
                (me, segment(port, 443, FIN | ACK, 11, b"")),
            ] {
                let to = if from == me { other } else { me };
                count += stage.frame(&between(from, to, 6, &bytes), ms).len();
            }
        }
        count
    }

    #[test]
    fn even_steps_are_told_and_people_are_not() {
        let far = [203, 0, 113, 9];
        assert!(calls((0..70).map(|n| 60_000 + n % 5 * 2000), far) > 0, "each minute");
        assert!(calls((0..60).map(|n| 5000 + n % 3 * 100), far) > 0, "each five seconds");
        assert_eq!(calls((0..70).map(|n| 60_000 + n % 5 * 2000), ip(5)), 0, "a host of the home");
        assert_eq!(calls((0..60u64).map(|n| 1000 + (n * n * 7919) % 300_000), far), 0, "somebody reads the news");
        assert_eq!(calls((0..12).map(|_| 60_000), far), 0, "too few to say");
        assert!(calls((0..21).map(|n| 60_000 + n * n % 7 * 300), far) > 0, "twenty that lean a little");
    }

    #[test]
    fn an_address_built_in_is_told_early_and_one_with_a_name_is_not() {
        let run = |name_of: Option<[u8; 4]>, sizes: [usize; 4]| -> usize {
            let (far, me) = ([203, 0, 113, 9], (mac(9), ip(9)));
            let mut stage = Stage::new(Beacon::new(Settings::default()));
            if let Some(far) = name_of {
                let mut answer = dns(7, Some(0), "api.example.org", 1);
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                answer.extend(far);
                stage.frame(&udp((9, 5000), (1, 53), &dns(7, None, "api.example.org", 1)), 0);
                stage.frame(&udp((1, 53), (9, 5000), &answer), 1);
            }
            let (mut ms, mut told) = (0, 0);
            for n in 0..14u64 {
                ms += 2000 + (n * 7919) % 2000 - 1000;
                let (other, port) = ((mac(1), far), 40_000 + n as u16);
                let said = vec![b'x'; sizes[n as usize % 4]];
                for (from, bytes) in [
                    (me, segment(port, 443, SYN, 1, b"")),
                    (other, segment(443, port, SYN | ACK, 1, b"")),
                    (me, segment(port, 443, ACK, 2, &said)),
                    (me, segment(port, 443, FIN | ACK, 2 + said.len() as u32, b"")),
                    (other, segment(443, port, FIN | ACK, 2, b"")),
                ] {
                    let to = if from == me { other } else { me };
                    told += stage.frame(&between(from, to, 6, &bytes), ms).len();
                }
            }
            told
        };
        let (far, other) = ([203, 0, 113, 9], [203, 0, 113, 80]);
        assert!(run(Some(other), [200; 4]) > 0, "it looks up others");
        assert_eq!(run(Some(far), [200; 4]), 0, "looked up");
        assert_eq!(run(Some(other), [200, 1000, 40, 700]), 0, "all sizes");
        assert_eq!(run(None, [200; 4]), 0, "its look-ups are not heard");
    }

    #[test]
    fn one_page_again_and_again_on_one_connection_is_told() {
        let run = |pages: &[&str], step: u64| -> usize {
            let (me, far) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
            let mut stage = Stage::new(Beacon::new(Settings::default()));
            let mut told = stage.frame(&between(me, far, 6, &segment(50_000, 80, SYN, 1, b"")), 0).len();
            told += stage.frame(&between(far, me, 6, &segment(80, 50_000, SYN | ACK, 1, b"")), 1).len();
            told += stage.frame(&between(me, far, 6, &segment(50_000, 80, ACK, 2, b"")), 2).len();
            let (mut sequence, mut ms) = (2, 10);
            for n in 0..40_u64 {
                let page = pages.get(n as usize % pages.len()).copied().unwrap_or_default();
                let ask = format!("GET {page} HTTP/1.1\r\nHost: a.example\r\n\r\n");
                told +=
                    stage.frame(&between(me, far, 6, &segment(50_000, 80, ACK, sequence, ask.as_bytes())), ms).len();
                sequence += ask.len() as u32;
                ms += step + n % 5 * step / 20;
            }
            told
        };
        assert!(run(&["/poll?id=7"], 2_000) > 0);
        assert_eq!(run(&["/poll?id=7"], 100), 0, "all at once");
        assert_eq!(run(&["/live/a.m3u8"], 2_000), 0, "a film");
        assert_eq!(run(&["/a", "/b", "/c"], 2_000), 0, "somebody reads");
    }

    #[test]
    fn evenness_is_of_the_middle() {
        assert!(evenness(&[10.0; 30]) > 0.99 && evenness(&[]) <= 0.5 + f64::EPSILON);
        let wild: Vec<f64> = (0..40).map(|n| f64::from(n * n)).collect();
        assert!(evenness(&wild) < 0.5, "{}", evenness(&wild));
    }
}
