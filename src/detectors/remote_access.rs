//! # Remote control program
//!
//! ## What it finds
//! A program by which somebody elsewhere sees and moves a computer: VNC, TeamViewer, AnyDesk, RustDesk and their like.
//! ## Why it matters
//! In false support calls people are talked into starting one.
//! ## How it decides
//! The greeting of VNC, or a TLS connection to a server of such a program. Once for each device and program; only
//! noted, because most of the time it is wanted.
//! ## What fools it
//! Programs that are not on the list.
//! ## What to do
//! If nobody in the house uses it, ask who started it.
//!
//! Holds nothing but who was told of.

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Card, Category, Finding, Findings, Severity},
    traffic::What,
};

pub static CARD: Card = Card {
    id: "remote_access",
    title: "Remote control program",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("remote_access.rs"),
};

pub type Settings = Usual;

/// Ends of servers' names, and the program.
const NAMES: [(&str, &str); 14] = [
    ("anydesk.com", "AnyDesk"),
    ("teamviewer.com", "TeamViewer"),
    ("rustdesk.com", "RustDesk"),
    ("screenconnect.com", "ScreenConnect"),
    ("logmein.com", "LogMeIn"),
    ("logmeinrescue.com", "LogMeIn"),
    ("gotoassist.com", "GoToAssist"),
    ("splashtop.com", "Splashtop"),
    ("dwservice.net", "DWService"),
    ("supremocontrol.com", "Supremo"),
    ("ammyy.com", "Ammyy"),
    ("realvnc.com", "RealVNC"),
    ("ngrok.io", "ngrok"),
    ("ngrok.com", "ngrok"),
];

/// See the page above.
pub struct RemoteAccess {
    bell: Bell,
}

impl RemoteAccess {
    #[must_use]
    pub fn new(settings: Settings) -> RemoteAccess {
        RemoteAccess { bell: Bell::new(settings) }
    }
}

fn program(name: &str) -> Option<&'static str> {
    let ends = |end: &str| name.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    NAMES.iter().find(|(end, _)| ends(end)).map(|(_, program)| *program)
}

impl Detector for RemoteAccess {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Tls, Needs::Said]
    }

    fn held(&self) -> usize {
        self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let talk = &noticed.talk;
        let program = match &noticed.what {
            What::Tls(tls) => tls.name.as_deref().and_then(program),
            What::Said { by_client: false, from: 0, bytes } | What::Joined { by_client: false, from: 0, bytes }
                if bytes.starts_with(b"RFB 00") =>
            {
                Some("VNC")
            }
            _ => None,
        };
        let Some(program) = program else { return };
        let finding = Finding::new(
            CARD.id,
            Category::Malware,
            Severity::Info,
            format!("{} {program}", talk.client.ip),
            context.now,
        )
        .by(talk.client.party())
        .against(talk.server.party())
        .why("program", program)
        .why("destination", talk.server.ip)
        .technique(&["T1219"])
        .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation};

    #[test]
    fn programs_are_known_by_their_servers_and_by_their_greeting() {
        for (name, expected) in [
            ("relay-1.net.anydesk.com", Some("AnyDesk")),
            ("teamviewer.com", Some("TeamViewer")),
            ("notanydesk.com", None),
            ("anydesk.com.example.org", None),
        ] {
            assert_eq!(program(name), expected, "{name}");
        }
        let mut stage = Stage::new(RemoteAccess::new(Settings::default()));
        let frames = conversation((9, 40_000), (5, 5900), &[(false, b"RFB 003.008\n"), (true, b"RFB 003.008\n")]);
        assert_eq!(frames.iter().map(|frame| stage.frame(frame, 1000).len()).sum::<usize>(), 1);
    }
}
