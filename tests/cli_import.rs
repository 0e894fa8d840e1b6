//! What files say: `device import` of a table and of another program's whitelist, with a daemon and without one, and
//! `vendors update` from the registries' own files.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::Duration,
};

use porchlight::{
    model::{DeviceId, DeviceView, HomeView, MacAddr, Moment, Mono, NameSource, Wall},
    store::{Settings, Store},
};
use serde_json::{Value, json};

const INSTANCE: u32 = 0x7f_3a2c;
const PATIENCE: Duration = Duration::from_secs(60);

fn clock() -> Moment {
    let now = jiff::Timestamp::now();
    Moment { mono: Mono(u64::try_from(now.as_nanosecond()).unwrap()), wall: Wall(now.as_millisecond()) }
}

/// A store with three devices, `b8:27:eb:01:02:01` to `03`.
fn home() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ended = Wall(clock().wall.0 - 600_000);
    let (store, _) = Store::open(dir.path(), ended).unwrap();
    let writer =
        store.writer(&Settings::default(), clock, Box::new(|health| panic!("the store said {health}"))).unwrap();
    let devices = (1..=3).map(|n| {
        let id = DeviceId::mint(INSTANCE, n);
        let macs = vec![MacAddr([0xb8, 0x27, 0xeb, 1, 2, n as u8])];
        // As a daemon calls it that starts on this store: when it writes that is its own affair.
        let (name, name_source) = (format!("Raspberry Pi 02:{n:02x}"), NameSource::VendorTail);
        let (first_seen, last_seen, since) = (ended, ended, ended);
        let view = DeviceView { macs, name, name_source, first_seen, last_seen, since, ..DeviceView::blank(id) };
        (id, Arc::new(view))
    });
    let view =
        HomeView { revision: 1, instance: INSTANCE, minted: 100, devices: devices.collect(), ..HomeView::default() };
    writer.write(Arc::new(view), Arc::from([]));
    writer.close(ended).unwrap();
    dir
}

fn porchlight(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"));
    command.args(args).arg("--state-dir").arg(dir).env_clear().env("HOME", dir).env("TZ", "UTC");
    command
}

fn run(dir: &Path, args: &[&str]) -> (String, String, i32) {
    let out = porchlight(dir, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(out.stdout), text(out.stderr), out.status.code().unwrap_or(-1))
}

fn told(dir: &Path, args: &[&str]) -> Value {
    let (out, err, code) = run(dir, &[args, &["--json"]].concat());
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
}

/// By the last digit of the MAC.
fn device(dir: &Path, n: u32) -> Value {
    let id = DeviceId::mint(INSTANCE, n).to_string();
    let all = told(dir, &["devices"]);
    all["devices"].as_array().unwrap().iter().find(|device| device["id"] == id.as_str()).cloned().unwrap()
}

fn file(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A daemon that looks at loopback alone and has no broker.
struct Daemon(Child);

impl Daemon {
    fn start(dir: &Path) -> Daemon {
        let args = ["run", "--set", "mqtt.url=mqtt://127.0.0.1:1", "--set", "network.interfaces=[lo]"];
        let daemon = Daemon(porchlight(dir, &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let began = clock().mono;
        while run(dir, &["health"]).2 != 0 {
            assert!(clock().mono.since(began) < PATIENCE, "the daemon did not come up");
            thread::sleep(Duration::from_millis(100));
        }
        daemon
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Settings of net-sentry (`config.yaml`), its list of known devices as its documentation has it.
const WHITELIST: &str = "
scan:
  continuous: false
whitelist:
  - mac_address: \"B8:27:EB:01:02:01\"
    name: \"Kitchen tablet\"
    category: \"mobile\"
    trusted: true
  - mac_address: \"b8:27:eb:01:02:02\"
    name: \"Printer\"
    category: \"printer\"
    trusted: true
  - mac_address: \"b8:27:eb:01:02:99\"
    name: \"Never seen\"
    trusted: true
";
/// As a spreadsheet writes it: its own order, semicolons, a mark at the start.
const TABLE: &str =
    "\u{feff}Name;MAC;Important;Owner;Notes\r\n\"Lamp; hall\";B8-27-EB-01-02-03;yes;Anna;\"under the stairs\"\r\n";

fn imports(dir: &Path) {
    let (whitelist, table) = (file(dir, "whitelist.yaml", WHITELIST), file(dir, "table.csv", TABLE));
    let before = device(dir, 1);
    let dry = told(dir, &["device", "import", &whitelist, "--dry-run"]);
    assert_eq!((&dry["dry_run"], dry["not_seen_yet"].as_array().unwrap().len()), (&json!(true), 1), "{dry}");
    assert_eq!(device(dir, 1)["name"], before["name"], "a dry run changes nothing");
    let done = told(dir, &["device", "import", &whitelist]);
    assert_eq!((&done["changes"], &dry["changes"]), (&dry["changes"], &done["changes"]));
    assert_eq!(done["not_seen_yet"][0]["mac"], "b8:27:eb:01:02:99");
    told(dir, &["device", "import", &table]);
    for (n, key, value) in [
        (1, "name", "Kitchen tablet"),
        (1, "trust", "trusted"),
        (1, "group", "mobile"),
        (2, "name", "Printer"),
        (2, "kind", "printer"),
        (2, "trust", "trusted"),
        (3, "name", "Lamp; hall"),
        (3, "owner", "Anna"),
    ] {
        // The daemon writes its store a moment later.
        let began = clock().mono;
        while device(dir, n)[key] != value {
            assert!(clock().mono.since(began) < PATIENCE, "{key} of {n}: {}", device(dir, n));
            thread::sleep(Duration::from_millis(50));
        }
    }
    assert_eq!(device(dir, 3)["important"], true);
    let again = told(dir, &["device", "import", &whitelist]);
    assert_eq!((&again["changes"], &again["unchanged"]), (&json!(0), &json!(2)), "{again}");

    // A file with a fault is not used at all.
    let broken = file(dir, "broken.csv", "mac,name,kind\nb8:27:eb:01:02:01,Other,tv\nb8:27:eb:01:02:02,X,toaster\n");
    let (out, err, code) = run(dir, &["device", "import", &broken]);
    assert!(out.is_empty() && code == 2 && err.contains("line 3") && err.contains("toaster"), "{code}: {out}{err}");
    assert_eq!(device(dir, 1)["name"], "Kitchen tablet");
    let (_, err, code) = run(dir, &["device", "import", &dir.join("nowhere.csv").display().to_string()]);
    assert!(code == 3 && err.contains("nowhere.csv"), "{code}: {err}");
    fs::write(dir.join("binary.csv"), [0xff, 0xfe, 0, 1]).unwrap();
    let (_, err, code) = run(dir, &["device", "import", &dir.join("binary.csv").display().to_string()]);
    assert!(code == 2 && err.contains("UTF-8"), "{code}: {err}");
}

#[test]
fn what_files_say_of_devices_is_taken_into_the_store() {
    let home = home();
    imports(home.path());
}

#[test]
fn what_files_say_of_devices_is_taken_by_the_daemon_and_outlives_it() {
    let home = home();
    let daemon = Daemon::start(home.path());
    imports(home.path());
    let pid = rustix::process::Pid::from_raw(i32::try_from(daemon.0.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let mut daemon = daemon;
    daemon.0.wait().unwrap();
    assert_eq!(device(home.path(), 1)["name"], "Kitchen tablet");
    assert_eq!(device(home.path(), 3)["owner"], "Anna");
}

/// A web server behind TLS with a certificate of its own, as ieee.org is with one that everybody knows: a registry at
/// `/oui.csv`, one without an end at `/endless.csv`, and one that is elsewhere by now.
fn over_https(dir: &Path, registry: &str) {
    let found = Command::new("openssl").arg("version").output().is_ok_and(|done| done.status.success());
    if !found || std::env::var_os("PORCHLIGHT_FAST").is_some() {
        eprintln!("skipped: openssl is not installed, or PORCHLIGHT_FAST leaves out the network");
        return;
    }
    let site = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    fs::write(site.path().join("site.pem"), certificate.pem()).unwrap();
    fs::write(site.path().join("site.key"), key.serialize_pem()).unwrap();
    // `s_server -HTTP` sends files as they are, heads included.
    let answer = |head: &str, body: &str| format!("HTTP/1.0 {head}\r\nConnection: close\r\n\r\n{body}");
    fs::write(site.path().join("oui.csv"), answer("200 OK", registry)).unwrap();
    fs::write(site.path().join("gone.csv"), answer("404 Not Found", registry)).unwrap();
    let moved = answer("302 Found\r\nLocation: http://localhost:1/oui.csv", "");
    fs::write(site.path().join("moved.csv"), moved).unwrap();
    let endless = fs::File::create(site.path().join("endless.csv")).unwrap();
    std::io::Write::write_all(&mut &endless, answer("200 OK", "").as_bytes()).unwrap();
    endless.set_len(64 << 20).unwrap();

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Command::new("openssl")
        .args(["s_server", "-quiet", "-HTTP", "-cert", "site.pem", "-key", "site.key", "-accept"])
        .arg(format!("127.0.0.1:{port}"))
        .current_dir(site.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Daemon(server);
    let began = clock().mono;
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(clock().mono.since(began) < PATIENCE, "the server never listened");
        thread::sleep(Duration::from_millis(50));
    }
    let before = told(dir, &["vendors"]);
    let update = |file: &str, trusted: bool| {
        let url = format!("https://localhost:{port}/{file}");
        let mut command = porchlight(dir, &["vendors", "update", "--json", "--from", &url]);
        if trusted {
            // Where systems keep whom they trust (rustls-native-certs).
            command.env("SSL_CERT_FILE", site.path().join("site.pem"));
        }
        let done = command.output().unwrap();
        (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
    };
    // Not of anybody we know; not there; elsewhere, in the clear; without an end.
    for (file, trusted) in [("oui.csv", false), ("gone.csv", true), ("moved.csv", true), ("endless.csv", true)] {
        let (code, said) = update(file, trusted);
        assert_eq!(code, Some(1), "{file}: {said}");
        assert!(said.contains("cannot fetch") && said.contains("--from FILE"), "{file}: {said}");
        assert_eq!(told(dir, &["vendors"]), before, "{file}");
    }
    let (code, said) = update("oui.csv", true);
    assert_eq!(code, Some(0), "{said}");
    let after = told(dir, &["vendors"]);
    assert_eq!((&after["prefixes"], &after["age_days"]), (&json!(3_000), &json!(0)), "{before} became {after}");
}

#[test]
fn a_newer_table_of_makers_is_used_from_the_next_start_on() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path();
    let ours = told(dir, &["vendors"]);
    let mut registry = "Registry,Assignment,Organization Name,Organization Address\n".to_owned();
    for row in 0..3_000 {
        registry.push_str(&format!("MA-L,{row:06X},\"Maker {row}, Inc.\",\"Street 1, City\"\n"));
    }
    let folder = dir.join("registries");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("oui.csv"), &registry).unwrap();
    fs::write(
        folder.join("mam.csv"),
        "Registry,Assignment,Organization Name,Organization Address\nMA-M,70B3D57,Middle AG,x\n",
    )
    .unwrap();
    over_https(dir, &registry);
    let made = told(dir, &["vendors", "update", "--from", &folder.display().to_string()]);
    let newer = told(dir, &["vendors"]);
    assert_eq!((&newer["date"], &newer["prefixes"]), (&made["date"], &json!(3_001)), "{ours} became {newer}");
    assert_eq!(newer["age_days"], 0);
    let (doctor, _, _) = run(dir, &["doctor"]);
    assert!(doctor.contains("3001 prefixes"), "{doctor}");

    // What is none, or too little, leaves the table that is there.
    let page = file(dir, "page.html", "<html>503</html>");
    let cut = file(dir, "cut.csv", &registry[..500]);
    let nowhere = "https://127.0.0.1:1/oui.csv";
    for (from, code) in [(page.as_str(), 1), (&cut, 1), (nowhere, 1), ("/nonexistent/oui.csv", 3)] {
        let (out, err, found) = run(dir, &["vendors", "update", "--from", from]);
        assert!(out.is_empty() && found == code && !err.is_empty(), "{from}: {found}: {out}{err}");
        assert_eq!(told(dir, &["vendors"]), newer, "{from}");
    }
    // A table that was damaged on disk is passed over.
    fs::write(dir.join("vendors.bin"), b"VND1 nonsense").unwrap();
    assert_eq!(told(dir, &["vendors"])["date"], ours["date"]);
}
