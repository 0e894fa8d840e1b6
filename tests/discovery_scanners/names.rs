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

#[test]
fn a_game_console_tells_its_name() {
    let Some(mut home) = Home::build("ddp") else { return };
    home.stranger("names::inner_console");
    home.run("names::inner_console_asked");
}

/// Answers as a console in rest mode does.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_console() {
    let socket = std::net::UdpSocket::bind((super::home::PEER, 9302)).unwrap();
    let mut room = [0; 512];
    let mut questions = 0;
    loop {
        let Ok((len, from)) = socket.recv_from(&mut room) else { continue };
        questions += 1;
        // The first is lost.
        if questions > 1 && room[..len] == *b"SRCH * HTTP/1.1\ndevice-discovery-protocol-version:00030010\n" {
            let answer = b"HTTP/1.1 620 Server Standby\nhost-type:PS5\nhost-name:Den-PS5\nhost-request-port:997\n";
            drop(socket.send_to(answer, from));
        }
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_console_asked() {
    let mut office = office().await;
    office.start("consoles");
    // What it is turns out when it was seen already, and the next round is an hour away.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    office.is_a(porchlight::model::Kind::GameConsole);
    office.hears(&["Named { name: \"Den-PS5\", by: Console }", "value: \"PlayStation 5\"", "Alive"]).await;
}

/// systemd's resolver answers LLMNR as Windows does. It runs alone here: no bus, folders and a user of its own.
const RESOLVER: &str = "set -e
mount -t tmpfs none /run
mkdir -p /run/systemd/resolve /run/systemd/resolved.conf.d
printf '[Resolve]\\nLLMNR=yes\\nMulticastDNS=no\\nDNSStubListener=no\\n' > /run/systemd/resolved.conf.d/here.conf
cat /etc/passwd > /run/passwd; echo systemd-resolve:x:990:990::/:/bin/false >> /run/passwd
cat /etc/group > /run/group; echo systemd-resolve:x:990: >> /run/group
mount --bind /run/passwd /etc/passwd; mount --bind /run/group /etc/group
chown -R 990:990 /run/systemd
echo attic-pc > /proc/sys/kernel/hostname
exec \"$1\"";

#[test]
fn a_computer_without_another_name_is_asked_for_it() {
    let Some(mut home) = Home::build("llmnr") else { return };
    let places = ["target/peers/lib/systemd/systemd-resolved", "/lib/systemd/systemd-resolved"];
    let here = std::env::current_dir().unwrap();
    let Some(program) = places.iter().map(|place| here.join(place)).find(|path| path.exists()) else {
        eprintln!("skipped: systemd-resolved is not here (tests/run unpacks it)");
        return;
    };
    if home.peer("unshare", &["-m", "-u", "sh", "-c", RESOLVER, "sh", program.to_str().unwrap()]) {
        home.run("names::inner_computer");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_computer() {
    let mut office = office().await;
    // It makes sure of its name for some seconds before it answers; until then rounds come often.
    office.settings.llmnr.interval = porchlight::model::Span::seconds(5);
    office.start("llmnr");
    office.hears(&["Named { name: \"attic-pc\", by: Llmnr }", "Alive"]).await;
}
