//! # A name that looks like another
//!
//! ## What it finds
//! A domain that is one letter away from one this home uses a lot, or that mixes alphabets.
//! ## Why it matters
//! Links in forged mails lead to such names; the page behind looks like the bank's.
//! ## How it decides
//! A domain that leads somewhere and was never asked for here, with one letter more, less, other, or two changed
//! places against a domain that was asked for twenty times and for more than a day, of six letters at least and under the same top. Numbers that
//! count up (`cdn1`, `cdn2`) are left out. And names whose international form (RFC 3492) mixes Latin letters with
//! Cyrillic or Greek ones in one part. It is noted: people mistype.
//! ## What fools it
//! Look-alikes of what nobody here uses; names further away than one letter.
//! ## What to do
//! Did somebody click a link in a mail? Then change that password, at the right address.
//!
//! Needs a mirror port, the router, or a name server at home. Holds 512 domains.

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Finding, Findings, Mono, Severity, clean_text},
    traffic::{Dns, Talkers, What, registered},
};

card!("suspicious_domain", "A name that looks like another");

const DOMAINS_MAX: usize = 512;
const ASKED_MIN: u32 = 20;
const USED_FOR: std::time::Duration = std::time::Duration::from_secs(86_400);
const LETTERS_MIN: usize = 6;
const LABEL_MAX: usize = 63;

/// See the page above.
pub struct SuspiciousDomain {
    bell: Bell,
    /// Since when it is used, and how often it was asked for.
    used: Capped<Box<str>, (Mono, u32)>,
}

impl SuspiciousDomain {
    #[must_use]
    pub fn new(settings: Settings) -> SuspiciousDomain {
        SuspiciousDomain { bell: Bell::new(settings), used: Capped::new(DOMAINS_MAX) }
    }

    fn answered(&mut self, talk: &Talkers, dns: &Dns, context: &Context<'_>, findings: &mut Findings) {
        let (now, domain) = (context.now.mono, registered(&dns.name));
        if let Some((_, asked)) = self.used.get_mut(&domain.into()) {
            *asked = asked.saturating_add(1);
            return;
        }
        let least = self.bell.scaled(ASKED_MIN);
        let is_used = |since: Mono, asked: u32| asked >= least && now.since(since) >= USED_FOR;
        let mixed = dns.name.split('.').any(mixes);
        let like = self
            .used
            .iter()
            .filter(|(_, (since, asked))| is_used(*since, *asked))
            .find(|(used, _)| is_alike(domain, used))
            .map(|(used, _)| used.to_string());
        self.used.insert(domain.into(), (now, 1));
        let (sign, like) = match like {
            Some(like) => ("one letter away", like),
            None if mixed => ("two alphabets in one name", String::new()),
            None => return,
        };
        let finding = Finding::new(CARD.id, Category::Dns, Severity::Info, domain.to_owned(), context.now)
            .by(talk.client.party())
            .why("client", talk.client.ip)
            .why("domain", clean_text(&dns.name, 80))
            .why("sign", sign)
            .why("like", clean_text(&like, 80))
            .technique(&["T1566.002"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

/// The registered label and what stands behind it.
fn parts(domain: &str) -> Option<(&[u8], &str)> {
    let (label, rest) = domain.split_once('.')?;
    Some((label.as_bytes(), rest))
}

/// Whether one letter makes the one of the other.
fn is_alike(domain: &str, used: &str) -> bool {
    let (Some((a, top)), Some((b, used_top))) = (parts(domain), parts(used)) else { return false };
    if top != used_top || a == b || a.len().min(b.len()) < LETTERS_MIN || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(same..).unwrap_or_default(), b.get(same..).unwrap_or_default());
    match (a, b) {
        // Two changed places.
        ([a0, a1, a @ ..], [b0, b1, b @ ..]) if (a0, a1) == (b1, b0) && a == b => true,
        ([a0, a @ ..], [b0, b @ ..]) if a == b => !(a0.is_ascii_digit() && b0.is_ascii_digit()),
        ([more, longer @ ..], shorter) | (shorter, [more, longer @ ..]) if longer == shorter => !more.is_ascii_digit(),
        (shorter, [more, longer @ ..]) if longer == shorter => !more.is_ascii_digit(),
        _ => false,
    }
}

/// Whether a label mixes Latin letters with Cyrillic or Greek ones.
fn mixes(label: &str) -> bool {
    let Some(letters) = label.strip_prefix("xn--").and_then(punycode) else { return false };
    let latin = letters.iter().any(char::is_ascii_alphabetic);
    let other = letters.iter().any(|c| matches!(*c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}'));
    latin && other
}

/// Decodes a label (RFC 3492 §6.2); `None` if it is none, or longer than one may be.
fn punycode(label: &str) -> Option<Vec<char>> {
    const BASE: u32 = 36;
    let (basic, encoded) = label.rsplit_once('-').unwrap_or(("", label));
    let mut out: Vec<char> = basic.chars().collect();
    let (mut n, mut i, mut bias) = (128u32, 0u32, 72u32);
    let mut digits = encoded.bytes().peekable();
    while digits.peek().is_some() {
        let (old, mut weight, mut k) = (i, 1u32, BASE);
        loop {
            let digit = match digits.next()? {
                byte @ b'a'..=b'z' => u32::from(byte - b'a'),
                byte @ b'0'..=b'9' => u32::from(byte - b'0') + 26,
                _ => return None,
            };
            i = i.checked_add(digit.checked_mul(weight)?)?;
            let threshold = k.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            k += BASE;
        }
        let len = u32::try_from(out.len()).ok()? + 1;
        let mut delta = if old == 0 { (i - old) / 700 } else { (i - old) / 2 };
        delta += delta / len;
        let mut steps = 0;
        while delta > 455 {
            delta /= 35;
            steps += BASE;
        }
        bias = steps + 36 * delta / (delta + 38);
        n = n.checked_add(i / len)?;
        i %= len;
        if out.len() >= LABEL_MAX {
            return None;
        }
        out.insert(i as usize, char::from_u32(n)?);
        i += 1;
    }
    Some(out)
}

impl Detector for SuspiciousDomain {
    says!(self, [Dns], self.used.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        if let Evidence::Traffic(noticed) = evidence
            && let What::Dns(dns) = &noticed.what
            && dns.is_answer
            && dns.code == 0
            && dns.answer_count > 0
            && dns.name.contains('.')
            && dns.name.len() <= 253
        {
            self.answered(&noticed.talk, dns, context, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detectors::stage::{Stage, dns, udp};

    proptest! {
        #[test]
        fn nothing_from_the_wire_stops_it(label in "[a-z0-9-]{0,80}", other in "[a-z0-9.-]{0,80}") {
            let _any_answer = (mixes(&format!("xn--{label}")), is_alike(&label, &other), punycode(&other));
        }
    }

    #[test]
    fn one_letter_makes_the_other() {
        for (domain, used, expected) in [
            ("mybamk.com", "mybank.com", true),
            ("mybnak.com", "mybank.com", true),
            ("mybankk.com", "mybank.com", true),
            ("mybnk-1.com", "mybank1.com", false),
            ("sparkase.de", "sparkasse.de", true),
            ("spar-kasse.de", "sparkasse.de", true),
            ("mybank.com", "mybank.com", false),
            ("mybamk.com", "mybank.net", false),
            ("static1.com", "static2.com", false),
            ("static.com", "static2.com", false),
            ("abce.com", "abcd.com", false),
            ("mabymk.com", "mybank.com", false),
        ] {
            assert_eq!(is_alike(domain, used), expected, "{domain} {used}");
        }
    }

    #[test]
    fn international_names_are_read() {
        // RFC 3492 §7.1 (A) and (I), and names that show both alphabets.
        let spelt = |label: &str| punycode(label).map(|letters| letters.into_iter().collect::<String>());
        assert_eq!(spelt("bcher-kva").as_deref(), Some("b\u{fc}cher"));
        assert_eq!(spelt("80ak6aa92e").as_deref(), Some("\u{430}\u{440}\u{440}\u{4cf}\u{435}"));
        assert_eq!(spelt("!"), None);
        assert!(mixes("xn--pypl-53dc") && !mixes("xn--bcher-kva") && !mixes("xn--80ak6aa92e") && !mixes("paypal"));
    }

    fn told(names: &[(&str, u32, u64)]) -> Vec<String> {
        let mut stage = Stage::new(SuspiciousDomain::new(Settings::default()));
        let mut found = Vec::new();
        for (name, times, ms) in names {
            for n in 0..*times {
                let mut answer = dns(n as u16, Some(0), name, 1);
                answer[7] = 1;
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 0, 0, 4, 93, 184, 216, 34]);
                found.extend(stage.frame(&udp((1, 53), (9, 50_000), &answer), *ms));
            }
        }
        found.iter().map(|finding| finding.key.clone()).collect()
    }

    #[test]
    fn a_look_alike_of_what_is_used_is_noted() {
        const DAY: u64 = 86_400_000;
        let used = ("www.mybank.com", 25, 0);
        assert_eq!(told(&[used, ("login.mybamk.com", 3, 2 * DAY)]), ["mybamk.com"]);
        assert!(told(&[used, ("login.mybamk.com", 3, 1000)]).is_empty(), "both are new");
        assert!(told(&[("www.mybank.com", 5, 0), ("mybamk.com", 3, 2 * DAY)]).is_empty(), "hardly used");
        assert!(told(&[used, ("other.com", 3, 2 * DAY), ("mybank.com", 3, 2 * DAY)]).is_empty());
        assert_eq!(told(&[("xn--pypl-53dc.com", 1, 0)]), ["xn--pypl-53dc.com"]);
    }
}
