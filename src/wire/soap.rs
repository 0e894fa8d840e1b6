//! # SOAP, as routers speak it
//!
//! The UPnP Device Architecture 2.0, §3.1: one action, its arguments, its answer or its fault; and the actions
//! of the Internet gateway (WANIPConnection:1 and :2, WANPPPConnection:1). It allocates: texts are put together.

use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    model::{Port, clean_text},
    wire::xml::{self, Fault},
};

/// Values of one answer; the longest action here has eight.
const VALUES_MAX: usize = 32;
/// Bytes of one short value.
const VALUE_MAX: usize = 256;
const DESCRIPTION_MAX: usize = 120;
/// Entries of one port list.
pub const LIST_MAX: usize = 256;

/// A service that keeps port maps, by its whole type. Only these are spoken to, so nothing a router wrote gets
/// into a header of ours.
pub const CONNECTIONS: [&str; 3] = [
    "urn:schemas-upnp-org:service:WANIPConnection:2",
    "urn:schemas-upnp-org:service:WANIPConnection:1",
    "urn:schemas-upnp-org:service:WANPPPConnection:1",
];

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Values(BTreeMap<String, String>),
    /// UPnP's own number, such as 713, "no entry at this index".
    Refused(u16),
}

impl Answer {
    /// Reads the answer to `action`.
    ///
    /// # Errors
    /// It is neither its answer nor a fault.
    pub fn read(bytes: &[u8], action: &str) -> Result<Answer, Fault> {
        let expected = format!("{action}Response");
        let (mut values, mut code, mut is_answer) = (BTreeMap::new(), None, false);
        let told = |path: &[String], text: &str| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            match path.as_slice() {
                // Without a value it is an answer all the same.
                ["Envelope", "Body", name] if *name == expected => is_answer = true,
                ["Envelope", "Body", name, leaf] if *name == expected => {
                    is_answer = true;
                    if values.len() < VALUES_MAX {
                        values.entry((*leaf).to_owned()).or_insert_with(|| text.to_owned());
                    }
                }
                ["Envelope", "Body", "Fault", .., "errorCode"] => code = code.or_else(|| text.parse().ok()),
                _ => {}
            }
        };
        xml::leaves_of(bytes, xml::BYTES_MAX, told)?;
        match code {
            Some(code) => Ok(Answer::Refused(code)),
            None if is_answer => Ok(Answer::Values(values)),
            None => Err(Fault::Malformed),
        }
    }
}

/// The body that calls `action` of `service`.
#[must_use]
pub fn request(service: &str, action: &str, arguments: &[(&str, &str)]) -> String {
    let mut body = format!(
        "<?xml version=\"1.0\"?>\r\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body><u:{action} xmlns:u=\"{service}\">"
    );
    for (name, value) in arguments {
        body += &format!("<{name}>{}</{name}>", xml::escaped(value));
    }
    body + &format!("</u:{action}></s:Body></s:Envelope>\r\n")
}

/// The header lines that go with it.
#[must_use]
pub fn headers(service: &str, action: &str) -> String {
    format!("Content-Type: text/xml; charset=\"utf-8\"\r\nSOAPAction: \"{service}#{action}\"\r\n")
}

/// One entry of a router's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub tcp: bool,
    pub external: Port,
    pub internal: Port,
    pub client: IpAddr,
    pub enabled: bool,
    pub description: String,
    /// `None`: for ever.
    pub lease_s: Option<u32>,
    /// Only this host may come in; `None`: anybody.
    pub remote: Option<IpAddr>,
}

/// The entry of GetGenericPortMappingEntry; `None` if it names no door. WANIPConnection:1 §2.4.14.
#[must_use]
pub fn entry(values: &BTreeMap<String, String>) -> Option<Entry> {
    entry_of(|name| values.get(&format!("New{name}")).map(String::as_str))
}

/// The entries of GetListOfPortMappings (WANIPConnection:2 §2.5.21), a document in a value, and how many were
/// none or too many.
///
/// # Errors
/// The list is no sound document.
pub fn list(text: &str) -> Result<(Vec<Entry>, usize), Fault> {
    let (mut entries, mut odd) = (Vec::new(), 0);
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut close = |values: &mut BTreeMap<String, String>| {
        // Two names differ from those of the single entry.
        let found = entry_of(|name| {
            let name = match name {
                "PortMappingDescription" => "Description",
                "LeaseDuration" => "LeaseTime",
                other => other,
            };
            values.get(&format!("New{name}")).map(String::as_str)
        });
        match found {
            Some(entry) if entries.len() < LIST_MAX => entries.push(entry),
            _ => odd += usize::from(!values.is_empty()),
        }
        values.clear();
    };
    let mut is_list = false;
    xml::elements(text.as_bytes(), VALUE_MAX, |path, text| {
        is_list = true;
        match (path, text) {
            ([.., parent, leaf], Some(text)) if parent == "PortMappingEntry" && values.len() < VALUES_MAX => {
                values.insert(leaf.clone(), text.to_owned());
            }
            ([.., leaf], None) if leaf == "PortMappingEntry" => close(&mut values),
            _ => {}
        }
    })?;
    if !is_list {
        return Err(Fault::Malformed);
    }
    Ok((entries, odd))
}

fn entry_of<'a>(value: impl Fn(&str) -> Option<&'a str>) -> Option<Entry> {
    let tcp = match value("Protocol")?.trim() {
        word if word.eq_ignore_ascii_case("tcp") => true,
        word if word.eq_ignore_ascii_case("udp") => false,
        _ => return None,
    };
    let address = |text: &str| text.trim().parse::<IpAddr>().ok().filter(|ip| !ip.is_unspecified());
    // External port 0 is every port not named otherwise (§2.4.16): as wide open as it gets.
    let (external, internal) = (value("ExternalPort")?.parse().ok()?, value("InternalPort")?.parse().ok()?);
    let lease: u32 = value("LeaseDuration").and_then(|text| text.parse().ok()).unwrap_or(0);
    Some(Entry {
        tcp,
        external,
        internal,
        client: address(value("InternalClient")?)?,
        enabled: !value("Enabled").is_some_and(|word| matches!(word, "0" | "false" | "no")),
        description: clean_text(value("PortMappingDescription").unwrap_or_default(), DESCRIPTION_MAX),
        lease_s: (lease != 0).then_some(lease),
        remote: value("RemoteHost").and_then(address),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(action: &str, inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><s:Envelope xmlns:s=\"x\"><s:Body><u:{action} xmlns:u=\"y\">{inner}</u:{action}>\
             </s:Body></s:Envelope>"
        )
    }

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    const FAULT: &str = "<faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail><UPnPError>\
        <errorCode>713</errorCode><errorDescription>x</errorDescription></UPnPError></detail>";

    #[test]
    fn an_answer_is_values_or_a_fault() {
        let address =
            answer("GetExternalIPAddressResponse", "<NewExternalIPAddress>203.0.113.9</NewExternalIPAddress>");
        let cases = [
            ("values", address.clone(), Ok(Answer::Values(values(&[("NewExternalIPAddress", "203.0.113.9")])))),
            ("no value", answer("GetExternalIPAddressResponse", ""), Ok(Answer::Values(BTreeMap::new()))),
            ("a fault", answer("Fault", FAULT), Ok(Answer::Refused(713))),
            ("a fault without a number", answer("Fault", ""), Err(Fault::Malformed)),
            ("another action's", answer("GetStatusInfoResponse", "<A>1</A>"), Err(Fault::Malformed)),
            ("a login page", "<html><body>Login</body></html>".into(), Err(Fault::Malformed)),
            ("definitions", format!("<!DOCTYPE x>{address}"), Err(Fault::Definitions)),
        ];
        for (name, text, expected) in cases {
            assert_eq!(Answer::read(text.as_bytes(), "GetExternalIPAddress"), expected, "{name}");
        }
        let many: String = (0..100).map(|n| format!("<N{n}>1</N{n}>")).collect();
        let Ok(Answer::Values(found)) = Answer::read(answer("XResponse", &many).as_bytes(), "X") else { panic!() };
        assert_eq!(found.len(), VALUES_MAX);
    }

    #[test]
    fn an_entry_names_a_door_or_nothing() {
        let whole = [
            ("NewRemoteHost", ""),
            ("NewExternalPort", "3390"),
            ("NewProtocol", "TCP"),
            ("NewInternalPort", "3389"),
            ("NewInternalClient", "192.168.1.20"),
            ("NewEnabled", "1"),
            ("NewPortMappingDescription", "Remote\u{202e} desk\u{1b}top"),
            ("NewLeaseDuration", "0"),
        ];
        let found = entry(&values(&whole)).expect("a door");
        assert_eq!((found.tcp, found.external, found.internal, found.lease_s), (true, 3390, 3389, None));
        assert_eq!((found.description.as_str(), found.enabled, found.remote), ("Remote desk top", true, None));
        for (name, value, is_door) in [
            ("NewProtocol", "sctp", false),
            ("NewExternalPort", "70000", false),
            ("NewExternalPort", "0", true),
            ("NewInternalPort", "-1", false),
            ("NewInternalClient", "router.lan", false),
            ("NewInternalClient", "0.0.0.0", false),
            ("NewInternalClient", "", false),
            ("NewLeaseDuration", "soon", true),
            ("NewRemoteHost", "198.51.100.7", true),
        ] {
            let mut values = values(&whole);
            values.insert(name.into(), value.into());
            assert_eq!(entry(&values).is_some(), is_door, "{name} {value}");
        }
        let mut off = values(&whole);
        off.insert("NewEnabled".into(), "0".into());
        assert!(entry(&off).is_some_and(|door| !door.enabled));
        assert_eq!(entry(&BTreeMap::new()), None);
    }

    fn listed(port: u32) -> String {
        format!(
            "<p:PortMappingEntry><p:NewRemoteHost></p:NewRemoteHost><p:NewExternalPort>{port}</p:NewExternalPort>\
             <p:NewProtocol>UDP</p:NewProtocol><p:NewInternalPort>53</p:NewInternalPort>\
             <p:NewInternalClient>10.0.0.5</p:NewInternalClient><p:NewEnabled>0</p:NewEnabled>\
             <p:NewDescription>game</p:NewDescription><p:NewLeaseTime>60</p:NewLeaseTime></p:PortMappingEntry>"
        )
    }

    #[test]
    fn a_list_is_read_entry_by_entry() {
        let of = |entries: &str| format!("<p:PortMappingList xmlns:p=\"x\">{entries}</p:PortMappingList>");
        let (found, odd) = list(&of(&(listed(1)
            + "<p:PortMappingEntry><p:NewProtocol>x</p:NewProtocol></p:PortMappingEntry>"
            + &listed(2))))
        .expect("a list");
        assert_eq!((found.len(), odd), (2, 1));
        let first = found.first().expect("an entry");
        assert_eq!((first.external, first.tcp, first.enabled, first.lease_s), (1, false, false, Some(60)));
        assert_eq!(first.description, "game");
        let short = |port: u32| {
            format!(
                "<PortMappingEntry><NewExternalPort>{port}</NewExternalPort><NewProtocol>UDP</NewProtocol>\
                 <NewInternalPort>53</NewInternalPort><NewInternalClient>10.0.0.5</NewInternalClient></PortMappingEntry>"
            )
        };
        let many: String = (1..=300).map(short).collect();
        assert_eq!(list(&of(&many)).map(|(found, odd)| (found.len(), odd)), Ok((LIST_MAX, 300 - LIST_MAX)));
        assert_eq!(list(&of("")), Ok((Vec::new(), 0)));
        assert!(list("not a list").is_err());
    }

    #[test]
    fn what_goes_out_is_read_back() {
        let body = request(CONNECTIONS[1], "GetGenericPortMappingEntry", &[("NewPortMappingIndex", "<&>")]);
        let mut found = Vec::new();
        xml::leaves(body.as_bytes(), |path, text| found.push((path.join("/"), text.to_owned()))).expect("sound");
        assert_eq!(
            found,
            [("Envelope/Body/GetGenericPortMappingEntry/NewPortMappingIndex".to_owned(), "<&>".to_owned())]
        );
    }

    proptest! {
        #[test]
        fn texts_of_doors_stay_short_and_printable(text in ".{0,400}", port in any::<u32>()) {
            let mut whole = values(&[("NewProtocol", "UDP"), ("NewInternalPort", "1"), ("NewInternalClient", "10.0.0.5")]);
            whole.insert("NewExternalPort".into(), port.to_string());
            whole.insert("NewPortMappingDescription".into(), text);
            if let Some(door) = entry(&whole) {
                prop_assert_eq!(u32::from(door.external), port);
                prop_assert!(door.description.len() <= DESCRIPTION_MAX && !door.description.chars().any(char::is_control));
            }
        }
    }
}
