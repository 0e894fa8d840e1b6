//! An honest device, the least that each protocol asks for.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    thread,
};

use socket2::{Domain, Protocol, Socket, Type};

pub const MDNS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
pub const LLMNR: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 252);
pub const SSDP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);

pub fn start(address: &'static str) {
    let pair = ears_and_mouth(MDNS, 5353, address);
    thread::spawn(move || mdns(address, &pair));
    let pair = ears_and_mouth(SSDP, 1900, address);
    thread::spawn(move || ssdp(address, &pair));
    let pair = ears_and_mouth(SSDP, 3702, address);
    thread::spawn(move || wsd(address, &pair));
    let socket = UdpSocket::bind((address, 137)).unwrap();
    thread::spawn(move || netbios(&socket));
    let pair = ears_and_mouth(LLMNR, 5355, address);
    thread::spawn(move || llmnr(address, &pair));
    let socket = UdpSocket::bind((address, 9302)).unwrap();
    thread::spawn(move || console(&socket));
    let socket = UdpSocket::bind((address, 53)).unwrap();
    thread::spawn(move || name_server(&socket));
    let listener = TcpListener::bind((address, 80)).unwrap();
    thread::spawn(move || {
        pages(&listener, |_| {
            b"HTTP/1.1 200 OK\r\n\r\n<root><device><friendlyName>Good speaker</friendlyName></device></root>".to_vec()
        });
    });
}

/// Hears what is sent to `group`, beside others that do.
pub fn member(group: Ipv4Addr, port: u16, address: &str) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((group, port)).into()).unwrap();
    socket.join_multicast_v4(&group, &address.parse().unwrap()).unwrap();
    socket.into()
}

/// What hears `group` and what speaks for `address`.
pub fn ears_and_mouth(group: Ipv4Addr, port: u16, address: &str) -> (UdpSocket, UdpSocket) {
    (member(group, port, address), UdpSocket::bind((address, port)).unwrap())
}

/// Serves `page` of each request line, a thread each.
pub fn pages(listener: &TcpListener, page: fn(&str) -> Vec<u8>) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        thread::spawn(move || {
            let mut room = [0; 4096];
            let len = stream.read(&mut room).unwrap_or(0);
            drop(stream.write_all(&page(&String::from_utf8_lossy(&room[..len]))));
        });
    }
}

pub fn dns_name(labels: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in labels {
        bytes.push(label.len() as u8);
        bytes.extend(*label);
    }
    bytes.push(0);
    bytes
}

pub fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let class: u16 = if kind == 12 { 1 } else { 0x8001 };
    let mut bytes = name.to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    bytes.extend(120_u32.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

/// An answer (RFC 6762 §18) with these records.
pub fn answer(records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0x84, 0, 0, 0];
    bytes.extend((records.len() as u16).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(records.concat());
    bytes
}

/// A service with its host at `ip`.
pub fn service(instance: &[u8], kind: &[u8], host: &[u8], port: u16, ip: Ipv4Addr) -> Vec<Vec<u8>> {
    let kind_name = dns_name(&[kind, b"_tcp", b"local"]);
    let (full, host) = (dns_name(&[instance, kind, b"_tcp", b"local"]), dns_name(&[host, b"local"]));
    let srv = [&[0; 4][..], &port.to_be_bytes(), &host].concat();
    vec![
        record(&kind_name, 12, &full),
        record(&full, 33, &srv),
        record(&full, 16, &[0]),
        record(&host, 1, &ip.octets()),
    ]
}

fn mdns(address: &str, (ears, mouth): &(UdpSocket, UdpSocket)) {
    let ip: Ipv4Addr = address.parse().unwrap();
    let kinds =
        record(&dns_name(&[b"_services", b"_dns-sd", b"_udp", b"local"]), 12, &dns_name(&[b"_ipp", b"_tcp", b"local"]));
    let mut records = service(b"Good printer", b"_ipp", b"good", 631, ip);
    records.push(kinds);
    let mut room = [0; 2048];
    while ears.recv_from(&mut room).is_ok() {
        // Not to what others answer.
        if room[2] & 0x80 == 0 {
            thread::sleep(std::time::Duration::from_millis(300));
            drop(mouth.send_to(&answer(&records), (MDNS, 5353)));
        }
    }
}

fn ssdp(address: &str, (ears, mouth): &(UdpSocket, UdpSocket)) {
    let mut room = [0; 2048];
    while let Ok((_, from)) = ears.recv_from(&mut room) {
        let text = format!("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: http://{address}/d.xml\r\n\r\n");
        drop(mouth.send_to(text.as_bytes(), from));
    }
}

pub fn matches(endpoint: &str, scopes: &str, addresses: &str) -> String {
    format!(
        "<e:Envelope xmlns:e=\"x\" xmlns:w=\"y\" xmlns:d=\"z\"><e:Header><w:RelatesTo>urn:uuid:1</w:RelatesTo>\
         <w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</w:Action></e:Header><e:Body>\
         <d:ProbeMatches><d:ProbeMatch><w:EndpointReference><w:Address>{endpoint}</w:Address></w:EndpointReference>\
         <d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs>\
         </d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>"
    )
}

fn wsd(address: &str, (ears, mouth): &(UdpSocket, UdpSocket)) {
    let text = matches("urn:uuid:good", "onvif://www.onvif.org/name/Good%20camera", &format!("http://{address}/o"));
    let mut room = [0; 4096];
    while let Ok((_, from)) = ears.recv_from(&mut room) {
        drop(mouth.send_to(text.as_bytes(), from));
    }
}

/// A node status with `count` said and `names` there (RFC 1002 §4.2.18).
pub fn node_status(id: [u8; 2], count: u8, names: &[&[u8; 15]]) -> Vec<u8> {
    let mut bytes = vec![id[0], id[1], 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 33, 0, 1, 0, 0, 0, 0];
    let mut data = vec![count];
    for name in names {
        data.extend(*name);
        data.extend([0, 0x04, 0]);
    }
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend(data);
    bytes
}

fn netbios(socket: &UdpSocket) {
    let mut room = [0; 1024];
    while let Ok((_, from)) = socket.recv_from(&mut room) {
        drop(socket.send_to(&node_status([room[0], room[1]], 1, &[b"GOOD-PC        "]), from));
    }
}

/// An answer to `question` with these records, which name what was asked for by a pointer to it (RFC 4795 §2.1).
pub fn reply(question: &[u8], records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    bytes[2..4].copy_from_slice(&[0x80, 0]);
    bytes[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    bytes.extend(records.concat());
    bytes
}

/// The name of what was asked for.
pub fn pointed(labels: &[&[u8]]) -> Vec<u8> {
    record(&[0xc0, 12], 12, &dns_name(labels))
}

/// The reverse name of `address`, as the first name of a question has it.
pub fn is_about(question: &[u8], address: &str) -> bool {
    let labels: Vec<&[u8]> = address.split('.').rev().map(str::as_bytes).collect();
    let name = dns_name(&labels);
    question.len() > 12 && question[12..].starts_with(&name[..name.len() - 1])
}

fn llmnr(address: &str, (ears, mouth): &(UdpSocket, UdpSocket)) {
    let mut room = [0; 512];
    while let Ok((len, from)) = ears.recv_from(&mut room) {
        if is_about(&room[..len], address) {
            drop(mouth.send_to(&reply(&room[..len], &[pointed(&[b"good-desk"])]), from));
        }
    }
}

fn console(socket: &UdpSocket) {
    let mut room = [0; 512];
    while let Ok((_, from)) = socket.recv_from(&mut room) {
        drop(socket.send_to(b"HTTP/1.1 620 Server Standby\nhost-type:PS5\nhost-name:Good console\n", from));
    }
}

/// Knows one name, and that there are no others.
fn name_server(socket: &UdpSocket) {
    let mut room = [0; 512];
    while let Ok((len, from)) = socket.recv_from(&mut room) {
        let known = is_about(&room[..len], super::HONEST);
        let records = if known { vec![pointed(&[b"good-by-dns", b"home"])] } else { Vec::new() };
        drop(socket.send_to(&reply(&room[..len], &records), from));
    }
}
