//! A real hostapd. Its driver for wires makes a station of everybody who asks for an address, so no radio is
//! needed; such a station has no counters.

use std::{net::UdpSocket, process::Command, time::Duration};

use porchlight::model::{Fact, Goodbye, MacAddr, Proof, Subject};

use super::home::{Home, is_installed, office, path};

const STATION: MacAddr = MacAddr([0x02, 0x79, 0, 0, 0, 0x77]);

#[test]
fn stations_of_a_real_access_point_come_and_go() {
    let Some(mut home) = Home::build("ap") else { return };
    if !is_installed("hostapd_cli") {
        return;
    }
    let dir = home.dir.display().to_string();
    let config = format!("interface=home0\ndriver=wired\nctrl_interface={dir}/ctl\nlogger_stdout=-1\n");
    std::fs::write(home.dir.join("ap.conf"), config).unwrap();
    let near = home.near.clone();
    if home.peer_in(&near, "hostapd", &[&format!("{dir}/ap.conf")]) {
        home.stranger("stations::inner_station");
        home.run("stations::inner_point");
    }
}

/// Asks for an address again and again.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_station() {
    let socket = UdpSocket::bind(("0.0.0.0", 68)).unwrap();
    socket.set_broadcast(true).unwrap();
    let mut question = vec![0; 300];
    question[..4].copy_from_slice(&[1, 1, 6, 0]);
    question[28..34].copy_from_slice(&STATION.0);
    question[236..244].copy_from_slice(&[99, 130, 83, 99, 53, 1, 1, 255]);
    loop {
        drop(socket.send_to(&question, ("10.79.0.255", 67)));
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_point() {
    let folder = std::path::PathBuf::from(std::env::var("HOME_DIR").unwrap()).join("ctl");
    let mut office = office().await;
    office.settings.hostapd.folders = vec![folder.clone()];
    office.settings.hostapd.interval = porchlight::model::Span::seconds(2);
    office.start("hostapd");
    let told = office.hears(&["Alive"]).await;
    for observation in &told {
        assert_eq!(observation.subject, Subject::mac(STATION));
        assert!(matches!(observation.fact, Fact::Alive { proof: Proof::Frame, .. }), "{observation:?}");
    }
    // It is sent away, and comes back by its next question: it roamed, and nobody says that it left.
    let folder = folder.display().to_string();
    let cli = |words: &[&str]| {
        let done =
            Command::new("hostapd_cli").args(["-p", &folder, "-i", "home0"]).args(words).env("PATH", path()).output();
        String::from_utf8_lossy(&done.unwrap().stdout).into_owned()
    };
    let answer = cli(&["deauthenticate", &STATION.to_string()]);
    assert!(answer.contains("OK"), "{answer}");
    let told = office.hears_for(Duration::from_secs(40)).await;
    assert!(told.iter().any(|o| matches!(o.fact, Fact::Alive { .. })), "{told:?}");
    assert!(!told.iter().any(|o| o.fact == Fact::Gone(Goodbye::ApLeft)), "{told:?}");
}
