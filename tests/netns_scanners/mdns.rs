//! Services on the wire.

use std::{collections::BTreeSet, process::Stdio};

use porchlight::model::{Fact, Look, Probe, Proof};
use tokio::time::Instant;

use crate::{
    home::{Helper, Home, ip_of},
    office::office,
};

#[test]
fn a_service_on_the_wire_gives_its_device_a_name() {
    let Some(home) = Home::build("mdns") else { return };
    let responder = Home::command(&home.far, None, "mdns::inner_responder").stdout(Stdio::null()).spawn().unwrap();
    let _helper = Helper(responder);
    home.run(None, "mdns::inner_mdns");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_responder() {
    use std::net::{SocketAddr, UdpSocket};

    use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};
    use socket2::{Domain, Socket, Type};
    let daemon = ServiceDaemon::new().unwrap();
    daemon.disable_interface(IfKind::All).unwrap();
    daemon.enable_interface("dev5").unwrap();
    let txt = [("fn", "Kitchen speaker"), ("md", "Sound One")];
    let service =
        ServiceInfo::new("_googlecast._tcp.local.", "cast-5", "cast-5.local.", ip_of(5).to_string(), 8009, &txt[..]);
    daemon.register(service.unwrap()).unwrap();
    // Another device answers questions by unicast, as phones do; ended by the test that started it.
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.bind(&SocketAddr::new(ip_of(6), 5353).into()).unwrap();
    let (socket, mut room) = (UdpSocket::from(socket), [0; 512]);
    while let Ok((len, from)) = socket.recv_from(&mut room) {
        room[2] |= 0x84;
        socket.send_to(&room[..len], from).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs inside a namespace"]
async fn inner_mdns() {
    let mut office = office(None).await;
    office.start("mdns");
    let (mut found, mut answered) = (BTreeSet::new(), false);
    let began = Instant::now();
    office
        .until(|observation| {
            assert_eq!(observation.subject.ip, Some(ip_of(5)), "{observation:?}");
            assert!(!matches!(observation.fact, Fact::Alive { .. }), "a memory proves no presence");
            found.insert(format!("{:?}", observation.fact));
            ["Named { name: \"Kitchen speaker\"", "value: \"Sound One\"", "port: 8009"]
                .iter()
                .all(|wanted| found.iter().any(|fact| fact.contains(wanted)))
        })
        .await;
    eprintln!("measured mDNS: named after {:.1} s", began.elapsed().as_secs_f64());
    let look = Look { probe: Probe::Mdns, mac: None, ip: ip_of(6), interface: None };
    office.looks.send(look).unwrap();
    office
        .until(|observation| {
            answered |= matches!(observation.fact, Fact::Alive { proof: Proof::Mdns, .. })
                && observation.subject.ip == Some(ip_of(6));
            answered || matches!(observation.fact, Fact::Unanswered { .. })
        })
        .await;
    assert!(answered, "the device answers a question by unicast");
}
