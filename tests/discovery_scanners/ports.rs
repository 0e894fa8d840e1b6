//! Ports: of a printer that counts what it is sent, of real servers, of one that closes a port, of hosts that mean
//! harm, and how the other scanners fare meanwhile.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use porchlight::model::{Fact, Look, Observation, Probe};
use tokio::time::{Instant, timeout};

use super::home::{DEADLINE, Home, Office, PEER, ip, office, peer};

#[path = "ports/hostile.rs"]
mod hostile;

/// The full range takes a while on a busy machine.
const LONG: Duration = Duration::from_secs(180);
const SECOND: &str = "10.78.0.10";

fn file(name: &str) -> PathBuf {
    PathBuf::from(std::env::var("HOME_DIR").unwrap()).join(name)
}

/// Waits until the other side has written `name`; returns what.
fn wait_for(name: &str) -> String {
    let began = Instant::now();
    while began.elapsed() < DEADLINE {
        if let Ok(text) = std::fs::read_to_string(file(name)) {
            return text;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{name} did not come");
}

/// Listens at `at` and hands each connection to a thread of its own.
fn serve(at: (&'static str, u16), talk: impl Fn(TcpStream) + Send + Sync + 'static) {
    let listener = TcpListener::bind(at).unwrap();
    let talk = std::sync::Arc::new(talk);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = std::sync::Arc::clone(&talk);
            std::thread::spawn(move || talk(stream));
        }
    });
}

/// Reads until `whole` says that the ports of `device` were tried.
async fn until_tried(office: &mut Office, device: IpAddr) -> Vec<Observation> {
    let mut told = Vec::new();
    let read = async {
        while let Some(seen) = office.observations.recv().await {
            let is_last = matches!(seen.fact, Fact::Label { key: "ports_seen", .. });
            if seen.subject.ip == Some(device) {
                told.push(seen);
                if is_last {
                    return;
                }
            }
        }
    };
    let in_time = timeout(LONG, read).await;
    assert!(in_time.is_ok(), "ports of {device} were not tried in time: {told:?}");
    told
}

fn open(told: &[Observation]) -> Vec<u16> {
    let port = |o: &Observation| if let Fact::Service { port, .. } = o.fact { Some(port) } else { None };
    let mut ports: Vec<u16> = told.iter().filter_map(port).collect();
    ports.sort_unstable();
    // Told when found, and again when met.
    ports.dedup();
    ports
}

fn label(told: &[Observation], name: &str) -> Option<String> {
    told.iter().find_map(|seen| match &seen.fact {
        Fact::Label { key, value } if *key == name => Some(value.clone()),
        _ => None,
    })
}

// A printer.

const PRINTERS: [u16; 10] = [515, 631, 9100, 9101, 9102, 9103, 9104, 9105, 9106, 9107];

#[test]
fn not_one_byte_goes_to_a_printers_ports_whatever_is_asked_for() {
    let Some(mut home) = Home::build("printer") else { return };
    // The printer's kernel counts, so nothing is missed: packets longer than their headers hold a payload.
    let longer = |counter: &str| {
        let lengths =
            (5..=15).map(|words| format!("tcp doff {words} ip length > {} counter name {counter}\n", 20 + 4 * words));
        lengths.collect::<String>()
    };
    let rules = format!(
        "table ip p {{\ncounter handshakes {{ }}\ncounter printed {{ }}\ncounter page {{ }}\n\
         chain prints {{\ntcp flags syn / syn,ack counter name handshakes\nip hdrlength != 5 counter name printed\n{}}}\n\
         chain page {{\n{}}}\n\
         chain in {{\ntype filter hook input priority 0;\ntcp dport {{ 515, 631, 9100-9107 }} jump prints\n\
         tcp dport 80 jump page\n}}\n}}\n",
        longer("printed"),
        longer("page")
    );
    if !home.nft(&rules) {
        return;
    }
    home.stranger("ports::inner_printer");
    home.run("ports::inner_printer_asked");
}

/// Speaks first at each port, as bait; at the end says what its kernel counted.
#[test]
#[ignore = "runs inside a namespace"]
fn inner_printer() {
    for port in PRINTERS.into_iter().chain([3000, 8080]) {
        serve((PEER, port), |mut stream| {
            drop(stream.write_all(b"READY\r\n"));
            drop(stream.read_to_end(&mut Vec::new()));
        });
    }
    serve((PEER, 80), |mut stream| {
        drop(stream.read(&mut [0; 1024]));
        drop(stream.write_all(b"HTTP/1.0 200 OK\r\nServer: EWS/2\r\n\r\n<title>Laser 2000</title>"));
    });
    std::fs::write(file("ready"), "").unwrap();
    wait_for("tried");
    let counts = ["printed", "handshakes", "page"].map(|counter| {
        let said = std::process::Command::new("nft").args(["list", "counter", "ip", "p", counter]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        said.split_whitespace().skip_while(|word| *word != "packets").nth(1).unwrap().to_owned()
    });
    std::fs::write(file("counts.part"), counts.join(" ")).unwrap();
    std::fs::rename(file("counts.part"), file("counts")).unwrap();
    std::thread::park();
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_printer_asked() {
    wait_for("ready");
    let mut office = office().await;
    office.settings.ports.full = true;
    office.settings.ports.rate = 5000;
    let began = Instant::now();
    office.start("ports");
    let told = until_tried(&mut office, peer()).await;
    eprintln!("measured: 65,535 ports in {:.1} s", began.elapsed().as_secs_f64());
    let mut expected: Vec<u16> = PRINTERS.into_iter().chain([80, 3000, 8080]).collect();
    expected.sort_unstable();
    assert_eq!(open(&told), expected);
    assert_eq!(label(&told, "http_title").as_deref(), Some("Laser 2000"));
    assert_eq!(label(&told, "banner"), None, "what a printer says was not even listened to");
    std::fs::write(file("tried"), "").unwrap();
    let counts: Vec<u64> = wait_for("counts").split(' ').map(|count| count.parse().unwrap()).collect();
    assert_eq!(counts[0], 0, "packets with a payload to ports that print");
    assert!(counts[1] >= 10 && counts[2] > 0, "handshakes and the page were not counted: {counts:?}");
}

// Real servers.

#[test]
fn real_servers_introduce_themselves() {
    let Some(mut home) = Home::build("servers") else { return };
    let path = |name: &str| home.dir.join(name).to_str().unwrap().to_owned();
    let (key, certificate) = (path("key.pem"), path("certificate.pem"));
    let request =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "300"];
    let subject = ["-subj", "/O=Lamps Ltd/CN=lamp.home", "-addext", "subjectAltName=DNS:light.home,IP:10.78.0.9"];
    let mut make = std::process::Command::new("openssl");
    let made = make.args(request).args(subject).args(["-keyout", &key, "-out", &certificate]).output();
    if !made.is_ok_and(|made| made.status.success()) {
        eprintln!("skipped: openssl is not installed (tests/run installs it)");
        return;
    }
    let tls = |port: &'static str| {
        ["s_server", "-accept", port, "-cert", &certificate, "-key", &key, "-www"].map(str::to_owned)
    };
    for port in ["443", "8883"] {
        let arguments = tls(port);
        assert!(home.peer("openssl", &arguments.each_ref().map(String::as_str)));
    }
    if home.peer("python3", &["-m", "http.server", "8080", "--bind", PEER, "--directory", "/var/empty"]) {
        home.run("ports::inner_servers");
    }
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_servers() {
    for port in [443, 8883, 8080] {
        let began = Instant::now();
        while TcpStream::connect((PEER, port)).is_err() {
            assert!(began.elapsed() < DEADLINE, "no server at {port}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let mut office = office().await;
    office.start("ports");
    let told = until_tried(&mut office, peer()).await;
    assert_eq!(open(&told), [443, 8080, 8883]);
    let certificate = label(&told, "tls_certificate").expect("a certificate");
    assert!(certificate.starts_with("lamp.home, Lamps Ltd, light.home, 10.78.0.9, until 20"), "{certificate}");
    let product = told.iter().find_map(|seen| match &seen.fact {
        Fact::Product { port: 8080, product, .. } => Some(product.clone()),
        _ => None,
    });
    assert!(product.as_ref().is_some_and(|product| product.starts_with("SimpleHTTP/")), "{product:?}");
}

// One that closes a port.

#[test]
fn a_service_that_went_is_told() {
    let Some(mut home) = Home::build("closing") else { return };
    home.stranger("ports::inner_closing");
    home.run("ports::inner_closing_asked");
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_closing() {
    let goes = TcpListener::bind((PEER, 5900)).unwrap();
    serve((PEER, 22), |mut stream| {
        drop(stream.write_all(b"SSH-2.0-dropbear_2022.83\r\n"));
        drop(stream.read_to_end(&mut Vec::new()));
    });
    std::fs::write(file("ready"), "").unwrap();
    wait_for("close");
    drop(goes);
    std::fs::write(file("closed"), "").unwrap();
    std::thread::park();
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_closing_asked() {
    wait_for("ready");
    let mut office = office().await;
    office.start("ports");
    let told = until_tried(&mut office, peer()).await;
    assert_eq!((open(&told), label(&told, "ssh_software").as_deref()), (vec![22, 5900], Some("dropbear_2022.83")));
    std::fs::write(file("close"), "").unwrap();
    wait_for("closed");
    let look = Look { probe: Probe::Ports, mac: None, ip: peer(), interface: None };
    let gone = |told: &[Observation]| {
        let is_gone = |o: &Observation| matches!(o.fact, Fact::ServiceGone { tcp: true, port: 5900 });
        (told.iter().any(is_gone), told.iter().filter(|o| matches!(o.fact, Fact::ServiceGone { .. })).count())
    };
    // The device is known to the picture with a MAC; whom people ask about is the same device.
    let look = Look { mac: Some(super::home::PEER_MAC), ..look };
    office.looks.send(look).unwrap();
    assert_eq!(gone(&until_tried(&mut office, peer()).await), (false, 0), "one refusal may be a restart");
    office.looks.send(look).unwrap();
    assert_eq!(gone(&until_tried(&mut office, peer()).await), (true, 1), "5900 and nothing else");
}

const SSH: &str = r#"[{"proto":"tcp","port":22,"name":"ssh","product":"dropbear_2022.83"}]"#;

/// The whole program: the daemon, its event log, the command line's hand, and the account of what it sent.
#[test]
fn the_event_log_tells_what_opened_and_what_closed() {
    let Some(mut home) = Home::build("events") else { return };
    let config = home.dir.join("config.yaml");
    std::fs::write(&config, "network: {interfaces: [home0]}\nmqtt: {url: 'mqtt://127.0.0.1:1'}\n").unwrap();
    let (dir, near) = (home.dir.clone(), home.near.clone());
    let state = dir.join("state");
    let porchlight = |words: &[&str]| {
        let mut command = std::process::Command::new("ip");
        command.args(["netns", "exec", &near, env!("CARGO_BIN_EXE_porchlight")]);
        command.arg("--config").arg(&config).arg("--state-dir").arg(&state).args(words);
        command
    };
    let say = |words: &[&str]| String::from_utf8(porchlight(words).output().unwrap().stdout).unwrap();
    let mut daemon = porchlight(&["run"]);
    let log = std::fs::File::create(dir.join("daemon.log")).unwrap();
    let daemon = daemon.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let lines = |kind: &str| {
        let events = say(&["--json", "events"]);
        let of_port = |line: &&str| line.contains(kind) && line.contains("\"port\":5900");
        events.lines().filter(of_port).count()
    };
    home_of(&dir, &near, daemon, |until| {
        // The stranger is started after the daemon: a newcomer, tried at once.
        home.stranger("ports::inner_closing");
        until("5900 is open", &|| lines("service_opened") == 1);
        let device = || {
            let devices: serde_json::Value = serde_json::from_str(&say(&["--json", "devices"])).unwrap();
            let has_peer = |device: &&serde_json::Value| device["addresses"].to_string().contains(PEER);
            devices["devices"].as_array().unwrap().iter().find(has_peer).unwrap().clone()
        };
        std::fs::write(dir.join("close"), "").unwrap();
        until("the port is closed", &|| dir.join("closed").exists());
        let id = device()["id"].as_str().unwrap().to_owned();
        until("5900 is gone", &|| {
            assert!(porchlight(&["device", "ports", &id]).status().unwrap().success());
            lines("service_closed") == 1
        });
        assert_eq!(lines("service_opened"), 1);
        assert_eq!(device()["services"].to_string(), SSH);
        let doctor: serde_json::Value = serde_json::from_str(&say(&["--json", "doctor"])).unwrap();
        let sent = doctor["checks"].as_array().unwrap().iter().find(|check| check["name"] == "packets sent").unwrap();
        let found = sent["found"].as_str().unwrap();
        assert!(found.contains("arp_sweep 2") && found.contains("ports 1"), "{found}");
        eprintln!("measured: {found}");
    });
}

/// Runs `story` beside `daemon`, which ends with it; says what the daemon said if it goes wrong.
fn home_of(
    dir: &std::path::Path,
    near: &str,
    mut daemon: std::process::Child,
    story: impl FnOnce(&dyn Fn(&str, &dyn Fn() -> bool)),
) {
    let until = |what: &str, done: &dyn Fn() -> bool| {
        let began = Instant::now();
        while !done() {
            if began.elapsed() > DEADLINE {
                let log = std::fs::read_to_string(dir.join("daemon.log")).unwrap_or_default();
                panic!("{near}: not in time: {what}\n{log}");
            }
            std::thread::sleep(Duration::from_millis(500));
        }
    };
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| story(&until)));
    drop(daemon.kill());
    drop(daemon.wait());
    if let Err(why) = told {
        std::panic::resume_unwind(why);
    }
}

// The others.

#[test]
fn a_sweep_does_not_wait_behind_the_ports_of_a_full_house() {
    let Some(home) = Home::build("budget") else { return };
    home.run("ports::inner_budget");
}

#[tokio::test]
#[ignore = "runs inside a namespace"]
async fn inner_budget() {
    let mut office = office().await;
    // As it is once the start is over. None of them answers: each costs a dozen handshakes, so together they would take all there is.
    office.parts.budget = porchlight::scanners::Budget::with(super::home::clock, 20.0, 512.0);
    for host in 20..120 {
        office.add(format!("10.78.0.{host}").parse().unwrap());
    }
    office.start("ports");
    let began = Instant::now();
    while office.parts.budget.spare(1).is_ok() {
        assert!(began.elapsed() < DEADLINE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let began = Instant::now();
    office.start("arp_sweep");
    let swept = async {
        while let Some(line) = office.health.recv().await {
            if line.name == "arp_sweep" && line.last_success.is_some() {
                return line.sent;
            }
        }
        0
    };
    let sent = timeout(DEADLINE, swept).await.expect("the sweep ends");
    let took = began.elapsed();
    eprintln!("measured: a sweep of {sent} packets beside the ports of 101 devices took {:.1} s", took.as_secs_f64());
    // 254 packets at 20 a second would be 12.7 s if the ports had emptied the bucket.
    assert!(sent >= 250 && took < Duration::from_secs(6), "{sent} packets in {took:?}");
}
