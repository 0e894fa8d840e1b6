//! What of a frame may be kept: its headers, and what devices say of themselves and the network. What people say
//! through it is blanked, whatever protocol it is of, so that no parser has to recognise a password to hide it.

use crate::{
    model::{Captured, LinkType, Port},
    wire::{Carries, Frame, Net, Transport, Wifi},
};

/// Kept of a segment of TCP: headers and a greeting.
const TCP_MAX: usize = 512;
/// Of everything else: names, leases and advertisements are whole.
const WHOLE_MAX: usize = 1600;
/// Of a frame on the air that carries data: its header.
const AIR_MAX: usize = 96;
/// Of a frame of which only the link is known.
const UNKNOWN_KEPT: usize = 8;
/// Of a ping: number and sequence. Of an error: four bytes, the header of IP and the ports of what it is about.
const ECHO: usize = 4;
const QUOTED_V4: usize = 4 + 20 + 8;
const QUOTED_V6: usize = 4 + 40 + 8;
/// What stands in place of what was said.
const BLANK: u8 = b'.';

/// Protocols of UDP that carry names, leases and time, and no secrets: DNS and its kin, DHCP, NTP, NetBIOS names, SSDP.
const OPEN: [Port; 12] = [53, 67, 68, 123, 137, 138, 546, 547, 1900, 3702, 5353, 5355];
/// The start of a request that is shown, without what follows a question mark.
const LINE_MAX: usize = 160;
/// Lines of a head of HTTP that hold no secret.
const HEADS: [&str; 6] = ["host:", "user-agent:", "content-type:", "content-length:", "server:", "date:"];

/// As much of a frame as is worth memory, by a look at where TCP would be.
pub(super) fn short<'a>(captured: &Captured<'a>) -> &'a [u8] {
    let bytes = captured.bytes;
    let most = match captured.link {
        LinkType::ETHERNET => {
            let kind = |at: usize| bytes.get(at..at + 2).map(|two| u16::from_be_bytes([two[0], two[1]]));
            let (kind, at) = match kind(12) {
                Some(0x8100 | 0x88a8) => (kind(16), 18),
                kind => (kind, 14),
            };
            let next = match kind {
                Some(0x0800) => bytes.get(at + 9),
                Some(0x86dd) => bytes.get(at + 6),
                _ => None,
            };
            if next == Some(&6) { TCP_MAX } else { WHOLE_MAX }
        }
        _ => WHOLE_MAX,
    };
    bytes.get(..most).unwrap_or(bytes)
}

/// Where `part` lies in `whole`, if it does.
fn offset(whole: &[u8], part: &[u8]) -> Option<usize> {
    let at = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (at + part.len() <= whole.len()).then_some(at)
}

/// The bytes of a frame with what was said blanked.
pub(super) fn blank(frame: &Frame<'_>, bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let from = match (&frame.net, &frame.transport) {
        (Some(Net::Arp(_)), _) => return out,
        (Some(_), Some(Transport::Icmp(_) | Transport::IcmpV6(_))) => {
            // What steers the network is whole: routers, neighbours, groups. A ping carries what its sender likes.
            let (is_whole, quoted) = match &frame.transport {
                Some(Transport::Icmp(icmp)) => (
                    matches!(icmp.kind, 9 | 10 | 13..=18),
                    matches!(icmp.kind, 3 | 4 | 5 | 11 | 12).then_some(QUOTED_V4),
                ),
                Some(Transport::IcmpV6(icmp)) => {
                    (matches!(icmp.kind, 130..=137 | 143), (icmp.kind < 128).then_some(QUOTED_V6))
                }
                _ => (false, None),
            };
            if is_whole {
                return out;
            }
            offset(bytes, frame.payload()).map(|at| at + quoted.unwrap_or(ECHO))
        }
        (Some(_), Some(Transport::Udp(udp))) => {
            if OPEN.contains(&udp.source) || OPEN.contains(&udp.destination) {
                return out;
            }
            offset(bytes, udp.payload)
        }
        (Some(_), Some(Transport::Tcp(tcp))) => match offset(bytes, tcp.payload) {
            // Records of TLS: a greeting, or what nobody can read (RFC 8446 §5.1).
            Some(_) if matches!(tcp.payload, [20..=23, 3, 0..=4, ..]) => return greeting(bytes, tcp.payload, out),
            Some(at) => {
                let shown = head(tcp.payload);
                let end = (at + shown.len()).min(out.len());
                if let Some(room) = out.get_mut(at..end) {
                    room.copy_from_slice(shown.get(..room.len()).unwrap_or_default());
                }
                Some(end)
            }
            None => None,
        },
        (Some(_), None) => offset(bytes, frame.payload()),
        (None, _) => link_only(frame, bytes),
    };
    // Where nobody knows what is behind the header, nothing behind it is kept.
    let from = from.unwrap_or(UNKNOWN_KEPT.min(out.len()));
    out.iter_mut().skip(from).for_each(|byte| *byte = BLANK);
    out
}

/// A frame of the link alone. Frames that steer the network (STP, LLDP, CDP) are shown, and on the air those that
/// manage it; of others only who sent it.
fn link_only(frame: &Frame<'_>, bytes: &[u8]) -> Option<usize> {
    if frame.wifi.is_some() {
        let is_data = frame.wifi.is_some_and(|wifi| wifi.class == Wifi::DATA);
        return if is_data { offset(bytes, frame.link_payload).map(|at| at.min(AIR_MAX)) } else { Some(bytes.len()) };
    }
    match frame.carries {
        // LLDP, loop detection, STP, and what Cisco's switches say.
        Carries::Ether(0x88cc | 0x9000) | Carries::Snap { oui: [0, 0, 0x0c], .. } | Carries::Llc(0x42) => {
            Some(bytes.len())
        }
        _ => offset(bytes, frame.link_payload).map(|at| at + UNKNOWN_KEPT),
    }
}

/// A segment that begins like a record of TLS: what lies behind its first record is read as no greeting.
fn greeting(bytes: &[u8], payload: &[u8], mut out: Vec<u8>) -> Vec<u8> {
    let kind = payload.first().copied().unwrap_or_default();
    let len = payload.get(3..5).map_or(0, |two| usize::from(u16::from_be_bytes([two[0], two[1]])));
    // Only a handshake says something to whoever looks; anything else could be anybody's words behind five bytes.
    let shown = if kind == 22 { len + 5 } else { 5 };
    if let Some(at) = offset(bytes, payload) {
        out.iter_mut().skip(at + shown).for_each(|byte| *byte = BLANK);
    }
    out
}

/// What is shown of the start of a segment: the request of HTTP up to its question mark and harmless lines of its head,
/// the banner of SSH. Everything else is blanked; the length stays.
fn head(payload: &[u8]) -> Vec<u8> {
    let end = payload.windows(2).position(|two| two == b"\r\n").map_or(payload.len(), |at| at + 2);
    let first = payload.get(..end.min(LINE_MAX)).unwrap_or_default();
    let is_request = [&b"GET "[..], b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"M-SEARCH "]
        .iter()
        .any(|start| first.starts_with(start));
    if first.starts_with(b"SSH-") {
        return first.to_vec();
    }
    if !is_request && !first.starts_with(b"HTTP/1.") {
        return Vec::new();
    }
    let mut out = Vec::with_capacity(payload.len().min(TCP_MAX));
    let asks = first.iter().position(|byte| matches!(byte, b'?' | b';' | b'@' | b'%')).filter(|_| is_request);
    let shown = asks.map_or(first.len(), |at| at + 1);
    out.extend_from_slice(first.get(..shown).unwrap_or_default());
    out.resize(end, BLANK);
    for line in payload.get(end..).unwrap_or_default().split_inclusive(|byte| *byte == b'\n') {
        if line == b"\r\n" {
            out.extend_from_slice(line);
            break;
        }
        let is_shown = line.ends_with(b"\r\n")
            && HEADS
                .iter()
                .any(|name| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes())));
        if is_shown {
            out.extend_from_slice(line);
        } else {
            out.extend(std::iter::repeat_n(BLANK, line.len()));
        }
    }
    out
}
