//! # `dashboard`: a page for Home Assistant
//!
//! Three views of core cards, made from what the store knows: only entities that were published are
//! named, because a card for an entity that is not there is a hole. The text is for the raw
//! configuration editor of an empty dashboard. Only cards of Home Assistant 2026.2.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Context, Exit, Failure,
    recorded::{Recorded, to_stdout},
};
use crate::model::{Category, DeviceView, Tier};

/// Tiles of more devices than this make a page nobody scrolls.
const DEVICES_MAX: usize = 200;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub what: What,
}

#[derive(Debug, Subcommand)]
pub enum What {
    /// Prints the dashboard as YAML, for the raw configuration editor
    Print,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Exit> {
    let What::Print = args.what;
    let devices = Recorded::open(context)?.devices()?;
    let text = text(&devices).map_err(|why| Failure::new(Exit::Failed, why))?;
    to_stdout(|out| Ok(out.write_all(text.as_bytes())?))
}

/// What goes to stdout: the dashboard for these devices.
pub fn text(devices: &[DeviceView]) -> Result<String, String> {
    // Wide lines: a folded template would be hard to read, and Home Assistant does not mind.
    let yaml = serde_saphyr::to_string(&dashboard(devices)).map_err(|e| e.to_string())?;
    Ok(format!(
        "# Made by `porchlight dashboard print`. In Home Assistant: Settings → Dashboards → Add dashboard → New dashboard\n\
         # from scratch, then its pencil → Raw configuration editor, and paste this.\n{yaml}"
    ))
}

fn dashboard(devices: &[DeviceView]) -> Value {
    let mut shown: Vec<Shown<'_>> = devices.iter().filter_map(Shown::of).collect();
    shown.sort_by(|a, b| (a.device.name.to_lowercase(), a.slug).cmp(&(b.device.name.to_lowercase(), b.slug)));
    shown.truncate(DEVICES_MAX);
    let mut views = vec![home(&shown)];
    if !shown.is_empty() {
        views.push(device_view(&shown));
    }
    views.push(security(&shown));
    json!({"title": "Porchlight", "views": views})
}

/// A device that has entities.
struct Shown<'a> {
    device: &'a DeviceView,
    slug: &'a str,
}

impl<'a> Shown<'a> {
    fn of(device: &'a DeviceView) -> Option<Shown<'a>> {
        let slug = device.slug.as_deref().filter(|slug| !slug.is_empty())?;
        (device.tier != Tier::None && !device.hidden).then_some(Shown { device, slug })
    }

    fn tracker(&self) -> String {
        format!("device_tracker.{}", self.slug)
    }

    /// The tile of a device, as wide as its section: names of devices are long.
    fn tile(&self) -> Value {
        json!({"type": "tile", "entity": self.tracker(), "name": self.device.name,
            "state_content": ["state", "last_changed"], "grid_options": {"columns": 12}, "tap_action": {"action": "more-info"}})
    }
}

fn home(devices: &[Shown<'_>]) -> Value {
    let mut sections = vec![section(
        "Household",
        "mdi:home-account",
        vec![
            tile("binary_sensor.household_occupied", "Occupied"),
            tile("sensor.household_people_home", "People home"),
            tile("sensor.household_devices_home", "Devices home"),
            tile("sensor.household_guests", "Guests"),
            json!({"type": "tile", "entity": "select.household_mode", "name": "Mode",
                "features": [{"type": "select-options"}], "grid_options": {"columns": 12}}),
        ],
    )];
    let mut people: BTreeMap<&str, Vec<&Shown<'_>>> = BTreeMap::new();
    for device in devices {
        if let Some(owner) = device.device.owner.as_deref() {
            people.entry(owner).or_default().push(device);
        }
    }
    if !people.is_empty() {
        let mut cards = Vec::new();
        for (person, devices) in people {
            cards.push(subtitle(person));
            cards.extend(devices.iter().map(|device| device.tile()));
        }
        sections.push(section("People", "mdi:account-group", cards));
    }
    sections.push(section(
        "New and unknown",
        "mdi:help-network",
        vec![
            tile("sensor.household_unknown_devices", "Unknown"),
            tile("sensor.household_new_devices", "New today"),
            // Attributes are text from the network: `escape` keeps a name from being markup.
            json!({"type": "markdown", "grid_options": {"columns": 12}, "content": concat!(
                "{% set devices = state_attr('sensor.household_unknown_devices', 'devices') or [] %}",
                "{% for device in devices %}- **{{ device.name | escape }}** {{ device.ip or '' }}\n{% endfor %}",
                "{% if not devices %}No unknown device is on the network.{% endif %}")}),
        ],
    ));
    sections.push(section(
        "Today",
        "mdi:history",
        vec![
            json!({"type": "history-graph", "hours_to_show": 24, "grid_options": {"columns": 12}, "entities": [
                {"entity": "sensor.household_people_home", "name": "People"},
                {"entity": "sensor.household_devices_home", "name": "Devices"}]}),
            json!({"type": "logbook", "hours_to_show": 24, "grid_options": {"columns": 12, "rows": 5},
                "target": {"entity_id": ["event.household_presence", "binary_sensor.household_occupied"]}}),
        ],
    ));
    view("Home", "home", "mdi:home-account", sections)
}

/// A section for each area; devices without one come last, by their kind's group.
fn device_view(devices: &[Shown<'_>]) -> Value {
    let mut groups: BTreeMap<(bool, String), Vec<Value>> = BTreeMap::new();
    for device in devices {
        let key = match &device.device.area {
            Some(area) => (false, area.clone()),
            None => (true, capital(device.device.kind.group().word())),
        };
        groups.entry(key).or_default().push(device.tile());
    }
    let sections = groups
        .into_iter()
        .map(|((loose, title), cards)| section(&title, if loose { "mdi:devices" } else { "mdi:floor-plan" }, cards))
        .collect();
    view("Devices", "devices", "mdi:devices", sections)
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn security(devices: &[Shown<'_>]) -> Value {
    let categories: Vec<Value> = Category::ALL
        .iter()
        .map(|category| {
            // With its own name: the whole one begins ten times with "Network security".
            json!({"entity": format!("binary_sensor.network_security_{category}"), "name": category_name(*category)})
        })
        .collect();
    let mut sections = vec![
        section(
            "Network security",
            "mdi:shield-home",
            vec![
                tile("sensor.network_security_severity", "Severity"),
                tile("sensor.network_security_open_incidents", "Incidents"),
                tile("sensor.network_security_alerts_today", "Alerts today"),
                button("button.network_security_acknowledge_all", "Acknowledge"),
                json!({"type": "glance", "columns": 4, "show_state": false, "grid_options": {"columns": 12}, "entities": categories}),
            ],
        ),
        section(
            "Open incidents",
            "mdi:shield-alert",
            vec![
                json!({"type": "markdown", "grid_options": {"columns": 12}, "content": concat!(
                    "{% set open = state_attr('sensor.network_security_open_incidents', 'open') or [] %}",
                    "{% for incident in open %}- **{{ incident.title | escape }}** ({{ incident.severity }}) ",
                    "since {{ as_timestamp(incident.since, 0) | timestamp_custom('%-d %b, %H:%M') }}\n{% endfor %}",
                    "{% if not open %}Nothing is open.{% endif %}")}),
                json!({"type": "logbook", "hours_to_show": 72, "grid_options": {"columns": 12, "rows": 6},
                    "target": {"entity_id": ["event.network_security_alert"]}}),
            ],
        ),
    ];
    // Seen only while something is wrong with one of them.
    let threats: Vec<Value> = devices
        .iter()
        .map(|device| {
            let entity = format!("binary_sensor.{}_threat", device.slug);
            json!({"type": "tile", "entity": entity, "name": device.device.name, "color": "red", "grid_options": {"columns": 12},
                "visibility": [{"condition": "state", "entity": entity, "state": "on"}]})
        })
        .collect();
    if !threats.is_empty() {
        let mut cards = vec![json!({"type": "markdown", "grid_options": {"columns": 12}, "text_only": true,
            "content": "Devices that an open alert names appear here."})];
        cards.extend(threats);
        sections.push(section("Threatened or threatening", "mdi:alert", cards));
    }
    sections.push(section(
        "Porchlight",
        "mdi:coach-lamp",
        vec![
            tile("binary_sensor.porchlight_online", "Online"),
            tile("binary_sensor.porchlight_problem", "Problem"),
            tile("sensor.porchlight_devices", "Devices"),
            button("button.porchlight_scan_now", "Scan now"),
        ],
    ));
    view("Security", "security", "mdi:shield-home", sections)
}

fn category_name(category: Category) -> String {
    match category {
        Category::Dns => "DNS".into(),
        Category::Scan => "Scanning".into(),
        other => capital(other.word()),
    }
}

fn view(title: &str, path: &str, icon: &str, sections: Vec<Value>) -> Value {
    json!({"title": title, "path": path, "icon": icon, "type": "sections", "max_columns": 3, "sections": sections})
}

fn section(title: &str, icon: &str, cards: Vec<Value>) -> Value {
    let mut all = vec![json!({"type": "heading", "heading": title, "icon": icon})];
    all.extend(cards);
    json!({"type": "grid", "cards": all})
}

fn subtitle(text: &str) -> Value {
    json!({"type": "heading", "heading": text, "heading_style": "subtitle"})
}

/// A button's state is when it was pressed last, which nobody needs here.
fn button(entity: &str, name: &str) -> Value {
    json!({"type": "tile", "entity": entity, "name": name, "hide_state": true, "tap_action": {"action": "toggle"}})
}

fn tile(entity: &str, name: &str) -> Value {
    json!({"type": "tile", "entity": entity, "name": name})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device that is published, or would be if `tier` and `hidden` let it.
    fn device(id: &str, name: &str, slug: Option<&str>, tier: Tier, hidden: bool) -> DeviceView {
        let mut device = DeviceView::blank(id.parse().unwrap());
        device.name = name.into();
        device.slug = slug.map(str::to_owned);
        (device.tier, device.hidden) = (tier, hidden);
        device
    }

    fn home() -> Vec<DeviceView> {
        let mut phone = device("d-7f3k2m", "Anna's phone", Some("anna_s_phone"), Tier::Full, false);
        phone.owner = Some("Anna".into());
        let mut lamp = device("d-9q2w2x", "Lamp: \"hall\" #1", Some("lamp"), Tier::Basic, false);
        lamp.area = Some("Hall".into());
        vec![
            phone,
            lamp,
            device("d-aaaaaa", "Unexposed", Some("unexposed"), Tier::None, false),
            device("d-bbbbbb", "Deleted over there", Some("deleted"), Tier::Basic, true),
            device("d-cccccc", "Never published", None, Tier::Basic, false),
        ]
    }

    #[test]
    fn only_published_devices_are_on_it() {
        let text = text(&home()).unwrap();
        for wanted in ["device_tracker.anna_s_phone", "device_tracker.lamp", "binary_sensor.lamp_threat"] {
            assert!(text.contains(wanted), "{wanted}");
        }
        for unwanted in ["unexposed", "deleted", "Never published"] {
            assert!(!text.contains(unwanted), "{unwanted}");
        }
    }

    #[test]
    fn it_reads_back_as_three_views_of_core_cards() {
        let page: Value = serde_saphyr::from_str(&text(&home()).unwrap()).unwrap();
        let views = page["views"].as_array().unwrap();
        let titles: Vec<&str> = views.iter().map(|view| view["title"].as_str().unwrap()).collect();
        assert_eq!(titles, ["Home", "Devices", "Security"]);
        let core = ["heading", "tile", "markdown", "history-graph", "logbook", "glance"];
        for view in views {
            assert_eq!(view["type"], "sections");
            for section in view["sections"].as_array().unwrap() {
                for card in section["cards"].as_array().unwrap() {
                    assert!(core.contains(&card["type"].as_str().unwrap()), "{card}");
                }
            }
        }
        // Names with characters that YAML gives a meaning come through.
        assert!(page.to_string().contains(r#"Lamp: \"hall\" #1"#));
    }

    #[test]
    fn a_home_without_devices_has_no_page_of_them() {
        let page: Value = serde_saphyr::from_str(&text(&[]).unwrap()).unwrap();
        assert_eq!(page["views"].as_array().unwrap().len(), 2);
    }
}
