//! Tables and laws of SNMP's bytes. Keys are checked against the examples of RFC 3414 A.3 and the test vectors
//! of RFC 7860's relatives; whole messages against real agents in `tests/snmp_scanner.rs`.

use proptest::{collection::vec, prelude::*};
use secrecy::ExposeSecret;

use super::{
    usm::{Complaint, Engine, Keys, Message, Opened, introduction, question as sealed},
    *,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A response as an agent builds it.
fn response(tag: u8, id: i32, error: i32, index: i32, binds: &[(Oid, Vec<u8>)]) -> Vec<u8> {
    let binds: Vec<Vec<u8>> = binds
        .iter()
        .map(|(name, value)| ber::put(ber::SEQUENCE, &[&ber::put(ber::OID, &[&name.bytes()]), value]))
        .collect();
    let binds: Vec<&[u8]> = binds.iter().map(Vec::as_slice).collect();
    let numbers = [id, error, index].map(|number| ber::put_int(number.into()));
    let [id, error, index] = &numbers;
    ber::put(tag, &[id, error, index, &ber::put(ber::SEQUENCE, &binds)])
}

#[test]
fn integers_are_read_as_they_are_meant() {
    let cases: &[(&[u8], Option<i64>, Option<u64>)] = &[
        (&[], None, None),
        (&[0], Some(0), Some(0)),
        (&[0x7f], Some(127), Some(127)),
        (&[0x80], Some(-128), Some(128)),
        (&[0, 0x80], Some(128), Some(128)),
        (&[0xff, 0xff], Some(-1), Some(65535)),
        (&[0x80, 0, 0, 0, 0, 0, 0, 0], Some(i64::MIN), Some(1 << 63)),
        (&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], None, Some(u64::MAX)),
        (&[1, 0, 0, 0, 0, 0, 0, 0, 0], None, None),
    ];
    for (bytes, signed, unsigned) in cases {
        assert_eq!((ber::signed(bytes), ber::unsigned(bytes)), (*signed, *unsigned), "{bytes:x?}");
    }
}

#[test]
fn a_length_beyond_the_bytes_is_no_value() {
    let cases: &[(&str, &[u8], Option<&[u8]>)] = &[
        ("short form", &[4, 2, 7, 8, 9], Some(&[7, 8])),
        ("long form", &[4, 0x82, 0, 2, 7, 8], Some(&[7, 8])),
        ("empty", &[4, 0], Some(&[])),
        ("one too few", &[4, 3, 7, 8], None),
        ("four GiB", &[4, 0x84, 0xff, 0xff, 0xff, 0xff, 7], None),
        ("until told otherwise", &[0x24, 0x80, 7, 0, 0], None),
        ("a length of five bytes", &[4, 0x85, 0, 0, 0, 0, 1, 7], None),
        ("a tag of several bytes", &[0x1f, 0x81, 1, 0], None),
        ("no length", &[4], None),
    ];
    for (name, bytes, expected) in cases {
        let mut reader = Reader::new(bytes);
        let found = ber::next(&mut reader).map(|(_, inside)| inside);
        assert_eq!(found, *expected, "{name}");
        assert!(found.is_some() || reader.len() == bytes.len(), "{name}: nothing moves");
    }
}

#[test]
fn names_are_read_and_bad_ones_are_none() {
    let cases: &[(&[u8], Option<&str>)] = &[
        (&[0x2b, 6, 1, 2, 1, 1, 1, 0], Some("1.3.6.1.2.1.1.1.0")),
        (&[0x28, 0xc4, 0x62, 1], Some("1.0.8802.1")),
        (&[0x88, 0x37], Some("2.999")),
        (&[0x2b, 0x8f, 0xff, 0xff, 0xff, 0x7f], Some("1.3.4294967295")),
        (&[0x2b, 0x90, 0x80, 0x80, 0x80, 0], None),
        (&[0x2b, 0x86], None),
        (&[0x2b, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80], None),
        (&[], Some("")),
        (&[1; 200], None),
    ];
    for (bytes, expected) in cases {
        assert_eq!(Oid::read(bytes).map(|oid| oid.to_string()).as_deref(), *expected, "{bytes:x?}");
    }
}

#[test]
fn a_question_is_byte_for_byte_what_net_snmp_sends() {
    // snmpget -v2c -c public … 1.3.6.1.2.1.1.5.0
    let name = Oid::new(&[1, 3, 6, 1, 2, 1, 1, 5, 0]);
    let sent = message(Version::V2c, b"public", &question(Ask::Get, 0x4d9c_1f36, &[name]));
    let expected =
        hex("3029 020101 0406 7075626c6963 a01c 02044d9c1f36 020100 020100 300e 300c 0608 2b06010201010500 0500");
    assert_eq!(sent, expected);
}

#[test]
fn an_answer_counts_only_to_its_own_question() {
    let name = Oid::new(&[1, 3, 6, 1, 2, 1, 1, 5, 0]);
    let binds = [(name, ber::put(ber::OCTETS, &[b"switch"]))];
    let of = |version, community: &[u8], tag, id| message(version, community, &response(tag, id, 0, 0, &binds));
    let cases: &[(&str, Vec<u8>, bool)] = &[
        ("fits", of(Version::V2c, b"public", tag::RESPONSE, 7), true),
        ("another number", of(Version::V2c, b"public", tag::RESPONSE, 8), false),
        ("another community", of(Version::V2c, b"private", tag::RESPONSE, 7), false),
        ("another version", of(Version::V1, b"public", tag::RESPONSE, 7), false),
        ("a question", of(Version::V2c, b"public", tag::GET, 7), false),
        ("a report", of(Version::V2c, b"public", tag::REPORT, 7), false),
        ("nothing", Vec::new(), false),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(answer(bytes, Version::V2c, b"public", 7).is_some(), *expected, "{name}");
        for end in 0..bytes.len() {
            assert!(answer(&bytes[..end], Version::V2c, b"public", 7).is_none(), "{name} cut at {end}");
        }
    }
}

#[test]
fn values_before_a_broken_one_are_kept() {
    let name = |last| Oid::new(&[1, 3, 6, 1, last]);
    let binds = [
        (name(1), ber::put(tag::TICKS, &[&[1, 0]])),
        (name(2), ber::put(tag::NO_INSTANCE, &[])),
        (name(3), ber::put(tag::ADDRESS, &[&[10, 0, 0, 5]])),
        (name(4), ber::put(0x44, &[&[1]])),
        (name(5), ber::put(tag::ADDRESS, &[&[10, 0, 0]])),
        (name(6), ber::put(ber::OCTETS, &[b"lost"])),
    ];
    let bytes = message(Version::V1, b"", &response(tag::RESPONSE, -1, 2, 1, &binds));
    let mut pdu = answer(&bytes, Version::V1, b"", -1).unwrap();
    assert_eq!((pdu.error, pdu.index), (2, 1));
    let values: Vec<Value<'_>> = pdu.binds.by_ref().map(|(_, value)| value).collect();
    assert_eq!(values, [Value::Ticks(256), Value::None, Value::Address([10, 0, 0, 5].into()), Value::Other]);
    assert!(pdu.binds.cut);
}

#[test]
fn keys_are_those_of_the_standard() {
    // RFC 3414 A.3.1, A.3.2: password and engine of the examples.
    let engine = hex("000000000000000000000002");
    let cases = [
        (Auth::Md5, "9faf3283884e92834ebc9847d8edd963", "526f5eed9fcce26f8964c2930787d82b"),
        (Auth::Sha1, "9fb5cc0381497b3793528939ff788d5d79145211", "6695febc9288e36282235fc7151f128497b38f3f"),
    ];
    for (auth, master, local) in cases {
        let key = master_key(auth, b"maplesyrup");
        assert_eq!(key.expose_secret(), hex(master), "{auth:?}");
        assert_eq!(auth.localize(&key, &engine).expose_secret(), hex(local), "{auth:?}");
    }
    // draft-blumenthal-aes-usm-04 appendix and draft-reeder-snmpv3-usm-3desede-00 B.1, B.2 begin with the same key.
    let key = master_key(Auth::Sha1, b"maplesyrup");
    let long = Privacy::Aes256Reeder.localize(Auth::Sha1, &key, &engine);
    let reeder = "6695febc9288e36282235fc7151f128497b38f3f9b8b6d78936ba6e7d19dfd9c";
    assert_eq!(long.expose_secret(), hex(reeder));
    let long = Privacy::Aes256.localize(Auth::Sha1, &key, &engine);
    assert_eq!((long.expose_secret().len(), &long.expose_secret()[..20]), (32, &hex(cases[1].2)[..]));
    assert!(master_key(Auth::Sha256, b"").expose_secret().is_empty());
}

#[test]
fn signatures_are_those_of_the_standard() {
    // RFC 2202 §2, §3 case 2; RFC 4231 §4.3 (case 2), cut to what a message carries.
    let cases = [
        (Auth::Md5, "750c783e6ab0b503eaa86e310a5db738"),
        (Auth::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (Auth::Sha224, "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44"),
        (Auth::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (Auth::Sha384, "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c7"),
        (
            Auth::Sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd",
        ),
    ];
    for (auth, expected) in cases {
        let signature = auth.sign(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(signature, hex(expected)[..auth.tag_len()], "{auth:?}");
        let long = auth.sign(&[0xaa; 131], &[b"x"]);
        assert_eq!(long.len(), auth.tag_len());
    }
}

#[test]
fn feedback_is_that_of_the_standard() {
    // NIST SP 800-38A F.3.13 and F.3.17: the vector as boots, time and salt.
    let plain = hex("6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51");
    let (boots, time, salt) = (0x0001_0203, 0x0405_0607, [8, 9, 10, 11, 12, 13, 14, 15]);
    let cases = [
        (
            Privacy::Aes128,
            "2b7e151628aed2a6abf7158809cf4f3c",
            "3b3fd92eb72dad20333449f8e83cfb4a c8a64537a0b3a93fcde3cdad9f1ce58b",
        ),
        (
            Privacy::Aes256,
            "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
            "dc7e84bfda79164b7ecd8486985d3860 39ffed143b28b1c832113c6331e5407b",
        ),
    ];
    for (privacy, key, expected) in cases {
        assert_eq!(privacy.hide(&hex(key), boots, time, salt, &plain).unwrap(), hex(expected), "{privacy:?}");
        assert_eq!(privacy.show(&hex(key), boots, time, salt, &hex(expected)).unwrap(), plain);
        assert_eq!(privacy.hide(b"short", boots, time, salt, &plain), None);
    }
    assert_eq!(Privacy::Des.show(&[0; 16], 0, 0, salt, &[0; 7]), None, "half a block");
}

const AUTHS: [Auth; 6] = [Auth::Md5, Auth::Sha1, Auth::Sha224, Auth::Sha256, Auth::Sha384, Auth::Sha512];
const PRIVACIES: [Privacy; 6] =
    [Privacy::Des, Privacy::Aes128, Privacy::Aes192, Privacy::Aes256, Privacy::Aes192Reeder, Privacy::Aes256Reeder];

fn engine() -> Engine {
    Engine { id: b"\x80\x00\x1f\x88\x04home".to_vec(), boots: 3, time: 1000 }
}

/// What an agent would send: our own frame around a response, at whatever level.
fn reply(keys: &Keys, id: i32) -> Vec<u8> {
    sealed(keys, &engine(), id, [5; 8], &response(tag::RESPONSE, id, 0, 0, &[])).unwrap()
}

#[test]
fn an_answer_counts_only_at_the_level_of_its_question() {
    for auth in AUTHS {
        let (key, wrong) = (master_key(auth, b"correct horse"), master_key(auth, b"battery staple"));
        for privacy in PRIVACIES {
            let of = |auth_key, privacy_key| Keys::new(b"anna", auth_key, privacy_key, &engine().id);
            let full = of(Some((auth, &key)), Some((privacy, &key)));
            let signed = of(Some((auth, &key)), None);
            let plain = of(None, None);
            let cases: &[(&str, &Keys, &Keys, bool)] = &[
                ("hidden", &full, &full, true),
                ("signed", &signed, &signed, true),
                ("plain", &plain, &plain, true),
                ("signed but not hidden", &signed, &full, false),
                ("neither", &plain, &full, false),
                ("not signed", &plain, &signed, false),
                ("more than asked", &full, &plain, false),
                ("another password", &of(Some((auth, &wrong)), Some((privacy, &key))), &full, false),
                ("another cipher key", &of(Some((auth, &key)), Some((privacy, &wrong))), &full, false),
            ];
            for (name, by, to, expected) in cases {
                let bytes = reply(by, 9);
                let message = Message::read(&bytes).unwrap();
                let opened = message.open(to, &engine());
                let fits =
                    matches!(&opened, Opened::Answer(plain) if Message::pdu(plain).is_some_and(|pdu| pdu.id == 9));
                assert_eq!(fits, *expected, "{auth:?} {privacy:?} {name}: {opened:?}");
            }
        }
    }
}

#[test]
fn no_byte_of_a_signed_message_can_be_changed() {
    let key = master_key(Auth::Sha256, b"correct horse");
    let keys = Keys::new(b"anna", Some((Auth::Sha256, &key)), Some((Privacy::Aes128, &key)), &engine().id);
    let bytes = reply(&keys, 9);
    for place in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[place] ^= flip;
            let opened = Message::read(&bytes).map(|message| message.open(&keys, &engine()));
            assert!(!matches!(opened, Some(Opened::Answer(_))), "byte {place} ^ {flip}");
        }
        assert!(Message::read(&bytes[..place]).is_none(), "cut at {place}");
    }
    // What follows the message is not of it.
    let longer = [&bytes[..], b"more"].concat();
    assert!(matches!(Message::read(&longer).unwrap().open(&keys, &engine()), Opened::Answer(_)));
}

#[test]
fn an_old_answer_sent_again_is_refused() {
    let key = master_key(Auth::Sha1, b"correct horse");
    let keys = Keys::new(b"anna", Some((Auth::Sha1, &key)), None, &engine().id);
    let bytes = reply(&keys, 9);
    let message = Message::read(&bytes).unwrap();
    for (boots, time, fresh) in [(3, 1000, true), (3, 1150, true), (3, 1151, false), (4, 0, false), (2, 9999, true)] {
        let now = Engine { boots, time, ..engine() };
        assert_eq!(matches!(message.open(&keys, &now), Opened::Answer(_)), fresh, "{boots} {time}");
    }
}

#[test]
fn complaints_are_told_apart() {
    let plain = Keys::new(b"", None, None, &[]);
    let key = master_key(Auth::Sha1, b"correct horse");
    let keys = Keys::new(b"anna", Some((Auth::Sha1, &key)), None, &engine().id);
    let kinds = [
        (1, Complaint::Level),
        (2, Complaint::Time),
        (3, Complaint::User),
        (4, Complaint::Engine),
        (5, Complaint::Digest),
        (6, Complaint::Cipher),
        (7, Complaint::Other),
    ];
    for (which, expected) in kinds {
        let bind = (Oid::new(&[1, 3, 6, 1, 6, 3, 15, 1, 1, which, 0]), ber::put(tag::COUNTER, &[&[1]]));
        let report = response(tag::REPORT, 9, 0, 0, &[bind]);
        let bytes = sealed(&plain, &engine(), 9, [0; 8], &report).unwrap();
        assert_eq!(Message::read(&bytes).unwrap().open(&keys, &engine()), Opened::Complaint(expected, false));
        let bytes = sealed(&keys, &engine(), 9, [0; 8], &report).unwrap();
        assert_eq!(Message::read(&bytes).unwrap().open(&keys, &engine()), Opened::Complaint(expected, true));
    }
    let introduced = introduction(9);
    assert_eq!(Message::read(&introduced).unwrap().introduced(), None, "our own question names no engine");
}

fn any_oid() -> impl Strategy<Value = Oid> {
    (0u32..3, 0u32..40, vec(any::<u32>(), 0..20))
        .prop_map(|(first, second, rest)| Oid::new(&[vec![first, second], rest].concat()))
}

proptest! {
    #[test]
    fn names_survive_the_wire_in_their_order(a in any_oid(), b in any_oid()) {
        prop_assert_eq!(Oid::read(&a.bytes()), Some(a.clone()));
        prop_assert_eq!(a.arcs().cmp(b.arcs()), a.cmp(&b));
        let longer = a.with(&[1]);
        prop_assert_eq!(longer.below(&a), Some(&[1][..]));
        prop_assert!(a.with(&[0]) > a);
    }

    #[test]
    fn integers_survive_the_wire(value in any::<i64>()) {
        let bytes = ber::put_int(value);
        prop_assert_eq!(ber::expect(&mut Reader::new(&bytes), ber::INTEGER).and_then(ber::signed), Some(value));
        prop_assert!(bytes.len() <= 3 || ber::signed(&bytes[3..]) != Some(value), "as short as can be");
    }

    #[test]
    fn whatever_comes_is_read_to_an_end(bytes in vec(any::<u8>(), 0..300), id in any::<i32>()) {
        if let Some(pdu) = answer(&bytes, Version::V2c, b"", id) {
            prop_assert!(pdu.binds.count() <= bytes.len());
        }
        let keys = Keys::new(b"anna", None, None, &[]);
        if let Some(message) = Message::read(&bytes) {
            drop(message.open(&keys, &Engine::default()));
        }
    }

    #[test]
    fn what_is_hidden_is_shown_again(
        text in vec(any::<u8>(), 0..200), key in vec(any::<u8>(), 32), salt in any::<[u8; 8]>(), boots in any::<u32>(), time in any::<u32>(),
    ) {
        for privacy in PRIVACIES {
            let len = match privacy {
                Privacy::Des | Privacy::Aes128 => 16,
                Privacy::Aes192 | Privacy::Aes192Reeder => 24,
                Privacy::Aes256 | Privacy::Aes256Reeder => 32,
            };
            let hidden = privacy.hide(&key[..len], boots, time, salt, &text).unwrap();
            let shown = privacy.show(&key[..len], boots, time, salt, &hidden).unwrap();
            prop_assert_eq!(&shown[..text.len()], &text[..]);
        }
    }
}
