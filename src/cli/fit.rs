//! # Fit to be shown to others
//!
//! With `--redact`, values lose their names before they are printed; without it they stay as they are.
//! What is left in text (hardware and IP addresses, domains) the [`Redactor`] finds itself.

use std::{net::IpAddr, path::Path};

use super::redact::Redactor;
use crate::{
    model::{AlertView, DeviceView, MacAddr, PointView},
    store::EventRow,
};

/// Evidence and facts that are words of ours or numbers, whoever was watched. All others may hold a name.
const NEUTRAL: &[&str] = &[
    "apart",
    "count",
    "dhcp_asked",
    "joined",
    "kind",
    "kind.set",
    "port",
    "ports",
    "proto",
    "protocol",
    "rate",
    "reason",
    "routes",
    "state",
    "type",
];

/// Shows values as they are, or without names.
#[derive(Default)]
pub struct Fit(pub Option<Redactor>);

impl Fit {
    /// A whole text as it may be shown.
    #[must_use]
    pub fn text(&self, text: String) -> String {
        match &self.0 {
            Some(redactor) => redactor.text(&text),
            None => text,
        }
    }

    /// A person's word (a name, an owner) as it may be shown.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        self.0.as_ref().map_or_else(|| name.to_owned(), |redactor| redactor.word("name", name))
    }

    /// A path: its name may be a person's.
    #[must_use]
    pub fn file(&self, path: &Path) -> String {
        let path = path.display().to_string();
        self.0.as_ref().map_or(path.clone(), |redactor| redactor.word("file", &path))
    }

    /// A word of a protocol stays, everything else may be a name.
    fn plain(&self, word: &str) -> String {
        let is_word =
            word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.'));
        if is_word { word.to_owned() } else { self.name(word) }
    }

    fn maybe(&self, name: Option<&str>) -> Option<String> {
        name.map(|name| self.name(name))
    }

    #[must_use]
    pub fn device(&self, device: &DeviceView) -> DeviceView {
        let mut shown = device.clone();
        if self.0.is_none() {
            return shown;
        }
        shown.name = self.name(&shown.name);
        // The maker by the address is public; one that the device tells is free text.
        if shown.vendor_source != Some("oui") {
            shown.vendor = self.maybe(shown.vendor.as_deref());
        }
        for text in [
            &mut shown.own_name,
            &mut shown.hostname,
            &mut shown.owner,
            &mut shown.area,
            &mut shown.group,
            &mut shown.notes,
            &mut shown.segment,
            &mut shown.model,
        ] {
            *text = self.maybe(text.as_deref());
        }
        for service in &mut shown.services {
            service.name = self.plain(&service.name);
            service.product = self.maybe(service.product.as_deref());
        }
        shown.facts = shown.facts.iter().map(|(key, value)| (key.clone(), self.fact(key, value))).collect();
        shown
    }

    #[must_use]
    pub fn point(&self, point: &PointView) -> PointView {
        let mut shown = point.clone();
        if !shown.ssid.is_empty() {
            shown.ssid = self.name(&shown.ssid);
        }
        shown
    }

    #[must_use]
    pub fn alert(&self, alert: &AlertView) -> AlertView {
        let mut shown = alert.clone();
        if self.0.is_none() {
            return shown;
        }
        for name in [&mut shown.attacker_name, &mut shown.victim_name] {
            let hidden = self.maybe(name.as_deref());
            // What to do is ours, but may name whom to do it to.
            if let (Some(name), Some(hidden)) = (name.as_deref().filter(|name| !name.is_empty()), &hidden) {
                shown.recommendation = shown.recommendation.replace(name, hidden);
            }
            *name = hidden;
        }
        // Free text may hold anybody's name.
        for text in [&mut shown.title, &mut shown.detail] {
            *text = self.name(text);
        }
        shown.evidence = shown.evidence.iter().map(|(key, value)| (self.plain(key), self.fact(key, value))).collect();
        shown
    }

    #[must_use]
    pub fn event(&self, event: &EventRow) -> EventRow {
        let mut shown = event.clone();
        if self.0.is_none() {
            return shown;
        }
        let mut data: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
        for (key, value) in data.as_object_mut().into_iter().flatten() {
            let names = matches!(key.as_str(), "name" | "person" | "title")
                || (event.kind == "renamed" && matches!(key.as_str(), "from" | "to"));
            if names && let Some(name) = value.as_str() {
                *value = self.name(name).into();
            }
        }
        shown.data = data.to_string();
        shown
    }

    /// Numbers and addresses can be told from names, and addresses are replaced where text is printed.
    fn fact(&self, key: &str, value: &str) -> String {
        let is_address = value.parse::<MacAddr>().is_ok() || value.parse::<IpAddr>().is_ok();
        let is_number = value.chars().all(|c| !c.is_alphabetic());
        if is_address || is_number || NEUTRAL.contains(&key) || key.starts_with("proof.") {
            self.text(value.to_owned())
        } else {
            self.name(value)
        }
    }
}
