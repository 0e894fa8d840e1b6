//! Names that a real file server and a real name server tell.

use super::home::{Home, office};

#[test]
fn a_file_server_tells_its_name_and_work_group() {
    let Some(mut home) = Home::build("nmbd") else { return };
    let dir = home.dir.display().to_string();
    let config = format!(
        "[global]\nnetbios name = ATTIC-DISK\nworkgroup = FAMILY\ninterfaces = wire0\nbind interfaces only = no\n\
         private dir = {dir}\nlock directory = {dir}\nstate directory = {dir}\ncache directory = {dir}\npid directory = {dir}\n\
         ncalrpc dir = {dir}/rpc\nlog file = {dir}/nmbd.txt\n"
    );
    std::fs::write(home.dir.join("smb.conf"), config).unwrap();
    let config = format!("{dir}/smb.conf");
    if home.peer("nmbd", &["-F", "--no-process-group", "-s", &config]) {
        home.run("names::inner_file_server");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_file_server() {
    let mut office = office().await;
    // The server takes seconds to claim its names; until then rounds come often.
    office.settings.netbios.interval = porchlight::model::Span::seconds(5);
    office.start("netbios");
    office.hears(&["Named { name: \"ATTIC-DISK\", by: Netbios }", "value: \"FAMILY\"", "Alive"]).await;
}

#[test]
fn the_home_s_name_server_names_a_device() {
    let Some(mut home) = Home::build("ptr") else { return };
    // What is asked there stays there: no upstream is known to it.
    let arguments =
        ["-k", "-R", "-h", "--conf-file=/dev/null", "--user=root", "--host-record=garden-gate.home,10.78.0.9"];
    if home.peer("dnsmasq", &arguments) {
        assert!(super::home::ip(&["-n", &home.near, "route", "add", "default", "via", super::home::PEER]));
        home.run("names::inner_name_server");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_name_server() {
    let mut office = office().await;
    office.settings.reverse_dns.interval = porchlight::model::Span::seconds(5);
    office.start("reverse_dns");
    office.hears(&["Named { name: \"garden-gate\", by: Dns }"]).await;
}
