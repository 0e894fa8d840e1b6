//! # Which protocols devices speak
//!
//! Ports that belong to one sort of machine ([`ports`](crate::intel::ports)), noted of whoever answers or calls there.
//! A port that was drawn by chance must not look like a service's, nor a scan like talk.

use crate::{
    intel::ports::{Talk, Way},
    model::{Fact, MacAddr, Subject, is_private},
    wire::{
        Frame,
        tcp::{Flags, Tcp},
        udp::Udp,
    },
};

use super::Gleaned;

/// Systems draw the ports of callers from here on (Linux `ip_local_port_range`; RFC 6335 §6 from 49152 on): what
/// comes from there need not be a service.
const DRAWN_FROM: u16 = 32_768;
/// Below this nobody but services listens (RFC 6335 §6).
const SERVICES_END: u16 = 1_024;

/// Most segments say nothing here: told apart before it is asked whose they are.
pub fn may_tell(frame: &Frame<'_>) -> bool {
    frame.udp().is_some() || frame.tcp().is_some_and(|tcp| stream(tcp).iter().any(Option::is_some))
}

pub fn glean(gleaned: &mut Gleaned<'_>, frame: &Frame<'_>, mac: MacAddr) {
    let talks = match (frame.udp(), frame.tcp()) {
        (Some(udp), _) => datagram(frame, udp),
        (_, Some(tcp)) => stream(tcp),
        _ => [None, None],
    };
    for talk in talks.into_iter().flatten().filter(|talk| talk.is_listed()) {
        // With each segment of a conversation again.
        if !gleaned.was_told(Subject::mac(mac), talk) {
            gleaned.fact(Subject::mac(mac), Fact::Label { key: "speaks", value: talk.to_string() });
        }
    }
    // What any other port accepts tells no kind, but that something is open there: worth a look.
    let opened = frame.tcp().and_then(|tcp| stream(tcp)[0].filter(|_| tcp.flags.is_accept()));
    let is_asked_by_us = frame.addresses().is_some_and(|(_, to)| gleaned.network.is_own_ip(to));
    if let Some(talk) = opened.filter(|talk| !talk.is_listed() && talk.port < DRAWN_FROM && !is_asked_by_us) {
        gleaned.fact(Subject::mac(mac), Fact::Label { key: "accepts", value: talk.port.to_string() });
    }
}

/// An answer or a call to all within the home: what goes out to servers does not count.
fn datagram(frame: &Frame<'_>, udp: &Udp<'_>) -> [Option<Talk>; 2] {
    let to_all = frame.destination.is_some_and(MacAddr::is_multicast);
    let is_local = to_all || frame.addresses().is_some_and(|(_, to)| is_private(to));
    let from = is_local && udp.destination >= SERVICES_END;
    [
        from.then_some(Talk { way: Way::From, tcp: false, port: udp.source }),
        to_all.then_some(Talk { way: Way::To, tcp: false, port: udp.destination }),
    ]
}

/// Begin and end of what it serves; what it says to whom it calls.
fn stream(tcp: &Tcp<'_>) -> [Option<Talk>; 2] {
    let has_talked = tcp.flags.has(Flags::ACK) && !tcp.flags.has(Flags::RST) && !tcp.flags.has(Flags::SYN);
    let ends = has_talked && tcp.flags.has(Flags::FIN) && tcp.source < DRAWN_FROM && tcp.destination >= DRAWN_FROM;
    let says = has_talked && !tcp.payload.is_empty() && tcp.source >= SERVICES_END;
    [
        (tcp.flags.is_accept() || ends).then_some(Talk { way: Way::From, tcp: true, port: tcp.source }),
        says.then_some(Talk { way: Way::To, tcp: true, port: tcp.destination }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(source: u16, destination: u16, flags: u16, payload: &[u8]) -> Tcp<'_> {
        let (sequence, acknowledgment, window, urgent) = (0, 0, 0, 0);
        let flags = Flags(flags);
        Tcp { source, destination, sequence, acknowledgment, flags, window, urgent, options: &[], payload }
    }

    #[test]
    fn who_accepts_or_ends_serves_and_who_is_refused_says_nothing() {
        let says = |segment: Tcp<'_>| stream(&segment).map(|talk| talk.map(|talk| talk.to_string()));
        let (syn, ack, fin, rst) = (Flags::SYN, Flags::ACK, Flags::FIN, Flags::RST);
        let from = |text: &str| [Some(text.to_owned()), None];
        assert_eq!(says(tcp(9100, 40_000, syn | ack, b"")), from("from:tcp/9100"));
        assert_eq!(says(tcp(10_000, 51_904, fin | ack, b"")), from("from:tcp/10000"));
        // Refused, asked for, drawn by chance, to a server.
        for quiet in [
            tcp(9100, 40_000, rst | ack, b""),
            tcp(40_000, 9100, syn, b""),
            tcp(56_000, 40_000, fin | ack, b""),
            tcp(3000, 8767, fin | ack, b""),
            tcp(9100, 40_000, ack, b""),
        ] {
            assert_eq!(says(quiet), [None, None], "{quiet:?}");
        }
        assert_eq!(says(tcp(40_000, 5223, ack, b"x")), [None, Some("to:tcp/5223".to_owned())]);
    }
}
