//! # Connection of hours
//!
//! ## What it finds
//! One connection to the Internet that stands for four hours and more.
//! ## Why it matters
//! Remote control that does not call back stays on the line instead. So do push services and VPNs: it is only noted.
//! ## How it decides
//! Data moves, or the connection ends, four hours after it began. Push services (5223, 5228), VPN and mail that waits
//! (993) are left out.
//! ## What fools it
//! One that moves less than a mebibyte and never ends.
//! ## What to do
//! Nothing, if you know the program.
//!
//! Holds what its bell holds.

use std::time::Duration;

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Finding, Findings, Port, Severity, is_private},
    traffic::What,
    wire::protocol,
};

card!("long_connection", "Connection of hours");

const LONG: Duration = Duration::from_secs(4 * 3600);
const LEFT_OUT: [Port; 10] = [500, 993, 1194, 1701, 4500, 5223, 5228, 8883, 22, 51_820];

/// See the page above.
pub struct LongConnection {
    bell: Bell,
}

impl LongConnection {
    #[must_use]
    pub fn new(settings: Settings) -> LongConnection {
        LongConnection { bell: Bell::new(settings) }
    }
}

impl Detector for LongConnection {
    says!(self, [Size], 0);

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        if !matches!(noticed.what, What::Grew | What::Closed { .. }) {
            return;
        }
        let talk = &noticed.talk;
        let (client, server) = (talk.client, talk.server);
        let stood = context.now.mono.since(talk.began.mono);
        if stood < LONG
            || talk.protocol != protocol::TCP
            || is_private(server.ip)
            || client.mac.is_none() && !is_private(client.ip)
            || LEFT_OUT.contains(&server.port)
        {
            return;
        }
        let key = format!("{} {}:{}", client.ip, server.ip, server.port);
        let finding = Finding::new(CARD.id, Category::Malware, Severity::Info, key, context.now)
            .by(client.party())
            .against(server.party())
            .why("destination", server.ip)
            .why("port", server.port)
            .why("hours", stood.as_secs() / 3600)
            .technique(&["T1071"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{ACK, FIN, SYN, Stage, between, ip, mac, segment};

    #[test]
    fn only_hours_are_noted() {
        let run = |hours: u64, port: u16| -> usize {
            let mut stage = Stage::new(LongConnection::new(Settings::default()));
            let (me, far) = ((mac(9), ip(9)), (mac(1), [203, 0, 113, 9]));
            stage.frame(&between(me, far, 6, &segment(50_000, port, SYN, 1, b"")), 0);
            stage.frame(&between(far, me, 6, &segment(port, 50_000, SYN | ACK, 1, b"")), 1);
            stage.frame(&between(me, far, 6, &segment(50_000, port, FIN | ACK, 2, b"")), hours * 3_600_000 + 2).len()
        };
        assert_eq!((run(5, 443), run(3, 443), run(5, 5228)), (1, 0, 0));
    }
}
