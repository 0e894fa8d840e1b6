//! # What devices call themselves
//!
//! Multicast DNS, LLMNR, SSDP, NetBIOS. Reflectors and sleep proxies repeat others' words under their own
//! MAC, so a record counts only if the message ties it to the address the message came from.

use std::net::IpAddr;

use crate::{
    model::{Fact, Goodbye, Heard, MacAddr, Proof, Subject, is_link_local},
    wire::{
        dns::{Data, Message, Name, Record, kind},
        llmnr, mdns, netbios,
        ssdp::{self, Ssdp},
        udp::Udp,
    },
};

use super::{Gleaned, subject, text};

/// Records looked at of one message. Each may be compared with each, so this bounds the work.
const RECORDS_MAX: usize = 64;

/// False if it is no DNS.
pub fn multicast_dns(gleaned: &mut Gleaned<'_>, mac: MacAddr, from: IpAddr, to: IpAddr, udp: &Udp<'_>) -> bool {
    let Some(message) = Message::read(udp.payload) else { return false };
    // Multicast to 224.0.0.251 and ff02::fb stays on the link (RFC 6762 §3).
    let is_here = to.is_multicast() || is_link_local(from);
    let sender = subject(mac, from, is_here);
    if !message.is_response() {
        gleaned.alive(sender, Proof::Mdns);
        return true;
    }
    let addresses = || message.records().take(RECORDS_MAX).filter_map(|record| Some((address(&record)?, record)));
    let Some((_, own)) = addresses().find(|(ip, _)| *ip == from) else {
        // Somebody else's addresses: repeated, or kept for a sleeper. No address at all: cannot tell whose.
        let proof = if addresses().next().is_some() { Proof::Frame } else { Proof::Mdns };
        gleaned.alive(Subject::mac(mac), proof);
        return true;
    };
    gleaned.alive(sender, Proof::Mdns);
    if own.ttl_s == 0 {
        gleaned.fact(sender, Fact::Gone(Goodbye::MdnsGoodbye));
    } else if let Some(host) = mdns::host(&own.name).filter(|host| !is_uuid(host)) {
        let name = text(host);
        if !name.is_empty() {
            gleaned.fact(sender, Fact::Named { name, by: Heard::MdnsHost });
        }
    }
    let has_others = addresses().any(|(_, record)| !record.name.is(&own.name));
    let records = || message.records().take(RECORDS_MAX).filter(|record| record.ttl_s > 0);
    let is_served_here = |instance: &Name<'_>| {
        records().any(|record| {
            matches!(record.data(), Data::Srv { target, .. } if target.is(&own.name)) && record.name.is(instance)
        })
    };
    let mut announced = false;
    for record in records() {
        let Some(service) = mdns::service(&record.name) else { continue };
        match record.data() {
            Data::Srv { port, target, .. } if target.is(&own.name) => {
                // One is enough: a message may hold dozens.
                let instance = service.instance.filter(|_| !announced && is_named_by_makers(service.service));
                if let Some(instance) = instance {
                    gleaned.label(sender, "announced_as", instance);
                    announced = true;
                }
                let name = text(service.service);
                gleaned.fact(sender, Fact::Service { tcp: service.tcp, port, name });
            }
            Data::Txt(strings) if !has_others || is_served_here(&record.name) => {
                for (key, value) in mdns::pairs(strings) {
                    if let Some(label) = label(service.service, key, value) {
                        gleaned.label(sender, label, value);
                    } else if let Some((label, words)) = sort(service.service, key, value) {
                        gleaned.label(sender, label, words.as_bytes());
                    }
                    // What people called it when they set it up (developers.google.com/cast, `fn`).
                    if service.service == b"googlecast" && key.eq_ignore_ascii_case(b"fn") {
                        let name = text(value);
                        if !name.is_empty() {
                            gleaned.fact(sender, Fact::Named { name, by: Heard::Mdns });
                        }
                    }
                }
            }
            _ => {}
        }
    }
    true
}

fn address(record: &Record<'_>) -> Option<IpAddr> {
    match record.data() {
        Data::A(ip) => Some(ip.into()),
        Data::Aaaa(ip) => Some(ip.into()),
        _ => None,
    }
}

/// The label for a TXT key. Keys as Apple's and Google's services, HomeKit and printers (Bonjour
/// Printing 1.2.1 §9.2) use them.
fn label(service: &[u8], key: &[u8], value: &[u8]) -> Option<&'static str> {
    let is = |words: &[&str]| words.iter().any(|word| key.eq_ignore_ascii_case(word.as_bytes()));
    // `md` is a model to HomeKit and a list of numbers to AirTunes.
    let has_letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count() > 1;
    if is(&["model", "md", "am", "ty", "mdl", "usb_mdl"]) {
        return has_letters.then_some("model");
    }
    if is(&["mf", "manufacturer", "usb_mfg", "vendor"]) {
        return has_letters.then_some("maker");
    }
    if is(&["fn"]) {
        return Some("friendly_name");
    }
    match service {
        b"hap" if is(&["id"]) => Some("hap_id"),
        b"googlecast" if is(&["id"]) => Some("cast_id"),
        b"airplay" if is(&["deviceid"]) => Some("airplay_id"),
        b"hue" if is(&["bridgeid"]) => Some("hue_id"),
        // What sort of its series it is, in the maker's words.
        b"shelly" if is(&["app"]) => Some("shelly_app"),
        b"esphomelib" if is(&["project_name"]) => Some("project"),
        b"hwenergy" if is(&["product_type", "product_name"]) => Some("product"),
        b"ewelink" | b"homeconnect" | b"openevse" if is(&["type"]) => Some("product"),
        b"meshcop" if is(&["mn"]) && has_letters => Some("model"),
        b"meshcop" if is(&["vn"]) && has_letters => Some("maker"),
        _ => None,
    }
}

/// What numbers of a service say of the sort of thing, and the label for it.
fn sort(service: &[u8], key: &[u8], value: &[u8]) -> Option<(&'static str, &'static str)> {
    let is = |word: &str| key.eq_ignore_ascii_case(word.as_bytes());
    match service {
        b"hap" if is("ci") => Some(("homekit_category", mdns::homekit_category(value)?)),
        b"googlecast" if is("ca") => Some(("cast_output", mdns::cast_output(value)?)),
        b"matterc" if is("dt") => Some(("matter_type", mdns::matter_type(value)?)),
        _ => None,
    }
}

/// Services whose instance is named by the maker, with the model, not by people.
fn is_named_by_makers(service: &[u8]) -> bool {
    [&b"miio"[..], b"http", b"axis-video", b"aqara", b"mieleathome", b"homeconnect"].contains(&service)
}

/// Browsers hide behind names drawn at random (draft-ietf-mmusic-mdns-ice-candidates), and casting devices use
/// such names.
fn is_uuid(host: &[u8]) -> bool {
    host.len() == 36
        && host.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Names anybody may ask for and attackers like to answer for (RFC 4795 §5; web proxy and tunnel discovery).
const NOBODYS: [&str; 2] = ["wpad", "isatap"];

/// False if it is no LLMNR. A host answers for its own name, and asks for it once to see that it is the only one.
pub fn llmnr(gleaned: &mut Gleaned<'_>, mac: MacAddr, from: IpAddr, to: IpAddr, udp: &Udp<'_>) -> bool {
    let Some(message) = Message::read(udp.payload).filter(|message| message.opcode() == 0) else { return false };
    let sender = subject(mac, from, to.is_multicast() || is_link_local(from));
    gleaned.alive(sender, Proof::Frame);
    let name = if !message.is_response() {
        // RFC 4795 §4.1: a query of type ANY for the name it is about to use.
        message.questions().next().filter(|question| question.kind == kind::ANY).map(|question| question.name)
    } else if llmnr::is_certain(&message) {
        let about = llmnr::reverse(from);
        message.answers().take(RECORDS_MAX).find_map(|record| match record.data() {
            Data::Name(name) if record.kind == kind::PTR && record.name.is_text(&about) => Some(name),
            _ => address(&record).filter(|ip| *ip == from).map(|_| record.name),
        })
    } else {
        None
    };
    let name = name.and_then(|name| name.labels().next()).map(text).unwrap_or_default();
    if !name.is_empty() && !NOBODYS.iter().any(|nobody| name.eq_ignore_ascii_case(nobody)) {
        gleaned.fact(sender, Fact::Named { name, by: Heard::Llmnr });
    }
    true
}

/// UPnP device types that say what it is, and the label of each. One key each: a device may be several.
const UPNP_TYPES: [(&str, &str); 6] = [
    ("InternetGatewayDevice", "upnp_gateway"),
    ("MediaRenderer", "upnp_renderer"),
    ("MediaServer", "upnp_server"),
    ("ZonePlayer", "upnp_zone_player"),
    ("Printer", "upnp_printer"),
    ("DigitalSecurityCamera", "upnp_camera"),
];

/// False if it is no SSDP.
pub fn ssdp(gleaned: &mut Gleaned<'_>, mac: MacAddr, from: IpAddr, payload: &[u8]) -> bool {
    let Some(message) = Ssdp::read(payload) else { return false };
    let sender = subject(mac, from, is_link_local(from));
    let location = message.header("location").and_then(ssdp::url_host).and_then(|host| host.parse::<IpAddr>().ok());
    if location.is_some_and(|ip| ip != from) {
        gleaned.alive(sender, Proof::Frame);
        return true;
    }
    gleaned.alive(sender, Proof::Ssdp);
    if message.is_byebye() {
        gleaned.fact(sender, Fact::Gone(Goodbye::SsdpByebye));
        return true;
    }
    if location.is_none() || message.kind == ssdp::Kind::Search {
        return true;
    }
    if let Some(server) = message.header("server") {
        gleaned.label(sender, "upnp_software", server);
    }
    let kind = message.header("nt").or_else(|| message.header("st")).unwrap_or_default();
    if kind.eq_ignore_ascii_case(b"upnp:rootdevice")
        && let Some(uuid) = message.header("usn").and_then(|usn| usn.strip_prefix(b"uuid:"))
    {
        let end = uuid.iter().position(|byte| *byte == b':').unwrap_or(uuid.len());
        gleaned.label(sender, "upnp_id", uuid.get(..end).unwrap_or_default());
    }
    // `urn:schemas-upnp-org:device:MediaRenderer:1`
    let kind = String::from_utf8_lossy(kind);
    let mut parts = kind.split(':').skip_while(|part| *part != "device");
    if let Some((word, key)) = parts.nth(1).and_then(|kind| UPNP_TYPES.iter().find(|(word, _)| *word == kind)) {
        gleaned.label(sender, key, word.as_bytes());
    } else if let Some(word) = kind.split(':').skip_while(|part| *part != "device").nth(1)
        && !word.eq_ignore_ascii_case("basic")
    {
        // A maker's own type: `urn:Belkin:device:insight:1`.
        gleaned.label(sender, "upnp_type", word.as_bytes());
    }
    true
}

/// False if it is no NetBIOS.
pub fn netbios(gleaned: &mut Gleaned<'_>, mac: MacAddr, from: IpAddr, udp: &Udp<'_>) -> bool {
    let claim = if udp.destination == netbios::PORT_NAMES {
        Message::read(udp.payload).as_ref().and_then(netbios::claim)
    } else {
        netbios::datagram_source(udp.payload)
    };
    let Some((name, _)) = claim.filter(|(_, ip)| IpAddr::V4(*ip) == from) else { return false };
    gleaned.alive(Subject::mac(mac), Proof::Frame);
    let shown = text(name.bytes());
    // 0 is the computer, 0x20 its file server; other suffixes name users and groups.
    if matches!(name.suffix, 0 | 0x20) && !shown.is_empty() {
        gleaned.fact(Subject::mac(mac), Fact::Named { name: shown, by: Heard::Netbios });
    }
    true
}
