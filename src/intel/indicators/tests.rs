//! Look-ups against the plain way.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{ranges::Number, *};

fn built(entries: &[(Entry, Sort)]) -> Indicators {
    let mut builder = Builder::new(1_000_000);
    for (at, (entry, sort)) in entries.iter().enumerate() {
        let name = format!("list {at}");
        let list = builder.list(List { name, dated: Wall(0) }).unwrap_or(0);
        builder.add(entry, Tag::new(list, *sort));
    }
    builder.build()
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect(text)
}

#[test]
fn each_kind_is_found_by_what_it_is_and_by_nothing_else() {
    let all = built(&[
        (Entry::Net(ip("203.0.113.0"), 24), Sort::Weather),
        (Entry::Net(ip("203.0.113.66"), 32), Sort::C2),
        (Entry::Net(ip("2001:db8::"), 32), Sort::Malware),
        (Entry::Service(ip("198.51.100.9"), 8443), Sort::C2),
        (Entry::Name("evil.example".into()), Sort::C2),
        (Entry::Name("a.mixed.example".into()), Sort::Malware),
        (Entry::Url("host.example/a.exe".into()), Sort::Malware),
        (Entry::Url("198.51.100.9:8080/x".into()), Sort::Malware),
        (Entry::Ja4("t13d1516h2_8daaf6152771_e5627efa2ab1".into()), Sort::C2),
    ]);
    let list = |hit: Option<Hit<'_>>| hit.map(|hit| hit.list.name.trim_start_matches("list ").to_owned());
    for (address, expected) in [
        ("203.0.113.1", Some("0")),
        ("203.0.113.65", Some("0")),
        ("203.0.113.66", Some("1")),
        ("203.0.113.67", Some("0")),
        ("203.0.113.255", Some("0")),
        ("203.0.112.255", None),
        ("203.0.114.0", None),
        ("::ffff:203.0.113.66", Some("1")),
        ("2001:db8:ffff::1", Some("2")),
        ("2001:db9::", None),
        ("198.51.100.9", None),
    ] {
        assert_eq!(list(all.address(ip(address))).as_deref(), expected, "{address}");
    }
    assert!(all.service(ip("198.51.100.9"), 8443).is_some() && all.service(ip("198.51.100.9"), 443).is_none());
    for (name, expected) in [
        ("evil.example", Some("evil.example")),
        ("deep.below.evil.example.", Some("evil.example")),
        ("notevil.example", None),
        ("a.mixed.example", Some("a.mixed.example")),
        ("mixed.example", None),
        ("b.a.mixed.example", None),
        ("example", None),
    ] {
        assert_eq!(all.name(name).map(|(_, name)| name), expected, "{name}");
    }
    for (host, path, expected) in [
        ("Host.Example", "/a.exe", true),
        ("host.example:80", "/a.exe", true),
        ("host.example:8080", "/a.exe", false),
        ("host.example", "/A.exe", false),
        ("198.51.100.9:8080", "/x", true),
    ] {
        assert_eq!(all.url(host, path).is_some(), expected, "{host}{path}");
    }
    assert!(all.ja4("t13d1516h2_8daaf6152771_e5627efa2ab1").is_some() && all.ja4("t13").is_none());
}

#[test]
fn what_stands_in_several_lists_counts_them_and_is_as_bad_as_the_worst_says() {
    let all = built(&[
        (Entry::Name("evil.example".into()), Sort::Weather),
        (Entry::Name("evil.example".into()), Sort::C2),
        (Entry::Name("evil.example".into()), Sort::Phishing),
        (Entry::Net(ip("203.0.113.66"), 32), Sort::Malware),
        (Entry::Net(ip("203.0.113.66"), 32), Sort::Malware),
    ]);
    let (hit, _) = all.name("evil.example").expect("listed");
    assert_eq!((hit.sort, hit.lists), (Sort::C2, 3));
    assert_eq!(all.address(ip("203.0.113.66")).map(|hit| hit.lists), Some(2));
    assert_eq!(all.len(), 2);
}

#[test]
fn no_more_is_held_than_there_is_room_for() {
    let mut builder = Builder::new(2);
    for n in 0..5 {
        builder.add(&Entry::Name(format!("{n}.example")), Tag::new(0, Sort::C2));
    }
    assert_eq!((builder.dropped(), builder.build().len()), (3, 2));
    let mut builder = Builder::new(2);
    let numbers: Vec<_> =
        (0..LISTS_MAX + 1).map(|n| builder.list(List { name: n.to_string(), dated: Wall(0) })).collect();
    assert!(numbers.last().is_some_and(Option::is_none));
}

proptest! {
    /// Nested, equal and touching networks, at both ends of the space, against a walk over all of them.
    #[test]
    fn the_smallest_network_that_holds_an_address_counts(
        nets in prop::collection::vec((prop_oneof![any::<u32>(), 0_u32..4096, u32::MAX - 4096..u32::MAX], 0_u8..=32), 0..60),
        probes in prop::collection::vec(prop_oneof![any::<u32>(), 0_u32..4096, u32::MAX - 4096..u32::MAX], 40),
    ) {
        let mut plain: BTreeMap<(u8, u32), u8> = BTreeMap::new();
        let mut rows = Vec::new();
        for (at, (base, bits)) in nets.iter().enumerate() {
            let base = base & !u32::MAX.checked_shr(u32::from(*bits)).unwrap_or(0);
            let list = plain.len() as u8;
            let list = *plain.entry((*bits, base)).or_insert(list);
            rows.push((base, *bits, Tag::new(list, Sort::C2)));
            let _ = at;
        }
        let ranges = Ranges::new(rows.clone());
        prop_assert!(ranges.len() <= rows.len() * 2 + 1);
        let edges = nets.iter().flat_map(|(base, bits)| [*base, Number::last(*base, *bits), Number::last(*base, *bits).wrapping_add(1)]);
        for probe in probes.into_iter().chain(edges) {
            let expected = plain
                .iter()
                .filter(|((bits, base), _)| probe >= *base && probe <= Number::last(*base, *bits))
                .max_by_key(|((bits, _), _)| *bits)
                .map(|(_, list)| *list);
            prop_assert_eq!(ranges.get(probe).map(|tag| tag.list), expected, "{}", probe);
        }
    }

    #[test]
    fn a_table_finds_what_it_holds_and_nothing_else(hashes in prop::collection::btree_set(any::<u64>(), 0..300), others in prop::collection::vec(any::<u64>(), 50)) {
        let table = Table::new(hashes.iter().map(|hash| (*hash, Tag::new(1, Sort::C2))).collect());
        for hash in &hashes {
            prop_assert!(table.get(*hash).is_some());
        }
        for other in others {
            prop_assert_eq!(table.get(other).is_some(), hashes.contains(&other));
        }
    }
}
