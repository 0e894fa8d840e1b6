//! # The kernel's own list of networks
//!
//! Generic netlink (linux/genetlink.h) to the family `nl80211` (linux/nl80211.h): interfaces, and what the last
//! scan of each found. Reading needs no right; a scan is never started from here. The numbers are the kernel's.

use std::{io, time::Duration};

use rtnetlink::sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};
use tokio::time::timeout;

use super::{Listed, POINTS_MAX, Point, SSID_MAX};
use crate::{
    model::MacAddr,
    wire::{
        reader::Reader,
        wifi::{Security, ssid},
    },
};

const NETLINK_GENERIC: isize = 16;
/// `nlctrl`, the one family whose number is fixed.
const CONTROL: u16 = 0x10;
const NLM_REQUEST: u16 = 0x1;
const NLM_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const CTRL_GETFAMILY: u8 = 3;
const CTRL_FAMILY_ID: u16 = 1;
const CTRL_FAMILY_NAME: u16 = 2;
const GET_INTERFACE: u8 = 5;
const GET_SCAN: u8 = 32;
const IFINDEX: u16 = 3;
const BSS: u16 = 47;
const BSS_BSSID: u16 = 1;
const BSS_FREQUENCY: u16 = 2;
const BSS_CAPABILITY: u16 = 5;
const BSS_ELEMENTS: u16 = 6;
const BSS_SIGNAL_MBM: u16 = 7;
const BSS_STATUS: u16 = 9;
/// NL80211_BSS_STATUS_ASSOCIATED.
const ASSOCIATED: u32 = 1;
/// WLAN_CAPABILITY_PRIVACY.
const PRIVACY: u16 = 1 << 4;
const PATIENCE: Duration = Duration::from_secs(3);
const INTERFACES_MAX: usize = 32;

/// What all cards heard. `None`: the kernel knows no card.
pub async fn list() -> Result<Listed, String> {
    timeout(PATIENCE, ask()).await.map_err(|_| "the kernel does not answer about Wi-Fi".to_owned())?
}

async fn ask() -> Result<Listed, String> {
    let said = |error: io::Error| format!("cannot ask the kernel about Wi-Fi: {error}");
    let mut socket = TokioSocket::new(NETLINK_GENERIC).map_err(said)?;
    socket.socket_mut().bind(&SocketAddr::new(0, 0)).map_err(said)?;
    let name = attribute(CTRL_FAMILY_NAME, b"nl80211\0");
    let answers = converse(&mut socket, CONTROL, CTRL_GETFAMILY, 0, &name).await;
    let family = match answers {
        Ok(answers) => answers.iter().find_map(|body| number16(attributes(body).find(|(kind, _)| *kind == CTRL_FAMILY_ID)?.1)),
        // No such family: no Wi-Fi in this kernel.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => None,
        Err(error) => return Err(said(error)),
    };
    let Some(family) = family else { return Ok(None) };
    let interfaces = converse(&mut socket, family, GET_INTERFACE, NLM_DUMP, &[]).await.map_err(said)?;
    let indices = interfaces.iter().filter_map(|body| number32(attributes(body).find(|(kind, _)| *kind == IFINDEX)?.1));
    let indices: Vec<u32> = indices.take(INTERFACES_MAX).collect();
    let mut points = Vec::new();
    for index in &indices {
        let wanted = attribute(IFINDEX, &index.to_ne_bytes());
        // An interface in another mode has no scan to tell of.
        if let Ok(found) = converse(&mut socket, family, GET_SCAN, NLM_DUMP, &wanted).await {
            points.extend(found.iter().filter_map(|body| point(body)).take(POINTS_MAX));
        }
    }
    Ok((!indices.is_empty()).then_some(points))
}

/// Sends a command and collects the attributes of its answers.
async fn converse(socket: &mut TokioSocket, family: u16, command: u8, flags: u16, body: &[u8]) -> io::Result<Vec<Vec<u8>>> {
    let length = u32::try_from(20 + body.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(family.to_ne_bytes());
    message.extend((NLM_REQUEST | flags).to_ne_bytes());
    message.extend([0; 8]); // sequence and port: one question at a time
    message.extend([command, 1, 0, 0]); // command, version, reserved
    message.extend(body);
    socket.send(&message).await?;
    let mut answers = Vec::new();
    loop {
        let (bytes, from) = socket.recv_from_full().await?;
        // Only the kernel (port 0) is believed.
        if from.port_number() == 0 && take(&bytes, &mut answers)? == Told::All {
            return Ok(answers);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    All,
    More,
}

/// The messages of one datagram.
fn take(bytes: &[u8], answers: &mut Vec<Vec<u8>>) -> io::Result<Told> {
    let mut rest = Reader::new(bytes);
    while rest.len() >= 16 {
        let mut head = rest;
        let (Some(length), Some(kind), Some(flags)) = (head.take().map(u32::from_ne_bytes), head.take().map(u16::from_ne_bytes), head.take().map(u16::from_ne_bytes)) else { break };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let Some(message) = rest.slice(length.max(16)) else { break };
        // Messages begin at multiples of four.
        rest.at_most(length.next_multiple_of(4) - length.min(length.next_multiple_of(4)));
        let body = message.get(16..).unwrap_or_default();
        match kind {
            NLMSG_DONE => return Ok(Told::All),
            NLMSG_ERROR => {
                let code = Reader::new(body).take().map_or(0, i32::from_ne_bytes);
                return if code == 0 { Ok(Told::All) } else { Err(io::Error::from_raw_os_error(code.saturating_neg())) };
            }
            _ => {
                if answers.len() < POINTS_MAX * 2 {
                    answers.push(body.get(4..).unwrap_or_default().to_vec());
                }
                // Without NLM_F_MULTI (2) it was the only one.
                if flags & 2 == 0 {
                    return Ok(Told::All);
                }
            }
        }
    }
    Ok(Told::More)
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// Type and value, without the flag bits of the type; ends at the first that is cut short.
fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = Reader::new(bytes);
    std::iter::from_fn(move || {
        let length = usize::from(rest.take().map(u16::from_ne_bytes)?);
        let kind = rest.take().map(u16::from_ne_bytes)?;
        let value = rest.slice(length.checked_sub(4)?)?;
        rest.at_most(length.next_multiple_of(4) - length);
        Some((kind & 0x3fff, value))
    })
}

fn number16(value: &[u8]) -> Option<u16> {
    Reader::new(value).take().map(u16::from_ne_bytes)
}

fn number32(value: &[u8]) -> Option<u32> {
    Reader::new(value).take().map(u32::from_ne_bytes)
}

fn point(body: &[u8]) -> Option<Point> {
    let (_, bss) = attributes(body).find(|(kind, _)| *kind == BSS)?;
    let of = |wanted: u16| attributes(bss).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let elements = of(BSS_ELEMENTS).unwrap_or_default();
    let privacy = of(BSS_CAPABILITY).and_then(number16).is_some_and(|bits| bits & PRIVACY != 0);
    let mut name = ssid(elements).unwrap_or_default().to_vec();
    name.truncate(SSID_MAX);
    Some(Point {
        bssid: Reader::new(of(BSS_BSSID)?).mac().filter(|mac: &MacAddr| mac.is_station())?,
        ssid: name,
        mhz: of(BSS_FREQUENCY).and_then(number32).unwrap_or(0),
        dbm: of(BSS_SIGNAL_MBM).and_then(number32).and_then(|mbm| i16::try_from(mbm.cast_signed() / 100).ok()),
        security: Security::read(privacy, elements),
        joined: of(BSS_STATUS).and_then(number32) == Some(ASSOCIATED),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nested(parts: &[(u16, Vec<u8>)]) -> Vec<u8> {
        parts.iter().flat_map(|(kind, value)| attribute(*kind, value)).collect()
    }

    fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn scan() -> Vec<u8> {
        let elements = [&[0, 4][..], b"Home", &[48, 20, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 4, 1, 0, 0, 15, 172, 8, 0, 0]].concat();
        let bss = nested(&[
            (BSS_BSSID, vec![2, 0, 0, 0, 0, 9]),
            (BSS_FREQUENCY, 5180u32.to_ne_bytes().to_vec()),
            (BSS_CAPABILITY, 0x11u16.to_ne_bytes().to_vec()),
            (BSS_ELEMENTS, elements),
            (BSS_SIGNAL_MBM, (-5_400i32).to_ne_bytes().to_vec()),
            (BSS_STATUS, ASSOCIATED.to_ne_bytes().to_vec()),
        ]);
        // Nested attributes carry a flag in their type.
        [vec![GET_SCAN, 1, 0, 0], nested(&[(IFINDEX, vec![3, 0, 0, 0]), (BSS | 0x8000, bss)])].concat()
    }

    #[test]
    fn a_scan_is_read_as_the_kernel_lays_it_out() {
        let mut answers = Vec::new();
        let bytes = [message(0x1c, 2, &scan()), message(0x1c, 2, &scan()), message(NLMSG_DONE, 2, &[0; 4])].concat();
        assert_eq!(take(&bytes, &mut answers).expect("no error"), Told::All);
        let found: Vec<Point> = answers.iter().filter_map(|body| point(body)).collect();
        let expected = Point {
            bssid: MacAddr([2, 0, 0, 0, 0, 9]),
            ssid: b"Home".to_vec(),
            mhz: 5180,
            dbm: Some(-54),
            security: Security { wpa3: true, ..Security::default() },
            joined: true,
        };
        assert_eq!(found, [expected.clone(), expected]);
        let refused = take(&message(NLMSG_ERROR, 0, &(-libc::ENOENT).to_ne_bytes()), &mut answers);
        assert_eq!(refused.expect_err("an error").raw_os_error(), Some(libc::ENOENT));
    }

    proptest! {
        /// Whatever the bytes: it ends, and what is found lies within them.
        #[test]
        fn no_bytes_are_too_odd(data in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..300) {
            let mut answers = Vec::new();
            let _told = take(&data, &mut answers);
            prop_assert!(answers.iter().map(Vec::len).sum::<usize>() <= data.len());
            prop_assert!(attributes(&data).count() * 4 <= data.len());
            let scan = scan();
            let cut = &scan[4..at.clamp(4, scan.len())];
            prop_assert!(point(cut).is_none_or(|point| point.bssid == MacAddr([2, 0, 0, 0, 0, 9])));
        }
    }
}
