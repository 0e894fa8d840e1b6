//! A liar that answers for all names, and an honest computer beside it.

use super::home::{Home, office};

#[test]
fn who_answers_for_a_name_nobody_has_is_told() {
    let Some(mut home) = Home::build("canary") else { return };
    home.stranger("canary::inner_liar");
    home.run("canary::inner_asked");
}

/// Answers every question of LLMNR and of multicast DNS with its own address.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_liar() {
    std::thread::spawn(|| lies("224.0.0.251", 5353));
    lies("224.0.0.252", 5355);
}

fn lies(group: &str, port: u16) {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", port)).unwrap();
    let own: std::net::Ipv4Addr = super::home::PEER.parse().unwrap();
    socket.join_multicast_v4(&group.parse().unwrap(), &own).unwrap();
    let mut room = [0; 512];
    loop {
        let Ok((len, from)) = socket.recv_from(&mut room) else { continue };
        let mut answer = room[..len].to_vec();
        if len < 12 || answer[2] & 0x80 != 0 {
            continue;
        }
        (answer[2], answer[7]) = (0x80, 1);
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
        answer.extend(own.octets());
        drop(socket.send_to(&answer, from));
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_asked() {
    let mut office = office().await;
    office.settings.canary.interval = porchlight::model::Span::seconds(5);
    office.start("canary");
    office.hears(&["AnsweredForNobody { protocol: \"llmnr\"", "AnsweredForNobody { protocol: \"mdns\""]).await;
}
