//! DHCP servers: a real one, and a flood of invented ones.

use std::{net::UdpSocket, time::Duration};

use porchlight::model::{DhcpOffer, Fact, Observation, Subject};

use super::home::{Home, OWN_MAC, ROUTER, ROUTER_MAC, is_installed, office, ready};

fn server(name: &str) -> Option<Home> {
    let mut home = Home::build(name)?;
    let dir = home.dir.display().to_string();
    let leases = format!("--dhcp-leasefile={dir}/leases");
    let pid = format!("--pid-file={dir}/dnsmasq.pid");
    let arguments = [
        "--keep-in-foreground",
        "--conf-file=/dev/null",
        "--user=root",
        "--port=0",
        "--interface=lan0",
        "--bind-interfaces",
        "--dhcp-range=10.79.0.100,10.79.0.150,1h",
        "--dhcp-option=option:dns-server,10.79.0.53,9.9.9.9",
        "--dhcp-option=option:domain-name,hall.example",
        "--dhcp-option=252,http://10.79.0.1/wpad.dat",
        "--log-dhcp",
        "--log-facility=-",
        &leases,
        &pid,
    ];
    home.peer("dnsmasq", &arguments).then_some(home)
}

fn offers(told: &[Observation]) -> Vec<(Subject, DhcpOffer)> {
    told.iter()
        .filter_map(|observation| match &observation.fact {
            Fact::DhcpOffer(offer) => Some((observation.subject, offer.clone())),
            _ => None,
        })
        .collect()
}

#[test]
fn a_server_is_found_and_gives_no_address_away() {
    let Some(home) = server("dhcp") else { return };
    home.run("dhcp::inner_server");
    let leases = std::fs::read_to_string(home.dir.join("leases")).unwrap_or_default();
    assert_eq!(leases.trim(), "", "somebody took an address");
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_server() {
    let mut office = office().await;
    // The server may not be there yet.
    office.settings.dhcp_probe.interval = porchlight::model::Span::seconds(5);
    office.settings.dhcp_probe.wait = porchlight::model::Span::seconds(4);
    office.start("dhcp_probe");
    let told = office.hears(&["DhcpOffer"]).await;
    let (subject, offer) = offers(&told).remove(0);
    assert_eq!(subject, Subject::mac(ROUTER_MAC));
    let router = ROUTER.parse().unwrap();
    assert_eq!((offer.server, offer.from, offer.relay), (Some(router), router, None));
    assert_eq!((offer.routers.as_slice(), offer.lease_s), (&[router][..], Some(3600)));
    assert_eq!(offer.dns.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.79.0.53", "9.9.9.9"]);
    assert_eq!(offer.domain.as_deref(), Some("hall.example"));
    assert_eq!(offer.proxy_config.as_deref(), Some("http://10.79.0.1/wpad.dat"));
    assert_eq!(offer.offered.octets()[..3], [10, 79, 0]);
}

#[test]
fn without_the_right_to_frames_a_server_is_found_by_port() {
    let Some(home) = server("poor") else { return };
    if is_installed("setpriv") {
        home.run_by(&["setpriv", "--bounding-set=-net_raw"], "dhcp::inner_poor");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_poor() {
    let mut office = office().await;
    office.settings.dhcp_probe.interval = porchlight::model::Span::seconds(5);
    office.settings.dhcp_probe.wait = porchlight::model::Span::seconds(4);
    office.start("dhcp_probe");
    let told = office.hears(&["DhcpOffer"]).await;
    let (subject, offer) = offers(&told).remove(0);
    assert_eq!((subject, offer.server), (Subject::ip(ROUTER.parse().unwrap()), ROUTER.parse().ok()));
    let line = office.health.recv().await.unwrap();
    assert!(format!("{line:?}").contains("without their MACs"), "{line:?}");
}

#[test]
fn a_thousand_invented_servers_are_cut() {
    let Some(mut home) = Home::build("thousand") else { return };
    home.listener("dhcp::inner_thousand");
    home.run("dhcp::inner_flooded");
}

/// Answers each DISCOVER with offers of a thousand servers, and with what is none.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_thousand() {
    let socket = UdpSocket::bind(("0.0.0.0", 67)).unwrap();
    socket.set_broadcast(true).unwrap();
    ready();
    let mut room = [0; 2048];
    loop {
        let (len, _) = socket.recv_from(&mut room).unwrap();
        if len < 240 || room[0] != 1 {
            continue;
        }
        let offer = |n: u16, mac: [u8; 6], transaction: [u8; 4]| {
            let mut bytes = room[..240].to_vec();
            bytes[0] = 2;
            bytes[4..8].copy_from_slice(&transaction);
            bytes[28..34].copy_from_slice(&mac);
            let [high, low] = n.to_be_bytes();
            bytes.extend([53, 1, 2, 54, 4, 10, 79, high, low, 255]);
            bytes
        };
        let transaction = [room[4], room[5], room[6], room[7]];
        let to = ("10.79.0.255", 68);
        drop(socket.send_to(&offer(9, OWN_MAC.0, [9; 4]), to));
        drop(socket.send_to(&offer(9, [2; 6], transaction), to));
        drop(socket.send_to(&offer(9, OWN_MAC.0, transaction)[..200], to));
        drop(socket.send_to(&[0xff; 1400], to));
        for n in 1000..2000 {
            drop(socket.send_to(&offer(n, OWN_MAC.0, transaction), to));
        }
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_flooded() {
    let mut office = office().await;
    office.settings.dhcp_probe.interval = porchlight::model::Span::seconds(30);
    office.settings.dhcp_probe.wait = porchlight::model::Span::seconds(4);
    office.start("dhcp_probe");
    let mut told = office.hears(&["DhcpOffer"]).await;
    told.extend(office.hears_for(Duration::from_secs(2)).await);
    let servers: Vec<u16> = offers(&told)
        .iter()
        .filter_map(|(_, offer)| offer.server.map(|ip| u16::from_be_bytes([ip.octets()[2], ip.octets()[3]])))
        .collect();
    assert_eq!(servers.len(), 16, "{servers:?}");
    assert!(servers.iter().all(|n| (1000..2000).contains(n)), "{servers:?}");
}
