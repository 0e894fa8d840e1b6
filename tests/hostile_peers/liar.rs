//! A device that answers everything, and everything badly: too much, too long, cut short, going in circles, pointing
//! elsewhere, or so slowly that nobody lives to see the end.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    thread,
    time::Duration,
};

use super::honest::{
    LLMNR, MDNS, SSDP, answer, dns_name, ears_and_mouth, matches, member, node_status, pages, pointed, record, reply,
    service,
};

/// The most that fits into one datagram.
const DATAGRAM: usize = 65_000;
const MANY: usize = 10_000;

pub fn start(address: &'static str) {
    let pair = ears_and_mouth(MDNS, 5353, address);
    thread::spawn(move || mdns(address, &pair));
    thread::spawn(move || kinds(address));
    let pair = ears_and_mouth(SSDP, 1900, address);
    thread::spawn(move || ssdp(address, &pair));
    let pair = ears_and_mouth(SSDP, 3702, address);
    thread::spawn(move || wsd(address, &pair));
    let socket = UdpSocket::bind((address, 137)).unwrap();
    thread::spawn(move || netbios(&socket));
    let pair = ears_and_mouth(LLMNR, 5355, address);
    thread::spawn(move || names(&pair.0, &pair.1));
    let socket = UdpSocket::bind((address, 53)).unwrap();
    thread::spawn(move || names(&socket, &socket));
    let socket = UdpSocket::bind((address, 9302)).unwrap();
    thread::spawn(move || console(&socket));
    for (port, page) in [(82, elsewhere as fn(&str) -> Vec<u8>), (83, cut)] {
        let listener = TcpListener::bind((address, port)).unwrap();
        thread::spawn(move || pages(&listener, page));
    }
    for port in [80, 81] {
        let listener = TcpListener::bind((address, port)).unwrap();
        thread::spawn(move || drip(&listener, port));
    }
}

fn mdns(address: &str, (ears, mouth): &(UdpSocket, UdpSocket)) {
    let ip: Ipv4Addr = address.parse().unwrap();
    let mut sent = 0;
    let mut room = [0; 2048];
    let send = |bytes: &[u8]| drop(mouth.send_to(bytes, (MDNS, 5353)));
    while ears.recv_from(&mut room).is_ok() {
        if room[2] & 0x80 != 0 {
            continue;
        }
        // Names in circles: to itself, to each other, past the end (RFC 1035 §4.1.4).
        for name in [&[0xc0, 12][..], &[0xc0, 14, 0xc0, 12], &[0xff, 0xff], &[1, b'a', 0xc0, 12], &[63, b'x']] {
            send(&answer(&[record(name, 12, &[0xc0, 12])]));
        }
        // Said to have many records, and none there; lengths beyond the end.
        send(&[0, 0, 0x84, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        let honest = answer(&service(b"Cut", b"_http", b"liar", 80, ip));
        for end in [13, 30, 60, honest.len() - 1] {
            send(&honest[..end.min(honest.len())]);
        }
        let text: Vec<u8> = std::iter::repeat_n([&[200_u8][..], &[b'z'; 200]].concat(), 250).flatten().collect();
        send(&answer(&[record(&dns_name(&[b"Fat", b"_http", b"_tcp", b"local"]), 16, &text)]));
        let meta = dns_name(&[b"_services", b"_dns-sd", b"_udp", b"local"]);
        send(&answer(&[record(&meta, 12, &dns_name(&[b"_http", b"_tcp", b"local"]))]));
        // Services without end, a slice a question.
        for _ in 0..40 {
            let names = sent..(sent + 25).min(MANY);
            sent = names.end;
            let records: Vec<Vec<u8>> = names
                .clone()
                .flat_map(|n| service(format!("Service {n}").as_bytes(), b"_http", b"liar", n as u16, ip))
                .collect();
            send(&answer(&records));
            // Hosts without end at the same address.
            let hosts: Vec<Vec<u8>> =
                names.map(|n| record(&dns_name(&[format!("h{n}").as_bytes(), b"local"]), 1, &ip.octets())).collect();
            send(&answer(&hosts));
            thread::sleep(Duration::from_millis(2));
        }
    }
}

/// Kinds of services without end, before anybody else can name his, and again and again.
fn kinds(address: &str) {
    let mouth = member(MDNS, 5353, address);
    let meta = dns_name(&[b"_services", b"_dns-sd", b"_udp", b"local"]);
    for first in (0..MANY).step_by(25).cycle() {
        let kinds = (first..first + 25)
            .map(|n| record(&meta, 12, &dns_name(&[format!("_k{n}").as_bytes(), b"_tcp", b"local"])));
        drop(mouth.send_to(&answer(&kinds.collect::<Vec<_>>()), (MDNS, 5353)));
        thread::sleep(Duration::from_millis(5));
    }
}

fn ssdp(address: &str, (ears, mouth): &(UdpSocket, UdpSocket)) {
    let mut room = [0; 2048];
    while let Ok((_, from)) = ears.recv_from(&mut room) {
        for n in 0..MANY {
            let location = match n % 10 {
                0 => format!("http://10.78.0.1:7777/{n}"),
                1 => format!("http://127.0.0.1:7777/{n}"),
                2 => "file:///etc/passwd".to_owned(),
                3 => format!("http://{address}@10.78.0.1:7777/"),
                4 => format!("http://{address}:81/{n}"),
                5 => "x".repeat(1_200),
                6 => format!("http://{address}:82/{n}"),
                7 => format!("http://{address}:83/{n}"),
                _ => format!("http://{address}/{n}"),
            };
            let text = format!("HTTP/1.1 200 OK\r\nLOCATION: {location}\r\n\r\n");
            // Some are cut short, where the address may be too.
            let len = if n % 7 == 0 { n % text.len() } else { text.len() };
            drop(mouth.send_to(&text.as_bytes()[..len], from));
            if n % 100 == 0 {
                thread::sleep(Duration::from_millis(5));
            }
        }
        drop(mouth.send_to(&[b'A'; DATAGRAM], from));
        drop(mouth.send_to(&[], from));
    }
}

fn wsd(address: &str, (ears, mouth): &(UdpSocket, UdpSocket)) {
    let mut room = [0; 4096];
    while let Ok((_, from)) = ears.recv_from(&mut room) {
        let good = matches("urn:uuid:bad", "", &format!("http://{address}/w"));
        let deep = format!("{}{}", "<a>".repeat(5_000), "</a>".repeat(5_000));
        let bomb = format!("<!DOCTYPE x [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;&a;&a;\">]>{good}", "b".repeat(500));
        for n in 0..MANY {
            let text = match n % 6 {
                0 => matches(&format!("urn:uuid:{n}"), "", "http://10.78.0.1:7777/w http://127.0.0.1:7777/w"),
                1 => matches(&format!("urn:uuid:{n}"), &"onvif://www.onvif.org/name/x ".repeat(1_500), ""),
                2 => good[..good.len() / 2].to_owned(),
                3 => deep.clone(),
                4 => bomb.clone(),
                _ => matches(&format!("urn:uuid:{n}"), "", &format!("http://{address}/w{n}")),
            };
            drop(mouth.send_to(text.as_bytes(), from));
            if n % 50 == 0 {
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn netbios(socket: &UdpSocket) {
    let mut room = [0; 1024];
    while let Ok((_, from)) = socket.recv_from(&mut room) {
        let id = [room[0], room[1]];
        let wrong = [room[0], room[1] ^ 1];
        let name: &[u8; 15] = b"\x1b[2J\x00\x01\xff      \x7f ";
        for bytes in [
            node_status(wrong, 1, &[b"WRONG-ID       "]),
            node_status(id, 255, &[]),
            node_status(id, 255, &[name; 3]),
            vec![id[0], id[1], 0x84],
            [node_status(id, 255, &[name; 255]), vec![0xff; 60_000]].concat(),
        ] {
            drop(socket.send_to(&bytes, from));
        }
    }
}

/// Answers for whatever address is asked about, its own and others'.
fn names(ears: &UdpSocket, mouth: &UdpSocket) {
    let mut room = [0; 512];
    while let Ok((len, from)) = ears.recv_from(&mut room) {
        let question = &room[..len];
        if len < 12 || question[2] & 0x80 != 0 {
            continue;
        }
        let good = reply(question, &[pointed(&[b"liar"])]);
        let mut other = good.clone();
        other[1] ^= 1;
        let longest: Vec<&[u8]> = vec![&[b'n'; 63]; 4];
        let many: Vec<Vec<u8>> = (0..2_000).map(|n| pointed(&[format!("n{n}").as_bytes()])).collect();
        for bytes in [
            // Another question's; about another address; to itself, past the end, and in circles.
            other,
            reply(
                question,
                &[record(&dns_name(&[b"9", b"9", b"9", b"9", b"in-addr", b"arpa"]), 12, &dns_name(&[b"x"]))],
            ),
            reply(question, &[record(&[0xc0, 12], 12, &[0xc0, 12])]),
            reply(question, &[record(&[0xc0, 12], 12, &[0xff, 0xff])]),
            reply(question, &[record(&[0xc0, len as u8], 12, &[0xc0, len as u8])]),
            // Cut short; more said than there is; control characters; too long; too many.
            good[..len + 5].to_vec(),
            [&question[..2], &[0x80, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat(),
            reply(question, &[pointed(&[b"\x1b[2J\x00\x07"])]),
            reply(question, &[pointed(&longest)]),
            reply(question, &many),
        ] {
            drop(mouth.send_to(&bytes[..bytes.len().min(DATAGRAM)], from));
        }
    }
}

fn console(socket: &UdpSocket) {
    let mut room = [0; 512];
    while let Ok((_, from)) = socket.recv_from(&mut room) {
        let long = [b"HTTP/1.1 200 Ok\nhost-name:".to_vec(), vec![b'N'; DATAGRAM - 100]].concat();
        for n in 0..MANY {
            let text = match n % 4 {
                0 => format!("HTTP/1.1 200 Ok\nhost-name:Console {n}\nhost-type:PS{n}\n").into_bytes(),
                1 => b"HTTP/1.1 200 Ok\nhost-name:\x1b[2J\x00\nhost-type:\n".to_vec(),
                2 => b"host-name".repeat(100),
                _ => b"HTTP/1.1 200".to_vec(),
            };
            drop(socket.send_to(&text, from));
            if n % 100 == 0 {
                thread::sleep(Duration::from_millis(5));
            }
        }
        drop(socket.send_to(&long, from));
    }
}

/// A page that is somewhere else, on a host that would be asked in our name.
fn elsewhere(_: &str) -> Vec<u8> {
    b"HTTP/1.1 301 Moved Permanently\r\nLocation: http://10.78.0.1:7777/d.xml\r\nContent-Length: 0\r\n\r\n".to_vec()
}

/// Said to be long, and over before it has begun.
fn cut(_: &str) -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n<root><device><friendlyName>Half a na".to_vec()
}

/// One byte now and then, for ever; on the second port all of it at once, without an end.
fn drip(listener: &TcpListener, port: u16) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        thread::spawn(move || {
            let mut room = [0; 2048];
            drop(stream.read(&mut room));
            let piece: &[u8] = if port == 80 { b"x" } else { &[b'<'; 65_536] };
            if stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_err() {
                return;
            }
            while stream.write_all(piece).is_ok() {
                if port == 80 {
                    thread::sleep(Duration::from_millis(200));
                }
            }
        });
    }
}
