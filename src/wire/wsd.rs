//! # WS-Discovery
//!
//! OASIS WS-Discovery 1.1 and the Devices Profile (DPWS) as Windows, printers, scanners and ONVIF cameras
//! speak them: SOAP over UDP, and one SOAP question over HTTP. It allocates: XML has to be put together.

use crate::{
    model::{Port, clean_text},
    wire::xml,
};

pub const PORT: Port = 3702;
const TEXT_MAX: usize = 120;
const URL_MAX: usize = 512;
const TYPES_MAX: usize = 16;
const XADDRS_MAX: usize = 8;
const ANONYMOUS: &str = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";

/// What is searched for; an answer comes from whoever is one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Windows, printers, scanners.
    Device,
    /// ONVIF cameras (ONVIF Core Specification §7.3).
    Camera,
}

/// A search. `id` is a UUID of ours.
#[must_use]
pub fn probe(id: &str, wanted: Wanted) -> String {
    // Responders such as wsdd compare the type as text, so the prefixes are the customary ones.
    let (prefix, space, kind) = match wanted {
        Wanted::Device => ("wsdp", "http://schemas.xmlsoap.org/ws/2006/02/devprof", "Device"),
        Wanted::Camera => ("dn", "http://www.onvif.org/ver10/network/wsdl", "NetworkVideoTransmitter"),
    };
    envelope(
        "urn:schemas-xmlsoap-org:ws:2005:04:discovery",
        "http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe",
        id,
        "",
        &format!(r#"<d:Probe><d:Types xmlns:{prefix}="{space}">{prefix}:{kind}</d:Types></d:Probe>"#),
    )
}

/// "Where are you?" to the endpoint `of`, which left its addresses out of an answer (WS-Discovery §6.2). It is said to
/// the group, as a search is.
#[must_use]
pub fn resolve(id: &str, of: &str) -> String {
    envelope(
        "urn:schemas-xmlsoap-org:ws:2005:04:discovery",
        "http://schemas.xmlsoap.org/ws/2005/04/discovery/Resolve",
        id,
        "",
        &format!(
            "<d:Resolve><a:EndpointReference><a:Address>{}</a:Address></a:EndpointReference></d:Resolve>",
            xml::escaped(of)
        ),
    )
}

/// "What are you?" to the endpoint `to` (WS-Transfer Get).
#[must_use]
pub fn get(id: &str, to: &str) -> String {
    let reply = format!("<a:ReplyTo><a:Address>{ANONYMOUS}</a:Address></a:ReplyTo>");
    envelope(&xml::escaped(to), "http://schemas.xmlsoap.org/ws/2004/09/transfer/Get", id, &reply, "")
}

fn envelope(to: &str, action: &str, id: &str, header: &str, body: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header><a:To>{to}</a:To><a:Action>{action}</a:Action><a:MessageID>urn:uuid:{id}</a:MessageID>{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>"#
    )
}

/// An answer to a search, or an announcement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Match {
    /// Whose search it answers.
    pub relates_to: String,
    pub endpoint: String,
    /// Without prefixes: `Device`, `Computer`, `PrintDeviceType`, `NetworkVideoTransmitter`.
    pub types: Vec<String>,
    pub addresses: Vec<String>,
    /// ONVIF: of the scopes `name` and `hardware`.
    pub name: String,
    pub hardware: String,
    pub is_bye: bool,
}

impl Match {
    /// `None` if it is none of these messages.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Match> {
        let mut found = Match::default();
        let mut is_ours = false;
        let done = xml::leaves(bytes, |path, text| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let [_, section, .., leaf] = path.as_slice() else { return };
            match (*section, *leaf) {
                ("Header", "RelatesTo") => found.relates_to = clean_text(text, TEXT_MAX),
                ("Header", "Action") => {
                    let word = text.rsplit('/').next().unwrap_or_default();
                    found.is_bye = word == "Bye";
                    is_ours = matches!(word, "Bye" | "Hello" | "ProbeMatches" | "ResolveMatches");
                }
                ("Body", "Address") if found.endpoint.is_empty() => found.endpoint = clean_text(text, TEXT_MAX),
                ("Body", "Types") if found.types.is_empty() => {
                    let bare = |word: &str| clean_text(word.rsplit(':').next().unwrap_or_default(), 40);
                    found.types = text.split_ascii_whitespace().take(TYPES_MAX).map(bare).collect();
                }
                ("Body", "XAddrs") if found.addresses.is_empty() => {
                    let sane = text.split_ascii_whitespace().filter(|url| url.len() <= URL_MAX);
                    found.addresses = sane.take(XADDRS_MAX).map(str::to_owned).collect();
                }
                ("Body", "Scopes") => {
                    for scope in text.split_ascii_whitespace() {
                        if let Some(name) = scope.strip_prefix("onvif://www.onvif.org/name/") {
                            found.name = unescaped(name);
                        } else if let Some(model) = scope.strip_prefix("onvif://www.onvif.org/hardware/") {
                            found.hardware = unescaped(model);
                        }
                    }
                }
                _ => {}
            }
        });
        // A cut document still says who sent it; a refused one says nothing.
        let is_sound = matches!(done, Ok(()) | Err(xml::Fault::Malformed));
        (is_ours && is_sound && !found.endpoint.is_empty()).then_some(found)
    }
}

/// `%20` and its like.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = (*first == b'%').then(|| after.get(..2)).flatten();
        let code = pair.and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|p| u8::from_str_radix(p, 16).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    clean_text(&String::from_utf8_lossy(&bytes), TEXT_MAX)
}

/// What a device says of itself when asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    pub name: String,
    pub maker: String,
    pub model: String,
    /// Windows and wsdd: the computer's own name, and its work group.
    pub computer: String,
    pub group: String,
}

impl Metadata {
    /// # Errors
    /// The document is refused or says nothing.
    pub fn read(bytes: &[u8]) -> Result<Metadata, xml::Fault> {
        let mut found = Metadata::default();
        let done = xml::leaves(bytes, |path, text| {
            let text = clean_text(text, TEXT_MAX);
            match path.last().map(String::as_str) {
                Some("FriendlyName") if found.name.is_empty() => found.name = text,
                Some("Manufacturer") if found.maker.is_empty() => found.maker = text,
                Some("ModelName") if found.model.is_empty() => found.model = text,
                // `ATTIC/Workgroup:HOME` or `ATTIC\Domain:…` (Microsoft, PNP-X).
                Some("Computer") if found.computer.is_empty() => {
                    let (host, rest) = text.split_once(['/', '\\']).unwrap_or((&text, ""));
                    found.group = rest.split_once(':').map_or("", |(_, group)| group).to_owned();
                    found.computer = host.to_owned();
                }
                _ => {}
            }
        });
        match done {
            Ok(()) | Err(xml::Fault::Malformed) if found != Metadata::default() => Ok(found),
            Ok(()) => Err(xml::Fault::Malformed),
            Err(fault) => Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CAMERA: &str = r#"<?xml version="1.0"?><e:Envelope xmlns:e="x" xmlns:w="y" xmlns:d="z"><e:Header><w:RelatesTo>urn:uuid:1</w:RelatesTo>
        <w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</w:Action></e:Header><e:Body><d:ProbeMatches><d:ProbeMatch>
        <w:EndpointReference><w:Address>urn:uuid:cam</w:Address></w:EndpointReference><d:Types>dn:NetworkVideoTransmitter tds:Device</d:Types>
        <d:Scopes>onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/hardware/C210 onvif://www.onvif.org/Profile/S</d:Scopes>
        <d:XAddrs>http://10.0.0.9/onvif/device_service http://[fe80::1]/o</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"#;

    #[test]
    fn matches_are_read_and_other_messages_are_none() {
        let camera = Match::read(CAMERA.as_bytes()).expect("a match");
        assert_eq!((camera.name.as_str(), camera.hardware.as_str()), ("Front door", "C210"));
        assert_eq!(
            (camera.types.as_slice(), camera.addresses.len()),
            (&["NetworkVideoTransmitter".to_owned(), "Device".to_owned()][..], 2)
        );
        let bye = CAMERA.replace("ProbeMatches</w:Action>", "Bye</w:Action>");
        assert_eq!(Match::read(bye.as_bytes()).map(|m| m.is_bye), Some(true));
        let bomb = CAMERA.replace("<e:Envelope", "<!DOCTYPE x [<!ENTITY a \"b\">]><e:Envelope");
        let addresses = CAMERA.replace("http://10.0.0.9/onvif/device_service", &"http://10.0.0.9/x ".repeat(99));
        assert_eq!(Match::read(addresses.as_bytes()).map(|m| m.addresses.len()), Some(XADDRS_MAX));
        for bad in [probe("1", Wanted::Device), probe("1", Wanted::Camera), get("1", "<&>"), bomb, String::new()] {
            assert_eq!(Match::read(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(unescaped("a%2"), "a%2");
        assert_eq!(unescaped("%1b%5B2J"), "[2J");
    }

    #[test]
    fn metadata_tell_the_computer_or_the_printer() {
        let text = |body: &str| format!("<e><b><m>{body}</m></b></e>");
        let cases: &[(&str, &str, &str, &str)] = &[
            // document, name, computer, group
            ("<p:Computer>ATTIC/Workgroup:HOME</p:Computer>", "", "ATTIC", "HOME"),
            ("<p:Computer>ATTIC\\Domain:CORP</p:Computer>", "", "ATTIC", "CORP"),
            ("<d:FriendlyName>Laser</d:FriendlyName><d:ModelName>M1</d:ModelName>", "Laser", "", ""),
            ("<d:FriendlyName>One</d:FriendlyName><d:FriendlyName>Two</d:FriendlyName>", "One", "", ""),
        ];
        for (body, name, computer, group) in cases {
            let found = Metadata::read(text(body).as_bytes()).expect("metadata");
            assert_eq!(
                (found.name.as_str(), found.computer.as_str(), found.group.as_str()),
                (*name, *computer, *group)
            );
        }
        assert!(Metadata::read(text("").as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn whatever_it_says_stays_short(name in ".{0,300}", scope in ".{0,300}") {
            let text = CAMERA.replace("Front%20door", &xml::escaped(&scope)).replace("urn:uuid:cam", &xml::escaped(&name));
            if let Some(found) = Match::read(text.as_bytes()) {
                prop_assert!(found.name.len() <= TEXT_MAX && found.endpoint.len() <= TEXT_MAX);
                prop_assert!(!found.name.chars().any(char::is_control));
            }
        }
    }
}
