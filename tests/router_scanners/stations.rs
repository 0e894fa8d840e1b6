//! A real hostapd. Its driver for wires makes a station of everybody who asks for an address, so no radio is
//! needed; such a station has no counters.

use std::{net::UdpSocket, path::PathBuf, process::Command, time::Duration};

use porchlight::model::{Fact, Goodbye, MacAddr, Proof, Subject};
use tokio::time::{sleep, timeout};

use super::home::{DEADLINE, Home, is_installed, office, path};

/// Was connected before anybody looked, and is silent: merely listed.
const GHOST: MacAddr = MacAddr([0x02, 0x79, 0, 0, 0, 0x66]);
const NEWCOMER: MacAddr = MacAddr([0x02, 0x79, 0, 0, 0, 0x77]);

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

fn home_file(name: &str) -> PathBuf {
    PathBuf::from(std::env::var("HOME_DIR").unwrap()).join(name)
}

/// Asks for an address, as the ghost until there is a file `come`, then as the newcomer until there is `go`.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_station() {
    let socket = UdpSocket::bind(("0.0.0.0", 68)).unwrap();
    socket.set_broadcast(true).unwrap();
    let mut question = vec![0; 300];
    question[..4].copy_from_slice(&[1, 1, 6, 0]);
    question[236..244].copy_from_slice(&[99, 130, 83, 99, 53, 1, 1, 255]);
    while !home_file("go").exists() {
        let who = if home_file("come").exists() { NEWCOMER } else { GHOST };
        question[28..34].copy_from_slice(&who.0);
        drop(socket.send_to(&question, ("10.79.0.255", 67)));
        std::thread::sleep(Duration::from_millis(300));
    }
    loop {
        std::thread::park();
    }
}

fn cli(words: &[&str]) -> String {
    let folder = home_file("ctl").display().to_string();
    let done =
        Command::new("hostapd_cli").args(["-p", &folder, "-i", "home0"]).args(words).env("PATH", path()).output();
    String::from_utf8_lossy(&done.unwrap().stdout).into_owned()
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_point() {
    let listed = async {
        while !cli(&["all_sta"]).contains(&GHOST.to_string()) {
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(DEADLINE, listed).await.unwrap();
    let mut office = office().await;
    office.settings.hostapd.folders = vec![home_file("ctl")];
    office.settings.hostapd.interval = porchlight::model::Span::seconds(2);
    office.start("hostapd");
    assert_eq!(office.ends_round().await, 1);
    std::fs::write(home_file("come"), "").unwrap();
    let mut told = office.hears(&["Alive"]).await;
    std::fs::write(home_file("go"), "").unwrap();
    let answer = cli(&["deauthenticate", &NEWCOMER.to_string()]);
    assert!(answer.contains("OK"), "{answer}");
    told.extend(office.hears(&["Gone(ApLeft)"]).await);
    for observation in &told {
        // Who is merely listed is told as such, which is no proof; the ghost never says more.
        let is_newcomer = observation.subject == Subject::mac(NEWCOMER);
        let fits = match observation.fact {
            Fact::Listed => is_newcomer || observation.subject == Subject::mac(GHOST),
            Fact::Alive { proof: Proof::Frame, .. } | Fact::Gone(Goodbye::ApLeft) => is_newcomer,
            _ => false,
        };
        assert!(fits, "{observation:?}");
    }
    assert!(told.iter().any(|seen| seen.subject == Subject::mac(GHOST)), "the ghost is listed: {told:?}");
}
