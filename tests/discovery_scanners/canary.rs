//! A liar that answers for all names, and an honest computer beside it.

use super::home::{Home, office};

#[test]
fn who_answers_for_a_name_nobody_has_is_told() {
    let Some(mut home) = Home::build("canary") else { return };
    home.stranger("canary::inner_liar");
    home.run("canary::inner_asked");
}

/// Answers every LLMNR question with its own address.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_liar() {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 5355)).unwrap();
    let own: std::net::Ipv4Addr = super::home::PEER.parse().unwrap();
    socket.join_multicast_v4(&"224.0.0.252".parse().unwrap(), &own).unwrap();
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
    office.hears(&["AnsweredForNobody { protocol: \"llmnr\""]).await;
}
