//! The own broker seen from another machine: a namespace on the other end of a cable.
//!
//! Needs root and `ip`; without them the test says why it skips. This same program is started
//! again inside a namespace for the part that serves. Nothing leaves the namespaces.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use porchlight::mqtt::{
    Settings,
    broker::{HOME_ASSISTANT, Keys, OwnBroker},
};
use secrecy::ExposeSecret;

use crate::mosquitto::{PATIENCE, wanted};

const STATE: &str = "PORCHLIGHT_TEST_STATE";
const LAN: &str = "PORCHLIGHT_TEST_LAN";
const PORT: u16 = 1883;
const ADDRESSES: [&str; 2] = ["10.78.0.1", "fd78::1"];

fn ip(words: &[&str]) -> bool {
    let done = Command::new("ip").args(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

/// Two machines and a cable.
struct Cable {
    near: String,
    far: String,
}

impl Cable {
    fn lay() -> Option<Cable> {
        let name = |end: &str| format!("mqtt-{end}-{}", std::process::id());
        let cable = Cable { near: name("near"), far: name("far") };
        let (near, far) = (&cable.near, &cable.far);
        if !ip(&["netns", "add", near]) || !ip(&["netns", "add", far]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        assert!(ip(&["-n", near, "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", far]));
        for (end, four, six) in [(near, "10.78.0.1/24", "fd78::1/64"), (far, "10.78.0.2/24", "fd78::2/64")] {
            assert!(ip(&["-n", end, "link", "set", "lo", "up"]) && ip(&["-n", end, "link", "set", "lan0", "up"]));
            assert!(ip(&["-n", end, "addr", "add", four, "dev", "lan0"]));
            assert!(ip(&["-n", end, "addr", "add", six, "dev", "lan0", "nodad"]));
        }
        Some(cable)
    }

    /// Serves in the near namespace until it is killed.
    fn serve(&self, state: &Path, lan: bool) -> Server {
        let program = std::env::current_exe().expect("this program");
        let mut child = Command::new("ip")
            .args(["netns", "exec", &self.near])
            .arg(program)
            .args(["lan::inner_own_broker", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(STATE, state)
            .env(LAN, if lan { "1" } else { "0" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("started");
        let mut lines = BufReader::new(child.stdout.take().expect("its words")).lines();
        let line = lines.by_ref().map_while(Result::ok).find(|line| line.contains("own broker on port"));
        Server { child, line: line.expect("it serves"), _words: lines }
    }

    /// Whether another machine is let in with these words.
    fn lets_in(&self, host: &str, words: &[&str]) -> bool {
        let done = Command::new("ip")
            .args(["netns", "exec", &self.far, "mosquitto_pub", "-V", "5", "-h", host, "-p", &PORT.to_string()])
            .args(["-q", "1", "-t", "lan/test", "-m", "x"])
            .args(words)
            .output()
            .expect("mosquitto_pub runs");
        done.status.success()
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for end in [&self.near, &self.far] {
            ip(&["netns", "del", end]);
        }
    }
}

struct Server {
    child: Child,
    line: String,
    /// Kept open: its last words must not fail.
    _words: std::io::Lines<BufReader<ChildStdout>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends when nobody holds its input any more.
        drop(self.child.stdin.take());
        let end = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_own_broker_opens_to_the_network_only_when_told_and_only_with_a_password() {
    if !wanted() {
        return;
    }
    let Some(cable) = Cable::lay() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let password = Keys::load(folder.path()).expect("drawn").home_assistant().expose_secret().to_owned();
    let right = ["-u", HOME_ASSISTANT, "-P", password.as_str()];
    let cases: &[(&str, &[&str], bool)] = &[
        ("the account of the hint", &right, true),
        ("nobody in particular", &[], false),
        ("a wrong password", &["-u", HOME_ASSISTANT, "-P", "wrong"], false),
        ("a name without a password", &["-u", HOME_ASSISTANT], false),
        ("no name, the right password", &["-u", "", "-P", password.as_str()], false),
        ("another name", &["-u", "root", "-P", password.as_str()], false),
    ];
    let server = cable.serve(folder.path(), true);
    assert!(server.line.contains("reachable from this network"), "{}", server.line);
    for host in ADDRESSES {
        for (case, words, expected) in cases {
            assert_eq!(cable.lets_in(host, words), *expected, "{host}: {case}");
        }
    }
    drop(server);
    let server = cable.serve(folder.path(), false);
    assert!(server.line.contains("this machine only"), "{}", server.line);
    for host in ADDRESSES {
        assert!(!cable.lets_in(host, &right), "{host}: not from outside, whatever the password");
    }
}

#[tokio::test]
#[ignore = "the inside of the test above"]
async fn inner_own_broker() {
    let state = std::env::var_os(STATE).expect("started by the test above");
    let mut settings = Settings::default().broker;
    settings.lan = std::env::var(LAN).is_ok_and(|lan| lan == "1");
    settings.port = PORT;
    let broker = OwnBroker::start(&settings, Path::new(&state)).await.expect("started");
    println!("{}", broker.line());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = ended.await;
    broker.stop().await;
}
