//! Lists as their makers write them.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::intel::indicators::Indicators;

const NOW: &str = "2026-11-25T12:00:00Z";

fn load(text: &str, feed: &str) -> (Indicators, Read) {
    let mut builder = Builder::new(1000);
    let now: Wall = NOW.parse().expect("a time");
    let read = read(text.as_bytes(), &feed.parse().expect(feed), now, now, &mut builder).expect("a list");
    (builder.build(), read)
}

/// Whether each is found, and as which sort.
fn holds(all: &Indicators, what: &str) -> Option<Sort> {
    let hit = match entry(what).expect(what) {
        Entry::Net(ip, _) => all.address(ip),
        Entry::Service(ip, port) => all.service(ip, port),
        Entry::Name(name) => all.name(&name).map(|(hit, _)| hit),
        Entry::Url(url) => url.find('/').and_then(|at| all.url(&url[..at], &url[at..])),
        Entry::Ja4(ja4) => all.ja4(&ja4),
    };
    hit.map(|hit| hit.sort)
}

#[test]
#[allow(clippy::too_many_lines)] // one table
fn each_form_of_list_is_read() {
    let cases: &[(&str, &str, &[(&str, Option<Sort>)], u64)] = &[
        // what                  text     what it must hold     lines that are none
        (
            "plain",
            "# comment\n203.0.113.66\n\n198.51.100.0/24 ; SBL1\n2001:db8::66\nevil.example\nnonsense!\nhxxp://evil[.]example/a.exe\n198.51.100.7:8443\n",
            &[
                ("203.0.113.66", Some(Sort::Malware)),
                ("198.51.100.200", Some(Sort::Malware)),
                ("2001:db8::66", Some(Sort::Malware)),
                ("x.evil.example", Some(Sort::Malware)),
                ("http://evil.example/a.exe", Some(Sort::Malware)),
                ("198.51.100.7:8443", Some(Sort::Malware)),
                ("203.0.113.67", None),
            ],
            1,
        ),
        (
            "hosts",
            "127.0.0.1 localhost\r\n::1 ip6-localhost\r\n0.0.0.0 0.0.0.0\r\n0.0.0.0 evil.example bad.example # why\r\n",
            &[("evil.example", Some(Sort::Malware)), ("bad.example", Some(Sort::Malware))],
            0,
        ),
        (
            "rules of blockers",
            "! Title: x\n||evil.example^\n*.bad.example\naddress=/worse.example/0.0.0.0\n",
            &[
                ("evil.example", Some(Sort::Malware)),
                ("bad.example", Some(Sort::Malware)),
                ("worse.example", Some(Sort::Malware)),
            ],
            0,
        ),
        (
            "CSV whose head is a comment",
            "################\n# Terms of Use, see example.org\n# \"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\"2021-05-16 19:49:33\",\"203.0.113.66\",\"443\",\"online\",\"2026-11-24\",\"Dridex\"\n\"2021-05-16 19:49:33\",\"203.0.113.67\",\"443\",\"offline\",\"2021-06-24\",\"Dridex\"\n",
            &[
                ("203.0.113.66:443", Some(Sort::Malware)),
                ("203.0.113.66", None),
                // Not seen for years.
                ("203.0.113.67:443", None),
            ],
            0,
        ),
        (
            "CSV with a link of its maker in each line",
            "# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n\"1\",\"2026-11-25 10:00:06\",\"http://203.0.113.9:8080/bin.sh\",\"online\",\"2026-11-25\",\"malware_download\",\"elf,mirai\",\"https://maker.example/url/1/\",\"x\"\n",
            &[
                ("http://203.0.113.9:8080/bin.sh", Some(Sort::Malware)),
                ("https://maker.example/url/1/", None),
                ("maker.example", None),
            ],
            0,
        ),
        (
            "CSV with a head and threats",
            "indicator,category\nevil.example,botnet_cc\nlogin.example,phishing\n203.0.113.1,bruteforce\n",
            &[
                ("evil.example", Some(Sort::C2)),
                ("login.example", Some(Sort::Phishing)),
                ("203.0.113.1", Some(Sort::Weather)),
            ],
            0,
        ),
        (
            "fingerprints",
            "ja4,note\nt13d1516h2_8daaf6152771_e5627efa2ab1,tool\n",
            &[("t13d1516h2_8daaf6152771_e5627efa2ab1", Some(Sort::Malware))],
            0,
        ),
        (
            "an event of MISP",
            r#"{"Event":{"info":"not.an.entry.example","Attribute":[
                {"type":"ip-dst","category":"Network activity","value":"203.0.113.66","to_ids":true,"timestamp":"1795000000"},
                {"type":"ip-dst|port","value":"203.0.113.67|4443","to_ids":true},
                {"type":"domain|ip","value":"evil.example|203.0.113.68"},
                {"type":"url","value":"http://host.example/x"},
                {"type":"md5","value":"d41d8cd98f00b204e9800998ecf8427e"},
                {"type":"domain","value":"benign.example","to_ids":false}],
              "Object":[{"Attribute":[{"type":"domain","value":"inner.example","Tag":[{"name":"tag.example"}]}]}]}}"#,
            &[
                ("203.0.113.66", Some(Sort::Malware)),
                ("203.0.113.67:4443", Some(Sort::Malware)),
                ("evil.example", Some(Sort::Malware)),
                ("203.0.113.68", Some(Sort::Malware)),
                ("http://host.example/x", Some(Sort::Malware)),
                ("inner.example", Some(Sort::Malware)),
                ("benign.example", None),
                ("not.an.entry.example", None),
            ],
            1,
        ),
        (
            "a bundle of STIX",
            r#"{"type":"bundle","objects":[{"type":"indicator","pattern":"[ipv4-addr:value = '203.0.113.66' OR domain-name:value = 'evil.example']"}]}"#,
            &[("203.0.113.66", Some(Sort::Malware)), ("evil.example", Some(Sort::Malware))],
            0,
        ),
        (
            "ThreatFox",
            r#"{"1":[{"ioc_value":"203.0.113.66:8443","ioc_type":"ip:port","threat_type":"botnet_cc","last_seen_utc":null,"first_seen_utc":"2026-11-20 10:00:00"}]}"#,
            &[("203.0.113.66:8443", Some(Sort::C2))],
            0,
        ),
        (
            "a list of text",
            r#"["evil.example","203.0.113.66"]"#,
            &[("evil.example", Some(Sort::Malware)), ("203.0.113.66", Some(Sort::Malware))],
            0,
        ),
    ];
    for (name, text, holdings, unread) in cases {
        let (all, read) = load(text, "/a/list");
        for (what, expected) in *holdings {
            assert_eq!(holds(&all, what), *expected, "{name}: {what}");
        }
        assert_eq!(read.unread, *unread, "{name}: {read:?}");
    }
}

#[test]
fn what_a_list_may_not_say_is_left_out_and_counted() {
    let (all, read) =
        load("1.1.1.1\n10.0.0.0/8\n11.0.0.0/8\ngithub.io\ngoogle.com\nevil.github.io\nrouter.lan\n", "c2=/a/list");
    assert_eq!(read.refusals(), "private 1, too_wide 1, resolver 1, suffix 1, popular 1, local 1");
    assert_eq!((read.taken, all.len(), holds(&all, "evil.github.io")), (1, 1, Some(Sort::C2)));
}

#[test]
fn what_is_no_list_is_refused_whole() {
    let now = Wall(0);
    for text in ["<!doctype html><p>evil.example", "PK\u{3}\u{4}\u{0}\u{0}", "{\"a\":", "[1,2"] {
        let mut builder = Builder::new(10);
        let feed = "/a/list".parse().expect("a place");
        assert!(read(text.as_bytes(), &feed, now, now, &mut builder).is_err(), "{text:?}");
    }
}

#[test]
fn a_place_is_safe_or_refused_and_its_keys_are_not_told() {
    for (text, expected) in [
        ("https://lists.example/key-4711/recent.csv?token=geheim", Ok("lists.example/recent.csv")),
        ("c2=/var/lib/lists/c2.txt", Ok("c2.txt")),
        ("weather=https://lists.example/all", Ok("lists.example/all")),
        ("http://192.168.7.2/list", Ok("192.168.7.2/list")),
        ("http://lists.example/list", Err(())),
        ("ftp://lists.example/list", Err(())),
        ("", Err(())),
    ] {
        let feed = text.parse::<Feed>();
        assert_eq!(feed.as_ref().map(Feed::name).map_err(|_| ()), expected.map(str::to_owned), "{text}");
        if let Ok(feed) = feed {
            assert_eq!(String::from(feed.clone()), text);
            assert!(!format!("{feed:?}").contains("geheim") && !format!("{feed:?}").contains("4711"));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400), start in prop_oneof![Just(""), Just("{\"a\":["), Just("\"x\",\"ip\"\n"), Just("0.0.0.0 ")]) {
        let mut builder = Builder::new(50);
        let feed: Feed = "/a/list".parse().expect("a place");
        let text = [start.as_bytes(), &bytes].concat();
        let _either = read(&text, &feed, Wall(0), Wall(0), &mut builder);
        prop_assert!(builder.build().len() <= 50);
    }

    #[test]
    fn an_address_reads_back(ip in any::<IpAddr>(), port in 1_u16..) {
        let ip = ip.to_canonical();
        prop_assert_eq!(entry(&ip.to_string()), Some(Entry::Net(ip, if ip.is_ipv4() { 32 } else { 128 })));
        let service = std::net::SocketAddr::new(ip, port);
        prop_assert_eq!(entry(&service.to_string()), Some(Entry::Service(ip, port)));
    }
}
