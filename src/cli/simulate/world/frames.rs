//! # What is heard of an invented device
//!
//! Frames as capture hands them over, and what scanners report: the same that the engine is given live.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use crate::model::{Fact, Heard, InterfaceId, MacAddr, Moment, Observation, Probe, Proof, Source, Subject};

/// Options a DHCP client asks for (option 55), as iOS and Android do.
const IOS_ASKS: &[u8] = &[1, 121, 3, 6, 15, 108, 114, 119, 252];
const ANDROID_ASKS: &[u8] = &[1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 108];

/// An ARP request (RFC 826) of `mac` at `ip` for `target`; for itself: an announcement (RFC 5227).
pub fn arp(mac: MacAddr, ip: Ipv4Addr, target: Ipv4Addr) -> [u8; 42] {
    let mut frame = [0; 42];
    let mut put = |from: usize, part: &[u8]| {
        if let Some(to) = frame.get_mut(from..from + part.len()) {
            to.copy_from_slice(part);
        }
    };
    put(0, &[0xff; 6]);
    put(6, &mac.0);
    put(12, &[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    put(22, &mac.0);
    put(28, &ip.octets());
    put(38, &target.octets());
    frame
}

/// A DHCP request, as it is gleaned from its frame.
pub fn dhcp(mac: MacAddr, ip: Ipv4Addr, host: &str, android: bool, on: InterfaceId, at: Moment) -> Vec<Observation> {
    let said =
        |fact| Observation { source: Source::Capture, interface: Some(on), at, subject: Subject::mac(mac), fact };
    let mut all = vec![
        said(Fact::Alive { proof: Proof::DhcpRequest, age: Duration::ZERO }),
        said(Fact::Dhcp {
            asked: if android { ANDROID_ASKS } else { IOS_ASKS }.to_vec(),
            vendor_class: android.then(|| "android-dhcp-14".to_owned()),
            client_id: None,
        }),
    ];
    if !host.is_empty() {
        all.push(said(Fact::Named { name: host.to_owned(), by: Heard::Dhcp }));
    }
    all.push(said(Fact::Address(IpAddr::V4(ip))));
    all
}

/// What it says to all by multicast DNS when it comes.
pub fn announcement(mac: MacAddr, ip: Ipv4Addr, host: &str, on: InterfaceId, at: Moment) -> [Observation; 2] {
    let subject = Subject { mac: Some(mac), ip: Some(ip.into()) };
    let said = |fact| Observation { source: Source::Mdns, interface: Some(on), at, subject, fact };
    [
        said(Fact::Alive { proof: Proof::Mdns, age: Duration::ZERO }),
        said(Fact::Named { name: host.to_owned(), by: Heard::MdnsHost }),
    ]
}

/// A Bluetooth advertisement, its key resolved.
pub fn advert(mac: MacAddr, at: Moment) -> Observation {
    Observation {
        source: Source::Ble,
        interface: None,
        at,
        subject: Subject::mac(mac),
        fact: Fact::Alive { proof: Proof::BleAdvert, age: Duration::ZERO },
    }
}

/// What a Bluetooth advertiser calls itself.
pub fn ble_name(mac: MacAddr, name: &str, at: Moment) -> Observation {
    Observation {
        source: Source::Ble,
        interface: None,
        at,
        subject: Subject::mac(mac),
        fact: Fact::Named { name: name.to_owned(), by: Heard::Bluetooth },
    }
}

/// The answer to a question, or that there is none.
pub fn answer(probe: Probe, answers: bool, subject: Subject, on: Option<InterfaceId>, at: Moment) -> Observation {
    let (source, proof) = match probe {
        Probe::Arp | Probe::Nd => (Source::ArpSweep, Proof::ArpReply),
        Probe::Tcp => (Source::Ports, Proof::TcpAnswer),
        _ => (Source::Icmp, Proof::IcmpReply),
    };
    let fact = if answers { Fact::Alive { proof, age: Duration::ZERO } } else { Fact::Unanswered { probe } };
    Observation { source, interface: on, at, subject, fact }
}

/// What an access point tells of a station that it lists and from which it received nothing of late.
pub fn listed(mac: MacAddr, at: Moment) -> Observation {
    Observation { source: Source::Hostapd, interface: None, at, subject: Subject::mac(mac), fact: Fact::Listed }
}

/// What an access point tells of a station that it has dropped.
pub fn dropped(mac: MacAddr, at: Moment) -> Observation {
    Observation {
        source: Source::Hostapd,
        interface: None,
        at,
        subject: Subject::mac(mac),
        fact: Fact::Gone(crate::model::Goodbye::ApLeft),
    }
}
