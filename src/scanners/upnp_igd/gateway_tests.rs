//! Routers that lie, drip, or never end. On loopback.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;
use crate::model::{Moment, Mono, Wall};

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// A router on loopback that answers each action with what `answer` makes of its text: status and body.
async fn router(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Control {
    let listener = TcpListener::bind((HERE, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            let mut room = [0; 4096];
            while !String::from_utf8_lossy(&asked).contains("</s:Envelope>") {
                match stream.read(&mut room).await {
                    Ok(0) | Err(_) => break,
                    Ok(len) => asked.extend_from_slice(&room[..len]),
                }
            }
            let (status, body) = answer(&String::from_utf8_lossy(&asked));
            let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n", body.len());
            drop(stream.write_all((head + &body).as_bytes()).await);
        }
    });
    Control { router: HERE, place: Place { port, path: "/ctl".into() }, kind: CONNECTIONS[1] }
}

fn envelope(inner: &str) -> String {
    format!("<s:Envelope xmlns:s=\"x\"><s:Body>{inner}</s:Body></s:Envelope>")
}

fn refused(code: u16) -> (u16, String) {
    (
        500,
        envelope(&format!("<s:Fault><detail><UPnPError><errorCode>{code}</errorCode></UPnPError></detail></s:Fault>")),
    )
}

fn door(port: usize) -> (u16, String) {
    let values = format!(
        "<NewExternalPort>{port}</NewExternalPort><NewProtocol>TCP</NewProtocol><NewInternalPort>1</NewInternalPort>\
         <NewInternalClient>10.0.0.7</NewInternalClient>"
    );
    let name = "GetGenericPortMappingEntryResponse";
    (200, envelope(&format!("<u:{name} xmlns:u=\"y\">{values}</u:{name}>")))
}

/// The index asked for.
fn index(asked: &str) -> Option<usize> {
    asked.split("<NewPortMappingIndex>").nth(1)?.split('<').next()?.parse().ok()
}

async fn doors_of(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Listed {
    let mut listed = Listed::default();
    router(answer).await.doors(&mut listed, || false).await;
    listed
}

#[tokio::test]
async fn a_list_ends_as_it_should_or_is_not_whole() {
    let three = |end: (u16, String)| {
        move |asked: &str| match index(asked) {
            Some(index) if index < 3 => door(1000 + index),
            _ => end.clone(),
        }
    };
    for (name, end, whole) in [
        ("713", refused(713), true),
        ("402 after some", refused(402), true),
        ("a fault of another kind", refused(606), false),
        ("a status alone", (500, String::new()), false),
        ("a redirect", (302, String::new()), false),
        ("a page", (200, "<html><body>Login</body></html>".to_owned()), false),
        ("too long", (200, "x".repeat(200_000)), false),
    ] {
        let listed = doors_of(three(end)).await;
        assert_eq!((listed.doors.len(), listed.whole), (3, whole), "{name}");
    }
    assert_eq!(doors_of(|_| refused(713)).await, Listed { whole: true, ..Listed::default() });
}

#[tokio::test]
async fn a_list_without_an_end_is_cut() {
    let endless = doors_of(|asked| door(1 + index(asked).unwrap_or(0))).await;
    assert_eq!((endless.doors.len(), endless.whole), (DOORS_MAX, false));
    let round = doors_of(|asked| door(1 + index(asked).unwrap_or(0) % 5)).await;
    assert_eq!((round.doors.len(), round.whole), (5, false), "a list that repeats itself is left");
    let mut late = Listed::default();
    router(|asked| door(1 + index(asked).unwrap_or(0))).await.doors(&mut late, || true).await;
    assert_eq!((late.doors.len(), late.whole), (0, false));
}

#[tokio::test]
async fn version_two_is_asked_for_its_list_where_entries_are_not_told() {
    let listed = doors_of(|asked| {
        if index(asked).is_some() {
            return refused(606);
        }
        if asked.contains("<NewProtocol>UDP</NewProtocol>") {
            return refused(730);
        }
        let entry = "<p:PortMappingEntry><p:NewExternalPort>8443</p:NewExternalPort><p:NewProtocol>TCP</p:NewProtocol>\
            <p:NewInternalPort>443</p:NewInternalPort><p:NewInternalClient>10.0.0.7</p:NewInternalClient></p:PortMappingEntry>";
        let list = crate::wire::xml::escaped(&format!("<p:PortMappingList xmlns:p=\"x\">{entry}</p:PortMappingList>"));
        let name = "GetListOfPortMappingsResponse";
        (200, envelope(&format!("<u:{name} xmlns:u=\"y\"><NewPortListing>{list}</NewPortListing></u:{name}>")))
    })
    .await;
    assert_eq!((listed.doors.len(), listed.whole, listed.odd), (1, true, 0), "{listed:?}");
    assert_eq!((listed.doors[0].external, listed.doors[0].internal), (8443, 443));
}

#[test]
fn control_points_elsewhere_are_not_asked() {
    let place = Place { port: 5000, path: "/igd/desc.xml".into() };
    let cases = [
        ("/ctl/IPConn", Some("/ctl/IPConn")),
        ("ctl/IPConn", Some("/igd/ctl/IPConn")),
        ("http://192.168.1.1:5000/ctl", Some("/ctl")),
        ("http://192.168.1.1:80/ctl", None),
        ("http://192.168.1.2:5000/ctl", None),
        ("http://127.0.0.1:5000/ctl", None),
        ("https://192.168.1.1:5000/ctl", None),
        ("file:///etc/passwd", None),
        ("//192.168.1.2/ctl", Some("//192.168.1.2/ctl")),
        ("/a b\r\nX: y", None),
    ];
    for (url, expected) in cases {
        let service = crate::wire::upnp::Service { kind: CONNECTIONS[1].into(), control: url.into() };
        let description = Description { services: vec![service], ..Description::default() };
        let found = controls(Ipv4Addr::new(192, 168, 1, 1), &place, &description);
        assert_eq!(found.first().map(|control| control.place.path.as_str()), expected, "{url:?}");
        assert!(found.iter().all(|control| control.place.port == 5000 && control.router.to_string() == "192.168.1.1"));
    }
    let odd = crate::wire::upnp::Service { kind: format!("{}\" x", CONNECTIONS[1]), control: "/".into() };
    let description = Description { services: vec![odd], ..Description::default() };
    assert!(controls(HERE, &place, &description).is_empty(), "only what is known is spoken to");
}

#[tokio::test]
async fn who_speaks_no_upnp_is_left_after_the_search() {
    fn clock() -> Moment {
        Moment { mono: Mono(1), wall: Wall(1) }
    }
    // Nobody on loopback answers at the port of SSDP.
    assert_eq!(ask(HERE, HERE, clock).await, None);
}
