//! # Which system a device runs, and which model it is
//!
//! Facts with a confidence and a reason. All evidence is looked at anew each time, so better evidence wins whenever it
//! comes, and nothing is lost when worse comes later.

use std::{collections::BTreeMap, sync::LazyLock};

use super::kinds::{Signs, places};

/// A word about a device, how sure it is, and what says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub value: String,
    pub confidence: f32,
    pub why: String,
}

struct Rule {
    /// `class`, `host`, `asked`, or the key of a label.
    sign: &'static str,
    pattern: &'static str,
    system: &'static str,
    confidence: f32,
}

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| include_str!("systems.tsv").lines().filter_map(rule).collect());

/// What others worked out from how it speaks TCP: it is said as it stands.
const TOLD: f32 = 0.55;
const VERSION_MAX: usize = 12;
/// Labels that name a model, the best first, and how sure each is.
const MODELS: &[(&str, f32)] = &[
    ("model", 0.9),
    ("md", 0.9),
    ("am", 0.9),
    ("modelName", 0.9),
    ("upnp_model", 0.9),
    ("wsd_model", 0.9),
    ("cdp_platform", 0.8),
    ("snmp_model", 0.85),
    ("model_number", 0.7),
];
/// Below this a host name is no model: people call their devices as they like.
const MODEL_BY_NAME: f32 = 0.6;

fn rule(line: &'static str) -> Option<Rule> {
    let mut columns = line.split('\t');
    let sign = columns.next().filter(|sign| !sign.starts_with('#'))?;
    Some(Rule { sign, pattern: columns.next()?, system: columns.next()?, confidence: columns.next()?.parse().ok()? })
}

/// The surest word on the operating system.
#[must_use]
pub fn system(signs: &Signs<'_>) -> Option<Known> {
    let class = signs.class.map(str::to_lowercase);
    let asked = signs.asked.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let hosts: Vec<String> = signs.hosts.iter().map(|host| host.to_lowercase().replace(' ', "-")).collect();
    let labels: BTreeMap<&str, String> =
        signs.labels.iter().map(|(key, value)| (key.as_str(), value.to_lowercase())).collect();
    let told =
        signs.labels.get("os").map(|os| Known { value: os.clone(), confidence: TOLD, why: "how it speaks".into() });
    let mut best = told;
    for rule in RULES.iter() {
        let found = match rule.sign {
            "class" => class.as_deref().filter(|class| class.starts_with(rule.pattern)),
            "asked" => Some(asked.as_str()).filter(|asked| *asked == rule.pattern),
            "host" => hosts
                .iter()
                .map(String::as_str)
                .find(|host| places(host, rule.pattern).any(|before| before.is_none_or(|byte| byte == b'-'))),
            key => labels.get(key).map(String::as_str).filter(|value| value.contains(rule.pattern)),
        };
        let Some(found) = found else { continue };
        let version = version(found, rule.pattern);
        let (value, confidence) = match rule.system.strip_suffix(" {}") {
            // A family without its version is known a little less.
            Some(family) if version.is_empty() => (family.to_owned(), rule.confidence - 0.05),
            Some(family) => (format!("{family} {version}"), rule.confidence),
            None => (rule.system.to_owned(), rule.confidence),
        };
        if best.as_ref().is_none_or(|best| confidence > best.confidence) {
            let sign = match rule.sign {
                "asked" => "DHCP options it asks for".to_owned(),
                "class" => format!("DHCP class {}", rule.pattern),
                "host" => format!("its name has {:?}", rule.pattern.trim_matches(['-', '_'])),
                sign => format!("its {} has {:?}", sign.replace('_', " "), rule.pattern.trim()),
            };
            best = Some(Known { value, confidence, why: sign });
        }
    }
    best
}

/// `17.2` of `iphone os 17_2 like mac os x` after `iphone os `.
fn version(text: &str, pattern: &str) -> String {
    let rest = text.split_once(pattern).map_or("", |(_, rest)| rest);
    let digits = rest.chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | '_')).take(VERSION_MAX);
    digits.map(|c| if c == '_' { '.' } else { c }).collect::<String>().trim_end_matches('.').to_owned()
}

/// The surest word on the model: what the device announces, else the name its maker gave it.
#[must_use]
pub fn model(signs: &Signs<'_>) -> Option<Known> {
    let announced = MODELS.iter().find_map(|(key, confidence)| {
        let value = signs.labels.get(*key).filter(|value| !value.is_empty())?;
        Some(Known { value: value.clone(), confidence: *confidence, why: format!("it announces {key}") })
    });
    announced
        .or_else(|| {
            let agent = signs.labels.get("user_agent")?;
            let value = by_user_agent(agent)?;
            Some(Known { value, confidence: 0.75, why: "user agent".into() })
        })
        .or_else(|| {
            let host = signs.hosts.iter().find(|host| is_factory_name(host))?;
            Some(Known {
                value: (*host).to_owned(),
                confidence: MODEL_BY_NAME,
                why: "its name from the factory".into(),
            })
        })
}

/// `SM-G991B` of `(Linux; U; Android 11; SM-G991B Build/RP1A)`; `Nokia 2.2` of `(Linux; Android 9; Nokia 2.2)`.
fn by_user_agent(agent: &str) -> Option<String> {
    let (_, inner) = agent.split_once('(')?;
    let inner = inner.split(')').next()?;
    let mut parts = inner.split(';').map(str::trim);
    parts.find(|part| part.starts_with("Android "))?;
    let part = parts.next()?;
    let model = part.split(" Build/").next()?.trim();
    // Browsers send `K` instead of the model to say nothing (Chrome's User-Agent reduction).
    let is_one = model.len() >= 3 && model.len() <= 40 && !model.starts_with("wv") && !model.contains('/');
    // A language such as `en-us` stands where old systems have no model yet.
    let is_language = model.len() == 5 && model.as_bytes().get(2) == Some(&b'-');
    (is_one && !is_language).then(|| model.to_owned())
}

/// `DCS-930L`, `HS100(EU)`: capitals, a number and nothing that people write.
fn is_factory_name(host: &str) -> bool {
    let (letters, rest) = host.split_at(host.bytes().take_while(u8::is_ascii_uppercase).count());
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let tail = rest.get(digits..).unwrap_or_default();
    let is_known = !matches!(letters, "DESKTOP" | "LAPTOP" | "WIN" | "ESP" | "PC" | "SEP" | "NPI" | "BRW" | "BRN");
    (2..=4).contains(&letters.len())
        && (2..=4).contains(&digits)
        && tail.len() <= 5
        && tail.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'(' | b')'))
        && is_known
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::model::ServiceView;

    fn look(
        hosts: &[&str],
        class: Option<&str>,
        asked: &[u8],
        labels: &[(&str, &str)],
    ) -> (Option<Known>, Option<Known>) {
        let services: BTreeSet<ServiceView> = BTreeSet::new();
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let hosts = hosts.to_vec();
        let signs = Signs {
            macs: Vec::new(),
            vendor: None,
            hosts,
            class,
            asked,
            services: &services,
            labels: &labels,
            routes: false,
            own: false,
            random: false,
        };
        (system(&signs), model(&signs))
    }

    #[test]
    fn every_rule_reads() {
        for line in include_str!("systems.tsv").lines().filter(|line| !line.starts_with('#')) {
            let rule = rule(line).unwrap_or_else(|| panic!("{line:?}"));
            assert!(rule.confidence > 0.1 && rule.confidence < 1.0 && line.split('\t').count() == 4, "{line}");
            assert_eq!(rule.pattern, rule.pattern.to_lowercase(), "{line}");
        }
    }

    #[test]
    fn systems_and_models_are_told_by_the_best_evidence() {
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15";
        let samsung = "Dalvik/2.1.0 (Linux; U; Android 14; SM-G991B Build/UP1A.231005.007)";
        let hidden = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36";
        let cases: [(&[&str], &str, &str, Option<&str>, Option<&str>); 12] = [
            (&[], "", "", None, None),
            (&["Annas-iPhone"], "", "", Some("iOS"), None),
            (&["Annas-iPhone"], "", iphone, Some("iOS 17.2"), None),
            (&[], "android-dhcp-13", "", Some("Android 13"), None),
            (&[], "android-dhcp", "", Some("Android"), None),
            (&[], "", samsung, Some("Android 14"), Some("SM-G991B")),
            (&[], "", hidden, Some("Android 10"), None),
            (&["DCS-930LB"], "udhcp 1.12.1", "", Some("Linux"), Some("DCS-930LB")),
            (&["HS100(EU)"], "", "", None, Some("HS100(EU)")),
            (&["DESKTOP-7K2M"], "MSFT 5.0", "", Some("Windows"), None),
            (&["ESP-123"], "", "", None, None),
            (&["Annas-Laptop"], "", "Mozilla/5.0 (Windows NT 10.0; Win64; x64)", Some("Windows 10 or 11"), None),
        ];
        for (hosts, class, agent, os, expected) in cases {
            let labels: &[(&str, &str)] = if agent.is_empty() { &[] } else { &[("user_agent", agent)] };
            let (system, model) = look(hosts, Some(class).filter(|class| !class.is_empty()), &[], labels);
            assert_eq!(system.as_ref().map(|known| known.value.as_str()), os, "{hosts:?} {class} {agent}");
            assert_eq!(model.as_ref().map(|known| known.value.as_str()), expected, "{hosts:?} {class} {agent}");
        }
    }

    #[test]
    fn what_is_announced_goes_before_what_is_guessed() {
        let labels =
            [("model", "Hue Bridge"), ("upnp_software", "Linux/3.14.0 UPnP/1.0 IpBridge/1.9.0"), ("os", "BSD")];
        let (system, model) = look(&["AB-123"], None, &[], &labels);
        assert_eq!(system.map(|known| known.value), Some("Linux 3.14.0".into()));
        assert_eq!(model.map(|known| (known.value, known.confidence)), Some(("Hue Bridge".into(), 0.9)));
        let (system, _) = look(&[], None, &[], &[("os", "OpenBSD")]);
        assert_eq!(system.map(|known| known.value), Some("OpenBSD".into()));
    }
}
