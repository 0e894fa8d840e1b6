//! # From one computer to the next
//!
//! ## What it finds
//! A device that runs programs on another one by the ways of administrators: hidden shares, service control, scheduled
//! tasks, WMI.
//! ## Why it matters
//! It is how a break-in spreads through a network.
//! ## How it decides
//! `ADMIN$` or `C$` and one of the interfaces that start programs, of one pair of hosts within ten minutes; or WMI or a
//! task scheduler on its own, which only administrators use. A share that is opened, or a list that is read, is not.
//! ## What fools it
//! Real administrators: add their machine to `exempt`. Encrypted SMB 3 shows none of it.
//! ## What to do
//! If nobody administers computers from that device, disconnect it.
//!
//! Holds 1,024 pairs.

use std::{net::IpAddr, time::Duration};

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
        window::Recent,
    },
    model::{Card, Category, Finding, Findings, Guarded, Severity},
    traffic::{What, owner},
};

pub static CARD: Card = Card {
    id: "lateral_movement",
    title: "From one computer to the next",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("lateral_movement.rs"),
};

pub type Settings = Usual;

const PAIRS_MAX: usize = 1024;
const SPAN: Duration = Duration::from_secs(600);

/// See the page above.
pub struct LateralMovement {
    bell: Bell,
    pairs: Guarded<(IpAddr, IpAddr), Recent<&'static str>>,
}

impl LateralMovement {
    #[must_use]
    pub fn new(settings: Settings) -> LateralMovement {
        LateralMovement { bell: Bell::new(settings), pairs: Guarded::new(PAIRS_MAX) }
    }
}

impl Detector for LateralMovement {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Traffic]
    }

    fn held(&self) -> usize {
        self.pairs.len() + self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let What::Admin(what) = noticed.what else { return };
        let (talk, now) = (&noticed.talk, context.now.mono);
        let (key, tick) = ((talk.client.ip, talk.server.ip), now.0 / 1_000_000_000);
        if self.pairs.get(&key).is_none() {
            self.pairs.insert(key, Recent::new(16), talk.client.mac.map_or(0, owner), tick);
        }
        let Some(seen) = self.pairs.get_mut(&key, tick) else { return };
        seen.see(what, now);
        let has = |names: &[&str]| seen.keys().any(|seen| names.contains(seen));
        let share = has(&["ADMIN$", "C$"]);
        let starts = has(&["svcctl", "PSEXESVC", "atsvc", "task scheduler"]);
        let remote = has(&["WMI", "WMI login", "task scheduler", "PSEXESVC"]);
        if !(share && starts || remote || has(&["svcctl"])) || seen.within(now, SPAN) == 0 {
            return;
        }
        let list: Vec<&str> = seen.keys().copied().collect();
        let finding =
            Finding::new(CARD.id, Category::Access, Severity::High, format!("{} {}", key.0, key.1), context.now)
                .by(talk.client.party())
                .against(talk.server.party())
                .why("share_or_pipe", list.join(", "))
                .technique(&["T1021.002", "T1570"])
                .points(if share && starts { 6.5 } else { 5.0 });
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation};

    fn smb2(command: u8, text: &str) -> Vec<u8> {
        let mut message = vec![0xfe, b'S', b'M', b'B', 64, 0, 0, 0, 0, 0, 0, 0, command, 0];
        message.resize(80, 0);
        message.extend(text.bytes().flat_map(|byte| [byte, 0]));
        let mut bytes = (message.len() as u32).to_be_bytes().to_vec();
        bytes.extend(message);
        bytes
    }

    #[test]
    fn programs_started_elsewhere_are_told_and_a_share_is_not() {
        let run = |messages: &[(u8, &str)]| -> usize {
            let frames: Vec<Vec<u8>> = messages.iter().map(|(command, text)| smb2(*command, text)).collect();
            let script: Vec<(bool, &[u8])> = frames.iter().map(|frame| (true, frame.as_slice())).collect();
            let mut stage = Stage::new(LateralMovement::new(Settings::default()));
            conversation((9, 40_000), (5, 445), &script).iter().map(|frame| stage.frame(frame, 1000).len()).sum()
        };
        assert!(run(&[(3, "\\\\10.0.0.5\\ADMIN$"), (5, "svcctl")]) > 0);
        assert_eq!(run(&[(3, "\\\\10.0.0.5\\photos"), (5, "summer.jpg")]), 0);
        assert_eq!(run(&[(3, "\\\\10.0.0.5\\IPC$"), (5, "srvsvc")]), 0, "a list of shares");
    }
}
