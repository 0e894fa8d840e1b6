//! What devices say of themselves, as they say it.

use super::*;

fn answer(said: &[(&[u32], Said)]) -> Vec<(Oid, Said)> {
    said.iter().map(|(arcs, said)| (Oid::new(arcs), said.clone())).collect()
}

fn text(text: &str) -> Said {
    Said::Bytes(text.as_bytes().to_vec())
}

fn lines(system: &System) -> Vec<String> {
    let line = |fact: Fact| match fact {
        Fact::Named { name, .. } => format!("name {name}"),
        Fact::Label { key, value } => format!("{key} {value}"),
        other => format!("{other:?}"),
    };
    system.facts().into_iter().map(line).collect()
}

#[test]
fn a_device_is_told_by_what_it_says() {
    let object = |arcs: &[u32]| Said::Oid(Oid::new(&[&[1, 3, 6, 1, 4, 1], arcs].concat()));
    let cases: &[(&str, Vec<(Oid, Said)>, &[&str])] = &[
        (
            "a printer",
            answer(&[
                (DESCRIPTION, text("HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT")),
                (OBJECT, object(&[11, 2, 3, 9, 1])),
                (NAME, text("NPI3C0A1B")),
                (LOCATION, text("")),
                (PRINTER_MODEL, text("HP LaserJet M402dn")),
                (PRINTER_SERIAL, text("PHB0000001")),
            ]),
            &[
                "name NPI3C0A1B",
                "snmp_description HP ETHERNET MULTI-ENVIRONMENT,ROM none,JETDIRECT",
                "model HP LaserJet M402dn",
                "serial PHB0000001",
                "maker HP",
                "snmp_role printer",
            ],
        ),
        (
            "a computer, whose first device is its processor",
            answer(&[
                (DESCRIPTION, text("Linux nas 6.1.0 #1 SMP x86_64")),
                (OBJECT, object(&[8072, 3, 2, 10])),
                (NAME, text("nas.home.arpa")),
                (LOCATION, text("Unknown")),
                (PRINTER_MODEL, text("GenuineIntel: Intel(R) Celeron(R)")),
            ]),
            &["name nas", "snmp_description Linux nas 6.1.0 #1 SMP x86_64"],
        ),
        (
            "a switch",
            answer(&[
                (NAME, text("attic switch 2.0")),
                (PART_MODEL, text("GS308T")),
                (PART_SERIAL, text("5W7\u{1b}[2J1")),
                (BRIDGE_PORTS, Said::Number(8)),
                (SERVICES, Said::Number(2)),
            ]),
            &["name attic switch 2.0", "model GS308T", "serial 5W7 [2J1", "snmp_role switch"],
        ),
        ("a router with a bridge", answer(&[(BRIDGE_PORTS, Said::Number(8)), (SERVICES, Said::Number(6))]), &[]),
        ("a computer with guests", answer(&[(BRIDGE_PORTS, Said::Number(3)), (SERVICES, Said::Number(2))]), &[]),
        ("numbers for texts", answer(&[(NAME, Said::Number(1)), (OBJECT, text("x")), (UPTIME, text("y"))]), &[]),
        ("no text at all", answer(&[(NAME, Said::Bytes(vec![0xff, 0, 0xfe]))]), &["name \u{fffd} \u{fffd}"]),
        ("an address for a name", answer(&[(NAME, text("10.0.0.5"))]), &["name 10.0.0.5"]),
        ("nothing", Vec::new(), &[]),
    ];
    for (name, answer, expected) in cases {
        assert_eq!(lines(&System::read(answer)), *expected, "{name}");
    }
}

#[test]
fn who_has_tables_of_others_says_so() {
    let cases: &[(&[(&[u32], Said)], [bool; 3])] = &[
        (&[(SERVICES, Said::Number(72))], [false, false, false]),
        (&[(SERVICES, Said::Number(2))], [true, false, false]),
        (&[(SERVICES, Said::Number(78))], [true, true, false]),
        (&[(BRIDGE_PORTS, Said::Number(5)), (LLDP_SUBTYPE, Said::Number(4))], [true, false, true]),
        (&[(BRIDGE_PORTS, Said::Number(0))], [false, false, false]),
    ];
    for (said, expected) in cases {
        let system = System::read(&answer(said));
        assert_eq!([system.bridges, system.routes, system.lldp], *expected, "{said:?}");
    }
    assert_eq!(names().len(), NAMES.len());
}
