//! Rows of public fingerprints, each alone: a row may say too little, but hardly any may say what is wrong.

use std::collections::{BTreeMap, BTreeSet};

use porchlight::{
    intel::vendors,
    model::{Kind, MacAddr, ServiceView},
    presence::kinds::{Signs, guess},
};

use super::set_ups::{Score, corpus, table};

type Line = BTreeMap<String, String>;

/// What one row shows.
#[derive(Default)]
struct Shown {
    hosts: Vec<String>,
    class: Option<String>,
    asked: Vec<u8>,
    services: BTreeSet<ServiceView>,
    labels: BTreeMap<String, String>,
}

fn dhcp(line: &Line) -> Shown {
    let filled = |key: &str| Some(line[key].clone()).filter(|text| !text.is_empty() && text != "-");
    Shown {
        hosts: filled("hostname").into_iter().collect(),
        class: filled("vendor_class"),
        asked: line["opt55"].split(',').filter_map(|code| code.parse().ok()).collect(),
        ..Shown::default()
    }
}

fn mdns(line: &Line) -> Shown {
    let mut shown = Shown::default();
    for name in line["names"].split(',').filter(|_| line["direction"] == "answer") {
        if let Some((before, _)) = name.split_once("._tcp.local") {
            let name = before.rsplit('.').next().unwrap_or_default().to_owned();
            shown.services.insert(ServiceView { tcp: true, port: 80, name, product: None });
        } else if let Some(host) = name.strip_suffix(".local").filter(|host| !host.contains(['.', '_'])) {
            shown.hosts.push(host.to_owned());
        }
    }
    for (key, value) in line["txt"].split(',').filter_map(|pair| pair.split_once('=')) {
        // What presence keeps of them.
        if ["model", "md", "am", "model_number", "modelName"].contains(&key) {
            shown.labels.insert(key.to_owned(), value.to_owned());
        }
    }
    shown
}

fn ssdp(line: &Line) -> Shown {
    let labels = [("upnp_software".to_owned(), line["server_or_ua"].clone())].into();
    Shown { labels, ..Shown::default() }
}

fn agent(line: &Line) -> Shown {
    let labels = [("user_agent".to_owned(), line["user_agent"].clone())].into();
    Shown { labels, ..Shown::default() }
}

#[test]
fn rows_of_public_fingerprints_are_told_or_left_open() {
    if corpus().is_none() {
        return;
    }
    let tables: [(&str, fn(&Line) -> Shown, usize); 4] =
        [("dhcp_fingerprints", dhcp, 30), ("mdns", mdns, 10), ("ssdp", ssdp, 10), ("user_agents", agent, 10)];
    for (name, read, least) in tables {
        let mut score = Score::default();
        let mut wrong = Vec::new();
        for line in table(&format!("fingerprints/{name}.tsv")) {
            let shown = read(&line);
            let mac: Option<MacAddr> = line["mac"].parse().ok();
            let said = guess(&Signs {
                macs: mac.into_iter().collect(),
                vendor: mac.and_then(vendors::lookup),
                hosts: shown.hosts.iter().map(String::as_str).collect(),
                class: shown.class.as_deref(),
                asked: &shown.asked,
                services: &shown.services,
                labels: &shown.labels,
                routes: false,
                own: false,
                random: mac.is_some_and(MacAddr::is_local),
            });
            // A laptop is a computer.
            let word = if said.kind == Kind::Laptop { "computer" } else { said.kind.word() };
            let wanted = line["kind"].trim();
            // Some rows are of many machines together.
            let Ok(kind) = wanted.parse::<Kind>() else { continue };
            score.count(if word == wanted { kind } else { said.kind }, wanted);
            if word != wanted && said.kind != Kind::Unknown {
                wrong.push(format!("{} {}: {said:?}", line["make"], line["model"]));
            }
        }
        eprintln!("{name}: {score:?}");
        assert!(score.wrong * 100 <= score.all() * 3, "{name} {score:?} {wrong:#?}");
        assert!(score.right * 100 >= score.all() * least, "{name} {score:?}");
    }
}
