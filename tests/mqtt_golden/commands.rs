//! What may come in, and what is said to it.

use std::time::Duration;

use porchlight::{
    model::{Answer, Command, Mode, Refusal, RefusalCode, Trust},
    mqtt::{
        Commands, Incoming, Site,
        commands::{Wish, answer, parse},
        topics::may_answer_on,
    },
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::home;

fn incoming(topic: &str, payload: impl AsRef<[u8]>) -> Incoming {
    Incoming { topic: format!("porchlight/home/{topic}"), payload: payload.as_ref().to_vec(), ..Incoming::default() }
}

fn wish(topic: &str, payload: &str) -> Result<Wish, Refusal> {
    parse(&incoming(topic, payload), &home::view(), &home::site()).unwrap_or_else(|| panic!("{topic} is dropped")).1
}

#[test]
fn wishes_are_understood() {
    let device = home::phone().id;
    let alert = home::alert().id;
    let cases: Vec<(&str, &str, Wish)> = vec![
        ("device/d-7f3k2m/set/trust", "guest", Wish::Command(Command::Trust { device, trust: Trust::Guest })),
        ("device/d-7f3k2m/set/alerts", "OFF", Wish::Command(Command::SetAlerts { device, on: false })),
        ("device/d-7f3k2m/set/important", "ON", Wish::Command(Command::SetImportant { device, on: true })),
        (
            "device/d-7f3k2m/set/away_after",
            "300",
            Wish::Command(Command::SetAwayAfter { device, after: Duration::from_secs(300) }),
        ),
        (
            "device/d-7f3k2m/set/away_after",
            "300.0",
            Wish::Command(Command::SetAwayAfter { device, after: Duration::from_secs(300) }),
        ),
        ("device/d-7f3k2m/set/name", " Anna\n", Wish::Command(Command::Rename { device, name: Some("Anna".into()) })),
        ("device/d-7f3k2m/set/name", "", Wish::Command(Command::Rename { device, name: None })),
        ("device/d-7f3k2m/do", "check_now", Wish::Command(Command::Check { device })),
        ("device/d-7f3k2m/do", "forget", Wish::Command(Command::Forget { device })),
        ("household/set/mode", "night", Wish::Command(Command::SetMode { mode: Mode::Night })),
        ("security/do", "acknowledge_all", Wish::Command(Command::AcknowledgeAll)),
        ("bridge/do", "scan_now", Wish::Command(Command::ScanNow)),
        ("bridge/do", "republish", Wish::Republish),
        ("bridge/do", "restart", Wish::Restart),
        ("request/scan/now", "", Wish::Command(Command::ScanNow)),
        ("request/bridge/republish", "{}", Wish::Republish),
        (
            "request/device/rename",
            r#"{"device":"d-7f3k2m","name":"Anna"}"#,
            Wish::Command(Command::Rename { device, name: Some("Anna".into()) }),
        ),
        (
            "request/device/rename",
            r#"{"device":"d-7f3k2m","name":null}"#,
            Wish::Command(Command::Rename { device, name: None }),
        ),
        (
            "request/device/trust",
            r#"{"device":"d-7f3k2m","trust":"untrusted"}"#,
            Wish::Command(Command::Trust { device, trust: Trust::Untrusted }),
        ),
        ("request/device/expose", r#"{"device":"d-7f3k2m"}"#, Wish::Command(Command::Expose { device })),
        ("request/device/hide", r#"{"device":"d-7f3k2m"}"#, Wish::Command(Command::Hide { device, by_ha: false })),
        ("request/device/split", r#"{"device":"d-7f3k2m"}"#, Wish::Command(Command::Split { device })),
        (
            "request/device/merge",
            r#"{"device":"d-7f3k2m","other":"d-9q2w1x"}"#,
            Wish::Command(Command::Merge { a: device, b: home::spy().id }),
        ),
        (
            "request/device/set",
            r#"{"device":"d-7f3k2m","key":"kind","value":"tv"}"#,
            Wish::Command(Command::SetKind { device, kind: Some(porchlight::model::Kind::Tv) }),
        ),
        (
            "request/device/set",
            r#"{"device":"d-7f3k2m","key":"owner","value":null}"#,
            Wish::Command(Command::SetOwner { device, owner: None }),
        ),
        (
            "request/device/set",
            r#"{"device":"d-7f3k2m","key":"important","value":true}"#,
            Wish::Command(Command::SetImportant { device, on: true }),
        ),
        (
            "request/device/set",
            r#"{"device":"d-7f3k2m","key":"away_after","value":60}"#,
            Wish::Command(Command::SetAwayAfter { device, after: Duration::from_secs(60) }),
        ),
        (
            "request/alert/acknowledge",
            r#"{"alert":"01JD8Z7A0000000001"}"#,
            Wish::Command(Command::Acknowledge { alert: alert.clone() }),
        ),
        ("request/alert/acknowledge", r#"{"all":true}"#, Wish::Command(Command::AcknowledgeAll)),
        (
            "request/alert/expected",
            r#"{"alert":"01JD8Z7A0000000001"}"#,
            Wish::Command(Command::Expected { alert: alert.clone() }),
        ),
        (
            "request/alert/reopen",
            r#"{"alert":"01JD8Z7A0000000001"}"#,
            Wish::Command(Command::Reopen { alert: alert.clone() }),
        ),
        (
            "request/alert/false_alarm",
            r#"{"alert":"01JD8Z7A0000000001"}"#,
            Wish::Command(Command::FalseAlarm { alert }),
        ),
        (
            "request/alert/mute",
            r#"{"detector":"arp_spoof","device":"d-9q2w1x","days":7}"#,
            Wish::Command(Command::MuteDevice { detector: "arp_spoof".into(), device: home::spy().id, days: 7 }),
        ),
    ];
    for (topic, payload, expected) in cases {
        assert_eq!(wish(topic, payload), Ok(expected), "{topic} {payload}");
    }
}

#[test]
fn broken_wishes_are_refused_with_a_reason() {
    use RefusalCode::{BadRequest as Bad, NotFound, TooLarge, Unsupported};
    let long = "x".repeat(300);
    let huge = format!(r#"{{"id":"{}"}}"#, "x".repeat(70_000));
    let long_id = format!(r#"{{"id":"{}"}}"#, "x".repeat(65));
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let long_name = format!(r#"{{"device":"d-7f3k2m","name":"{long}"}}"#);
    let odd_id = format!(r#"{{"id":"{}","device":"d-7f3k2m"}}"#, "\\u0000".repeat(20));
    // Topic below the node, payload, code, part of the reason.
    let cases: &[(&str, &[u8], RefusalCode, &str)] = &[
        // Values of entities.
        ("device/d-7f3k2m/set/trust", b"friend", Bad, "`friend` is none of"),
        ("device/d-7f3k2m/set/trust", b"", Bad, "none of"),
        ("device/d-7f3k2m/set/trust", b"\xff\xfe", Bad, "UTF-8"),
        ("device/d-7f3k2m/set/trust", long.as_bytes(), TooLarge, "300 bytes"),
        ("device/d-7f3k2m/set/alerts", b"maybe", Bad, "neither ON nor OFF"),
        ("device/d-7f3k2m/set/away_after", b"-1", Bad, "0 to 86400"),
        ("device/d-7f3k2m/set/away_after", b"86401", Bad, "0 to 86400"),
        ("device/d-7f3k2m/set/away_after", b"1.5", Bad, "whole number"),
        ("device/d-7f3k2m/set/away_after", b"NaN", Bad, "whole number"),
        ("device/d-7f3k2m/set/away_after", b"inf", Bad, "whole number"),
        ("device/d-7f3k2m/set/away_after", b"1e99", Bad, "whole number"),
        ("device/d-7f3k2m/set/name", &[b'a'; 61], Bad, "60 characters"),
        ("device/d-7f3k2m/set/room", b"Kitchen", Unsupported, "no `room`"),
        ("device/d-7f3k2m/set/", b"x", Unsupported, "no ``"),
        ("device/d-aaaaaa/set/trust", b"guest", NotFound, "no device d-aaaaaa"),
        ("device/phone/set/trust", b"guest", Bad, "not a device id"),
        ("device/../set/trust", b"guest", Bad, "not a device id"),
        ("device/d-7f3k2m/set/trust", b"guest\0", Bad, "none of"),
        ("device/d-7f3k2m/set/trust", "\u{feff}guest".as_bytes(), Bad, "none of"),
        ("device/d-7f3k2m/set/trust", b"{\"trust\":\"guest\"}", Bad, "none of"),
        ("device/d-7f3k2m/set/away_after", "\u{663}\u{660}".as_bytes(), Bad, "whole number"),
        ("device/d-7f3k2m/set/away_after", b"0x10", Bad, "whole number"),
        ("device/d-7f3k2m/set/away_after", b"99999999999999999999999", Bad, "0 to 86400"),
        ("device/D-7F3K2M/set/trust", b"guest", Bad, "not a device id"),
        ("device//set/trust", b"guest", Bad, "not a device id"),
        ("device/d-7f3k2m/set/trust/x", b"guest", Unsupported, "no `trust/x`"),
        // Buttons.
        ("device/d-7f3k2m/do", b"", Bad, "``"),
        ("device/d-7f3k2m/do", b"explode", Bad, "`explode`"),
        ("device/d-7f3k2m/do", &[b'x'; 65], TooLarge, "at most 64"),
        ("device/d-aaaaaa/do", b"forget", NotFound, "no device"),
        ("household/set/mode", b"party", Bad, "none of"),
        ("household/set/mode", &[b'x'; 33], TooLarge, "at most 32"),
        ("household/set/people", b"3", Unsupported, "no `people`"),
        ("security/do", b"scan_now", Bad, "`scan_now`"),
        ("bridge/do", b"acknowledge_all", Bad, "`acknowledge_all`"),
        ("bridge/do", b"{{ 7*7 }}", Bad, "{{ 7*7 }}"),
        // Requests.
        ("request/device/rename", b"rename it", Bad, "not JSON"),
        ("request/device/rename", br#"{"device":"d-7f3k2m","name":"x"} {}"#, Bad, "not JSON"),
        ("request/device/rename", br#"{"device":"d-7f3k2m","name":"x""#, Bad, "not JSON"),
        ("request/device/rename", br#"{'device':'d-7f3k2m'}"#, Bad, "not JSON"),
        ("request/device/rename", b"null", Bad, "JSON object"),
        ("request/device/rename", br#"{"device":null,"name":"x"}"#, Bad, "`device`"),
        ("request/device/rename", br#"{"device":["d-7f3k2m"],"name":"x"}"#, Bad, "`device`"),
        ("request/device/rename", br#"{"device":"d-7f3k2m","name":1e999}"#, Bad, "not JSON"),
        ("request/device/rename", odd_id.as_bytes(), Bad, "`name` is missing"),
        ("request/device/rename", b"[1]", Bad, "JSON object"),
        ("request/device/rename", b"\"x\"", Bad, "JSON object"),
        ("request/device/rename", deep.as_bytes(), Bad, "not JSON"),
        ("request/device/rename", huge.as_bytes(), TooLarge, "65536"),
        ("request/device/rename", b"\xc3\x28", Bad, "UTF-8"),
        ("request/device/rename", long_id.as_bytes(), Bad, "64 characters"),
        ("request/device/rename", br#"{"id":7}"#, Bad, "`id`"),
        ("request/device/rename", br#"{}"#, Bad, "`device` is missing"),
        ("request/device/rename", br#"{"device":7}"#, Bad, "`device` is a text"),
        ("request/device/rename", br#"{"device":"d-7f3k2m"}"#, Bad, "`name` is missing"),
        ("request/device/rename", br#"{"device":"d-7f3k2m","name":{}}"#, Bad, "one value"),
        ("request/device/rename", long_name.as_bytes(), Bad, "60 characters"),
        ("request/device/rename", br#"{"device":"d-aaaaaa","name":"x"}"#, NotFound, "no device d-aaaaaa"),
        ("request/device/merge", br#"{"device":"d-7f3k2m"}"#, Bad, "`other` is missing"),
        ("request/device/merge", br#"{"device":"d-7f3k2m","other":"d-7f3k2m"}"#, Bad, "the same"),
        ("request/device/merge", br#"{"device":"d-7f3k2m","other":"d-aaaaaa"}"#, NotFound, "d-aaaaaa"),
        ("request/device/set", br#"{"device":"d-7f3k2m","key":"mac","value":"x"}"#, Unsupported, "no `mac`"),
        ("request/device/set", br#"{"device":"d-7f3k2m","key":"kind","value":"ufo"}"#, Bad, "`ufo`"),
        ("request/device/set", br#"{"device":"d-7f3k2m","key":"kind"}"#, Bad, "`value` is missing"),
        ("request/device/explode", b"{}", Unsupported, "device/explode"),
        ("request/device/list", br#"{"after":1}"#, Bad, "`after`"),
        ("request/alert/mute", br#"{"alert":"1"}"#, Bad, "not an alert id"),
        ("request/alert/mute", br#"{"detector":"arp_spoof","device":"d-9q2w1x","days":0}"#, Bad, "`days`"),
        ("request/alert/mute", br#"{"detector":"../x","device":"d-9q2w1x","days":1}"#, Bad, "`detector`"),
        ("request/alert/acknowledge", br#"{"all":"yes"}"#, Bad, "`all`"),
        ("request/alert/close", br#"{}"#, Unsupported, "alert/close"),
        ("request/sensor/adopt", b"{}", Unsupported, "not supported yet"),
        ("request/sensor/list", b"{}", Unsupported, "not supported yet"),
        ("request/reboot", b"{}", Unsupported, "`reboot`"),
        ("request/", b"{}", Unsupported, "no verb"),
        ("request/Device/List", b"{}", Unsupported, "no verb"),
    ];
    assert!(cases.len() >= 30);
    for (topic, payload, code, part) in cases {
        let (reply, wish) = parse(&incoming(topic, payload), &home::view(), &home::site()).expect(topic);
        let refusal = wish.expect_err(topic);
        assert_eq!(refusal.code, *code, "{topic}: {}", refusal.message);
        assert!(refusal.message.contains(part), "{topic}: {}", refusal.message);
        let told = answer(&reply, &Err(refusal), &home::site()).expect("refusals are always told");
        assert!(told.payload.len() < 2_048 && !told.retain, "{topic}");
        assert!(told.topic.starts_with("porchlight/home/response/"), "{topic}: {}", told.topic);
        let told: Json = serde_json::from_slice(&told.payload).expect("JSON");
        assert_eq!(told["error"]["code"], code.word(), "{topic}");
    }
}

#[test]
fn what_is_no_command_is_dropped() {
    for topic in [
        "device/d-7f3k2m/state",
        "device/d-7f3k2m/presence",
        "bridge/state",
        "security/event",
        "response/x",
        "nonsense",
    ] {
        assert_eq!(parse(&incoming(topic, "x"), &home::view(), &home::site()), None, "{topic}");
    }
    let elsewhere = Incoming { topic: "porchlight/other/bridge/do".into(), ..incoming("", "restart") };
    assert_eq!(parse(&elsewhere, &home::view(), &home::site()), None);
    // Retained commands are old news, whatever they say.
    for (topic, payload) in [("device/d-7f3k2m/do", "forget"), ("request/device/list", "{}"), ("bridge/do", "?")] {
        let old = Incoming { retain: true, ..incoming(topic, payload) };
        assert_eq!(parse(&old, &home::view(), &home::site()), None, "{topic}");
    }
}

#[test]
fn requests_are_answered_as_the_contract_shows() {
    let site = home::site();
    let ask = |message: &Incoming| parse(message, &home::view(), &site).expect("a request");
    let text = |publish: Option<porchlight::mqtt::Publish>| {
        let publish = publish.expect("an answer");
        (publish.topic, String::from_utf8(publish.payload).expect("UTF-8"))
    };
    let asked = incoming("request/device/rename", r#"{"id":"a1","device":"d-7f3k2m","name":"Anna"}"#);
    let (reply, wish) = ask(&asked);
    assert!(wish.is_ok());
    assert_eq!(
        text(answer(&reply, &Ok(Answer::Done), &site)),
        (
            "porchlight/home/response/device/rename".into(),
            r#"{"id":"a1","ok":true,"data":{"device":"d-7f3k2m","name":"Anna"}}"#.into()
        )
    );
    assert_eq!(
        text(answer(&reply, &Err(Refusal::no_device(home::phone().id)), &site)).1,
        r#"{"id":"a1","ok":false,"error":{"code":"not_found","message":"no device d-7f3k2m"}}"#
    );
    let merge = incoming("request/device/merge", r#"{"device":"d-7f3k2m","other":"d-9q2w1x"}"#);
    let (reply, _) = ask(&merge);
    assert_eq!(
        text(answer(&reply, &Ok(Answer::Device(home::spy().id)), &site)).1,
        r#"{"ok":true,"data":{"device":"d-9q2w1x"}}"#
    );
    let (reply, _) = ask(&incoming("request/alert/acknowledge", r#"{"all":true}"#));
    assert_eq!(text(answer(&reply, &Ok(Answer::Count(3)), &site)).1, r#"{"ok":true,"data":{"count":3}}"#);

    // An entity's command is answered only if it is refused.
    let (reply, _) = ask(&incoming("device/d-7f3k2m/set/trust", "guest"));
    assert_eq!(answer(&reply, &Ok(Answer::Done), &site), None);
    assert_eq!(
        text(answer(&reply, &Err(Refusal::new(RefusalCode::Busy, "try again")), &site)),
        (
            "porchlight/home/response/error".into(),
            r#"{"topic":"porchlight/home/device/d-7f3k2m/set/trust","error":{"code":"busy","message":"try again"}}"#
                .into()
        )
    );
}

#[test]
fn answers_go_where_the_asker_may_be_answered() {
    let site = home::site();
    let cases = [
        ("porchlight/home/response/x", true),
        ("porchlight/inbox", true),
        ("porchlight/other/inbox/7", true),
        ("tools/reply/7", true),
        ("zigbee2mqtt/lamp/set", false),
        ("reply/7", false),
        ("tools/reply", false),
        ("porchlight/home/request/device/forget", false),
        ("porchlight/home/device/d-7f3k2m/state", false),
        ("porchlight/home/device/d-7f3k2m/reply/x", false),
        ("porchlight/other/bridge/do", false),
        ("porchlight/sensor/garage/obs", false),
        ("homeassistant/device/x/reply/config", false),
        ("homeassistant/status", false),
        ("$SYS/reply/x", false),
        ("porchlight/+/x", false),
        ("porchlight/x/#", false),
        ("porchlightx/y", false),
        ("porchlight", false),
        ("", false),
    ];
    for (topic, may) in cases {
        assert_eq!(may_answer_on(topic, &site), may, "{topic}");
        let message = Incoming {
            response_topic: Some(topic.into()),
            correlation: Some(vec![1, 2]),
            ..incoming("request/bridge/info", "{}")
        };
        let (reply, _) = parse(&message, &home::view(), &site).expect("a request");
        let told = answer(&reply, &Ok(Answer::Done), &site).expect("an answer");
        let expected = if may { topic } else { "porchlight/home/response/bridge/info" };
        assert_eq!((told.topic.as_str(), told.correlation.is_some()), (expected, may), "{topic}");
    }
}

#[test]
fn reading_gives_what_is_there() {
    let data = |topic: &str, payload: &str| -> Json {
        let site = home::site();
        let (reply, wish) = parse(&incoming(topic, payload), &home::view(), &site).expect("a request");
        let Ok(Wish::Answer(data)) = wish else { panic!("{topic}: {wish:?}") };
        let told = answer(&reply, &Ok(Answer::Done), &site).expect("an answer");
        let told: Json = serde_json::from_slice(&told.payload).expect("JSON");
        assert_eq!(told, json!({"ok": true, "data": data}), "{topic}");
        data
    };
    let list = data("request/device/list", "{}");
    assert_eq!((list["devices"].as_array().map(Vec::len), &list["more"]), (Some(3), &json!(0)));
    assert_eq!(data("request/device/list", r#"{"after":"d-7f3k2m"}"#)["devices"].as_array().map(Vec::len), Some(2));
    let phone = data("request/device/get", r#"{"device":"d-7f3k2m"}"#);
    assert_eq!(
        (&phone["name"], &phone["trust"], &phone["since"]),
        (&json!("Anna's phone"), &json!("trusted"), &json!("2026-11-25T17:02:11.000Z"))
    );
    assert_eq!(data("request/household/get", "")["who"]["people"], json!(["Anna", "Ben"]));
    let alerts = data("request/alert/list", "{}");
    assert_eq!(
        (&alerts["alerts"][0]["confidence"], &alerts["alerts"][0]["evidence"]["claims"]),
        (&json!(0.97), &json!("192.168.7.1"))
    );
    assert_eq!(data("request/bridge/info", "{}")["instance"], "7f3a2c");
    assert_eq!(data("request/bridge/health", "{}")["problem"], false);
}

#[test]
fn a_long_list_is_read_in_steps() {
    let ids: Vec<_> = (0..2_000).map(|n| porchlight::model::DeviceId::mint(7, n)).collect();
    let view = home::of(ids.iter().map(|id| home::device(*id, &"🦀".repeat(60))));
    let (site, mut after, mut seen) = (home::site(), Json::Null, 0);
    loop {
        let asked = incoming("request/device/list", json!({"after": after}).to_string());
        let (reply, _) = parse(&asked, &view, &site).expect("a request");
        let told = answer(&reply, &Ok(Answer::Done), &site).expect("an answer");
        assert!(told.payload.len() <= 64 * 1024);
        let told: Json = serde_json::from_slice(&told.payload).expect("JSON");
        let devices = told["data"]["devices"].as_array().expect("a list");
        seen += devices.len();
        assert_eq!(told["data"]["more"].as_u64(), Some(2_000 - seen as u64));
        match devices.last() {
            Some(last) => after = last["id"].clone(),
            None => break,
        }
    }
    assert_eq!(seen, 2_000);
}

#[test]
fn commands_can_be_limited() {
    let asks = [
        ("device/d-7f3k2m/set/trust", "guest", [true, true, false]),
        ("device/d-7f3k2m/do", "forget", [true, false, false]),
        ("request/device/forget", r#"{"device":"d-7f3k2m"}"#, [true, false, false]),
        ("request/device/merge", r#"{"device":"d-7f3k2m","other":"d-9q2w1x"}"#, [true, false, false]),
        ("bridge/do", "restart", [true, false, false]),
        ("bridge/do", "republish", [true, true, false]),
        ("request/alert/acknowledge", r#"{"all":true}"#, [true, true, false]),
        ("request/device/list", "{}", [true, true, true]),
    ];
    for (topic, payload, may) in asks {
        for (commands, may) in [Commands::All, Commands::Safe, Commands::None].into_iter().zip(may) {
            let site = Site { commands, ..home::site() };
            let (_, wish) = parse(&incoming(topic, payload), &home::view(), &site).expect(topic);
            let code = wish.err().map(|refusal| refusal.code);
            assert_eq!(code, (!may).then_some(RefusalCode::NotPermitted), "{topic} {commands:?}");
        }
    }
}

proptest! {
    #[test]
    fn nothing_sent_to_us_goes_without_a_reason(
        topic in prop_oneof![Just("device/d-7f3k2m/set/name".to_owned()), Just("request/device/set".to_owned()), "[a-z/_]{0,40}", any::<String>()],
        payload in proptest::collection::vec(any::<u8>(), 0..400),
        response in any::<Option<String>>(),
    ) {
        let message = Incoming { response_topic: response, ..incoming(&topic, payload) };
        if let Some((reply, wish)) = parse(&message, &home::view(), &home::site()) {
            if let Err(refusal) = wish {
                prop_assert!(!refusal.message.is_empty());
                let told = answer(&reply, &Err(refusal), &home::site());
                prop_assert!(told.is_some_and(|told| told.payload.len() < 4_096 && !told.retain));
            }
            prop_assert!(!reply.topic.contains(['+', '#']));
        }
    }
}
