//! # Protocol at an odd port
//!
//! ## What it finds
//! Encrypted connections, web, chat or remote shells to the Internet at a port where they are not at home.
//! ## Why it matters
//! Remote control hides behind odd ports. So do many makers and games: it is noted, for whoever wants to know.
//! ## How it decides
//! TLS, HTTP, SSH or IRC by what is said, to a host of the Internet, at a port neither its own nor one of the usual
//! others; or something at a port of the web that is neither the web nor encrypted in its way; or a remote shell (SSH)
//! that greets inside a conversation that began as another, at whatever port: a tunnel.
//! ## What fools it
//! Remote control at port 443.
//! ## What to do
//! Nothing, if you know the program.
//!
//! Holds 2,048 places.

use std::net::IpAddr;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Finding, Findings, Party, Port, Severity, holds, is_private},
    traffic::What,
    wire::protocol,
};

card!("nonstandard_protocol", "Protocol at an odd port");

const PLACES_MAX: usize = 2048;
/// Where TLS is at home, or often a guest: web, mail, names, push, messages, games' and makers' clouds.
const TLS: [Port; 32] = [
    443, 465, 563, 587, 636, 853, 989, 990, 993, 994, 995, 1443, 1883, 2083, 2087, 2096, 3478, 4433, 4443, 5061, 5222,
    5223, 5228, 5269, 5349, 7443, 8080, 8443, 8883, 8884, 9443, 19_302,
];
const HTTP: [Port; 14] = [80, 81, 88, 631, 1900, 3000, 3128, 5000, 8000, 8008, 8080, 8081, 8088, 8888];

/// Where firewalls let everything through, so that what has a protocol of its own goes there: the web's, and its second.
const FOREIGN: [Port; 3] = [80, 443, 8080];

/// A client of IRC (RFC 2812 §3.1) says who it is.
fn is_irc(bytes: &[u8]) -> bool {
    bytes.starts_with(b"NICK ") || bytes.starts_with(b"PASS ") && holds(bytes, b"\nNICK ")
}

/// SSH's greeting behind the few bytes by which a tunnel says how much follows.
fn greets_inside(bytes: &[u8]) -> bool {
    holds(bytes.get(..bytes.len().min(24)).unwrap_or_default(), b"SSH-2.0-")
}

/// IANA (194, 994, 6697) and what servers have used besides since there are any.
const fn is_irc_port(port: Port) -> bool {
    matches!(port, 194 | 994 | 6660..=6669 | 6679 | 6697 | 7000 | 7070 | 9999)
}

/// Neither TLS (also of old: RFC 5246 appendix E.2) nor words; where all is encrypted, also words that are no request.
fn is_own(bytes: &[u8], port: Port) -> bool {
    let is_tls = matches!(bytes, [22, 3, ..] | [0x80, _, 1, ..]);
    let is_text = bytes.iter().take(8).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
    let verb = bytes.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'-').count();
    let is_request = verb > 0 && matches!(bytes.get(verb), None | Some(b' '));
    !is_tls && bytes.len() >= 4 && (!is_text || port == 443 && !is_request)
}

/// See the page above.
pub struct NonstandardProtocol {
    bell: Bell,
    told: Capped<(IpAddr, IpAddr, Port), ()>,
}

impl NonstandardProtocol {
    #[must_use]
    pub fn new(settings: Settings) -> NonstandardProtocol {
        NonstandardProtocol { bell: Bell::new(settings), told: Capped::new(PLACES_MAX) }
    }
}

impl Detector for NonstandardProtocol {
    says!(self, [Tls, Http, Said], self.told.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        let (client, server) = (talk.client, talk.server);
        if talk.protocol != protocol::TCP || is_private(server.ip) || server.ip.is_loopback() || !talk.is_sure {
            return;
        }
        if context.neighbours.is_bound(server.ip) || client.mac.is_none() && !is_private(client.ip) {
            return;
        }
        let what = match &noticed.what {
            What::Tls(_) if !TLS.contains(&server.port) => "tls",
            What::HttpRequest(_) if !HTTP.contains(&server.port) => "http",
            What::Said { from: 0, bytes, .. } if bytes.starts_with(b"SSH-") && !matches!(server.port, 22 | 2222) => {
                "ssh"
            }
            What::Said { from: 1.., bytes, .. } if greets_inside(bytes) => "ssh inside another",
            What::Said { from: 0, bytes, by_client: true } if is_irc(bytes) && !is_irc_port(server.port) => "irc",
            What::Said { from: 0, bytes, by_client: true }
                if FOREIGN.contains(&server.port) && is_own(bytes, server.port) =>
            {
                "own"
            }
            _ => return,
        };
        let place = (client.ip, server.ip, server.port);
        if self.told.contains(&place) {
            return;
        }
        self.told.insert(place, ());
        let key = format!("{} {}:{}", client.ip, server.ip, server.port);
        let finding = Finding::new(CARD.id, Category::Malware, Severity::Info, key, context.now)
            .by(client.party())
            .against(Party { device: None, mac: None, ip: Some(server.ip) })
            .why("protocol", what)
            .why("destination", server.ip)
            .why("port", server.port)
            .technique(&["T1571"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, SYN, Stage, between, ip, mac, segment};

    #[test]
    fn what_is_not_at_home_is_noted() {
        let run = |to: [u8; 4], port: u16, says: &[u8]| -> usize {
            let mut stage = Stage::new(NonstandardProtocol::new(Settings::default()));
            let (me, far) = ((mac(9), ip(9)), (mac(1), to));
            let frames = [
                between(me, far, 6, &segment(50_000, port, SYN, 1, b"")),
                between(far, me, 6, &segment(port, 50_000, SYN | ACK, 1, b"")),
                between(me, far, 6, &segment(50_000, port, ACK, 2, says)),
            ];
            frames.iter().map(|frame| stage.frame(frame, 0).len()).sum()
        };
        let far = [203, 0, 113, 9];
        assert_eq!(run(far, 4444, b"GET / HTTP/1.1\r\n\r\n"), 1);
        assert_eq!(run(far, 4444, b"SSH-2.0-x\r\n"), 1);
        assert_eq!(run(far, 80, b"GET / HTTP/1.1\r\n\r\n"), 0);
        assert_eq!(run(far, 65_520, b"NICK bob\r\nUSER bob 0 0 :b\r\n"), 1);
        assert_eq!(run(far, 6667, b"NICK bob\r\nUSER bob 0 0 :b\r\n"), 0);
        assert_eq!(run(far, 443, b"\0\xff\x20\0\0\0\x01"), 1, "not of the web");
        assert_eq!(run(far, 443, b"hello/1.0/005"), 1, "words that are no request");
        assert_eq!(run(far, 443, b"PROPFIND /a HTTP/1.1\r\n\r\n"), 1, "a request, which is at home at other ports");
        assert_eq!(run(far, 80, b"hello/1.0/005"), 0);
        assert_eq!(run(far, 443, b"\x80\x2e\x01\x03\x01"), 0, "TLS of old");
        assert_eq!(run(far, 8883, b"\0\xff\x20\0\0\0\x01"), 0);
        let inside = |begins: &[u8], goes_on: &[u8]| -> usize {
            let mut stage = Stage::new(NonstandardProtocol::new(Settings::default()));
            let (me, far) = ((mac(9), ip(9)), (mac(1), far));
            let frames = [
                between(me, far, 6, &segment(50_000, 8888, SYN, 1, b"")),
                between(far, me, 6, &segment(8888, 50_000, SYN | ACK, 1, b"")),
                between(me, far, 6, &segment(50_000, 8888, ACK, 2, begins)),
                between(me, far, 6, &segment(50_000, 8888, ACK, 2 + begins.len() as u32, goes_on)),
            ];
            frames.iter().map(|frame| stage.frame(frame, 0).len()).sum()
        };
        let begins = b"POST /a HTTP/1.1\r\nContent-Length: 102400\r\n\r\n";
        assert_eq!(inside(begins, b"\x02\0\x15SSH-2.0-OpenSSH_9.2\r\n"), 1, "a tunnel by the web");
        assert_eq!(inside(begins, b"note=how+to+find+out+what+SSH-2.0-+means"), 0, "a letter about it");
        assert_eq!(run(ip(5), 4444, b"GET / HTTP/1.1\r\n\r\n"), 0, "within the home");
    }
}
