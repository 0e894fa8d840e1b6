//! The program itself, killed by the kernel while its names change. In a namespace with nothing in
//! it but a broker. Needs root and `ip`; without them the test says why it skips.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::mosquitto::{PATIENCE, wanted};

const PORT: &str = "1883";

struct Space(String);

impl Space {
    fn make() -> Option<Space> {
        let space = Space(format!("mqtt-kill-{}", std::process::id()));
        let ip = |words: &[&str]| {
            let done = Command::new("ip").args(words).stderr(Stdio::null()).status();
            done.is_ok_and(|status| status.success())
        };
        if !ip(&["netns", "add", &space.0]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        assert!(ip(&["-n", &space.0, "link", "set", "lo", "up"]));
        Some(space)
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0]).arg(program).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Topics of all retained messages.
    fn retained(&self) -> Vec<String> {
        let read = self
            .command("mosquitto_sub")
            .args(["-p", PORT, "-t", "#", "--retained-only", "-W", "1", "-F", "%t"])
            .output()
            .expect("mosquitto_sub runs");
        let mut topics: Vec<String> = String::from_utf8_lossy(&read.stdout).lines().map(str::to_owned).collect();
        topics.sort();
        topics
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGKILL; `ip netns exec` has become the program itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_program_killed_while_its_names_change_leaves_nothing_behind() {
    if !wanted() {
        return;
    }
    let Some(space) = Space::make() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("mosquitto.conf");
    std::fs::write(&config, format!("user root\nlistener {PORT} 127.0.0.1\nallow_anonymous true\n")).expect("written");
    let _broker = Running(
        space.command("mosquitto").arg("-c").arg(&config).stdout(Stdio::null()).spawn().expect("mosquitto starts"),
    );
    let state = folder.path().join("state");
    let start = |(base, node, prefix): (&str, &str, &str), state: &Path| {
        let mut command = space.command(env!("CARGO_BIN_EXE_porchlight"));
        command.arg("--state-dir").arg(state).stdout(Stdio::null());
        for (key, value) in [
            ("mqtt.url", format!("mqtt://127.0.0.1:{PORT}").as_str()),
            ("mqtt.base_topic", base),
            ("mqtt.node", node),
            ("mqtt.discovery_prefix", prefix),
        ] {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        Running(command.arg("run").spawn().expect("porchlight starts"))
    };
    let holds = |(base, node, prefix): (&str, &str, &str), others: bool| {
        let (here, discovery) = (format!("{base}/{node}/"), format!("{prefix}/device/"));
        let topics = space.retained();
        let is_here = |topic: &&String| topic.starts_with(&here) || topic.starts_with(&discovery);
        let ours = topics.iter().filter(is_here).count();
        (ours >= 10 && (others || ours == topics.len()), topics)
    };
    let seats = [
        ("porchlight", "home", "homeassistant"),
        ("porchlight", "cabin", "homeassistant"),
        ("porchlight", "cabin", "ha"),
        ("lights/porch", "shed", "homeassistant"),
        ("porchlight", "home", "ha"),
    ];
    for (n, seat) in seats.into_iter().enumerate() {
        let program = start(seat, &state);
        // Killed as soon as the new seat is filled, or a moment before it.
        let end = Instant::now() + PATIENCE;
        while !holds(seat, true).0 && (n == 0 || n % 2 == 1) {
            assert!(Instant::now() < end, "{seat:?} is not filled: {:?}", space.retained());
        }
        if n % 2 == 0 {
            std::thread::sleep(Duration::from_millis(400 + 300 * n as u64));
        }
        drop(program);
    }
    let last = ("porchlight", "villa", "homeassistant");
    let _program = start(last, &state);
    let end = Instant::now() + PATIENCE;
    loop {
        let (is_alone, topics) = holds(last, false);
        if is_alone {
            break;
        }
        assert!(Instant::now() < end, "orphans: {topics:?}");
    }
}
