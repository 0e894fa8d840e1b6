//! Network namespaces of a test's own, the wires between them, and the programs that run inside. All of it goes when the
//! test ends.

#![allow(dead_code, reason = "each family of tests uses a part")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Duration,
};

use porchlight::model::{MacAddr, Moment, Mono, Wall};
use tokio::time::Instant;

pub mod office;

/// Nothing here takes this long, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// Both clocks are the system's own: kernel stamps are wall time. This machine has run for an hour.
pub fn clock() -> Moment {
    static START: OnceLock<Instant> = OnceLock::new();
    let wall = jiff::Timestamp::now().as_millisecond();
    let ns = u64::try_from(START.get_or_init(Instant::now).elapsed().as_nanos()).unwrap() + 3_600_000_000_000;
    Moment { mono: Mono(ns), wall: Wall(wall) }
}

/// One end of a wire.
pub struct End<'a> {
    pub space: &'a str,
    pub link: &'a str,
    pub mac: Option<MacAddr>,
    /// With its prefix length.
    pub address: &'a str,
}

pub struct Spaces {
    /// For the peers' files.
    pub dir: PathBuf,
    tag: String,
    spaces: Vec<String>,
    helpers: Vec<Child>,
}

impl Spaces {
    /// `None`: fast, not root, or no namespaces here; said aloud. `tag` is short and of this test alone.
    pub fn new(tag: &str) -> Option<Spaces> {
        if std::env::var_os("PORCHLIGHT_FAST").is_some() {
            eprintln!("skipped: PORCHLIGHT_FAST is set");
            return None;
        }
        let dir = std::env::temp_dir().join(format!("porchlight-{tag}-{}", std::process::id()));
        let spaces = Spaces { dir, tag: tag.to_owned(), spaces: Vec::new(), helpers: Vec::new() };
        fs::create_dir_all(&spaces.dir).unwrap();
        Some(spaces)
    }

    /// One more namespace; its name. `None`: not root, or none here; said aloud.
    pub fn add(&mut self, name: &str) -> Option<String> {
        let name = format!("{}-{name}-{}", self.tag, std::process::id());
        if !ip(&["netns", "add", &name]) {
            eprintln!("skipped: network namespaces need root and iproute2");
            return None;
        }
        self.spaces.push(name.clone());
        assert!(ip(&["-n", &name, "link", "set", "lo", "up"]));
        Some(name)
    }

    /// A wire with an address at each end, up, multicast through it.
    pub fn wire(one: &End<'_>, other: &End<'_>) {
        let (link, peer) = (one.link, other.link);
        assert!(ip(&[
            "-n",
            one.space,
            "link",
            "add",
            link,
            "type",
            "veth",
            "peer",
            "name",
            peer,
            "netns",
            other.space
        ]));
        for End { space, link, mac, address } in [one, other] {
            if let Some(mac) = mac {
                assert!(ip(&["-n", space, "link", "set", link, "address", &mac.to_string()]));
            }
            assert!(ip(&["-n", space, "addr", "add", address, "brd", "+", "dev", link]));
            assert!(ip(&["-n", space, "link", "set", link, "up"]));
            assert!(ip(&["-n", space, "route", "add", "224.0.0.0/4", "dev", link]));
        }
    }

    pub fn within(space: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", space, program]).env("PATH", path());
        command
    }

    /// Starts `program` in the foreground; it ends with the test. `false`: not installed, said aloud.
    pub fn start(&mut self, space: &str, program: &str, arguments: &[&str]) -> bool {
        if !is_installed(program) {
            return false;
        }
        let name = program.rsplit('/').next().unwrap();
        let log = fs::File::create(self.dir.join(format!("{name}-{}.log", self.helpers.len()))).unwrap();
        let mut command = Spaces::within(space, program);
        command.args(arguments).stdout(log.try_clone().unwrap()).stderr(log).stdin(Stdio::null());
        self.helpers.push(command.spawn().unwrap());
        true
    }

    /// Ends `child` with the test.
    pub fn keep(&mut self, child: Child) {
        self.helpers.push(child);
    }

    /// Runs `inner` of this program in `space` until the test ends.
    pub fn stranger(&mut self, space: &str, inner: &str) {
        let program = std::env::current_exe().unwrap();
        let mut command = Spaces::within(space, program.to_str().unwrap());
        command.args([inner, "--exact", "--ignored", "--nocapture"]).env("HOME_DIR", &self.dir).stdout(Stdio::null());
        self.helpers.push(command.spawn().unwrap());
    }

    /// The same, and waits until it says that it listens: a scanner that asks once asks nobody twice.
    pub fn listener(&mut self, space: &str, inner: &str) {
        self.stranger(space, inner);
        let began = Instant::now();
        while !self.dir.join("ready").exists() {
            assert!(began.elapsed() < DEADLINE, "{inner} does not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs `inner` of this program in `space` to its end, started by another program and its arguments, if there are any.
    pub fn run(&self, space: &str, starter: &[&str], inner: &str, environment: &[(&str, &str)]) {
        let program = std::env::current_exe().unwrap();
        let words = [starter, &[program.to_str().unwrap()]].concat();
        let mut command = Spaces::within(space, words[0]);
        command.args(&words[1..]).args([inner, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        let done = command.env("HOME_DIR", &self.dir).envs(environment.iter().copied()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        for line in out.lines().chain(err.lines()).filter(|line| line.starts_with("measured")) {
            eprintln!("{line}");
        }
        assert!(
            done.status.success() && out.contains("1 passed"),
            "{inner}:\n{out}\n{err}\npeers:\n{}",
            logs(&self.dir)
        );
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for helper in &mut self.helpers {
            drop(helper.kill());
            drop(helper.wait());
        }
        for space in &self.spaces {
            // What a helper started besides itself.
            let pids = Command::new("ip").args(["netns", "pids", space]).output();
            for pid in String::from_utf8_lossy(&pids.map(|done| done.stdout).unwrap_or_default()).split_whitespace() {
                drop(Command::new("kill").args(["-9", pid]).status());
            }
            ip(&["netns", "del", space]);
        }
        drop(fs::remove_dir_all(&self.dir));
    }
}

fn logs(dir: &Path) -> String {
    let files = fs::read_dir(dir).unwrap().flatten().map(|entry| entry.path());
    let logs = files.filter(|path| path.extension().is_some_and(|end| end == "log"));
    logs.map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
}

/// Said by a [`Spaces::listener`].
pub fn ready() {
    let dir = std::env::var_os("HOME_DIR").unwrap();
    fs::write(Path::new(&dir).join("ready"), "").unwrap();
}

pub fn ip(arguments: &[&str]) -> bool {
    Command::new("ip").args(arguments).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

pub fn path() -> String {
    format!("/usr/bin:/usr/sbin:{}", std::env::var("PATH").unwrap_or_default())
}

/// Says aloud if not.
pub fn is_installed(program: &str) -> bool {
    // A program with a path of its own stands for itself.
    let there = path().split(':').any(|folder| Path::new(folder).join(program).exists());
    if !there {
        eprintln!("skipped: {program} is not installed (tests/run installs it)");
    }
    there
}
