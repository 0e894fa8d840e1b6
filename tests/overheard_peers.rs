//! What real programs say on a wire, heard through the kernel's filter: lldpd, curl, openssl, a web server.
//!
//! Two namespaces joined by one cable; Porchlight's ring listens at `near`. Needs root and `ip`; without them, or with
//! PORCHLIGHT_FAST=1, each test says why it skips. A test starts this same program inside the namespace for the part that
//! listens (`inner_*`, ignored otherwise). Nothing leaves the namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop at the first surprise")]

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use porchlight::{
    capture::{self, Filter, Ring},
    engine::{Engine, Input},
    model::{
        Captured, Fact, Heard, InterfaceFacts, InterfaceId, LinkType, MacAddr, Moment, Mono, NetworkFacts, Remembered,
        Subnet, Wall,
    },
    presence::overheard::Overheard,
    wire::Frame,
};

/// Nothing here takes this long, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);
const NEAR: MacAddr = MacAddr([0x02, 0x78, 0, 0, 0, 1]);
const FAR: MacAddr = MacAddr([0x02, 0x78, 0, 0, 0, 2]);

fn clock() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let ns = u64::try_from(START.get_or_init(now).elapsed().as_nanos()).unwrap();
    Moment { mono: Mono(ns + 3_600_000_000_000), wall: Wall(jiff::Timestamp::now().as_millisecond()) }
}

#[allow(clippy::disallowed_methods, reason = "a test measures its own patience")]
fn now() -> Instant {
    Instant::now()
}

struct Cable {
    near: String,
    far: String,
    /// Certificates and logs.
    folder: tempfile::TempDir,
    helpers: Vec<Child>,
}

impl Cable {
    fn build(name: &str) -> Option<Cable> {
        if std::env::var("PORCHLIGHT_FAST").is_ok_and(|value| value == "1") {
            eprintln!("skipped: PORCHLIGHT_FAST=1 leaves out the network");
            return None;
        }
        let process = std::process::id();
        let (near, far) = (format!("hear-{name}-near-{process}"), format!("hear-{name}-far-{process}"));
        if !ip(&["netns", "add", &near]) || !ip(&["netns", "add", &far]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        let cable = Cable { near, far, folder: tempfile::tempdir().unwrap(), helpers: Vec::new() };
        let (near, far) = (cable.near.as_str(), cable.far.as_str());
        assert!(ip(&["-n", near, "link", "add", "home0", "type", "veth", "peer", "name", "wire0", "netns", far]));
        for (namespace, interface, mac, address) in
            [(near, "home0", NEAR, "10.78.0.1/24"), (far, "wire0", FAR, "10.78.0.2/24")]
        {
            assert!(ip(&["-n", namespace, "link", "set", interface, "address", &mac.to_string()]));
            assert!(ip(&["-n", namespace, "addr", "add", address, "dev", interface]));
            assert!(ip(&["-n", namespace, "link", "set", "lo", "up"]));
            assert!(ip(&["-n", namespace, "link", "set", interface, "up"]));
        }
        Some(cable)
    }

    fn command(namespace: &str, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, program]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn start(&mut self, namespace: &str, program: &str, arguments: &[&str]) {
        let child = Cable::command(namespace, program, arguments).current_dir(self.folder.path()).spawn().unwrap();
        self.helpers.push(child);
    }

    /// Starts the listener and returns it once it hears.
    fn listen(&self, inner: &str) -> Child {
        let started = self.folder.path().join("hears");
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.near]).arg(program);
        command.args([inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        command.env("PORCHLIGHT_TEST_STARTED", &started).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        until("the listener starts", || started.exists());
        child
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            drop(helper.kill());
            drop(helper.wait());
        }
        ip(&["netns", "del", &self.near]);
        ip(&["netns", "del", &self.far]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "{what}: not within {DEADLINE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    let found = found.is_ok_and(|status| status.success());
    if !found {
        eprintln!("skipped: needs {program}");
    }
    found
}

/// What the far host was heard to say, until `wanted` is all there.
fn hear(wanted: &[&str]) -> BTreeMap<String, String> {
    let mut ring = Ring::open("home0", &Filter::home(), &capture::Settings::default(), clock).unwrap();
    let network = network();
    fs::write(PathBuf::from(std::env::var_os("PORCHLIGHT_TEST_STARTED").unwrap()), "yes").unwrap();
    let (mut ears, mut heard, mut out) = (Overheard::default(), BTreeMap::new(), Vec::new());
    until_heard(wanted, &mut heard, |heard: &mut BTreeMap<String, String>| {
        let batch = ring.next_batch(Duration::from_millis(200)).unwrap();
        for captured in batch.frames() {
            ears.glean(&captured, &Frame::decode(captured.link, captured.bytes), &network, &mut out);
        }
        for seen in out.drain(..) {
            let whose = match seen.subject.mac {
                Some(FAR) => "",
                Some(NEAR) => "near.",
                _ => "other.",
            };
            match seen.fact {
                Fact::Label { key, value } => drop(heard.insert(format!("{whose}{key}"), value)),
                Fact::Named { name, by: Heard::Lldp } => drop(heard.insert(format!("{whose}name"), name)),
                _ => {}
            }
        }
    });
    for (key, value) in &heard {
        println!("heard {key}={value}");
    }
    heard
}

fn until_heard(
    wanted: &[&str],
    heard: &mut BTreeMap<String, String>,
    mut listen: impl FnMut(&mut BTreeMap<String, String>),
) {
    let began = now();
    while !wanted.iter().all(|key| heard.contains_key(*key)) {
        assert!(began.elapsed() < DEADLINE, "wanted {wanted:?}, heard {heard:?}");
        listen(heard);
    }
}

fn network() -> NetworkFacts {
    let text = fs::read_to_string("/sys/class/net/home0/ifindex").unwrap();
    NetworkFacts {
        interfaces: vec![InterfaceFacts {
            id: InterfaceId(text.trim().parse().unwrap()),
            name: "home0".into(),
            mac: Some(NEAR),
            addresses: vec![[10, 78, 0, 1].into()],
            up: true,
            subnets: vec![Subnet::new([10, 78, 0, 0].into(), 24).unwrap()],
            gateways: vec![],
        }],
        labels: vec![],
    }
}

fn ended(listener: Child) {
    let done = listener.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

#[test]
fn a_neighbour_announces_itself() {
    let Some(mut cable) = Cable::build("lldp") else { return };
    if !has("lldpd") {
        return;
    }
    let listener = cable.listen("inner_neighbour");
    let (far, folder) = (cable.far.clone(), cable.folder.path().display().to_string());
    // One speaks LLDP; the other CDP, though nobody else does (-cc), and then no LLDP.
    for (name, more) in [("lldp", None), ("cdp", Some("-cc"))] {
        let socket = format!("{folder}/{name}.socket");
        let common = ["-d", "-I", "wire0", "-C", "wire0", "-S", "Acme 8 port switch", "-u", &socket];
        let arguments: Vec<&str> = common.into_iter().chain(more).collect();
        cable.start(&far, "lldpd", &arguments);
    }
    ended(listener);
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_neighbour() {
    let heard = hear(&["name", "lldp_description", "lldp_port", "cdp_platform", "cdp_port"]);
    assert_eq!(heard["lldp_description"], "Acme 8 port switch");
    assert_eq!(heard["lldp_port"], "wire0");
    assert_eq!(heard["lldp_chassis"], FAR.to_string());
    assert!(heard.keys().all(|key| !key.starts_with("other.")), "{heard:?}");
}

#[test]
fn programs_and_servers_are_heard_through_the_filter() {
    let Some(mut cable) = Cable::build("web") else { return };
    if !has("curl") || !has("openssl") || !has("python3") {
        return;
    }
    let (near, far) = (cable.near.clone(), cable.far.clone());
    let folder = cable.folder.path().to_path_buf();
    let (key, certificate) = (folder.join("key.pem"), folder.join("box.pem"));
    let (key, certificate) = (key.display().to_string(), certificate.display().to_string());
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/O=Acme/CN=attic-box"])
        .args(["-keyout", &key, "-out", &certificate])
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let listener = cable.listen("inner_programs");
    cable.start(&near, "python3", &["-m", "http.server", "8080"]);
    cable.start(&far, "python3", &["-m", "http.server", "8081"]);
    let server = ["s_server", "-accept", "4433", "-key", &key, "-cert", &certificate, "-tls1_2", "-quiet"];
    cable.start(&far, "openssl", &server);
    cable.start(&near, "openssl", &["s_server", "-accept", "443", "-key", &key, "-cert", &certificate, "-quiet"]);
    let run = |namespace: &str, program: &str, arguments: &[&str]| {
        Cable::command(namespace, program, arguments).status().is_ok_and(|status| status.success())
    };
    // A request of the far host; its answer to a request from here; its greeting; its certificate.
    until("a request", || run(&far, "curl", &["-s", "-A", "Box/4 (Web0S)", "http://10.78.0.1:8080/"]));
    until("an answer", || run(&near, "curl", &["-s", "http://10.78.0.2:8081/"]));
    let greet = ["s_client", "-connect", "10.78.0.1:443", "-servername", "www.lgtvsdp.com"];
    until("a greeting", || run(&far, "openssl", &greet));
    until("a certificate", || run(&near, "openssl", &["s_client", "-connect", "10.78.0.2:4433"]));
    ended(listener);
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_programs() {
    let heard = hear(&["user_agent", "http_server", "ja4", "asks", "tls_certificate", "os"]);
    assert_eq!(heard["user_agent"], "Box/4 (Web0S)");
    assert!(heard["http_server"].starts_with("SimpleHTTP"), "{heard:?}");
    assert_eq!(heard["tls_certificate"], "attic-box, Acme");
    assert_eq!((heard["os"].as_str(), heard["asks"].as_str()), ("Linux", "lgtvsdp.com"));
    // OpenSSL 3 names a host and asks for no protocol.
    assert!(heard["ja4"].starts_with("t13d") && heard["ja4"].len() == 36, "{heard:?}");
    assert!(heard.keys().all(|key| !key.starts_with("other.")), "{heard:?}");
}

#[test]
fn bulk_stays_outside() {
    let Some(mut cable) = Cable::build("bulk") else { return };
    if !has("python3") || !has("curl") {
        return;
    }
    let (near, far) = (cable.near.clone(), cable.far.clone());
    fs::write(cable.folder.path().join("bulk"), vec![b'x'; 20_000_000]).unwrap();
    cable.start(&far, "python3", &["-m", "http.server", "8081"]);
    let listener = cable.listen("inner_bulk");
    let arguments = ["-s", "-o", "/dev/null", "http://10.78.0.2:8081/bulk"];
    until("a download", || Cable::command(&near, "curl", &arguments).status().is_ok_and(|status| status.success()));
    // Says that it is over.
    assert!(Cable::command(&far, "ping", &["-c", "1", "10.78.0.1"]).status().unwrap().success());
    ended(listener);
}

#[test]
#[ignore = "runs inside a namespace"]
fn inner_bulk() {
    let mut ring = Ring::open("home0", &Filter::home(), &capture::Settings::default(), clock).unwrap();
    fs::write(PathBuf::from(std::env::var_os("PORCHLIGHT_TEST_STARTED").unwrap()), "yes").unwrap();
    let (mut bytes, mut has_answer, mut is_over) = (0, false, false);
    let began = now();
    while !is_over {
        assert!(began.elapsed() < DEADLINE, "no end heard");
        let batch = ring.next_batch(Duration::from_millis(200)).unwrap();
        for captured in batch.frames() {
            let frame = Frame::decode(captured.link, captured.bytes);
            has_answer |= frame.payload().starts_with(b"HTTP/1.0 200");
            is_over |= frame.icmp().is_some_and(|icmp| icmp.kind == 8);
            bytes += captured.bytes.len();
        }
    }
    println!("measured: {bytes} bytes heard of a download of 20,000,000");
    // The answer's head comes; of its body what the card joined to it.
    assert!(has_answer && bytes < 200_000, "{bytes} bytes, the answer's head: {has_answer}");
}

/// A TCP segment of 10.78.0.2, or of another address, with the Ethernet source `mac`.
fn segment(mac: MacAddr, from: [u8; 4], ttl: u8, payload: &[u8]) -> Vec<u8> {
    let [a, b] = u16::try_from(40 + payload.len()).unwrap().to_be_bytes();
    let mut bytes = [&NEAR.0[..], &mac.0, &[8, 0, 0x45, 0, a, b, 0, 7, 0x40, 0, ttl, 6, 0, 0]].concat();
    bytes.extend(from);
    bytes.extend([10, 78, 0, 1, 0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 0xfa, 0xf0, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

#[test]
fn ten_thousand_made_up_words_leave_the_family_what_it_said() {
    const LIAR: MacAddr = MacAddr([0xb8, 0x27, 0xeb, 0, 0, 66]);
    let tv = MacAddr([0xb8, 0x27, 0xeb, 0, 0, 9]);
    let facts = NetworkFacts {
        interfaces: vec![InterfaceFacts {
            id: InterfaceId(2),
            name: "home0".into(),
            mac: Some(NEAR),
            addresses: vec![[10, 78, 0, 1].into()],
            up: true,
            subnets: vec![Subnet::new([10, 78, 0, 0].into(), 24).unwrap()],
            gateways: vec![],
        }],
        labels: vec![],
    };
    let start = Moment { mono: Mono(3_600_000_000_000), wall: Wall(1_790_000_000_000) };
    let mut engine = Engine::new(&Default::default(), Arc::new(facts), &Remembered::default(), 1, start);
    let mut hear = |n: u64, bytes: &[u8]| {
        let at =
            Moment { mono: Mono(start.mono.0 + n * 1_000_000), wall: Wall(start.wall.0 + i64::try_from(n).unwrap()) };
        let captured =
            Captured { link: LinkType::ETHERNET, interface: InterfaceId(2), at, wire_len: bytes.len() as u32, bytes };
        engine.handle(Input::Frame(captured), at);
    };
    let request = |agent: &str| format!("GET / HTTP/1.1\r\nUser-Agent: {agent}\r\n\r\n");
    hear(0, &segment(tv, [10, 78, 0, 9], 64, request("Box/4 (Web0S)").as_bytes()));
    for n in 1..10_000 {
        let agent = format!("Made-up/{n} (Windows NT {n})");
        hear(n, &segment(LIAR, [10, 78, 0, 66], 64, request(&agent).as_bytes()));
        hear(n, &segment(LIAR, [10, 78, 0, 66], 64, format!("HTTP/1.1 200 OK\r\nServer: s/{n}\r\n\r\n").as_bytes()));
        // The same under the TV's address, but passed on by it, or from elsewhere.
        hear(n, &segment(tv, [10, 78, 0, 77], 63, request("iPhone").as_bytes()));
        hear(n, &segment(tv, [203, 0, 113, 7], 64, request("iPhone").as_bytes()));
    }
    let view = engine.view();
    let of = |mac: MacAddr| view.devices.values().find(|device| device.macs.contains(&mac)).unwrap();
    let told = |mac: MacAddr, key: &str| {
        of(mac).facts.iter().find(|(found, _)| found == key).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(told(tv, "label.user_agent"), "Box/4 (Web0S)");
    assert_eq!(told(LIAR, "label.user_agent"), "Made-up/1 (Windows NT 1)");
    assert_eq!(told(LIAR, "label.http_server"), "s/1");
    assert!(of(LIAR).facts.len() < 20, "{:?}", of(LIAR).facts);
}
