//! A real mosquitto inside the namespace, and somebody who listens to all of it.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    net::Ipv4Addr,
    process::Stdio,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use super::{Helper, Home, has, wait};

/// What is to be used: `None`, said aloud, without mosquitto and its clients.
pub struct Broker {
    pub helper: Helper,
    _folder: tempfile::TempDir,
}

impl Broker {
    pub fn start(home: &Home) -> Option<Broker> {
        if !["mosquitto", "mosquitto_sub"].into_iter().all(has) {
            eprintln!("skipped: mosquitto and mosquitto-clients are not installed");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("mosquitto.conf");
        // As root it would become another user, who may not read this folder.
        let text = "listener 1883 127.0.0.1\nallow_anonymous true\nuser root\nmax_queued_messages 0\n";
        fs::write(&config, text).expect("written");
        let mut command = home.near("mosquitto");
        command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
        let broker = Broker { helper: Helper(command.spawn().expect("mosquitto starts")), _folder: folder };
        let answers = || home.near("mosquitto_pub").args(["-t", "bench", "-m", ""]).stderr(Stdio::null()).status();
        assert!(wait(Duration::from_secs(30), || answers().is_ok_and(|s| s.success())), "mosquitto starts");
        Some(broker)
    }
}

/// The last `presence` of each device, and when it came.
#[derive(Default)]
struct Heard {
    present: BTreeMap<String, Present>,
    messages: u64,
}

/// One who is away may have no address any more.
struct Present {
    ip: Option<Ipv4Addr>,
    home: bool,
    at: Instant,
}

/// A subscriber to everything.
pub struct Listener {
    _helper: Helper,
    heard: Arc<(Mutex<Heard>, Condvar)>,
}

impl Listener {
    pub fn start(home: &Home) -> Listener {
        let mut command = home.near("mosquitto_sub");
        command.args(["-t", "#", "-F", "%t %p"]).stdout(Stdio::piped());
        let mut child = command.spawn().expect("mosquitto_sub starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        let heard = Arc::<(Mutex<Heard>, Condvar)>::default();
        let told = Arc::clone(&heard);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let now = Instant::now();
                let mut heard = told.0.lock().unwrap_or_else(PoisonError::into_inner);
                heard.messages += 1;
                if let Some((topic, ip, home)) = presence(&line) {
                    heard.present.insert(topic.to_owned(), Present { ip, home, at: now });
                    told.1.notify_all();
                }
            }
        });
        Listener { _helper: Helper(child), heard }
    }

    pub fn messages(&self) -> u64 {
        self.heard.0.lock().unwrap_or_else(PoisonError::into_inner).messages
    }

    /// How many devices were said to be home, or away.
    pub fn count(&self, home: bool) -> usize {
        let heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        heard.present.values().filter(|device| device.home == home).count()
    }

    /// When `ip` was said to be home, no earlier than `since`; waits for it.
    pub fn home(&self, ip: Ipv4Addr, since: Instant, at_most: Duration) -> Option<Instant> {
        let heard = self.heard.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |heard: &Heard| {
            let fits = |device: &&Present| device.ip == Some(ip) && device.home && device.at >= since;
            heard.present.values().find(fits).map(|device| device.at)
        };
        let (heard, _) = self
            .heard
            .1
            .wait_timeout_while(heard, at_most, |heard| known(heard).is_none())
            .unwrap_or_else(PoisonError::into_inner);
        known(&heard)
    }
}

/// Topic and address of a device's presence, and whether it is home.
fn presence(line: &str) -> Option<(&str, Option<Ipv4Addr>, bool)> {
    let (topic, payload) = line.split_once(' ')?;
    if !topic.ends_with("/presence") {
        return None;
    }
    let payload: serde_json::Value = serde_json::from_str(payload).ok()?;
    let ip = payload.get("ip").and_then(|ip| ip.as_str()?.parse().ok());
    Some((topic, ip, payload.get("state")? == "home"))
}
