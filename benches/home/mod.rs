//! A home on one wire, made of two network namespaces: `near` holds Porchlight and the broker, `far` the devices.
//!
//! Needs root and iproute2. Nothing leaves the namespaces; they go with the value, and those of a bench that was
//! killed go at the next start.

use std::{
    env, fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

pub mod broker;
pub mod daemon;
pub mod devices;
pub mod frames;
pub mod process;
pub mod report;
pub mod sample;

/// How the namespaces are called: this, a side, and the number of the process they belong to.
const PREFIX: &str = "porchlight-bench";
/// This machine in the home: 10.77.0.1. Devices follow, see [`frames::ip`].
pub const INTERFACE: &str = "home0";

pub struct Home {
    pub near: String,
    pub far: String,
}

impl Home {
    /// `prefix`: length of the subnet's mask. `None`, said aloud: no root or no namespaces here.
    pub fn build(prefix: u8) -> Option<Home> {
        sweep_leftovers();
        let name = |side: &str| format!("{PREFIX}-{side}-{}", std::process::id());
        let home = Home { near: name("near"), far: name("far") };
        if !ip(&["netns", "add", &home.near]) || !ip(&["netns", "add", &home.far]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        let veth = format!("link add {INTERFACE} type veth peer name wire0 netns {}\n", home.far);
        batch(
            &home.near,
            &format!("{veth}link set lo up\nlink set {INTERFACE} up\naddr add 10.77.0.1/{prefix} dev home0\n"),
        );
        batch(&home.far, "link set lo up\nlink set wire0 up\n");
        Some(home)
    }

    /// `program` inside the namespace of this machine.
    pub fn near(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        inside(&self.near, program)
    }

    /// This same program inside a namespace, for the part called `part`.
    pub fn part(namespace: &str, part: &str) -> Command {
        let mut command = inside(namespace, env::current_exe().expect("this program has a path"));
        command.args(["--inner", part]);
        command
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.near]);
        ip(&["netns", "del", &self.far]);
    }
}

fn inside(namespace: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program).stdin(Stdio::null());
    command
}

/// Namespaces whose bench is not alive any more, and what still runs in them.
fn sweep_leftovers() {
    let Ok(found) = Command::new("ip").args(["netns", "list"]).output() else { return };
    for line in String::from_utf8_lossy(&found.stdout).lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.rsplit('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            if let Ok(pids) = Command::new("ip").args(["netns", "pids", name]).output() {
                let pids = String::from_utf8_lossy(&pids.stdout).into_owned();
                drop(Command::new("kill").args(pids.split_whitespace()).stderr(Stdio::null()).status());
            }
            ip(&["netns", "del", name]);
        }
    }
}

pub fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Many commands of `ip` at once.
pub fn batch(namespace: &str, script: &str) {
    let started = Command::new("ip").args(["-n", namespace, "-batch", "-"]).stdin(Stdio::piped()).spawn();
    let mut child = started.expect("ip starts");
    child.stdin.take().expect("piped").write_all(script.as_bytes()).expect("ip reads");
    assert!(child.wait().expect("ip ends").success(), "ip -batch:\n{script}");
}

/// A process that ends with the value.
pub struct Helper(pub Child);

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Looks again and again until `done`, at most so long.
pub fn wait(at_most: Duration, mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + at_most;
    while !done() {
        if Instant::now() > end {
            return false;
        }
        thread::sleep(Duration::from_millis(100));
    }
    true
}

/// The value of `--NAME VALUE` on the command line.
pub fn option(name: &str) -> Option<u32> {
    let mut given = env::args().skip_while(|given| given != &format!("--{name}"));
    given.nth(1).and_then(|value| value.parse().ok())
}

/// Which part of the bench this process is to play inside a namespace.
pub fn inner() -> Option<String> {
    env::args().skip_while(|given| given != "--inner").nth(1)
}

/// A program on the path, for peers that may not be installed.
pub fn has(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| fs::metadata(folder.join(program)).is_ok())
}
