//! # Whom a newcomer may be
//!
//! One proposal, as it is kept with its device.

use std::time::Duration;

use crate::model::{DeviceId, Wall};

/// So long a newcomer is there before it is proposed: whoever is here was asked meanwhile, and answered.
pub const LOOKED_AFTER: Duration = Duration::from_secs(90);

/// Whom a newcomer may be, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    pub of: DeviceId,
    pub why: String,
    pub at: Wall,
}

impl Proposal {
    /// As it is kept over a restart: `d-7f3k2m 2026-11-25T17:02:11.000Z took over within 4 s`.
    pub fn line(&self) -> String {
        format!("{} {} {}", self.of, self.at, self.why)
    }

    pub fn read(line: &str) -> Option<Proposal> {
        let mut words = line.splitn(3, ' ');
        let (of, at) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Proposal { of, at, why: words.next()?.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_is_read_as_it_is_written() {
        let of = "d-7f3k2m".parse().expect("an id");
        let proposal = Proposal { of, why: "took over within 4 s".into(), at: Wall(1_795_600_000_000) };
        assert_eq!(Proposal::read(&proposal.line()), Some(proposal));
        assert_eq!(Proposal::read("d-7f3k2m"), None);
    }
}
