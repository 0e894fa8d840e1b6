//! Twelve hosts with real listeners, looked at by Porchlight and by the usual tools, one after the other on one wire.
//!
//! `cargo bench --bench peers [-- --rounds 3 --versions 1]`; with versions `nmap -sV` is among them, which takes
//! minutes. Needs root and iproute2; arp-scan, netdiscover, nmap, nbtscan (with
//! samba's nmbd) and avahi-browse (with avahi-daemon and dbus-daemon) are compared if they are installed. Packets are
//! counted at the hosts' end of the wire. Each program is run as a user runs it, the neighbour table emptied before.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench may stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a bench measures time")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use porchlight::{model::LinkType, wire::Frame};

#[allow(dead_code, reason = "each bench uses a part")]
mod home;

use home::{
    Helper, Home, batch, daemon, has, ip, option, process,
    report::{Runs, row, title},
};

const HOSTS: u8 = 12;
/// What Porchlight tries by default, for nmap to try the same.
const PORTS: &str = "21,22,23,53,80,139,443,445,515,548,554,631,1400,1883,1935,2049,3000,3389,3689,5000,5060,5555,5900,\
                     6053,6668,7000,8009,8060,8080,8123,8443,8883,9100,32400,62078";
const PRINTS: [u16; 3] = [515, 631, 9100];
/// The host that has a NetBIOS name, and the one that announces a service.
const NETBIOS: u8 = 4;
const AVAHI: u8 = 5;

fn main() {
    match home::inner().as_deref() {
        Some("listen") => return listen(),
        Some("watch") => return watch(),
        _ => {}
    }
    let rounds = option("rounds").unwrap_or(3);
    let Some(home) = Home::build(24) else { return };
    let folder = tempfile::tempdir().unwrap();
    let hosts = Hosts::build(&home);
    let _servers = [hosts.netbios(folder.path()), hosts.avahi(folder.path())];
    let bus = Bus::start(&home, folder.path());
    let mut wire = Wire::start(&home);
    hosts.settle(&home);

    let all: BTreeSet<Ipv4Addr> = (1..=HOSTS).map(address).collect();
    let open: BTreeSet<(Ipv4Addr, u16)> =
        (1..=HOSTS).flat_map(|n| ports(n).into_iter().map(move |port| (address(n), port))).collect();
    title(&format!("{HOSTS} hosts, {} open ports, {rounds} rounds in turn ({})", open.len(), process::load()));
    println!("  {:<44} {:>9} {:>9} {:>7} {:>9} {:>11}", "", "s, least", "s, median", "packets", "hosts", "open ports");
    let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
    for contest in contests(&home, folder.path(), bus.as_ref()) {
        if !has(contest.program) {
            println!("  {:<44} not installed", contest.says);
            continue;
        }
        let (mut took, mut packets, mut last) =
            (Runs::default(), Runs::default(), (Seen::default(), Counts::default()));
        for _ in 0..rounds {
            assert!(ip(&["-n", &home.near, "neigh", "flush", "dev", home::INTERFACE]));
            wire.report();
            let began = Instant::now();
            let mut command = (contest.command)();
            let done = command.stdin(Stdio::null()).output().unwrap();
            took.add(began.elapsed().as_secs_f64());
            let counts = wire.report();
            packets.add(counts.packets as f64);
            last = ((contest.read)(&String::from_utf8_lossy(&done.stdout)), counts);
        }
        let (found, counts) = last;
        let share = |found: usize, of: usize| if found == 0 { "-".to_owned() } else { format!("{found}/{of}") };
        println!(
            "  {:<44} {:>9.2} {:>9.2} {:>7.0} {:>9} {:>11}",
            contest.says,
            took.min(),
            took.median(),
            packets.median(),
            share(found.hosts.intersection(&all).count(), all.len()),
            share(found.ports.intersection(&open).count(), open.len()),
        );
        if counts.syns > 0 {
            let between = (counts.last_syn.saturating_sub(counts.first_syn)) as f64 / 1e9;
            println!("  {:<44} {between:>9.2} s from the first SYN to the last of {}", "", counts.syns);
        }
        if counts.printed > 0 || contest.program == daemon::PROGRAM && counts.syns > 0 {
            println!("  {:<44} {:>9} bytes sent to ports that print", "", counts.printed);
        }
        for invented in found.ports.difference(&open) {
            row("invented", &format!("{invented:?}"));
        }
        seen.insert(contest.says, found);
    }
    missed(&seen);
}

/// What others found and Porchlight did not.
fn missed(seen: &BTreeMap<&str, Seen>) {
    let Some(ours) = seen.get(OURS_ALL) else { return };
    let lower = |names: &BTreeSet<String>| names.iter().map(|name| name.to_lowercase()).collect::<BTreeSet<String>>();
    for (who, theirs) in seen.iter().filter(|(who, _)| !who.starts_with("porchlight")) {
        let hosts: Vec<_> = theirs.hosts.difference(&ours.hosts).collect();
        let ports: Vec<_> = theirs.ports.difference(&ours.ports).collect();
        let ours = lower(&ours.names);
        let names: Vec<String> = lower(&theirs.names)
            .into_iter()
            .filter(|name| !ours.iter().any(|own| own.contains(name.as_str())))
            .collect();
        row(&format!("found by {who} and not by porchlight"), &format!("{hosts:?} {ports:?} {names:?}"));
    }
}

const OURS_ALL: &str = "porchlight scan";

struct Contest<'a> {
    says: &'static str,
    program: &'static str,
    command: Box<dyn Fn() -> Command + 'a>,
    read: fn(&str) -> Seen,
}

#[derive(Debug, Default, Clone)]
struct Seen {
    hosts: BTreeSet<Ipv4Addr>,
    ports: BTreeSet<(Ipv4Addr, u16)>,
    names: BTreeSet<String>,
}

fn contests<'a>(home: &'a Home, folder: &'a Path, bus: Option<&'a Bus>) -> Vec<Contest<'a>> {
    const NET: &str = "10.77.0.0/24";
    let ours = move |arguments: &'static [&str]| -> Box<dyn Fn() -> Command + 'a> {
        Box::new(move || {
            let mut command = daemon::command(home, folder, "");
            command.args(["scan", "--json"]).args(arguments);
            command
        })
    };
    let theirs = move |program: &'static str, arguments: &'static [&str]| -> Box<dyn Fn() -> Command + 'a> {
        Box::new(move || {
            let mut command = home.near(program);
            command.args(arguments);
            command
        })
    };
    let own = daemon::PROGRAM;
    let mut contests = vec![
        Contest {
            says: "porchlight scan --only arp_sweep,capture",
            program: own,
            command: ours(&["--only", "arp_sweep,capture"]),
            read: read_ours,
        },
        Contest {
            says: "arp-scan",
            program: "arp-scan",
            command: theirs("arp-scan", &["--interface", home::INTERFACE, NET]),
            read: read_first_words,
        },
        Contest {
            says: "netdiscover",
            program: "netdiscover",
            command: theirs("netdiscover", &["-i", home::INTERFACE, "-r", NET, "-P", "-N"]),
            read: read_first_words,
        },
        Contest {
            says: "nmap -sn",
            program: "nmap",
            command: theirs("nmap", &["-sn", "-n", "-oG", "-", NET]),
            read: read_nmap,
        },
        Contest {
            says: "porchlight scan --only arp_sweep,capture,ports",
            program: own,
            command: ours(&["--only", "arp_sweep,capture,ports"]),
            read: read_ours,
        },
        Contest {
            says: "nmap -sT, same ports",
            program: "nmap",
            command: theirs("nmap", &["-sT", "-n", "-p", PORTS, "-oG", "-", NET]),
            read: read_nmap,
        },
        Contest {
            says: "nbtscan",
            program: "nbtscan",
            command: theirs("nbtscan", &["-s", ";", NET]),
            read: read_nbtscan,
        },
    ];
    if option("versions").is_some() {
        contests.push(Contest {
            says: "nmap -sV, same ports",
            program: "nmap",
            command: theirs("nmap", &["-sT", "-sV", "-n", "-p", PORTS, "-oG", "-", NET]),
            read: read_nmap,
        });
    }
    if let Some(bus) = bus {
        let command = Box::new(move || {
            let mut command = home.near("avahi-browse");
            command.args(["-a", "-t", "-r", "-p"]).env("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
            command
        });
        contests.push(Contest { says: "avahi-browse", program: "avahi-browse", command, read: read_avahi });
    }
    contests.push(Contest { says: OURS_ALL, program: own, command: ours(&[]), read: read_ours });
    contests
}

fn read_ours(text: &str) -> Seen {
    let scan: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let mut seen = Seen::default();
    for device in scan["devices"].as_array().into_iter().flatten() {
        let list = |key: &str| device[key].as_array().cloned().unwrap_or_default();
        let ips: Vec<Ipv4Addr> = list("addresses").iter().filter_map(|ip| ip.as_str()?.parse().ok()).collect();
        let Some(ip) = ips.first().copied().filter(|ip| *ip != Ipv4Addr::new(10, 77, 0, 1)) else { continue };
        seen.hosts.insert(ip);
        let tcp = list("services").into_iter().filter(|service| service["proto"] == "tcp");
        seen.ports.extend(tcp.filter_map(|service| Some((ip, service["port"].as_u64()? as u16))));
        seen.names
            .extend([&device["name"], &device["hostname"]].iter().filter_map(|name| Some(name.as_str()?.to_owned())));
        seen.names.extend(list("services").iter().filter_map(|service| Some(service["name"].as_str()?.to_owned())));
    }
    seen
}

fn hosts(hosts: impl Iterator<Item = Ipv4Addr>) -> Seen {
    Seen { hosts: hosts.filter(|ip| *ip != Ipv4Addr::new(10, 77, 0, 1)).collect(), ..Seen::default() }
}

fn read_first_words(text: &str) -> Seen {
    hosts(text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()))
}

/// `Host: 10.77.0.11 () Ports: 22/open/tcp//ssh///, 80/closed/…` or `Host: … Status: Up`.
fn read_nmap(text: &str) -> Seen {
    let mut seen = hosts(std::iter::empty());
    for line in text.lines().filter_map(|line| line.strip_prefix("Host: ")) {
        let Some(ip) = line.split_whitespace().next().and_then(|ip| ip.parse().ok()) else { continue };
        if ip == Ipv4Addr::new(10, 77, 0, 1) {
            continue;
        }
        seen.hosts.insert(ip);
        let ports = line.split("Ports: ").nth(1).unwrap_or_default().split(", ");
        let open = ports.filter(|port| port.split('/').nth(1) == Some("open"));
        seen.ports.extend(open.filter_map(|port| Some((ip, port.split('/').next()?.trim().parse().ok()?))));
    }
    seen
}

/// `10.77.0.14;ATTIC-PC;…`.
fn read_nbtscan(text: &str) -> Seen {
    let mut seen = hosts(text.lines().filter_map(|line| line.split(';').next()?.trim().parse().ok()));
    seen.names.extend(text.lines().filter_map(|line| Some(line.split(';').nth(1)?.trim().to_owned())));
    seen
}

/// `=;home0;IPv4;Kitchen\032Radio;_http._tcp;local;radio.local;10.77.0.15;8080;`.
fn read_avahi(text: &str) -> Seen {
    let mut seen = Seen::default();
    for fields in text.lines().map(|line| line.split(';').collect::<Vec<_>>()) {
        if let ["=", _, _, _, kind, _, host, ip, port, ..] = fields[..]
            && let (Ok(ip), Ok(port)) = (ip.parse(), port.parse())
            && ip != Ipv4Addr::new(10, 77, 0, 1)
        {
            seen.hosts.insert(ip);
            if kind.ends_with("._tcp") {
                seen.ports.insert((ip, port));
            }
            seen.names.insert(host.trim_end_matches(".local").to_owned());
        }
    }
    seen
}

// The hosts.

fn address(n: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 77, 0, 10 + n)
}

fn ports(n: u8) -> Vec<u16> {
    match n {
        1 => vec![53, 80, 443],
        2 => vec![22, 80, 139, 445, 548, 5000],
        3 => vec![80, 515, 631, 9100],
        4 => vec![139, 445, 3389],
        5 => vec![8080],
        6 => vec![554, 80],
        7 => vec![8009, 8443],
        8 => vec![7000],
        9 => vec![6053],
        10 => vec![22, 1883, 8123],
        11 => vec![62078],
        _ => vec![],
    }
}

struct Hosts {
    names: Vec<String>,
    _listeners: Vec<Helper>,
}

impl Hosts {
    /// A switch in `far`, and a namespace for each host at it.
    fn build(home: &Home) -> Hosts {
        batch(&home.far, "link add br0 type bridge mcast_snooping 0\nlink set br0 up\nlink set wire0 master br0\n");
        let (mut names, mut listeners) = (Vec::new(), Vec::new());
        for n in 1..=HOSTS {
            let name = home.far.replace("-far-", &format!("-h{n}-"));
            assert!(ip(&["netns", "add", &name]));
            let (ip4, far) = (address(n), &home.far);
            batch(
                &name,
                &format!(
                    "link add eth0 address 02:77:00:00:01:{n:02x} type veth peer name port{n} netns {far}\nlink set lo up\n\
                     addr add {ip4}/24 brd + dev eth0\nlink set eth0 up\nroute add 224.0.0.0/4 dev eth0\n"
                ),
            );
            batch(far, &format!("link set port{n} master br0\nlink set port{n} up\n"));
            let list: Vec<String> = ports(n).iter().map(ToString::to_string).collect();
            let mut part = Home::part(&name, "listen");
            part.arg(list.join(",")).stdin(Stdio::piped());
            listeners.push(Helper(part.spawn().unwrap()));
            names.push(name);
        }
        Hosts { names, _listeners: listeners }
    }

    fn netbios(&self, folder: &Path) -> Option<Helper> {
        if !has("nmbd") {
            return None;
        }
        let path = folder.to_str()?;
        let config = folder.join("smb.conf");
        let dirs = ["lock", "state", "cache", "pid", "private"].map(|dir| {
            let word = if dir == "private" { "dir" } else { "directory" };
            format!("{dir} {word} = {path}\n")
        });
        fs::write(
            &config,
            format!("[global]\nnetbios name = ATTIC-PC\nworkgroup = FAMILY\ninterfaces = eth0\n{}", dirs.concat()),
        )
        .ok()?;
        Some(within(
            &self.names[usize::from(NETBIOS) - 1],
            "nmbd",
            &["-F", "--no-process-group", "-s", config.to_str()?],
            None,
        ))
    }

    fn avahi(&self, folder: &Path) -> Option<Helper> {
        let service = "<service-group><name>Kitchen Radio</name><service><type>_http._tcp</type><port>8080</port></service></service-group>";
        avahi(&self.names[usize::from(AVAHI) - 1], folder, "radio", Some(service), None)
    }

    /// Until all answer and their first own frames are over.
    fn settle(&self, home: &Home) {
        for n in 1..=HOSTS {
            let to = address(n).to_string();
            let answers =
                || home.near("ping").args(["-c", "1", "-W", "1", &to]).output().is_ok_and(|done| done.status.success());
            assert!(home::wait(Duration::from_secs(30), answers), "host {n} answers");
        }
        thread::sleep(Duration::from_secs(3));
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            ip(&["netns", "del", name]);
        }
    }
}

fn within(namespace: &str, program: &str, arguments: &[&str], bus: Option<&str>) -> Helper {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(bus) = bus {
        command.env("DBUS_SYSTEM_BUS_ADDRESS", bus);
    }
    Helper(command.spawn().unwrap())
}

/// An avahi-daemon of its own: its files are in folders that only it sees.
fn avahi(namespace: &str, folder: &Path, host: &str, service: Option<&str>, bus: Option<&str>) -> Option<Helper> {
    if !has("avahi-daemon") {
        return None;
    }
    let config = folder.join(format!("avahi-{host}.conf"));
    let dbus = if bus.is_some() { "yes" } else { "no" };
    fs::write(
        &config,
        format!("[server]\nhost-name={host}\nenable-dbus={dbus}\nuse-ipv6=no\n[publish]\npublish-workstation=no\n"),
    )
    .ok()?;
    let (config, service) = (config.to_str()?, service.unwrap_or("<service-group/>"));
    let script = format!(
        "mkdir -p /run/avahi-daemon; mount -t tmpfs none /run/avahi-daemon && mount -t tmpfs none /etc/avahi/services || exit 1\n\
         echo '{service}' > /etc/avahi/services/own.service\n\
         exec avahi-daemon -f {config} --no-drop-root --no-chroot --no-rlimits"
    );
    Some(within(namespace, "unshare", &["-m", "sh", "-c", &script], bus))
}

/// A system bus of our own, with an avahi-daemon at it, for avahi-browse.
struct Bus {
    address: String,
    _helpers: Vec<Helper>,
}

impl Bus {
    fn start(home: &Home, folder: &Path) -> Option<Bus> {
        if !["dbus-daemon", "avahi-daemon", "avahi-browse"].into_iter().all(has) {
            return None;
        }
        let address = format!("unix:path={}", folder.join("bus").display());
        let config = folder.join("bus.conf");
        let text = format!(
            "<busconfig><type>system</type><listen>{address}</listen><auth>EXTERNAL</auth><policy context='default'>\
             <allow user='*'/><allow own='*'/><allow send_type='*'/><allow receive_type='*'/></policy></busconfig>"
        );
        fs::write(&config, text).ok()?;
        let file = format!("--config-file={}", config.display());
        let mut helpers = vec![within(&home.near, "dbus-daemon", &[&file, "--nofork", "--nopidfile"], None)];
        assert!(home::wait(Duration::from_secs(10), || folder.join("bus").exists()), "a bus");
        helpers.push(avahi(&home.near, folder, "looker", None, Some(&address))?);
        Some(Bus { address, _helpers: helpers })
    }
}

/// The listeners of one host.
fn listen() {
    let list = std::env::args().next_back().unwrap();
    for port in list.split(',').filter_map(|port| port.parse::<u16>().ok()) {
        let listener = TcpListener::bind(("0.0.0.0", port)).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || talk(port, stream));
            }
        });
    }
    // Until the bench ends.
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}

fn talk(port: u16, mut stream: TcpStream) {
    drop(stream.set_read_timeout(Some(Duration::from_secs(30))));
    match port {
        22 => drop(stream.write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
        80 | 5000 | 8080 | 8123 => {
            drop(stream.read(&mut [0; 2048]));
            drop(stream.write_all(b"HTTP/1.0 200 OK\r\nServer: peer/1.0\r\n\r\n<title>A page</title>"));
            return;
        }
        443 | 8443 => return drop(talk_tls(stream)),
        _ => {}
    }
    drop(stream.read_to_end(&mut Vec::new()));
}

fn talk_tls(stream: TcpStream) -> std::io::Result<()> {
    use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
    let made = rcgen::generate_simple_self_signed(vec!["host.home".to_owned()]).map_err(std::io::Error::other)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(std::io::Error::other)?;
    let connection = rustls::ServerConnection::new(Arc::new(config)).map_err(std::io::Error::other)?;
    let mut stream = rustls::StreamOwned::new(connection, stream);
    let _question = stream.read(&mut [0; 2048])?;
    stream.write_all(b"HTTP/1.0 200 OK\r\nServer: peer/1.0\r\n\r\n<title>A page</title>")?;
    stream.conn.send_close_notify();
    stream.flush()
}

// The wire.

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    packets: u64,
    syns: u64,
    first_syn: u64,
    last_syn: u64,
    /// Payload bytes to ports that print.
    printed: u64,
}

/// Counts what comes from `near`, at the far end of its wire.
struct Wire {
    child: Child,
    words: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Wire {
    fn start(home: &Home) -> Wire {
        let mut part = Home::part(&home.far, "watch");
        let mac = home.near("cat").arg(format!("/sys/class/net/{}/address", home::INTERFACE)).output().unwrap();
        part.arg(String::from_utf8_lossy(&mac.stdout).trim()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = part.spawn().unwrap();
        let (words, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Wire { child, words, lines: BufReader::new(out) }
    }

    /// Since the last report.
    fn report(&mut self) -> Counts {
        self.words.write_all(b"report\n").unwrap();
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        let [packets, syns, first_syn, last_syn, printed] = numbers[..] else { panic!("{line:?}") };
        Counts { packets, syns, first_syn, last_syn, printed }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn watch() {
    let near: pnet::datalink::MacAddr = std::env::args().next_back().unwrap().parse().unwrap();
    let wire = pnet::datalink::interfaces().into_iter().find(|interface| interface.name == "wire0").unwrap();
    let Ok(pnet::datalink::Channel::Ethernet(_, mut frames)) = pnet::datalink::channel(&wire, Default::default())
    else {
        panic!("no raw socket")
    };
    let counts = Arc::new(Mutex::new(Counts::default()));
    let counted = Arc::clone(&counts);
    let start = Instant::now();
    thread::spawn(move || {
        while let Ok(bytes) = frames.next() {
            if bytes.get(6..12) != Some(&near.octets()[..]) {
                continue;
            }
            let now = start.elapsed().as_nanos() as u64;
            let mut counts = counted.lock().unwrap();
            counts.packets += 1;
            let frame = Frame::decode(LinkType::ETHERNET, bytes);
            let Some(tcp) = frame.tcp() else { continue };
            if tcp.flags.is_open() {
                counts.syns += 1;
                counts.first_syn = if counts.first_syn == 0 { now } else { counts.first_syn };
                counts.last_syn = now;
            }
            if PRINTS.contains(&tcp.destination) {
                counts.printed += tcp.payload.len() as u64;
            }
        }
    });
    for _ in std::io::stdin().lines().map_while(Result::ok) {
        // What was sent last is on its way to the counter.
        thread::sleep(Duration::from_millis(100));
        let counts = std::mem::take(&mut *counts.lock().unwrap());
        println!("{} {} {} {} {}", counts.packets, counts.syns, counts.first_syn, counts.last_syn, counts.printed);
    }
}
