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

#[cfg(test)]
mod tests {
    use super::*;

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
