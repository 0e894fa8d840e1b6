//! SSDP against a media server, and against a device that points elsewhere.

use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, UdpSocket},
    time::Duration,
};

use porchlight::model::Fact;

use super::home::{Home, PEER, office, ready};

#[test]
fn a_media_server_is_named_by_its_description() {
    let Some(mut home) = Home::build("dlna") else { return };
    let dir = home.dir.display().to_string();
    let config = format!(
        "network_interface=wire0\nport=8200\nmedia_dir={dir}\ndb_dir={dir}\nlog_dir={dir}\nfriendly_name=Family films\n\
         inotify=no\nnotify_interval=5\nuuid=4d696e69-444c-164e-9d41-0278000000fe\n"
    );
    std::fs::write(home.dir.join("dlna.conf"), config).unwrap();
    let (config, pid) = (format!("{dir}/dlna.conf"), format!("{dir}/dlna.pid"));
    if home.peer("minidlnad", &["-S", "-f", &config, "-P", &pid]) {
        home.run("ssdp::inner_media_server");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_media_server() {
    let mut office = office().await;
    office.start("ssdp");
    office
        .hears(&["Named { name: \"Family films\", by: Ssdp }", "value: \"MediaServer\"", "manufacturer", "proof: Ssdp"])
        .await;
}

#[test]
fn descriptions_that_point_elsewhere_are_never_fetched() {
    let Some(mut home) = Home::build("liar") else { return };
    home.listener("ssdp::inner_liar");
    home.run("ssdp::inner_lied_to");
}

/// Answers every search with locations on other hosts, on this one by a redirect, and one that is honest.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_liar() {
    let listener = TcpListener::bind((PEER, 80)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut room = [0; 2048];
            let len = stream.read(&mut room).unwrap_or(0);
            let text = String::from_utf8_lossy(&room[..len]).into_owned();
            let answer = if text.starts_with("GET /redirect") {
                "HTTP/1.1 302 Found\r\nLocation: http://10.78.0.1:7777/\r\nContent-Length: 0\r\n\r\n".to_owned()
            } else if text.starts_with("GET /laughs") {
                "HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE r [<!ENTITY a \"x\">]><root><device><friendlyName>&a;Bomb</friendlyName></device></root>"
                    .to_owned()
            } else {
                format!(
                    "HTTP/1.1 200 OK\r\n\r\n<root><device><friendlyName>{}\u{1b}[2J</friendlyName><modelName>Honest</modelName></device></root>",
                    "long ".repeat(100)
                )
            };
            drop(stream.write_all(answer.as_bytes()));
        }
    });
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 1900)).unwrap();
    socket.join_multicast_v4(&"239.255.255.250".parse().unwrap(), &PEER.parse().unwrap()).unwrap();
    ready();
    let mut room = [0; 2048];
    while let Ok((_, from)) = socket.recv_from(&mut room) {
        for url in [
            "http://10.78.0.1:7777/other-host",
            "http://127.0.0.1:7777/loopback",
            "file:///etc/passwd",
            "http://10.78.0.9/redirect",
            "http://10.78.0.9/laughs",
            "http://10.78.0.9:9100/printed",
            "http://10.78.0.9/honest",
        ] {
            let answer = format!("HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\nLOCATION: {url}\r\n\r\n");
            socket.send_to(answer.as_bytes(), from).unwrap();
        }
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_lied_to() {
    // Whoever connects here was sent by the liar.
    let trap = tokio::net::TcpListener::bind("0.0.0.0:7777").await.unwrap();
    let mut office = office().await;
    office.start("ssdp");
    let mut told = office.hears(&["Named", "value: \"Honest\""]).await;
    let caught = tokio::time::timeout(Duration::from_secs(3), trap.accept()).await;
    assert!(caught.is_err(), "another host was asked");
    while let Ok(more) = office.observations.try_recv() {
        told.push(more);
    }
    let names: Vec<&String> =
        told.iter().filter_map(|o| if let Fact::Named { name, .. } = &o.fact { Some(name) } else { None }).collect();
    assert!(!names.is_empty());
    for name in names {
        assert!(name.len() <= 120 && name.starts_with("long") && !name.chars().any(char::is_control), "{name:?}");
    }
}
