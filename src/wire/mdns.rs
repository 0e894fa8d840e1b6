//! # Names of multicast DNS
//!
//! RFC 6762 and RFC 6763: what a name under `local` means. Whose record it is, is judged elsewhere.

use crate::{
    model::Port,
    wire::dns::{Name, Strings},
};

pub const PORT: Port = 5353;

/// The host part of `host.local`.
#[must_use]
pub fn host<'a>(name: &Name<'a>) -> Option<&'a [u8]> {
    let mut labels = name.labels();
    let (host, top) = (labels.next()?, labels.next()?);
    (top.eq_ignore_ascii_case(b"local") && labels.next().is_none() && !labels.cut && !host.starts_with(b"_"))
        .then_some(host)
}

/// `Instance._service._tcp.local`, or without the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service<'a> {
    pub instance: Option<&'a [u8]>,
    /// Without the underscore.
    pub service: &'a [u8],
    pub tcp: bool,
}

/// Reads a service name (RFC 6763 §4.1).
#[must_use]
pub fn service<'a>(name: &Name<'a>) -> Option<Service<'a>> {
    let mut labels = name.labels();
    let (mut service, mut transport) = (labels.next()?, labels.next()?);
    let mut instance = None;
    if !is_transport(transport) {
        instance = Some(service);
        (service, transport) = (transport, labels.next()?);
    }
    let is_local = labels.next()?.eq_ignore_ascii_case(b"local") && labels.next().is_none() && !labels.cut;
    let service = service.strip_prefix(b"_")?;
    (is_local && is_transport(transport) && !service.is_empty()).then(|| Service {
        instance,
        service,
        tcp: transport.eq_ignore_ascii_case(b"_tcp"),
    })
}

fn is_transport(label: &[u8]) -> bool {
    label.eq_ignore_ascii_case(b"_tcp") || label.eq_ignore_ascii_case(b"_udp")
}

/// Key and value pairs (RFC 6763 §6.4): a string without `=` or without a key says nothing to us.
pub fn pairs(strings: Strings<'_>) -> impl Iterator<Item = (&[u8], &[u8])> {
    strings.filter_map(|string| {
        let at = string.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (string.get(..at)?, string.get(at + 1..)?);
        (!key.is_empty()).then_some((key, value))
    })
}

/// The sort of an accessory (`ci` of `_hap`), in words (HomeKit Accessory Protocol R2 §13-1, accessory categories).
#[must_use]
pub fn homekit_category(value: &[u8]) -> Option<&'static str> {
    Some(match number(value)? {
        2 => "bridge",
        3 => "fan",
        4 => "garage door opener",
        5 => "light bulb",
        6 => "door lock",
        7 => "power outlet",
        8 => "in-wall switch",
        9 => "thermostat",
        10 => "sensor",
        11 => "security system",
        14 => "window covering",
        15 => "remote button",
        17 => "ip camera",
        18 => "video doorbell",
        19 => "air purifier",
        20 => "heater",
        21 => "air conditioner",
        22 => "humidifier",
        23 => "dehumidifier",
        24 => "streaming box",
        26 => "smart speaker",
        28 => "sprinkler",
        29 | 30 => "faucet",
        31 => "television",
        33 => "wireless router",
        34 => "audio receiver",
        35 => "set-top box",
        36 => "streaming stick",
        _ => return None,
    })
}

/// What a Cast device can put out (`ca` of `_googlecast`): bit 0 is video, bit 2 audio, bit 5 a group of several (Chromium,
/// `CastDeviceCapability`). Nothing of a group.
#[must_use]
pub fn cast_output(value: &[u8]) -> Option<&'static str> {
    match number(value)? {
        bits if bits & 0x20 != 0 => None,
        bits if bits & 1 != 0 => Some("video"),
        bits if bits & 4 != 0 => Some("audio only"),
        _ => None,
    }
}

/// The sort of a Matter device that waits to be taken in (`DT` of `_matterc`), in words (Matter Device Library 1.3).
#[must_use]
pub fn matter_type(value: &[u8]) -> Option<&'static str> {
    Some(match number(value)? {
        0x000a => "door lock",
        0x000e => "bridge",
        0x0015 => "contact sensor",
        0x0022 => "smart speaker",
        0x0023 | 0x0028 => "video player",
        0x002b => "fan",
        0x002c => "air quality sensor",
        0x002d => "air purifier",
        0x0041 | 0x0043 | 0x0044 => "water leak sensor",
        0x0070 => "refrigerator",
        0x0072 => "air conditioner",
        0x0073 => "washing machine",
        0x0074 => "robot vacuum",
        0x0075 => "dishwasher",
        0x0076 => "smoke sensor",
        0x0078 | 0x007b => "oven",
        0x007c => "dryer",
        0x0090 => "home router",
        0x0100..=0x0102 | 0x010c | 0x010d => "light bulb",
        0x0103..=0x0105 => "in-wall switch",
        0x0106 | 0x0107 | 0x0302 | 0x0305 | 0x0306 | 0x0307 | 0x0850 => "sensor",
        0x010a | 0x010b => "power outlet",
        0x0202 => "window covering",
        0x0301 => "thermostat",
        0x0509 | 0x050c => "ev charger",
        0x0510 => "energy meter",
        _ => return None,
    })
}

fn number(value: &[u8]) -> Option<u32> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_sorts_become_words_and_nonsense_nothing() {
        assert_eq!(homekit_category(b"17"), Some("ip camera"));
        assert_eq!(homekit_category(b"31"), Some("television"));
        // A television, a speaker, a group of speakers.
        assert_eq!(cast_output(b"201221"), Some("video"));
        assert_eq!(cast_output(b"199172"), Some("audio only"));
        assert_eq!(cast_output(b"199204"), None);
        assert_eq!(matter_type(b"266"), Some("power outlet"));
        for bad in [&b""[..], b"-1", b"4294967296", b"1 7", b"\xff", b"9999"] {
            assert_eq!((homekit_category(bad), matter_type(bad)), (None, None), "{bad:?}");
        }
    }

    #[test]
    fn hosts_and_services_are_told_apart() {
        type Found<'a> = (Option<&'a [u8]>, Option<(Option<&'a [u8]>, &'a [u8], bool)>);
        let cases: &[(&[u8], Found<'_>)] = &[
            (b"\x02tv\x05local\x00", (Some(b"tv"), None)),
            (b"\x02tv\x05LOCAL\x00", (Some(b"tv"), None)),
            (b"\x02tv\x03lan\x00", (None, None)),
            (b"\x05_http\x04_tcp\x05local\x00", (None, Some((None, b"http", true)))),
            (b"\x0aLiving. TV\x08_airplay\x04_tcp\x05local\x00", (None, Some((Some(b"Living. TV"), b"airplay", true)))),
            (b"\x01a\x04_ntp\x04_udp\x05local\x00", (None, Some((Some(b"a"), b"ntp", false)))),
            (b"\x01a\x04http\x04_tcp\x05local\x00", (None, None)),
            (b"\x01a\x05_http\x04_tcp\x05local\x01x\x00", (None, None)),
            (b"\x00", (None, None)),
        ];
        for (bytes, expected) in cases {
            let name = Name::new(bytes, 0);
            let found = service(&name).map(|s| (s.instance, s.service, s.tcp));
            assert_eq!((host(&name), found), *expected, "{name}");
        }
    }
}
