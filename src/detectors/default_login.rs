//! # Factory password accepted
//!
//! ## What it finds
//! A login with a password that things leave the factory with, and it worked.
//! ## Why it matters
//! Whoever reads the manual, or a list of such passwords, gets in; worms do nothing else all day.
//! ## How it decides
//! A login in clear text (Telnet, FTP, HTTP, and others this program reads) was accepted, and the secret is one of a
//! short list of makers' defaults. The secret itself is not kept; its tag says so.
//! ## What fools it
//! Encrypted logins, and defaults that are in no list.
//! ## What to do
//! Change that password.
//!
//! Holds nothing.

use crate::{
    detectors::{Context, Detector, Evidence, usual::Bell},
    model::{Category, Finding, Findings, Severity},
    traffic::{What, is_factory},
};

card!("default_login", "Factory password accepted");

/// See the page above.
pub struct DefaultLogin {
    bell: Bell,
}

impl DefaultLogin {
    #[must_use]
    pub fn new(settings: Settings) -> DefaultLogin {
        DefaultLogin { bell: Bell::new(settings) }
    }
}

impl Detector for DefaultLogin {
    says!(self, [Login], 0);

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let What::Login(login) = &noticed.what else { return };
        // `a***`, `r***`: admin, root and their like. Others may well choose a bad password; that is another matter.
        let is_factory_user =
            matches!(login.user.as_bytes().first(), None | Some(b'a' | b'r' | b's' | b'u' | b'g' | b't' | b'd'));
        if !login.ok || !is_factory(login.tag) || !is_factory_user {
            return;
        }
        let (client, server) = (noticed.talk.client, noticed.talk.server);
        let key = format!("{} {}", server.ip, login.service);
        let finding = Finding::new(CARD.id, Category::Access, Severity::High, key, context.now)
            .by(client.party())
            .against(server.party())
            .why("service", login.service)
            .why("users_masked", &login.user)
            .why("port", server.port)
            .technique(&["T1078.001"])
            .points(5.0);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation};

    #[test]
    fn only_an_accepted_factory_password_is_told() {
        let run = |user: &str, secret: &str, answer: &str| -> usize {
            let (user, secret) = (format!("USER {user}\r\n"), format!("PASS {secret}\r\n"));
            let script: [(bool, &[u8]); 5] = [
                (false, b"220 camera\r\n"),
                (true, user.as_bytes()),
                (false, b"331 \r\n"),
                (true, secret.as_bytes()),
                (false, answer.as_bytes()),
            ];
            let mut stage = Stage::new(DefaultLogin::new(Settings::default()));
            conversation((9, 40_000), (5, 21), &script).iter().map(|frame| stage.frame(frame, 0).len()).sum()
        };
        assert_eq!(run("admin", "12345", "230 in\r\n"), 1);
        assert_eq!(run("admin", "12345", "530 no\r\n"), 0);
        assert_eq!(run("admin", "correct horse", "230 in\r\n"), 0);
    }
}
