//! What a process costs, as the kernel counts it (proc(5)).

use std::{collections::BTreeMap, fs, process::Command};

/// Memory in KiB. Pages shared with other processes count whole in `rss` and by their share in `pss`.
#[derive(Debug, Default, Clone)]
pub struct Memory {
    pub rss: u64,
    pub pss: u64,
    /// Of its own: heap, stacks, written data.
    pub anonymous: u64,
    /// What is resident, by what it is part of; the parts add up to `rss`.
    pub parts: BTreeMap<&'static str, u64>,
}

pub fn memory(pid: u32) -> Option<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps")).ok()?;
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let (mut memory, mut part) = (Memory::default(), "other");
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(first), second) = (words.next(), words.next()) else { continue };
        let kib = || second.and_then(|number| number.parse::<u64>().ok()).unwrap_or_default();
        match first {
            "Rss:" => {
                memory.rss += kib();
                *memory.parts.entry(part).or_default() += kib();
            }
            "Pss:" => memory.pss += kib(),
            "Anonymous:" => memory.anonymous += kib(),
            _ if first.ends_with(':') => {}
            _ => {
                let path = line.splitn(6, ' ').nth(5).unwrap_or_default().trim();
                part = match path {
                    "" | "[heap]" | "[stack]" => "heap and stacks",
                    _ if path == program.to_string_lossy() => "the program",
                    _ if path.contains("packet") || path.starts_with("socket:") => "capture ring",
                    _ if path.contains(".so") => "libraries",
                    _ => "other",
                };
            }
        }
    }
    Some(memory)
}

/// Processor time so far, in seconds; in steps of 10 ms, but nothing is lost between (kernel/sched/cputime.c).
pub fn seconds(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let user: f64 = fields.nth(11)?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / 100.0)
}

/// Processor seconds of `program` from start to end, by the shell's own count; `None` if it fails.
pub fn cost(program: &str, arguments: &[&str]) -> Option<f64> {
    let quiet = r#"TIMEFORMAT="%3U %3S"; time "$@" >/dev/null 2>&1 || exit 1"#;
    let done = Command::new("bash").args(["-c", quiet, "bash", program]).args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&done.stderr).into_owned();
    let sum = text.split_whitespace().map(str::parse::<f64>).sum::<Result<f64, _>>().ok()?;
    Some(sum).filter(|_| done.status.success())
}

/// How busy the machine is besides, for the reader of figures.
pub fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores, load {}", text.split(' ').next().unwrap_or("unknown"))
}
