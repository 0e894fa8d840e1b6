//! # UPnP device descriptions
//!
//! The UPnP Device Architecture 2.0, §2.3: what a root device says of itself and which services it has.

use crate::{
    model::clean_text,
    wire::xml::{self, Fault},
};

const TEXT_MAX: usize = 120;
/// Services kept; a router has a dozen.
const SERVICES_MAX: usize = 32;

/// The root device; of devices inside it only the services count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Description {
    pub name: String,
    pub maker: String,
    pub model: String,
    pub model_number: String,
    /// `MediaRenderer` of `urn:schemas-upnp-org:device:MediaRenderer:1`.
    pub kind: String,
    pub services: Vec<Service>,
}

/// What can be asked of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// The whole type, as SOAP wants it back.
    pub kind: String,
    /// As written: absolute, or relative to the description.
    pub control: String,
}

impl Description {
    /// Reads as much as is sound.
    ///
    /// # Errors
    /// The document is refused, or holds no device.
    pub fn read(bytes: &[u8]) -> Result<Description, Fault> {
        let mut found = Description::default();
        let mut service = Service::default();
        let done = xml::leaves(bytes, |path, text| {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let text = clean_text(text, TEXT_MAX);
            match path.as_slice() {
                ["root", "device", leaf] => {
                    let field = match *leaf {
                        "friendlyName" => &mut found.name,
                        "manufacturer" => &mut found.maker,
                        "modelName" => &mut found.model,
                        "modelNumber" => &mut found.model_number,
                        "deviceType" => {
                            found.kind = device_word(&text).to_owned();
                            return;
                        }
                        _ => return,
                    };
                    // The first counts: a second one is none of an honest device.
                    if field.is_empty() {
                        *field = text;
                    }
                }
                [.., "service", "serviceType"] => service = Service { kind: text, control: String::new() },
                [.., "service", "controlURL"] => {
                    service.control = text;
                    if found.services.len() < SERVICES_MAX && !service.kind.is_empty() {
                        found.services.push(std::mem::take(&mut service));
                    }
                }
                _ => {}
            }
        });
        match done {
            Ok(()) if found == Description::default() => Err(Fault::Malformed),
            // A description cut at its end still says who it is.
            Ok(()) | Err(Fault::Malformed | Fault::TooMany) if !found.name.is_empty() || !found.model.is_empty() => {
                Ok(found)
            }
            Ok(()) => Ok(found),
            Err(fault) => Err(fault),
        }
    }

    /// The service whose type holds `word`.
    #[must_use]
    pub fn service(&self, word: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.kind.contains(word))
    }
}

/// The word after `device:`.
fn device_word(urn: &str) -> &str {
    urn.split(':').skip_while(|part| *part != "device").nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TV: &str = r#"<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major></specVersion>
        <device><deviceType>urn:schemas-upnp-org:device:MediaRenderer:1</deviceType><friendlyName>[TV] Living &amp; room</friendlyName>
        <manufacturer>Acme Electronics</manufacturer><modelName>QE55</modelName><modelNumber>1.0</modelNumber>
        <serviceList><service><serviceType>urn:schemas-upnp-org:service:AVTransport:1</serviceType><controlURL>/ctl/a</controlURL></service></serviceList>
        <deviceList><device><friendlyName>Inner</friendlyName><serviceList><service>
        <serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>ctl/w</controlURL></service></serviceList></device></deviceList>
        </device></root>"#;

    #[test]
    fn the_root_device_says_who_it_is() {
        let tv = Description::read(TV.as_bytes()).expect("a description");
        assert_eq!((tv.name.as_str(), tv.maker.as_str()), ("[TV] Living & room", "Acme Electronics"));
        assert_eq!((tv.model.as_str(), tv.kind.as_str()), ("QE55", "MediaRenderer"));
        assert_eq!(tv.service("WANIPConnection").map(|s| s.control.as_str()), Some("ctl/w"));
    }

    #[test]
    fn hostile_descriptions_are_cut_or_refused() {
        let long = TV.replace("[TV] Living &amp; room", &"n".repeat(300));
        assert_eq!(Description::read(long.as_bytes()).map(|d| d.name.len()), Ok(TEXT_MAX));
        let control = TV.replace("[TV] Living", "a&#27;[2J&#8238;b");
        let name = Description::read(control.as_bytes()).expect("a description").name;
        assert!(!name.chars().any(char::is_control) && !name.contains('\u{202e}'), "{name:?}");
        let twice = TV.replace("<manufacturer>", "<friendlyName>Other</friendlyName><manufacturer>");
        assert_eq!(Description::read(twice.as_bytes()).map(|d| d.name), Ok("[TV] Living & room".into()));
        let services = "<service><serviceType>x</serviceType><controlURL>/</controlURL></service>".repeat(300);
        let many = TV.replace("<serviceList>", &format!("<serviceList>{services}"));
        assert_eq!(Description::read(many.as_bytes()).map(|d| d.services.len()), Ok(SERVICES_MAX));
        for bad in ["", "<html><body>Login</body></html>", "<root><device></device></root>", "nonsense"] {
            assert!(Description::read(bad.as_bytes()).is_err(), "{bad}");
        }
        let cut = TV.split("<serviceList>").next().expect("a start");
        assert_eq!(Description::read(cut.as_bytes()).map(|d| d.model), Ok("QE55".into()));
    }

    proptest! {
        #[test]
        fn whatever_it_says_stays_short_and_printable(name in ".{0,400}", tail in ".{0,200}") {
            let text = format!("<root><device><friendlyName>{}</friendlyName>{tail}", xml::escaped(&name));
            if let Ok(found) = Description::read(text.as_bytes()) {
                prop_assert!(found.name.len() <= TEXT_MAX && !found.name.chars().any(char::is_control));
            }
        }
    }
}
