//! # Signals
//!
//! TERM: a service manager ends us and may start us again, so nothing is said to be offline at
//! once. INT: a person ends us. HUP: read the settings again.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Reload,
    /// `lasting`: ended by a person.
    End {
        lasting: bool,
    },
}

/// The three signals.
pub struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    pub fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one. Cancel-safe.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.term.recv() => Asked::End { lasting: false },
            _ = self.int.recv() => Asked::End { lasting: true },
            _ = self.hup.recv() => Asked::Reload,
        }
    }
}
