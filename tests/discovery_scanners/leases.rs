//! Lease files as servers write them, read while they change.

use std::time::Duration;

use porchlight::model::{Fact, Heard, Span, Subject};
use tokio::time::timeout;

use super::home::{DEADLINE, Home, PEER_MAC, clock, office, peer};

#[test]
fn a_lease_is_told_when_it_is_written_and_an_unchanged_file_is_quiet() {
    let Some(home) = Home::build("leases") else { return };
    home.run("leases::inner_leases");
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_leases() {
    let file = std::path::PathBuf::from(std::env::var("HOME_DIR").unwrap()).join("dnsmasq.leases");
    let mut office = office().await;
    office.settings.dhcp_leases.files = vec![file.clone()];
    office.settings.dhcp_leases.interval = Span::seconds(1);
    office.start("dhcp_leases");
    assert!(timeout(Duration::from_secs(3), office.observations.recv()).await.is_err(), "there is no file yet");
    let ends = clock().wall.0 / 1000 + 3600;
    std::fs::write(&file, format!("{ends} {PEER_MAC} {} annas-phone *\n", peer())).unwrap();
    for fact in [Fact::Address(peer()), Fact::Named { name: "annas-phone".into(), by: Heard::Dhcp }] {
        let told = timeout(DEADLINE, office.observations.recv()).await.unwrap().unwrap();
        assert_eq!((told.subject, told.fact), (Subject::mac(PEER_MAC), fact));
    }
    assert!(timeout(Duration::from_secs(3), office.observations.recv()).await.is_err(), "nothing has changed");
}
