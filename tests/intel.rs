//! Lists of bad addresses: fetched from a real server by a real client, kept, and used without one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop at the first surprise")]

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{BufRead as _, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use porchlight::{
    capture::file::PcapWriter,
    intel::{
        feeds::Feed,
        fetch::{self, FetchError, Fetched},
    },
    model::{LinkType, Wall},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value as Json;

const STEP: Duration = Duration::from_millis(50);
/// Two minutes of steps: the machine may be busy.
const STEPS: u32 = 2400;
const LIST: &str = "# first_seen,dst_ip,dst_port\n2026-11-20,203.0.113.66,8443\n";

/// Answers one request each with what it was given, and keeps what it was asked.
struct Server {
    port: u16,
    answers: Arc<Mutex<VecDeque<Vec<u8>>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(tls: Option<Arc<rustls::ServerConfig>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server =
            Server { port: listener.local_addr().unwrap().port(), answers: Arc::default(), asked: Arc::default() };
        let (answers, asked) = (Arc::clone(&server.answers), Arc::clone(&server.asked));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, asked, tls) = (Arc::clone(&answers), Arc::clone(&asked), tls.clone());
                thread::spawn(move || match tls {
                    None => serve(stream, &answers, &asked),
                    Some(config) => {
                        let session = rustls::ServerConnection::new(config).unwrap();
                        serve(rustls::StreamOwned::new(session, stream), &answers, &asked);
                    }
                });
            }
        });
        server
    }

    fn answer(&self, status: &str, heads: &str, body: &str) {
        let text =
            format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{heads}\r\n{body}", body.len());
        self.answers.lock().unwrap().push_back(text.into_bytes());
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: impl Read + Write, answers: &Mutex<VecDeque<Vec<u8>>>, asked: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return;
        }
    }
    asked.lock().unwrap().push(head);
    let Some(answer) = answers.lock().unwrap().pop_front() else { return };
    let mut stream = reader.into_inner();
    let _gone = stream.write_all(&answer).and_then(|()| stream.flush());
}

#[tokio::test]
async fn a_list_is_fetched_once_and_a_bad_answer_changes_nothing() {
    let server = Server::start(None);
    let folder = tempfile::tempdir().unwrap();
    let feed: Feed = format!("c2=http://127.0.0.1:{}/secret-key/list.csv", server.port).parse().unwrap();
    let client = fetch::client().unwrap();
    let now = Wall(1_795_626_131_000);
    let load =
        |days: i64| fetch::load(std::slice::from_ref(&feed), Some(folder.path()), 100, Wall(now.0 + days * 86_400_000));
    let is_held = |days| load(days).indicators.service("203.0.113.66".parse().unwrap(), 8443).is_some();
    assert!(load(0).trouble().unwrap().contains("was not fetched yet"));

    server.answer("200 OK", "ETag: \"one\"\r\nLast-Modified: Wed, 25 Nov 2026 10:00:00 GMT\r\n", LIST);
    assert_eq!(fetch::fetch(&client, &feed, folder.path(), now).await.unwrap(), Fetched::New);
    assert!(is_held(0) && load(0).trouble().is_none());
    server.answer("304 Not Modified", "", "");
    assert_eq!(fetch::fetch(&client, &feed, folder.path(), now).await.unwrap(), Fetched::Same);
    let second = server.asked()[1].to_ascii_lowercase();
    assert!(
        second.contains("if-none-match: \"one\"") && second.contains("if-modified-since: wed, 25 nov 2026"),
        "{second}"
    );

    let long = "x".repeat(70 << 20);
    for (status, body) in [
        ("200 OK", "<!doctype html><title>Welcome to our Wi-Fi</title>"),
        ("200 OK", "neither an address\nnor a name!\n"),
        ("200 OK", long.as_str()),
        ("500 Broken", ""),
        ("404 Not Found", LIST),
    ] {
        server.answer(status, "", body);
        let error = fetch::fetch(&client, &feed, folder.path(), now).await.unwrap_err();
        assert!(!error.to_string().contains("secret-key"), "{error}");
        assert!(is_held(0), "{status}: {error}");
    }
    // Nobody there; and a redirect to where nobody is safe is not followed by whoever came by TLS (see the policy).
    drop(server.answers.lock());
    let gone: Feed = "http://127.0.0.1:1/list".parse().unwrap();
    let error = fetch::fetch(&client, &gone, folder.path(), now).await.unwrap_err();
    assert!(matches!(error, FetchError::Unreachable(_)), "{error}");

    assert!(is_held(9), "as good as new without the Internet");
    let old = load(31);
    assert!(old.indicators.is_empty() && old.trouble().unwrap().contains("31 days"), "{:?}", old.trouble());
    fetch::tidy(&[], folder.path());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

struct Daemon {
    child: Child,
    dir: tempfile::TempDir,
}

impl Daemon {
    fn start(dir: tempfile::TempDir, settings: &str) -> Daemon {
        let config = dir.path().join("config.yaml");
        fs::write(&config, settings).unwrap();
        let child = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"))
            .env_clear()
            .env("HOME", dir.path())
            .env("SSL_CERT_FILE", dir.path().join("ca.pem"))
            .arg("--state-dir")
            .arg(dir.path().join("state"))
            .args(["run", "--config"])
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(File::create(dir.path().join("log")).unwrap())
            .spawn()
            .unwrap();
        Daemon { child, dir }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    fn wait(&self, said: &str) {
        for _ in 0..STEPS {
            if self.log().contains(said) {
                return;
            }
            thread::sleep(STEP);
        }
        panic!("never said {said:?}:\n{}", self.log());
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap(), signal).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_daemon_fetches_by_tls_and_knows_as_much_without_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(dir.path().join("ca.pem"), made.cert.pem()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.cert.der().clone()],
            rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
        )
        .unwrap();
    let server = Server::start(Some(Arc::new(config)));
    server.answer("200 OK", "ETag: \"one\"\r\n", LIST);
    let file = dir.path().join("own.txt");
    fs::write(&file, "evil.example\n10.0.0.1\n").unwrap();
    let settings = |extra: &str| {
        format!(
            "mqtt: {{url: mqtt://127.0.0.1:1}}\nnetwork: {{interfaces: [lo]}}\ndetectors: {{threat_intel: {{feeds: \
             ['c2=https://localhost:{}/list.csv', '{}'{extra}]}}}}\n",
            server.port,
            file.display()
        )
    };
    let daemon = Daemon::start(dir, &settings(""));
    daemon.wait("list fetched list=localhost/list.csv");
    daemon.wait("list read list=localhost/list.csv entries=1");
    daemon.wait("list read list=own.txt entries=1 unread=0 refused=private 1");
    // A list that is named later is read at once, and one that is not there is said.
    let config = daemon.dir.path().join("config.yaml");
    fs::write(&config, settings(", '/nowhere/list'")).unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait("list cannot be read");
    daemon.signal(Signal::TERM);
    daemon.wait_end();
    let kept = daemon.dir.path().join("state/intel");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 2, "the list and what is known of it");

    // The server would refuse now; the list is known all the same.
    let asked = server.asked().len();
    let dir = daemon.into_dir();
    let daemon = Daemon::start(dir, &settings(""));
    daemon.wait("list read list=localhost/list.csv entries=1");
    assert_eq!(server.asked().len(), asked, "what is fresh is not asked for");
    assert!(!daemon.log().contains("not what they should be"), "{}", daemon.log());
}

impl Daemon {
    fn wait_end(&self) {
        for _ in 0..STEPS {
            if self.log().contains("core ended")
                || !Path::new(&format!("/proc/{}", self.child.id())).exists()
                || is_zombie(self.child.id())
            {
                return;
            }
            thread::sleep(STEP);
        }
        panic!("did not end:\n{}", self.log());
    }

    fn into_dir(mut self) -> tempfile::TempDir {
        let _ = self.child.wait();
        std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap())
    }
}

/// Ended and not waited for (proc_pid_stat(5): the state follows the name in brackets).
fn is_zombie(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z')))
}

/// Device 192.168.7.9 talks to 203.0.113.66 through its router.
fn conversation(path: &Path, port: u16) {
    let (own, router) = ([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1]);
    let segment = |by_client: bool, flags: u8, sequence: u32, payload: &[u8]| {
        let (from, to) = if by_client { (own, router) } else { (router, own) };
        let (source, target) = ([192, 168, 7, 9], [203, 0, 113, 66]);
        let (source, target) = if by_client { (source, target) } else { (target, source) };
        let ports = if by_client { (40_000, port) } else { (port, 40_000) };
        let len = 40 + payload.len() as u16;
        let mut frame = [&to[..], &from, &[8, 0, 0x45, 0], &len.to_be_bytes(), &[0, 0, 0, 0, 64, 6, 0, 0]].concat();
        frame.extend([source, target].concat());
        frame.extend(ports.0.to_be_bytes());
        frame.extend(u16::to_be_bytes(ports.1));
        frame.extend(sequence.to_be_bytes());
        frame.extend([0, 0, 0, 0, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        frame.extend(payload);
        frame
    };
    let frames = [
        segment(true, 2, 100, b""),
        segment(false, 18, 500, b""),
        segment(true, 16, 101, b""),
        segment(true, 24, 101, b"\x01\x02hello"),
        segment(false, 24, 501, b"\x03\x04order"),
    ];
    let mut out = PcapWriter::new(Vec::new(), LinkType::ETHERNET).unwrap();
    for (n, frame) in frames.iter().enumerate() {
        out.frame(1_795_626_131_000_000_000 + n as i128 * 1_000_000, 0, frame).unwrap();
    }
    fs::write(path, out.finish().unwrap()).unwrap();
}

#[test]
fn a_capture_is_held_against_lists() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("c2.csv");
    fs::write(&list, LIST).unwrap();
    for (port, expected) in [(8443, 1), (8444, 0)] {
        let capture = dir.path().join("talk.pcap");
        conversation(&capture, port);
        let said = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"))
            .env_clear()
            .env("HOME", dir.path())
            .args(["replay", "--json", "--set"])
            .arg(format!("detectors.threat_intel.feeds=c2={}", list.display()))
            .arg(&capture)
            .output()
            .unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let json: Json = serde_json::from_slice(&said.stdout).unwrap();
        let alerts: Vec<&Json> =
            json["alerts"].as_array().unwrap().iter().filter(|alert| alert["detector"] == "threat_intel").collect();
        assert_eq!(alerts.len(), expected, "{port}: {json:#}");
        for alert in alerts {
            assert_eq!((&alert["severity"], &alert["category"]), (&"high".into(), &"malware".into()));
            assert_eq!(
                (&alert["attacker"]["ip"], &alert["attacker"]["mac"]),
                (&"192.168.7.9".into(), &"02:00:00:00:00:09".into())
            );
            assert_eq!((&alert["evidence"]["list"], &alert["evidence"]["category"]), (&"c2.csv".into(), &"c2".into()));
        }
    }
    // A list that is not there is said, and the capture played.
    let said = Command::new(assert_cmd::cargo::cargo_bin!("porchlight"))
        .env_clear()
        .env("HOME", dir.path())
        .args(["config", "check", "--set", "detectors.threat_intel.feeds=http://lists.example/list"])
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(2), "{}", String::from_utf8_lossy(&said.stdout));
}
