//! # Mining of coins
//!
//! ## What it finds
//! A device that computes for a pool of coin miners.
//! ## Why it matters
//! Somebody uses its power; on a camera or a store of files that is an infection.
//! ## How it decides
//! What miners and pools say to one another (Stratum): `mining.subscribe`, `mining.authorize`, `mining.notify`, or
//! `login` with an `agent`, or work that is submitted with a nonce and a job. The port says nothing.
//! ## What fools it
//! Encrypted pools.
//! ## What to do
//! If nobody in the house mines, look for malware on the device.
//!
//! Holds nothing but who was told of.

use crate::{
    detectors::{
        Context, Detector, Evidence, Needs,
        usual::{Bell, Usual},
    },
    model::{Card, Category, Finding, Findings, Severity, holds},
    traffic::What,
    wire::protocol,
};

pub static CARD: Card = Card {
    id: "crypto_mining",
    title: "Mining of coins",
    needs: Some("CAP_NET_RAW"),
    page: include_str!("crypto_mining.rs"),
};

pub type Settings = Usual;

/// See the page above.
pub struct CryptoMining {
    bell: Bell,
}

impl CryptoMining {
    #[must_use]
    pub fn new(settings: Settings) -> CryptoMining {
        CryptoMining { bell: Bell::new(settings) }
    }
}

/// Bytes of text from which JSON is told from chance.
const TEXT: usize = 16;

/// Words of Stratum version 1, of its form for Monero, and of getwork over it (Ethereum).
fn stratum(bytes: &[u8], by_client: bool) -> Option<&'static str> {
    let start = memchr::memchr(b'{', bytes.get(..bytes.len().min(2048))?)?;
    let bytes = bytes.get(start..bytes.len().min(start + 2048))?;
    // What is encrypted has a brace somewhere, and is no text behind it.
    if !bytes.iter().take(TEXT).all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return None;
    }
    let has = |part: &str| holds(bytes, part.as_bytes());
    if has("mining.") {
        if ["mining.subscribe", "mining.authorize", "mining.submit"].iter().any(|word| has(word)) {
            return Some("asks a pool");
        }
        if has("mining.notify") || has("mining.set_difficulty") {
            return Some("work of a pool");
        }
    }
    if by_client
        && has("\"method\"")
        && (has("\"login\"") && has("\"agent\"") || has("\"submit\"") && has("\"nonce\"") && has("\"job_id\""))
    {
        return Some("asks a pool");
    }
    if by_client && (has("eth_submitLogin") || has("eth_submitWork") || has("eth_submitHashrate")) {
        return Some("asks a pool");
    }
    (has("\"job_id\"") && has("\"blob\"") && has("\"target\"")).then_some("work of a pool")
}

impl Detector for CryptoMining {
    fn card(&self) -> &'static Card {
        &CARD
    }

    fn needs(&self) -> &'static [Needs] {
        &[Needs::Said]
    }

    fn held(&self) -> usize {
        self.bell.held()
    }

    fn examine(&mut self, evidence: Evidence<'_>, context: &Context<'_>, findings: &mut Findings) {
        let Evidence::Traffic(noticed) = evidence else { return };
        let (What::Said { by_client, bytes, .. } | What::Joined { by_client, bytes, .. }) = &noticed.what else {
            return;
        };
        let talk = &noticed.talk;
        let Some(sign) = (talk.protocol == protocol::TCP).then(|| stratum(bytes, *by_client)).flatten() else { return };
        // First seen in the middle, ports may lie about who began: what is said does not.
        let miner_is_client = talk.is_sure || (sign == "asks a pool") == *by_client;
        let (miner, pool) = if miner_is_client { (talk.client, talk.server) } else { (talk.server, talk.client) };
        let finding = Finding::new(
            CARD.id,
            Category::Malware,
            Severity::Medium,
            format!("{} {}", miner.ip, pool.ip),
            context.now,
        )
        .by(miner.party())
        .against(pool.party())
        .why("sign", sign)
        .why("destination", pool.ip)
        .why("port", pool.port)
        .technique(&["T1496.001"])
        .points(6.5);
        self.bell.ring(finding, findings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::stage::{Stage, conversation};

    #[test]
    fn miners_are_told_and_other_calls_are_not() {
        let cases: &[(&str, &[u8], bool)] = &[
            ("stratum", b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n", true),
            (
                "monero",
                b"{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"x\",\"pass\":\"y\",\"agent\":\"z\"}}\n",
                true,
            ),
            ("another call", b"{\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"user\":\"x\"}}\n", false),
            ("words", b"the method mining.subscribe is used by miners", false),
        ];
        for (name, bytes, expected) in cases {
            let mut stage = Stage::new(CryptoMining::new(Settings::default()));
            let found: Vec<Finding> = conversation((9, 40_000), (5, 3333), &[(true, *bytes)])
                .iter()
                .flat_map(|frame| stage.frame(frame, 1000))
                .collect();
            assert_eq!(!found.is_empty(), *expected, "{name}");
        }
    }
}
