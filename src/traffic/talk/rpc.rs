//! # Calls of DCE/RPC
//!
//! Interfaces that run things on another machine, and single calls of others that only administrators make, and those who
//! play one: which interface a connection is bound to (C706 §12.6.4.3) and which call of it is made (§12.6.4.9).
//! MS-SCMR, MS-TSCH, MS-RRP, MS-WMI, MS-DCOM, MS-DRSR, MS-RPRN, MS-PAR, MS-EFSR, MS-DFSNM, MS-EVEN, MS-EVEN6; ids and numbers
//! of calls are from those documents.

use crate::model::holds;

/// Interfaces, and classes of objects, that are told as soon as they are named: as on the wire, little-endian in the
/// first three parts.
const NAMED: [([u8; 16], &str); 11] = [
    (uuid(0x367a_bb81, 0x9844, 0x35f1, [0xad, 0x32, 0x98, 0xf0, 0x38, 0x00, 0x10, 0x03]), "svcctl"),
    (uuid(0x86d3_5949, 0x83c9, 0x4044, [0xb4, 0x24, 0xdb, 0x36, 0x32, 0x31, 0xfd, 0x0c]), "task scheduler"),
    (uuid(0x1ff7_0682, 0x0a51, 0x30e8, [0x07, 0x6d, 0x74, 0x0b, 0xe8, 0xce, 0xe9, 0x8b]), "atsvc"),
    (WINREG, "winreg"),
    (uuid(0x9556_dc99, 0x828c, 0x11cf, [0xa3, 0x7e, 0x00, 0xaa, 0x00, 0x32, 0x40, 0xc7]), "WMI"),
    (uuid(0xf309_ad18, 0xd86a, 0x11d0, [0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20]), "WMI login"),
    // The class of the same: it is asked for by name before any interface is bound (MS-WMI §1.9).
    (uuid(0x8bc3_f05e, 0xd86b, 0x11d0, [0xa0, 0x75, 0x00, 0xc0, 0x4f, 0xb6, 0x88, 0x20]), "WMI login"),
    (uuid(0x1234_5678, 0x1234, 0xabcd, [0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0xcf, 0xfb]), "netlogon"),
    // Objects whose methods start programs: MMC20.Application, ShellWindows, ShellBrowserWindow.
    (uuid(0x49b2_791a, 0xb1ae, 0x4c90, [0x9b, 0x8e, 0xe8, 0x60, 0xba, 0x07, 0xf8, 0x89]), STARTS_PROGRAMS),
    (uuid(0x9ba0_5972, 0xf6a8, 0x11cf, [0xa4, 0x42, 0x00, 0xa0, 0xc9, 0x0a, 0x8f, 0x39]), STARTS_PROGRAMS),
    (uuid(0xc08a_fd90, 0xf2a1, 0x11d1, [0x84, 0x55, 0x00, 0xa0, 0xc9, 0x1f, 0x38, 0x80]), STARTS_PROGRAMS),
];
const STARTS_PROGRAMS: &str = "object that starts programs";
const WINREG: [u8; 16] = uuid(0x338c_d001, 0x2244, 0x31f1, [0xaa, 0xaa, 0x90, 0x00, 0x38, 0x00, 0x10, 0x03]);

/// Interfaces of which only some calls matter; all, if none is listed.
const CALLS: [([u8; 16], &[u16], &str); 9] = [
    // IDL_DRSGetNCChanges.
    (
        uuid(0xe351_4235, 0x4b06, 0x11d1, [0xab, 0x04, 0x00, 0xc0, 0x4f, 0xc2, 0xdc, 0xd2]),
        &[3],
        "copy of all passwords",
    ),
    // Create, delete, delete value, load, replace, restore, save, set value, save (2).
    (WINREG, &[6, 7, 8, 13, 18, 19, 20, 22, 31], "registry, written or saved"),
    // NetrJobAdd.
    (uuid(0x1ff7_0682, 0x0a51, 0x30e8, [0x07, 0x6d, 0x74, 0x0b, 0xe8, 0xce, 0xe9, 0x8b]), &[0], "job, planned"),
    // RpcAddPrinterDriver, RpcAddPrinterDriverEx.
    (
        uuid(0x1234_5678, 0x1234, 0xabcd, [0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab]),
        &[9, 89],
        "driver, installed",
    ),
    // RpcAsyncAddPrinterDriver.
    (uuid(0x76f0_3f96, 0xcdfd, 0x44fc, [0xa2, 0x2c, 0x64, 0x95, 0x0a, 0x00, 0x12, 0x09]), &[39], "driver, installed"),
    // Encrypted files of another machine, by its two ways in.
    (uuid(0xc681_d488, 0xd850, 0x11d0, [0x8c, 0x52, 0x00, 0xc0, 0x4f, 0xd9, 0x0f, 0x7e]), &[], "encrypted files"),
    (uuid(0xdf19_41c5, 0xfe89, 0x4e79, [0xbf, 0x10, 0x46, 0x36, 0x57, 0xac, 0xf4, 0x4d]), &[], "encrypted files"),
    // NetrDfsAddStdRoot, NetrDfsRemoveStdRoot.
    (uuid(0x4fc7_42e0, 0x4a10, 0x11cf, [0x82, 0x73, 0x00, 0xaa, 0x00, 0x4a, 0xe6, 0x73]), &[12, 13], "root of files"),
    // ElfrClearELFW; EvtRpcClearLog has the same number as others of its old kin, so it is left out.
    (uuid(0x8227_3fdc, 0xe32a, 0x18c3, [0x3f, 0x78, 0x82, 0x79, 0x29, 0xdc, 0x23, 0xea]), &[0], "log, cleared"),
];

/// Interfaces one connection is bound to that are remembered.
const BOUND_MAX: usize = 8;
/// Of one bind that are read.
const CONTEXTS_MAX: usize = 16;

const REQUEST: u8 = 0;
const BIND: u8 = 11;
const ALTER: u8 = 14;

const fn uuid(a: u32, b: u16, c: u16, d: [u8; 8]) -> [u8; 16] {
    let (a, b, c) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes());
    [a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]]
}

/// A bind of DCE/RPC version 5 (C706 §12.6).
pub fn is_bind(bytes: &[u8]) -> bool {
    matches!(bytes, [5, 0, BIND, ..])
}

/// What a client calls on one connection.
#[derive(Debug, Default)]
pub struct Calls {
    /// Number of a context, and which of [`CALLS`] it is.
    bound: Vec<(u16, usize)>,
}

impl Calls {
    /// Names of administration in `bytes` of the client's, whole calls or not.
    pub fn hear(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&'static str)) {
        for (id, name) in &NAMED {
            if holds(bytes, id) {
                tell(name);
            }
        }
        for at in memchr::memmem::find_iter(bytes, &[5, 0]) {
            match bytes.get(at..) {
                Some(bind @ [5, 0, BIND | ALTER, _, 0x10, 0, 0, 0, ..]) => self.bind(bind),
                Some(call @ [5, 0, REQUEST, _, 0x10, 0, 0, 0, ..]) => {
                    if let Some(name) = self.call(call) {
                        tell(name);
                    }
                }
                _ => {}
            }
        }
    }

    /// Contexts from byte 28 on: number, how many ways to write (20 bytes each), interface with its version.
    fn bind(&mut self, pdu: &[u8]) {
        let mut at = 28;
        for _ in 0..usize::from(pdu.get(24).copied().unwrap_or(0)).min(CONTEXTS_MAX) {
            let (Some(number), Some(ways), Some(id)) = (word(pdu, at), pdu.get(at + 2), pdu.get(at + 4..at + 20))
            else {
                return;
            };
            self.bound.retain(|(bound, _)| *bound != number);
            if let Some(which) = CALLS.iter().position(|(interface, ..)| interface == id)
                && self.bound.len() < BOUND_MAX
            {
                self.bound.push((number, which));
            }
            at += 24 + usize::from(*ways) * 20;
        }
    }

    /// Number of the context at 20, of the call at 22.
    fn call(&self, pdu: &[u8]) -> Option<&'static str> {
        let (context, number) = (word(pdu, 20)?, word(pdu, 22)?);
        let (_, which) = self.bound.iter().find(|(bound, _)| *bound == context)?;
        let (_, calls, name) = CALLS.get(*which)?;
        (calls.is_empty() || calls.contains(&number)).then_some(name)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bind(id: [u8; 16]) -> Vec<u8> {
        let mut pdu = vec![5, 0, BIND, 3, 0x10, 0, 0, 0, 72, 0, 0, 0, 1, 0, 0, 0];
        pdu.extend([0; 8]);
        pdu.extend([1, 0, 0, 0, 0, 0, 1, 0]);
        pdu.extend(id);
        pdu.extend([0; 24]);
        pdu
    }

    fn request(number: u8) -> Vec<u8> {
        let mut pdu = vec![5, 0, REQUEST, 3, 0x10, 0, 0, 0, 40, 0, 0, 0, 2, 0, 0, 0, 16, 0, 0, 0, 0, 0, number, 0];
        pdu.extend([1; 16]);
        pdu
    }

    fn told(parts: &[Vec<u8>]) -> Vec<&'static str> {
        let (mut calls, mut out) = (Calls::default(), Vec::new());
        for part in parts {
            calls.hear(part, &mut |name| out.push(name));
        }
        out
    }

    #[test]
    fn calls_of_administrators_are_told_and_those_of_everybody_are_not() {
        let [replication, _, _, printers, ..] = CALLS.map(|(id, ..)| id);
        assert_eq!(told(&[bind(replication), request(0), request(3)]), ["copy of all passwords"]);
        assert_eq!(told(&[bind(replication), request(0)]), [""; 0], "it is only greeted");
        assert_eq!(told(&[bind(printers), request(1), request(17), request(29)]), [""; 0], "somebody prints");
        assert_eq!(told(&[bind(printers), request(89)]), ["driver, installed"]);
        assert_eq!(told(&[request(3)]), [""; 0], "of whatever was bound before");
        assert_eq!(told(&[bind(replication), bind([7; 16]), request(3)]), [""; 0], "bound anew");
        assert_eq!(told(&[bind(CALLS[5].0), request(0)]), ["encrypted files"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = told(&[bytes.clone(), bind(WINREG), bytes]);
        }
    }
}
