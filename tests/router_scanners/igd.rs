//! Doors in a router: the daemon of many of them, and some that lie.

use std::{
    fmt::Write as _,
    io::{Read as _, Write as _},
    net::{IpAddr, TcpListener, UdpSocket},
    process::Command,
    time::Duration,
};

use porchlight::model::{Fact, Observation, PortMap, Subject};

use super::home::{Home, OWN, ROUTER, is_installed, office, path, ready};

/// The chains that the daemon puts doors into.
const CHAINS: &str = "table inet filter {
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain forward { type filter hook forward priority 0; policy accept; jump miniupnpd; }
  chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority 100; policy accept; jump postrouting_miniupnpd; }
}
";

fn router(name: &str) -> Option<Home> {
    let mut home = Home::build(name)?;
    if !["nft", "miniupnpd", "upnpc", "natpmpc"].into_iter().all(is_installed) {
        return None;
    }
    let dir = home.dir.display().to_string();
    std::fs::write(home.dir.join("chains.nft"), CHAINS).unwrap();
    home.there("/usr/sbin/nft", &["-f", &format!("{dir}/chains.nft")]);
    // The daemon opens no doors on an outer address of documentation; another is named instead.
    let config = format!(
        "ext_ifname=wan0\next_ip=8.9.10.11\nlistening_ip=lan0\nhttp_port=49000\nenable_natpmp=yes\nenable_upnp=yes\n\
         secure_mode=no\nipv6_disable=yes\nfriendly_name=Hall router\nuuid=02790000-0000-4000-8000-000000000001\n\
         lease_file={dir}/leases\nallow 1024-65535 10.79.0.0/24 1-65535\nallow 0-65535 10.79.0.0/24 1-65535\n\
         deny 0-65535 0.0.0.0/0 0-65535\nupnp_table_name=filter\nupnp_nat_table_name=filter\n"
    );
    std::fs::write(home.dir.join("router.conf"), config).unwrap();
    home.peer("miniupnpd", &["-d", "-f", &format!("{dir}/router.conf"), "-P", &format!("{dir}/router.pid")])
        .then_some(home)
}

/// Another program asks the router for something, until it does it.
fn client(program: &str, arguments: &[&str]) {
    let began = tokio::time::Instant::now();
    loop {
        let done = Command::new(program).args(arguments).env("PATH", path()).output().unwrap();
        let out = String::from_utf8_lossy(&done.stdout).into_owned();
        if done.status.success() && !out.contains("failed") {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{program} {arguments:?}: {out}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn doors_that_other_programs_open_are_listed_and_closed() {
    if let Some(home) = router("doors") {
        home.run("igd::inner_doors");
    }
}

fn doors(told: &[Observation]) -> Vec<(Subject, PortMap)> {
    told.iter()
        .filter_map(|observation| match &observation.fact {
            Fact::PortMap(map) => Some((observation.subject, map.clone())),
            _ => None,
        })
        .collect()
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_doors() {
    client("upnpc", &["-e", "Remote desk", "-a", "10.79.0.20", "3389", "3390", "TCP"]);
    client("upnpc", &["-e", "A game", "-a", OWN, "27015", "27015", "UDP", "3600"]);
    client("natpmpc", &["-g", ROUTER, "-a", "2222", "22", "tcp", "3600"]);
    let mut office = office().await;
    office.start("upnp_igd");
    office.ends_round().await;
    let told = office.hears(&["PortMap", "Uplink", "nat-pmp", "pcp"]).await;
    let more = office.hears_for(Duration::from_secs(1)).await;
    let told: Vec<Observation> = told.into_iter().chain(more).collect();
    let mut seen: Vec<String> = Vec::new();
    for (subject, map) in doors(&told) {
        assert_eq!((subject, map.router), (Subject::ip(map.internal), ROUTER.parse::<IpAddr>().unwrap()));
        assert!(map.open, "{map:?}");
        // Version 2 makes a week of "for ever" (WANIPConnection:2 §2.3.17).
        let lease = map.lease_s.map_or("for ever", |left| if left <= 3600 { "an hour" } else { "long" });
        seen.push(format!(
            "{} {} {} {} {:?} {lease}",
            map.tcp, map.external, map.internal, map.internal_port, map.description
        ));
    }
    seen.sort();
    assert_eq!(
        seen,
        [
            "false 27015 10.79.0.5 27015 \"A game\" an hour",
            "true 2222 10.79.0.5 22 \"NAT-PMP 2222 tcp\" an hour",
            "true 3390 10.79.0.20 3389 \"Remote desk\" long",
        ],
        "{told:?}"
    );
    let uplink = told.iter().find_map(|o| match &o.fact {
        Fact::Uplink(uplink) => Some((o.subject, uplink.clone())),
        _ => None,
    });
    let (subject, uplink) = uplink.unwrap();
    assert_eq!(subject, Subject::ip(ROUTER.parse().unwrap()));
    assert_eq!((uplink.address, uplink.before, uplink.connected), ("8.9.10.11".parse().ok(), None, Some(true)));
    client("upnpc", &["-d", "3390", "TCP"]);
    office.round();
    office.ends_round().await;
    let told = office.hears_for(Duration::from_secs(1)).await;
    let mut seen: Vec<(u16, bool)> = doors(&told).into_iter().map(|(_, map)| (map.external, map.open)).collect();
    seen.sort_unstable();
    assert_eq!(seen, [(2222, true), (3390, false), (27015, true)], "{told:?}");
}

#[test]
fn a_lying_router_is_asked_no_further_than_itself() {
    let Some(mut home) = Home::build("liar") else { return };
    home.listener("igd::inner_liar");
    home.run("igd::inner_lied_to");
}

/// What the liar's description says.
fn description(control: &str) -> String {
    let mut services = String::new();
    for url in [control, "http://10.79.0.5:7777/ctl", "http://127.0.0.1:7777/ctl", "file:///etc/passwd"] {
        let _ = write!(
            services,
            "<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType><controlURL>{url}</controlURL></service>"
        );
    }
    format!("<root><device><friendlyName>x</friendlyName><serviceList>{services}</serviceList></device></root>")
}

/// Answers searches with descriptions elsewhere and one here; its list has no end, and what it says by NAT-PMP
/// is cut.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_liar() {
    let listener = TcpListener::bind((ROUTER, 80)).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut asked, mut room) = (Vec::new(), [0; 4096]);
            while let Ok(len) = stream.read(&mut room) {
                asked.extend_from_slice(&room[..len]);
                let text = String::from_utf8_lossy(&asked);
                if len == 0 || text.starts_with("GET") || text.contains("</s:Envelope>") {
                    break;
                }
            }
            let text = String::from_utf8_lossy(&asked).into_owned();
            let envelope = |name: &str, inner: &str| {
                format!(
                    "<s:Envelope xmlns:s=\"x\"><s:Body><u:{name} xmlns:u=\"y\">{inner}</u:{name}></s:Body></s:Envelope>"
                )
            };
            let body = if text.starts_with("GET") {
                description("/ctl")
            } else if text.contains("GetStatusInfo") {
                envelope("GetStatusInfoResponse", "<NewConnectionStatus>Connected</NewConnectionStatus>")
            } else if let Some(index) =
                text.split("<NewPortMappingIndex>").nth(1).and_then(|rest| rest.split('<').next())
            {
                envelope(
                    "GetGenericPortMappingEntryResponse",
                    &format!(
                        "<NewExternalPort>{index}</NewExternalPort><NewProtocol>UDP</NewProtocol><NewInternalPort>1</NewInternalPort>\
                         <NewInternalClient>10.79.0.{}</NewInternalClient><NewPortMappingDescription>{}</NewPortMappingDescription>",
                        index.parse::<u32>().unwrap() % 250 + 1,
                        "d".repeat(5000),
                    ),
                )
            } else {
                "x".repeat(500_000)
            };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            drop(stream.write_all((head + &body).as_bytes()));
        }
    });
    let socket = UdpSocket::bind((ROUTER, 5351)).unwrap();
    std::thread::spawn(move || {
        let mut room = [0; 2048];
        while let Ok((_, from)) = socket.recv_from(&mut room) {
            for lie in [&[0u8, 128, 0, 0, 0, 0, 0, 1, 203, 0][..], &[2, 128, 0], &[0; 1100], &[]] {
                drop(socket.send_to(lie, from));
            }
        }
    });
    let socket = UdpSocket::bind(("0.0.0.0", 1900)).unwrap();
    socket.join_multicast_v4(&"239.255.255.250".parse().unwrap(), &ROUTER.parse().unwrap()).unwrap();
    ready();
    let mut room = [0; 2048];
    loop {
        let (_, from) = socket.recv_from(&mut room).unwrap();
        for url in
            ["http://10.79.0.5:7777/d.xml", "http://127.0.0.1/d.xml", "file:///etc/passwd", "http://10.79.0.1/d.xml"]
        {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: {url}\r\n\r\n"
            );
            drop(socket.send_to(answer.as_bytes(), from));
        }
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_lied_to() {
    let trap = TcpListener::bind("0.0.0.0:7777").unwrap();
    trap.set_nonblocking(true).unwrap();
    let mut office = office().await;
    // The liar may not be there yet.
    office.settings.upnp_igd.interval = porchlight::model::Span::seconds(5);
    office.start("upnp_igd");
    let told = office.hears(&["PortMap"]).await;
    let told: Vec<Observation> = told.into_iter().chain(office.hears_for(Duration::from_secs(2)).await).collect();
    let doors = doors(&told);
    assert!(doors.len() >= 256, "{}", doors.len());
    let ports: std::collections::BTreeSet<u16> = doors.iter().map(|(_, map)| map.external).collect();
    assert_eq!(ports.len(), 256, "the list is cut");
    assert!(doors.iter().all(|(_, map)| map.description.len() <= 120));
    assert!(
        !told.iter().any(|o| matches!(&o.fact, Fact::Uplink(up) if up.address.is_some())),
        "what is cut is no address"
    );
    assert!(trap.accept().is_err(), "somebody was asked besides the router");
}
