//! # Server that starts a shell
//!
//! ## What it finds
//! A broker, web server or database of this host that started a shell or a tool for the network.
//! ## Why it matters
//! Servers do not do that; who broke into them does.
//! ## How it decides
//! A program with sockets that is a shell, an interpreter or a download tool, and whose parent is a known server. Pairs
//! that were there in the first ten minutes are the household's own scripts.
//! ## What fools it
//! Programs without sockets, and those that let themselves be adopted. Home Assistant's commands are its own: it is no
//! server in this list.
//! ## What to do
//! Look at the server: what did it serve just then?
//!
//! Holds 256 pairs.

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Capped, Category, Fact, Finding, Findings, Party, Severity, clean_text},
};

card!("unusual_parent", "Server that starts a shell", None);

const PAIRS_MAX: usize = 256;
const SERVERS: [&str; 14] = [
    "mosquitto",
    "nginx",
    "apache2",
    "httpd",
    "lighttpd",
    "caddy",
    "mysqld",
    "mariadbd",
    "postgres",
    "redis-server",
    "mongod",
    "php-fpm",
    "smbd",
    "dnsmasq",
];
const CHILDREN: [&str; 14] =
    ["sh", "bash", "dash", "ash", "zsh", "nc", "ncat", "socat", "curl", "wget", "python3", "perl", "telnet", "busybox"];

/// See the page above.
pub struct UnusualParent {
    bell: Bell,
    usual: Capped<(String, String), ()>,
}

impl UnusualParent {
    #[must_use]
    pub fn new(settings: Settings) -> UnusualParent {
        UnusualParent { bell: Bell::new(settings), usual: Capped::new(PAIRS_MAX) }
    }
}

impl Detector for UnusualParent {
    says!(self, [Fact], self.usual.len());

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Observation(seen) = evidence else { return };
        let Fact::Programs(programs) = &seen.fact else { return };
        for program in &programs.programs {
            let Some((_, parent)) = &program.parent else { continue };
            let is_server = SERVERS.iter().any(|server| parent == server || parent.starts_with(&format!("{server}:")));
            if !is_server || !CHILDREN.contains(&program.name.as_str()) {
                continue;
            }
            let pair = (parent.clone(), program.name.clone());
            if context.settling {
                self.usual.insert(pair, ());
                continue;
            }
            if self.usual.contains(&pair) {
                continue;
            }
            let key = format!("{parent} {}", program.name);
            let finding = Finding::new(CARD.id, Category::Device, Severity::High, key, context.now)
                .by(Party { device: None, mac: seen.subject.mac, ip: seen.subject.ip })
                .why("parent", clean_text(parent, 32))
                .why("program", clean_text(&program.name, 32))
                .why("arguments", clean_text(&program.arguments, 128))
                .why("pid", program.pid)
                .technique(&["T1059"])
                .points(5.5);
            self.bell.ring(finding, findings);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        detectors::{
            stage::{Stage, ip},
            suspicious_process::tests::program,
        },
        model::{OwnPrograms, Subject},
    };

    #[test]
    fn a_shell_of_a_broker_is_told() {
        let run = |name: &str, parent: &str| -> usize {
            let mut stage = Stage::new(UnusualParent::new(Settings::default()));
            let programs =
                OwnPrograms { programs: vec![program(name, "/bin/x", "", parent)], ..OwnPrograms::default() };
            stage.saw(Subject::ip(ip(250).into()), Fact::Programs(Arc::new(programs)), 0).len()
        };
        assert_eq!((run("sh", "mosquitto"), run("sh", "systemd"), run("mosquitto_sub", "mosquitto")), (1, 0, 0));
    }
}
