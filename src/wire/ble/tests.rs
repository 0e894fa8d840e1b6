//! Tables and laws of all decoders of the folder.

use proptest::prelude::*;

use super::{apple, eddystone, fast_pair, microsoft, *};
use crate::model::MacAddr;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]).expect("a byte")).collect()
}

#[test]
fn structures_are_read_to_the_end_or_to_the_cut() {
    let cases: &[(&str, &str, &[&str], bool)] = &[
        // name           bytes                                      structures                            cut
        ("nothing", "", &[], false),
        ("flags, name", "02 01 06  05 09 54696c65", &["Flags(6)", "Name Tile whole"], false),
        ("short name", "03 08 5469", &["Name Ti"], false),
        ("power", "02 0a f4", &["TxPower(-12)"], false),
        ("appearance", "03 19 c0 03", &["Appearance(960)"], false),
        ("services", "05 03 0f18 aafe", &["Services([15, 24, 170, 254])"], false),
        ("service data", "04 16 0f18 5a", &["ServiceData { uuid: 6159, data: [90] }"], false),
        ("maker", "05 ff 4c00 10 05", &["Manufacturer { company: 76, data: [16, 5] }"], false),
        ("zeros end it", "02 01 06 00 02 01 05", &["Flags(6)"], false),
        ("too long", "02 01 06 09 09 54", &["Flags(6)"], true),
        ("maker without company", "02 ff 4c", &["Other { kind: 255, data: [76] }"], false),
        ("type alone", "01 01", &["Other { kind: 1, data: [] }"], false),
    ];
    for (name, hex, expected, cut) in cases {
        let data = bytes(hex);
        let mut structures = structures(&data);
        let found: Vec<String> = structures
            .by_ref()
            .map(|ad| match ad {
                Ad::Name { text, whole } => {
                    format!("Name {}{}", String::from_utf8_lossy(text), if whole { " whole" } else { "" })
                }
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(
            (found.as_slice(), structures.cut),
            (&*expected.iter().map(ToString::to_string).collect::<Vec<_>>(), *cut),
            "{name}"
        );
    }
}

#[test]
fn a_short_uuid_is_one_on_the_base() {
    let base = |hex: &str| <[u8; 16]>::try_from(bytes(hex)).expect("16 bytes");
    assert_eq!(uuid16(&base("0000feaa00001000800000805f9b34fb")), Some(EDDYSTONE));
    assert_eq!(uuid16(&base("0001feaa00001000800000805f9b34fb")), None);
    assert_eq!(uuid16(&base("0000feaa00001000800000805f9b34fc")), None);
}

#[test]
fn a_private_address_is_known_by_its_key() {
    // Core 5.4 Vol 3 Part H, appendix D.7, and the first address it makes.
    let irk = Irk::read("ec0234a357c8ad05341010a60a397d9b").expect("a key");
    assert_eq!(irk.hash([0x70, 0x81, 0x94]), [0x0d, 0xfb, 0xaa]);
    let own = MacAddr([0x70, 0x81, 0x94, 0x0d, 0xfb, 0xaa]);
    assert!(irk.resolves(own) && !irk.reversed().resolves(own));
    // The same hash under the bits of another sort of address is no match.
    assert!(!irk.resolves(MacAddr([0xf0, 0x81, 0x94, 0x0d, 0xfb, 0xaa])));
    let spellings = [
        "irk:ec0234a357c8ad05341010a60a397d9b",
        " EC:02:34:A3:57:C8:AD:05:34:10:10:A6:0A:39:7D:9B ",
        "7AI0o1fIrQU0EBCmCjl9mw==",
    ];
    for text in spellings {
        assert_eq!(Irk::read(text), Some(irk.clone()), "{text}");
    }
    for text in
        ["", "irk:", "ec02", "7AI0o1fIrQU0EBCmCjl9m", "7AI0o1fIrQU0EBCmCjl9m!==", "ec0234a357c8ad05341010a60a397d9b00"]
    {
        assert_eq!(Irk::read(text), None, "{text}");
    }
    assert_eq!(format!("{irk:?}"), "Irk(hidden)");
    assert!(irk.stand_in().is_local() && irk.stand_in().is_station() && irk.stand_in() != irk.reversed().stand_in());
}

#[test]
fn the_sort_of_an_address_is_in_its_top_bits() {
    use AddressKind::{Public, RandomPrivate, RandomResolvable, RandomStatic};
    for (top, random, expected) in [
        (0x70, false, Public),
        (0xc4, true, RandomStatic),
        (0x70, true, RandomResolvable),
        (0x3f, true, RandomPrivate),
        (0x80, true, RandomPrivate),
    ] {
        assert_eq!(AddressKind::of(MacAddr([top, 0, 0, 0, 0, 1]), random), expected, "{top:#x}");
    }
}

#[test]
fn apples_messages() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "beacon",
            "0215 f7826da64fa24e988024bc5b71e0893e 0102 0304 c5",
            "Beacon(Beacon { uuid: [247, 130, 109, 166, 79, 162, 78, 152, 128, 36, 188, 91, 113, 224, 137, 62], major: 258, minor: 772, at_1m: -59 })",
        ),
        ("beacon cut", "0215 f7826da64f", "cut"),
        ("beacon of a wrong length", "0202 0102", "Other { kind: 2, data: [1, 2] }"),
        ("nearby", "1005 5b1c000000", "Nearby(Nearby { status: 5, action: 11 })"),
        (
            "headphones",
            "0719 01 0e20 0b 8f 33 00 00 00 00112233445566778899aabbccddeeff",
            "Headphones(Headphones { model: 3616, left: Some(80), right: None, case: Some(30) })",
        ),
        (
            "lost tag",
            "1219 10 00112233445566778899aabbccddeeff001122334455 00 00",
            "FindMy(FindMy { separated: true, battery: 3 })",
        ),
        ("tag with its owner", "1202 c0 01", "FindMy(FindMy { separated: false, battery: 0 })"),
        ("two messages", "1000 0c01 05", "Other { kind: 16, data: [] } / Other { kind: 12, data: [5] }"),
    ];
    for (name, hex, expected) in cases {
        let data = bytes(hex);
        let mut messages = apple::messages(&data);
        let mut found: Vec<String> = messages.by_ref().map(|message| format!("{message:?}")).collect();
        if messages.cut {
            found.push("cut".into());
        }
        assert_eq!(found.join(" / "), *expected, "{name}");
    }
}

#[test]
fn eddystones_frames() {
    let shown = |hex: &str| match eddystone::read(&bytes(hex)) {
        Some(eddystone::Frame::Url { url, at_0m }) => format!("{url} {at_0m}"),
        Some(other) => format!("{other:?}"),
        None => "-".into(),
    };
    let cases = [
        (
            "00 ee 00010203040506070809 0a0b0c0d0e0f 0000",
            "Uid { at_0m: -18, namespace: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], instance: [10, 11, 12, 13, 14, 15] }",
        ),
        ("00 ee 0001", "-"),
        ("10 f4 03 6578616d706c65 07", "https://example.com -12"),
        ("10 f4 00 61 01 62 1b", "http://www.a.org/b? -12"),
        ("10 f4 04 61", "-"),
        ("10 f4 03 616161616161616161616161616161616161", "-"),
        (
            "20 00 0bb8 1580 0000000a 00000064",
            "Telemetry { battery_mv: Some(3000), temperature: Some(5504), adverts: 10, uptime: 100 }",
        ),
        (
            "20 00 0000 8000 0000000a 00000064",
            "Telemetry { battery_mv: None, temperature: None, adverts: 10, uptime: 100 }",
        ),
        ("20 01 0bb8", "-"),
        ("30 f0 0102030405060708", "Eid { at_0m: -16, id: [1, 2, 3, 4, 5, 6, 7, 8] }"),
        ("41 0102030405060708090a0b0c0d0e0f1011121314", "Lost { separated: true }"),
        ("40 0102", "-"),
        ("", "-"),
    ];
    for (hex, expected) in cases {
        assert_eq!(shown(hex), expected, "{hex}");
    }
}

#[test]
fn pairing_offers_and_batteries() {
    assert_eq!(fast_pair::read(&bytes("2c fa 01")), Some(fast_pair::FastPair::Offers { model: 0x002c_fa01 }));
    let owned = fast_pair::FastPair::Owned { left: Some(64), right: Some(100), case: None };
    assert_eq!(fast_pair::read(&bytes("00 40 11223344 11 55 33 40 e4 7f")), Some(owned));
    for cut in ["", "00 40 1122", "70 00 00 00"] {
        assert_eq!(fast_pair::read(&bytes(cut)), None, "{cut}");
    }
    assert_eq!(microsoft::read(&bytes("03 00 80 4d6f757365")), Some(microsoft::Beacon::SwiftPair { name: b"Mouse" }));
    assert_eq!(microsoft::read(&bytes("03 01 80 010203040506")), None, "class of device is missing");
    assert_eq!(microsoft::read(&bytes("01 09 20 22")), Some(microsoft::Beacon::Device { kind: "windows" }));
    assert_eq!(microsoft::read(&bytes("01")), None);
    assert_eq!([battery(&[90]), battery(&[101]), battery(&[]), battery(&[1, 2])], [Some(90), None, None, None]);
}

#[test]
fn tags_of_all_makers() {
    let tag = |kind, separated| Some(Tag { kind, separated });
    assert_eq!(Tag::of_maker(APPLE, &bytes("1202 00 00")), tag(TagKind::FindMy, Some(false)));
    assert_eq!(Tag::of_maker(MICROSOFT, &bytes("1202 00 00")), None);
    assert_eq!(Tag::of_service(0xfcb2, &[1, 0]), tag(TagKind::FindMy, Some(true)));
    assert_eq!(Tag::of_service(0xfcb2, &[1]), None);
    assert_eq!(Tag::of_service(0xfd5a, &[0x13]), tag(TagKind::SmartTag, Some(true)));
    assert_eq!(Tag::of_service(0xfeed, &[]), tag(TagKind::Tile, None));
    assert_eq!(Tag::of_service(BATTERY, &[50]), None);
}

#[test]
fn classes_and_appearances_have_words() {
    for (class, word) in [
        (0x5a_020c, Some("phone")),
        (0x24_0404, Some("headset")),
        (0x6c_010c, Some("laptop")),
        (0, None),
        (0x1f00, None),
    ] {
        assert_eq!(class_of_device(class), word, "{class:#x}");
    }
    for (value, word) in [(0x0040, Some("phone")), (0x03c1, Some("keyboard")), (0x0941, Some("headset")), (0, None)] {
        assert_eq!(appearance(value), word, "{value:#x}");
    }
}

proptest! {
    /// Structures written by the book come back as they were, whatever is behind the end.
    #[test]
    fn structures_come_back(parts in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..29)), 0..8), tail in prop::collection::vec(any::<u8>(), 0..9)) {
        let mut data = Vec::new();
        for (kind, body) in &parts {
            data.push(u8::try_from(body.len() + 1).unwrap());
            data.push(*kind);
            data.extend(body);
        }
        data.push(0);
        data.extend(&tail);
        let found = structures(&data).count();
        prop_assert_eq!(found, parts.len());
        for (ad, (kind, body)) in structures(&data).zip(&parts) {
            if let Ad::Other { kind: found, data } = ad {
                prop_assert_eq!((found, data), (*kind, body.as_slice()));
            }
        }
    }

    /// Nothing read lies outside the bytes, no two messages overlap, and a cut never adds one.
    #[test]
    fn a_cut_only_takes_away(data in prop::collection::vec(any::<u8>(), 0..64), at in 0usize..64) {
        let cut = &data[..at.min(data.len())];
        prop_assert!(structures(cut).count() <= structures(&data).count());
        prop_assert!(structures(&data).count() * 2 <= data.len());
        prop_assert!(apple::messages(cut).count() <= apple::messages(&data).count());
        prop_assert!(apple::messages(&data).count() <= data.len());
        let _frames = (eddystone::read(&data).map(|frame| format!("{frame:?}")), fast_pair::read(&data), microsoft::read(&data));
        for uuid in [0xfcb2, 0xfd5a, 0xfeed, EDDYSTONE] {
            let _tag = Tag::of_service(uuid, &data);
        }
    }

    /// A page's address is printable and bounded.
    #[test]
    fn an_address_of_a_page_is_printable(data in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Some(eddystone::Frame::Url { url, .. }) = eddystone::read(&[&[0x10, 0][..], &data].concat()) {
            let text = url.to_string();
            prop_assert!(text.is_ascii() && !text.contains(char::is_control) && text.len() <= 12 + 17 * 6);
        }
    }

    /// A key knows each address made with it, and its stand-in does not depend on the spelling.
    #[test]
    fn a_key_knows_its_own(key in any::<[u8; 16]>(), prand in any::<[u8; 3]>()) {
        let irk = Irk::new(key);
        let prand = [prand[0] & 0x3f | 0x40, prand[1], prand[2]];
        let [x, y, z] = irk.hash(prand);
        prop_assert!(irk.resolves(MacAddr([prand[0], prand[1], prand[2], x, y, z])));
        prop_assert!(!irk.resolves(MacAddr([prand[0], prand[1], prand[2], x, y, z ^ 1])));
        let hex: String = key.iter().map(|byte| format!("{byte:02X}:")).collect();
        prop_assert_eq!(Irk::read(hex.trim_end_matches(':')).map(|irk| irk.stand_in()), Some(irk.stand_in()));
    }

    #[test]
    fn classes_never_fail(class in any::<u32>(), value in any::<u16>()) {
        prop_assert!(class_of_device(class).is_none_or(|word| !word.is_empty()));
        prop_assert!(appearance(value).is_none_or(|word| !word.is_empty()));
    }
}
