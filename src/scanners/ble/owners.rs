//! # Whose keys are known
//!
//! The file of `owners_file`: a line for each phone or watch, with its identity resolving key, an address
//! under which it is known (or none), and a name. What an address resolves to is remembered, since each
//! key costs an encryption and a street full of phones has many addresses.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use crate::{
    model::{Capped, MacAddr, Mono},
    wire::ble::Irk,
};

/// Keys read of a file.
pub const OWNERS_MAX: usize = 64;
const FILE_MAX: u64 = 64 << 10;
/// Addresses whose owner, or want of one, is remembered.
const RESOLVED_MAX: usize = 2048;
/// An address of a key counts for the next one so long. Phones change theirs every quarter of an hour.
const CONFIRMS: Duration = Duration::from_secs(40 * 60);

/// One owner of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    irk: Irk,
    pub address: MacAddr,
    pub name: Option<String>,
}

/// What is known of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    Nobodys,
    /// Its hash fits the key, but so does that of one foreign address in 16 million: no proof yet.
    Perhaps(Owner),
    /// A second address fitted too.
    Surely(Owner),
}

/// All owners.
#[derive(Debug)]
pub struct Owners {
    list: Vec<Owner>,
    /// Of each owner what was heard last.
    heard: Vec<Option<Last>>,
    resolved: Capped<MacAddr, Option<usize>>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    address: MacAddr,
    at: Mono,
    sure: bool,
}

impl Owners {
    #[must_use]
    pub fn new(list: Vec<Owner>) -> Owners {
        Owners { heard: vec![None; list.len()], list, resolved: Capped::new(RESOLVED_MAX) }
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whose `address` is, heard at `now`.
    pub fn whose(&mut self, address: MacAddr, now: Mono) -> Whose {
        if self.list.is_empty() {
            return Whose::Nobodys;
        }
        let index = match self.resolved.get_mut(&address) {
            Some(known) => *known,
            None => {
                let found = self.list.iter().position(|owner| owner.irk.resolves(address));
                self.resolved.insert(address, found);
                found
            }
        };
        let Some((owner, heard)) = index.and_then(|at| Some((self.list.get(at)?, self.heard.get_mut(at)?))) else {
            return Whose::Nobodys;
        };
        let sure = heard.is_some_and(|last| now.since(last.at) <= CONFIRMS && (last.sure || last.address != address));
        *heard = Some(Last { address, at: now, sure });
        if sure { Whose::Surely(owner.clone()) } else { Whose::Perhaps(owner.clone()) }
    }
}

/// Reads the file. Says in words what is wrong, without quoting a key.
pub fn read(path: &Path) -> Result<Vec<Owner>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let meta = fs::metadata(path).map_err(failed)?;
    if !meta.is_file() || meta.len() > FILE_MAX {
        return Err(format!("{} is no file of keys", path.display()));
    }
    if meta.permissions().mode() & 0o004 != 0 {
        tracing::warn!(path = %path.display(), "everybody on this machine can read the Bluetooth keys: chmod 600");
    }
    parse(&fs::read_to_string(path).map_err(failed)?).map_err(|why| format!("{}: {why}", path.display()))
}

/// `key [address] [name]` a line; `#` begins a comment.
fn parse(text: &str) -> Result<Vec<Owner>, String> {
    let mut owners = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let irk = Irk::read(key)
            .ok_or_else(|| format!("line {number} does not begin with a key of 32 hex digits or 24 signs of base64"))?;
        let (first, after) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest.trim(), ""));
        let (address, name) = match first.parse::<MacAddr>() {
            Ok(address) if address.is_station() => (address, after.trim()),
            _ => (irk.stand_in(), rest.trim()),
        };
        if owners.len() >= OWNERS_MAX {
            return Err(format!("line {number}: more than {OWNERS_MAX} keys"));
        }
        owners.push(Owner { irk, address, name: (!name.is_empty()).then(|| name.to_owned()) });
    }
    Ok(owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ec0234a357c8ad05341010a60a397d9b";

    fn address(irk: &Irk, prand: [u8; 3]) -> MacAddr {
        let [x, y, z] = irk.hash(prand);
        let [a, b, c] = prand;
        MacAddr([a, b, c, x, y, z])
    }

    #[test]
    fn a_file_names_keys_addresses_and_people() {
        let text = format!("# ours\n\n{KEY} b8:27:eb:01:02:03 Anna's phone\nirk:{KEY}  Watch\n{KEY}\n");
        let owners = parse(&text).expect("three owners");
        let shown: Vec<_> = owners.iter().map(|owner| (owner.address, owner.name.as_deref())).collect();
        let stand_in = Irk::read(KEY).expect("a key").stand_in();
        assert_eq!(
            shown,
            [(MacAddr([0xb8, 0x27, 0xeb, 1, 2, 3]), Some("Anna's phone")), (stand_in, Some("Watch")), (stand_in, None)]
        );
        let wrong = parse(&format!("{KEY}\n{KEY}00 x\n")).expect_err("too long");
        assert!(wrong.contains("line 2") && !wrong.contains("ec02"), "{wrong}");
        assert!(parse(&format!("{KEY}\n").repeat(OWNERS_MAX + 1)).is_err());
    }

    // One advertisement under another address of the same key, never heard again: the phone is where it is heard.
    #[test]
    fn an_address_that_is_heard_once_ends_nothing() {
        let mut known = Owners::new(parse(&format!("{KEY} Phone")).expect("an owner"));
        let irk = Irk::read(KEY).expect("a key");
        let (steady, once) = (address(&irk, [0x70, 1, 2]), address(&irk, [0x41, 1, 2]));
        let at = |seconds: u64| Mono(1_000_000_000_000 + seconds * 1_000_000_000);
        known.whose(steady, at(0));
        assert!(matches!(known.whose(once, at(1)), Whose::Surely(_)));
        for seconds in 2..1_200 {
            assert!(matches!(known.whose(steady, at(seconds)), Whose::Surely(_)), "after {seconds} s");
        }
    }

    #[test]
    fn one_address_that_fits_is_no_proof_and_two_are() {
        let owners = parse(&format!("{KEY} Phone")).expect("an owner");
        let irk = Irk::read(KEY).expect("a key");
        let (first, second) = (address(&irk, [0x70, 1, 2]), address(&irk, [0x41, 1, 2]));
        let mut known = Owners::new(owners.clone());
        let at = |minutes: u64| Mono(minutes * 60_000_000_000);
        assert_eq!(known.whose(MacAddr([0x70, 1, 2, 3, 4, 5]), at(0)), Whose::Nobodys);
        assert_eq!(known.whose(first, at(0)), Whose::Perhaps(owners[0].clone()));
        assert_eq!(known.whose(first, at(10)), Whose::Perhaps(owners[0].clone()), "the same one says nothing new");
        assert_eq!(known.whose(second, at(16)), Whose::Surely(owners[0].clone()));
        for minutes in (30..=90).step_by(30) {
            assert_eq!(known.whose(second, at(minutes)), Whose::Surely(owners[0].clone()), "heard without a break");
        }
        assert_eq!(known.whose(first, at(240)), Whose::Perhaps(owners[0].clone()), "after hours it begins anew");
    }
}
