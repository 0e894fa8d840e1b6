//! # Port of a back door
//!
//! ## What it finds
//! A connection to a port that back doors use by default, on which nothing known is spoken.
//! ## Why it matters
//! Tools that take over computers listen there unless somebody changes it.
//! ## How it decides
//! The connection was accepted, both sides said something, the service's port is on a short list (4444, 31337 …), and
//! what was said begins like no protocol that this program knows.
//! ## What fools it
//! Any other port. Programs of your own that use one of these.
//! ## What to do
//! Look which program holds the connection.
//!
//! Holds nothing but who was told of.

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Card, Category, Finding, Findings, Port, Severity},
    traffic::What,
    wire::protocol,
};

pub static CARD: Card =
    Card { id: "suspicious_port", title: "Port of a back door", needs: Some("CAP_NET_RAW"), page: include_str!("suspicious_port.rs") };

pub type Settings = Usual;

// Defaults of Metasploit (4444, 4445, 4433), Back Orifice, NetBus, SubSeven, Cobalt Strike's team server, WannaCry's
// follow-ups and common examples of netcat.
const PORTS: [Port; 13] = [4444, 4445, 4446, 1337, 31337, 12345, 12346, 27374, 6667, 50050, 5554, 9996, 4433];

/// See the page above.
pub struct SuspiciousPort {
    bell: Bell,
}

impl SuspiciousPort {
    #[must_use]
    pub fn new(settings: Settings) -> SuspiciousPort {
        SuspiciousPort { bell: Bell::new(settings) }
    }
}

/// Begins like something known: HTTP, TLS, SSH, chat.
fn is_known(bytes: &[u8]) -> bool {
    let starts: [&[u8]; 14] = [
        b"GET ", b"POST ", b"HTTP/", b"SSH-", b"NICK ", b"USER ", b"CAP ", b":", b"NOTICE", b"PING", b"*", b"220", b"\x13BitTorrent", b"{",
    ];
    matches!(bytes, [22, 3, ..]) || starts.iter().any(|start| bytes.starts_with(start))
}

impl Detector for SuspiciousPort {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Traffic]
    }

    fn held(&self) -> usize {
        self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let What::Said { from: 0, bytes, .. } = &noticed.what else { return };
        let talk = &noticed.talk;
        let spoken = talk.protocol == protocol::TCP && talk.is_sure && talk.bytes.iter().all(|bytes| *bytes > 0);
        if !spoken || !PORTS.contains(&talk.server.port) || is_known(bytes) {
            return;
        }
        let finding = Finding::new(
            CARD.id,
            Category::Malware,
            Severity::Medium,
            format!("{} {}:{}", talk.client.ip, talk.server.ip, talk.server.port),
            context.now,
        )
        .by(talk.client.party())
        .against(talk.server.party())
        .why("port", talk.server.port)
        .technique(&["T1571"])
        .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation};

    #[test]
    fn unknown_words_on_such_a_port_are_told() {
        let run = |port: u16, script: &[(bool, &[u8])]| -> usize {
            let mut stage = Stage::new(SuspiciousPort::new(Settings::default()));
            conversation((9, 40_000), (5, port), script).iter().map(|frame| stage.frame(frame, 1000).len()).sum()
        };
        assert_eq!(run(4444, &[(false, b"\x01\x02order"), (true, b"\x03\x04done")]), 1);
        assert_eq!(run(4444, &[(true, b"GET / HTTP/1.1\r\n\r\n"), (false, b"HTTP/1.1 200 OK\r\n\r\n")]), 0);
        assert_eq!(run(8443, &[(false, b"\x01\x02order"), (true, b"\x03\x04done")]), 0);
        assert_eq!(run(4444, &[(true, b"\x01nobody answers")]), 0);
    }
}
