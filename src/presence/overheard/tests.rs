//! Frames built by hand, and what each shows. One line an observation.

use std::net::Ipv6Addr;

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::model::{InterfaceFacts, InterfaceId, LinkType, Moment, Subnet};

mod said;

mod links;

const TV: MacAddr = MacAddr([0xb8, 0x27, 0xeb, 0, 0, 9]);
const OTHER: MacAddr = MacAddr([0xb8, 0x27, 0xeb, 0, 0, 7]);
const ROUTER: MacAddr = MacAddr([0xb8, 0x27, 0xeb, 0, 0, 1]);
const TV_IP: [u8; 4] = [10, 0, 0, 9];

const OWN: MacAddr = MacAddr([0xb8, 0x27, 0xeb, 0, 0, 2]);

/// This host hears on interface 2.
fn home() -> NetworkFacts {
    let subnet = |ip: &str, len| Subnet::new(ip.parse().expect("an address"), len).expect("a subnet");
    NetworkFacts {
        interfaces: vec![InterfaceFacts {
            id: InterfaceId(2),
            name: "eth0".into(),
            mac: Some(OWN),
            addresses: vec![[10, 0, 0, 2].into()],
            up: true,
            subnets: vec![subnet("10.0.0.0", 24), subnet("2001:db8::", 64)],
            gateways: vec![],
        }],
        labels: vec![],
    }
}

/// What `bytes` show, one short line each.
fn shown_on(link: LinkType, bytes: &[u8]) -> Vec<String> {
    let captured = Captured { link, interface: InterfaceId(2), at: Moment::default(), wire_len: 0, bytes };
    let mut out = Vec::new();
    Overheard::default().glean(&captured, &Frame::decode(link, bytes), &home(), &mut out);
    assert!(out.len() <= OBSERVATIONS_MAX);
    out.iter().map(line).collect()
}

fn shown(bytes: &[u8]) -> Vec<String> {
    shown_on(LinkType::ETHERNET, bytes)
}

fn line(seen: &Observation) -> String {
    let mac = seen.subject.mac.map_or("-".into(), |mac| mac.0[5].to_string());
    let ip = seen.subject.ip.map_or(String::new(), |ip| format!("@{ip}"));
    let fact = match &seen.fact {
        Fact::Alive { proof, age } if age.is_zero() => proof.word().into(),
        Fact::Named { name, by } => format!("named {name} by {by}"),
        Fact::Gone(goodbye) => goodbye.word().into(),
        Fact::Address(ip) => format!("address {ip}"),
        Fact::Service { tcp, port, name } => format!("service {} {port} {name}", if *tcp { "tcp" } else { "udp" }),
        Fact::Label { key, value } => format!("{key}={value}"),
        Fact::Dhcp { asked, vendor_class, client_id } => {
            format!("dhcp {asked:?} {} {client_id:02x?}", vendor_class.as_deref().unwrap_or("-"))
        }
        Fact::Routes => "routes".into(),
        other => format!("{other:?}"),
    };
    let by = if seen.source == Source::Capture { "" } else { seen.source.word() };
    format!("{mac}{ip} {fact} {by}").trim_end().into()
}

fn ethernet(from: MacAddr, kind: u16, rest: &[u8]) -> Vec<u8> {
    [&MacAddr::BROADCAST.0[..], &from.0, &kind.to_be_bytes(), rest].concat()
}

fn udp4(mac: MacAddr, from: [u8; 4], to: [u8; 4], ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(payload.len() + 8).expect("short");
    let [a, b] = (len + 20).to_be_bytes();
    let mut packet = vec![0x45, 0, a, b, 0, 0, 0, 0, 255, 17, 0, 0];
    packet.extend(from);
    packet.extend(to);
    for number in [ports.0, ports.1, len, 0] {
        packet.extend(number.to_be_bytes());
    }
    packet.extend(payload);
    ethernet(mac, 0x0800, &packet)
}

fn packet6(mac: MacAddr, from: Ipv6Addr, to: Ipv6Addr, next: u8, hops: u8, body: &[u8]) -> Vec<u8> {
    let [a, b] = u16::try_from(body.len()).expect("short").to_be_bytes();
    let packet = [&[0x60, 0, 0, 0, a, b, next, hops][..], &from.octets(), &to.octets(), body].concat();
    ethernet(mac, 0x86dd, &packet)
}

const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

#[test]
fn arp_shows_who_is_here_and_whose_an_address_is() {
    let cases: &[(&str, MacAddr, u16, MacAddr, [u8; 4], [u8; 4], &[&str])] = &[
        // name            frame from  op  sender  sender ip  target ip     shows
        ("request", TV, 1, TV, TV_IP, [10, 0, 0, 1], &["9@10.0.0.9 arp_request"]),
        ("reply", TV, 2, TV, TV_IP, [10, 0, 0, 1], &["9@10.0.0.9 arp_reply"]),
        ("probe", TV, 1, TV, [0; 4], TV_IP, &["9 arp_announce"]),
        ("announcement", TV, 1, TV, TV_IP, TV_IP, &["9@10.0.0.9 arp_announce"]),
        ("gratuitous reply", TV, 2, TV, TV_IP, TV_IP, &["9@10.0.0.9 arp_announce"]),
        ("proxy", OTHER, 2, TV, TV_IP, [10, 0, 0, 1], &["7 arp_reply"]),
        ("a group's address", TV, 1, TV, [224, 0, 0, 1], [10, 0, 0, 1], &["9 arp_request"]),
        ("reverse ARP", TV, 3, TV, TV_IP, TV_IP, &["9 frame"]),
        ("a group as sender", MacAddr::BROADCAST, 1, TV, TV_IP, [10, 0, 0, 1], &[]),
        ("a virtual router", MacAddr([0, 0, 0x5e, 0, 1, 7]), 2, TV, TV_IP, TV_IP, &[]),
    ];
    for (name, from, operation, sender, ip, target, expected) in cases {
        let arp = Arp {
            operation: *operation,
            sender_mac: *sender,
            sender_ip: (*ip).into(),
            target_mac: MacAddr::ZERO,
            target_ip: (*target).into(),
        };
        assert_eq!(shown(&ethernet(*from, 0x0806, &arp.bytes())), *expected, "{name}");
        let tagged = [&[0, 7, 8, 6][..], &arp.bytes()].concat();
        // The same, and the VLAN of whoever is somebody.
        let vlan = (!expected.is_empty()).then(|| format!("{} vlan=7", from.0[5]));
        let expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).chain(vlan).collect();
        assert_eq!(shown(&ethernet(*from, 0x8100, &tagged)), expected, "{name}, tagged");
    }
}

/// IEEE 802.1Q: 0 is a priority, 4095 is reserved; of two tags the inner one is the home's.
#[test]
fn a_tag_tells_the_vlan_of_what_is_said_to_all() {
    let request = Arp {
        operation: 1,
        sender_mac: TV,
        sender_ip: TV_IP.into(),
        target_mac: MacAddr::ZERO,
        target_ip: [10, 0, 0, 1].into(),
    };
    let tags = |tags: &[[u8; 2]]| {
        let mut bytes: Vec<u8> = Vec::new();
        for (at, tag) in tags.iter().enumerate() {
            bytes.extend(if at == 0 { &[][..] } else { &[0x81, 0][..] });
            bytes.extend(tag);
        }
        let told = shown(&ethernet(TV, 0x8100, &[&bytes[..], &[8, 6], &request.bytes()].concat()));
        told.into_iter().filter(|line| line.contains("vlan")).collect::<Vec<_>>()
    };
    assert_eq!(tags(&[[0, 20]]), ["9 vlan=20"]);
    assert_eq!(tags(&[[0xe0, 20]]), ["9 vlan=20"], "with the highest priority");
    assert_eq!(tags(&[[0, 100], [0, 20]]), ["9 vlan=20"]);
    assert_eq!(tags(&[[0, 0]]), [""; 0]);
    assert_eq!(tags(&[[0x0f, 0xff]]), [""; 0]);
    // A packet to one host is not told of: a download has a million.
    let one = udp4(TV, TV_IP, [10, 0, 0, 7], (4000, 4001), b"x");
    let mut to_one = vec![2, 0, 0, 0, 0, 7];
    to_one.extend(&one[6..12]);
    to_one.extend([0x81, 0, 0, 20]);
    to_one.extend(&one[12..]);
    assert!(!shown(&to_one).iter().any(|line| line.contains("vlan")), "{:?}", shown(&to_one));
}

#[test]
fn neighbour_discovery_is_believed_only_from_this_link() {
    let global: Ipv6Addr = "2001:db8::9".parse().expect("an address");
    let message = |kind: u8, rest: [u8; 4], body: &[u8]| [&[kind, 0, 0, 0][..], &rest, body].concat();
    let link = |kind: u8, mac: MacAddr| [&[kind, 1][..], &mac.0].concat();
    let target = |ip: Ipv6Addr, option: &[u8]| [&ip.octets()[..], option].concat();
    let none = Ipv6Addr::UNSPECIFIED;
    let advert =
        |lifetime: [u8; 2]| message(134, [64, 0, lifetime[0], lifetime[1]], &[&[0; 8][..], &link(1, TV)].concat());
    let cases: &[(&str, Ipv6Addr, u8, Vec<u8>, &[&str])] = &[
        ("looks for a double", none, 255, message(135, [0; 4], &target(global, &[])), &["9 nd_dad"]),
        ("asks", global, 255, message(135, [0; 4], &target(LINK_LOCAL, &link(1, TV))), &["9@2001:db8::9 nd_solicit"]),
        (
            "asks for another",
            global,
            255,
            message(135, [0; 4], &target(LINK_LOCAL, &link(1, OTHER))),
            &["9 nd_solicit"],
        ),
        (
            "answers",
            LINK_LOCAL,
            255,
            message(136, [0x60, 0, 0, 0], &target(global, &link(2, TV))),
            &["9@2001:db8::9 nd_advert"],
        ),
        (
            "answers from it",
            global,
            255,
            message(136, [0x40, 0, 0, 0], &target(global, &[])),
            &["9@2001:db8::9 nd_advert"],
        ),
        (
            "speaks for others",
            LINK_LOCAL,
            255,
            message(136, [0; 4], &target(global, &link(2, OTHER))),
            &["9 nd_advert"],
        ),
        ("joins", LINK_LOCAL, 255, message(133, [0; 4], &link(1, TV)), &["9@fe80::9 router_solicit"]),
        ("joins without address", none, 255, message(133, [0; 4], &[]), &["9 router_solicit"]),
        (
            "routes",
            LINK_LOCAL,
            255,
            advert([7, 8]),
            &["9@fe80::9 router_advert", "9@fe80::9 routes", "9@fe80::9 router_says=addresses made by hosts"],
        ),
        ("routes no more", LINK_LOCAL, 255, advert([0, 0]), &["9@fe80::9 router_advert"]),
        (
            "routes and leaves addresses to DHCPv6",
            LINK_LOCAL,
            255,
            message(134, [64, 0xc8, 7, 8], &[0; 8]),
            &[
                "9@fe80::9 router_advert",
                "9@fe80::9 routes",
                "9@fe80::9 router_says=addresses by DHCPv6, settings by DHCPv6, preferred",
            ],
        ),
        ("from afar", global, 64, advert([7, 8]), &["9 frame"]),
        ("listens before it has an address", none, 1, message(143, [0; 4], &[]), &["9 frame"]),
        ("listens, old kind", LINK_LOCAL, 1, message(131, [0; 4], &[0xff; 16]), &["9@fe80::9 frame"]),
        ("listens no more", LINK_LOCAL, 1, message(132, [0; 4], &[0xff; 16]), &["9@fe80::9 frame"]),
        ("listens", LINK_LOCAL, 1, message(143, [0; 4], &[]), &["9@fe80::9 frame"]),
    ];
    for (name, from, hops, body, expected) in cases {
        assert_eq!(shown(&packet6(TV, *from, ALL_NODES, 58, *hops, body)), *expected, "{name}");
    }
}

/// A DHCP message from `chaddr`.
fn dhcp(op: u8, relay: [u8; 4], held: [u8; 4], given: [u8; 4], chaddr: MacAddr, options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![op, 1, 6, 0, 0, 0, 0, 7, 0, 0, 0, 0];
    bytes.extend([held, given, [0; 4], relay].concat());
    bytes.extend(chaddr.0);
    bytes.extend([0; 10 + 64 + 128]);
    bytes.extend([99, 130, 83, 99]);
    bytes.extend(options);
    bytes.push(255);
    bytes
}

#[test]
fn dhcp_is_about_the_client_not_about_who_carries_it() {
    let none = [0; 4];
    let asks = [&[53, 1, 3, 55, 2, 6, 1, 60, 2, b'a', 9, 61, 1, 7, 12, 6][..], b"tv.lan"].concat();
    let fqdn = [&[53, 1, 1, 81, 8, 4, 0, 0, 2][..], b"tv\x02la"].concat();
    let client = |mac, options: &[u8]| udp4(mac, none, [255; 4], (68, 67), &dhcp(1, none, none, none, TV, options));
    let passed = |options: &[u8]| {
        udp4(OTHER, [10, 0, 0, 7], [10, 0, 0, 1], (67, 67), &dhcp(1, [10, 0, 0, 7], none, none, TV, options))
    };
    let held = |from: [u8; 4], kind: u8| {
        udp4(TV, from, [10, 0, 0, 1], (68, 67), &dhcp(1, none, TV_IP, none, TV, &[53, 1, kind]))
    };
    let grants = |to: [u8; 4], kind: u8| {
        udp4(ROUTER, [10, 0, 0, 1], to, (67, 68), &dhcp(2, none, none, TV_IP, TV, &[53, 1, kind]))
    };
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        (
            "joins",
            client(TV, &asks),
            &[
                "9 dhcp_request",
                "9 dhcp [6, 1] a Some([07])",
                "9 dhcp_fingerprint=53,55,60,61,12",
                "9 named tv by dhcp",
            ],
        ),
        (
            "joins with a full name",
            client(TV, &fqdn),
            &["9 dhcp_request", "9 dhcp_fingerprint=53,81", "9 named tv by dhcp"],
        ),
        (
            "wants an address of a server",
            client(TV, &[53, 1, 3, 50, 4, 10, 0, 0, 9, 54, 4, 10, 0, 0, 1]),
            &["9 dhcp_request", "9 dhcp_fingerprint=53", "9 dhcp_server=10.0.0.1", "9 dhcp_wants=10.0.0.9"],
        ),
        ("somebody speaks for it", client(OTHER, &asks), &["7 frame"]),
        ("a relay carries it", passed(&[53, 1, 1]), &["7 frame", "9 dhcp_request", "9 dhcp_fingerprint=53"]),
        ("renews", held(TV_IP, 3), &["9@10.0.0.9 dhcp_request", "9@10.0.0.9 dhcp_fingerprint=53"]),
        ("says what it holds not", held([10, 0, 0, 8], 3), &["9 dhcp_request", "9 dhcp_fingerprint=53"]),
        ("leaves", held(TV_IP, 7), &["9@10.0.0.9 frame", "9@10.0.0.9 dhcp_release"]),
        ("leaves through a relay", passed(&[53, 1, 7]), &["7 frame", "9 dhcp_release"]),
        ("finds it taken", client(TV, &[53, 1, 4]), &["9 frame"]),
        ("is granted", grants([255; 4], 5), &["1@10.0.0.1 frame", "9 address 10.0.0.9"]),
        ("is granted by unicast", grants(TV_IP, 5), &["1 frame", "9 address 10.0.0.9"]),
        ("is offered", grants([255; 4], 2), &["1@10.0.0.1 frame"]),
        (
            "calls itself an address",
            client(TV, b"\x35\x01\x01\x0c\x0810.0.0.9"),
            &["9 dhcp_request", "9 dhcp_fingerprint=53,12"],
        ),
        ("no DHCP", udp4(TV, TV_IP, [255; 4], (68, 67), &[1, 2]), &["9 frame"]),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(shown(bytes), *expected, "{name}");
    }
    let v6 = |kind: u8| {
        let duid = [&[0, 1, 0, 10, 0, 3, 0, 1][..], &OTHER.0].concat();
        let class = b"\0\x10\0\x0e\0\0\x01\x37\0\x08MSFT 5.0";
        let message = [&[kind, 0, 0, 7][..], &duid, class, &[0, 39, 0, 5, 0, 2], b"tv\x00"].concat();
        let len = u16::try_from(message.len() + 8).expect("short").to_be_bytes();
        packet6(TV, LINK_LOCAL, ALL_NODES, 17, 64, &[&[2, 34, 2, 35, len[0], len[1], 0, 0][..], &message].concat())
    };
    let joins = [
        "9@fe80::9 dhcp_request",
        "9@fe80::9 duid=00030001b827eb000007",
        "9@fe80::9 duid_mac=b8:27:eb:00:00:07",
        "9@fe80::9 dhcp [] MSFT 5.0 None",
        "9@fe80::9 dhcp6_fingerprint=1,16,39",
        "9@fe80::9 named tv by dhcp",
    ];
    assert_eq!(shown(&v6(1)), joins);
    assert_eq!(shown(&v6(8)), ["9@fe80::9 frame", "9@fe80::9 dhcp_release"]);
}

fn name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.') {
        bytes.push(u8::try_from(label.len()).expect("short"));
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

fn record(owner: &str, kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let len = u16::try_from(data.len()).expect("short");
    [&name(owner)[..], &kind.to_be_bytes(), &[0x80, 1], &ttl.to_be_bytes(), &len.to_be_bytes(), data].concat()
}

fn says(records: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(records.len()).expect("few").to_be_bytes();
    let bytes = [&[0, 0, 0x84, 0, 0, 0][..], &count, &[0; 4], &records.concat()].concat();
    udp4(TV, TV_IP, [224, 0, 0, 251], (5353, 5353), &bytes)
}

#[test]
fn multicast_dns_names_only_whom_it_comes_from() {
    let srv = |host: &str, port: u16| [&[0, 0, 0, 0][..], &port.to_be_bytes(), &name(host)].concat();
    let txt = |pairs: &[&str]| -> Vec<u8> {
        pairs
            .iter()
            .flat_map(|pair| [&[u8::try_from(pair.len()).expect("short")][..], pair.as_bytes()].concat())
            .collect()
    };
    let a = |host: &str, ip: [u8; 4]| record(host, 1, 120, &ip);
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        (
            "its host",
            says(&[a("Living-TV.local", TV_IP)]),
            &["9@10.0.0.9 mdns", "9@10.0.0.9 named Living-TV by mdns_host"],
        ),
        (
            "its services",
            says(&[
                record("TV._http._tcp.local", 33, 120, &srv("tv.local", 8080)),
                record("TV._http._tcp.local", 16, 120, &txt(&["model=Box 1", "md=0,1,2", "id=7"])),
                a("tv.local", TV_IP),
            ]),
            &[
                "9@10.0.0.9 mdns",
                "9@10.0.0.9 named tv by mdns_host",
                "9@10.0.0.9 announced_as=TV",
                "9@10.0.0.9 service tcp 8080 http",
                "9@10.0.0.9 model=Box 1",
            ],
        ),
        ("repeated by a reflector", says(&[a("phone.local", [10, 0, 1, 4])]), &["9 frame"]),
        (
            "another's beside its own",
            says(&[
                a("tv.local", TV_IP),
                a("phone.local", [10, 0, 0, 4]),
                record("P._hap._tcp.local", 33, 120, &srv("phone.local", 80)),
                record("P._hap._tcp.local", 16, 120, &txt(&["id=aa", "md=Phone 4"])),
            ]),
            &["9@10.0.0.9 mdns", "9@10.0.0.9 named tv by mdns_host"],
        ),
        ("goodbye", says(&[record("tv.local", 1, 0, &TV_IP)]), &["9@10.0.0.9 mdns", "9@10.0.0.9 mdns_goodbye"]),
        ("cannot tell whose", says(&[record("_http._tcp.local", 12, 9, &name("X._http._tcp.local"))]), &["9 mdns"]),
        ("hidden browser", says(&[a("0f1e2d3c-0f1e-0f1e-0f1e-0123456789ab.local", TV_IP)]), &["9@10.0.0.9 mdns"]),
        ("asks", udp4(TV, TV_IP, [224, 0, 0, 251], (5353, 5353), &[0; 12]), &["9@10.0.0.9 mdns"]),
        ("asks from afar", udp4(ROUTER, [8, 8, 8, 8], [10, 0, 0, 9], (5353, 5353), &[0; 12]), &["1 mdns"]),
        (
            "control characters",
            says(&[a("a\u{1b}[2J\u{202e}b.local", TV_IP)]),
            &["9@10.0.0.9 mdns", "9@10.0.0.9 named a [2J b by mdns_host"],
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(shown(bytes), *expected, "{name}");
    }
    let many: Vec<Vec<u8>> = (0..300).map(|n| record("x._http._tcp.local", 33, 9, &srv("tv.local", n))).collect();
    let flood = says(&[vec![a("tv.local", TV_IP)], many].concat());
    assert_eq!(shown(&flood).len(), OBSERVATIONS_MAX);
}

#[test]
fn ssdp_and_netbios_name_only_whom_they_come_from() {
    let notify = |lines: &str| {
        let text = format!("NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n{lines}\r\n");
        udp4(TV, TV_IP, [239, 255, 255, 250], (40000, 1900), text.as_bytes())
    };
    let alive = |host: &str| {
        notify(&format!(
            "LOCATION: http://{host}:80/d.xml\r\nNT: urn:schemas-upnp-org:device:MediaRenderer:1\r\nSERVER: x/1 UPnP/1.0\r\nNTS: ssdp:alive\r\n"
        ))
    };
    let host = |ip: [u8; 4]| {
        let label: Vec<u8> =
            format!("{:15}\0", "ANNA-PC").bytes().flat_map(|b| [b'A' + (b >> 4), b'A' + (b & 15)]).collect();
        let datagram = [&[0x11, 2, 0, 1][..], &ip, &[0, 138, 0, 0, 0, 0, 32], &label, &[0]].concat();
        udp4(TV, TV_IP, [10, 0, 0, 255], (138, 138), &datagram)
    };
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("is here", alive("10.0.0.9"), &["9 ssdp", "9 upnp_software=x/1 UPnP/1.0", "9 upnp_renderer=MediaRenderer"]),
        ("repeated", alive("10.0.1.4"), &["9 frame"]),
        ("goodbye", notify("NTS: ssdp:byebye\r\n"), &["9 ssdp", "9 ssdp_byebye"]),
        ("no SSDP", udp4(TV, TV_IP, TV_IP, (1900, 1900), b"hello"), &["9 frame"]),
        ("datagram", host(TV_IP), &["9 frame", "9 named ANNA-PC by netbios"]),
        ("datagram passed on", host([10, 0, 0, 4]), &["9 frame"]),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(shown(bytes), *expected, "{name}");
    }
}

#[test]
fn other_frames_show_their_sender_and_no_more() {
    let from_afar = udp4(ROUTER, [1, 1, 1, 1], TV_IP, (53, 40000), &[]);
    let own = udp4(TV, [169, 254, 7, 7], [224, 0, 0, 22], (1, 2), &[]);
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("from beyond the router", from_afar.clone(), &["1 frame"]),
        ("link-local", own, &["9@169.254.7.7 frame"]),
        ("unknown protocol", ethernet(TV, 0x88e1, &[]), &["9 frame"]),
        ("nothing", vec![], &[]),
        ("cut in the source", from_afar[..9].to_vec(), &[]),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(shown(bytes), *expected, "{name}");
    }
    assert_eq!(shown_on(LinkType::RAW_IP, &from_afar[14..]), Vec::<String>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    /// Whatever comes: nobody is seen but the frame's source, its transmitter, and a DHCP client;
    /// text is clean; there is an end to it.
    #[test]
    fn no_frame_shows_a_group_or_dirty_text(
        port in proptest::sample::select(&[67u16, 68, 137, 138, 547, 1900, 5353][..]),
        payload in vec(any::<u8>(), 0..500),
        link in proptest::sample::select(&[1u16, 105, 113, 127, 276][..]),
    ) {
        for bytes in [udp4(TV, TV_IP, [224, 0, 0, 251], (port, port), &payload), payload.clone()] {
            let captured = Captured { link: LinkType(link), interface: InterfaceId(1), at: Moment::default(), wire_len: 0, bytes: &bytes };
            let mut out = Vec::new();
            Overheard::default().glean(&captured, &Frame::decode(LinkType(link), &bytes), &home(), &mut out);
            prop_assert!(out.len() <= OBSERVATIONS_MAX);
            for seen in &out {
                prop_assert!(seen.subject.mac.is_some_and(is_device));
                prop_assert!(seen.subject.ip.is_none_or(is_unicast));
                if let Fact::Named { name: text, .. } | Fact::Label { value: text, .. } | Fact::Service { name: text, .. } = &seen.fact {
                    prop_assert!(text.len() <= LONG_TEXT_MAX && !text.chars().any(char::is_control), "{text:?}");
                }
            }
        }
    }
}

#[test]
fn only_domains_of_the_list_are_noted_and_only_from_inside() {
    let question = |name: &str| {
        let mut dns = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            dns.push(u8::try_from(label.len()).expect("short"));
            dns.extend(label.as_bytes());
        }
        dns.extend([0, 0, 1, 0, 1]);
        dns
    };
    let asked = |from: [u8; 4], name: &str| {
        let lines = shown(&udp4(TV, from, [10, 0, 0, 1], (40_000, 53), &question(name)));
        lines.into_iter().filter(|line| line.contains('=')).collect::<Vec<_>>()
    };
    assert_eq!(asked(TV_IP, "www.LGtvsdp.com"), ["9 asks=lgtvsdp.com"]);
    assert_eq!(asked(TV_IP, "www.msftncsi.com"), ["9 asks_as_system=msftncsi.com"]);
    // What people look at is nobody's business.
    assert_eq!(asked(TV_IP, "news.example.org"), [""; 0]);
    // From beyond a router: the address is the router's.
    assert_eq!(asked([203, 0, 113, 9], "www.lgtvsdp.com"), [""; 0]);
}
