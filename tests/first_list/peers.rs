//! The programs of the street, how they are started, and what is true of each.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use super::street::{self, Street, is_installed};

/// Nothing here takes this long, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct Peer {
    pub program: &'static str,
    /// Of Debian; empty: a stand-in of ours.
    package: &'static str,
    pub speaks: &'static str,
    pub number: u8,
    /// What Porchlight has to know of it besides its addresses, as the program was told by its settings.
    truths: &'static [&'static str],
    /// TCP ports that are open; all others told are invented.
    pub ports: &'static [u16],
    space: String,
}

impl Peer {
    pub fn mac(&self) -> String {
        street::mac(self.number)
    }

    /// Its addresses and what it says.
    pub fn facts(&self) -> Vec<String> {
        let addresses = [self.mac(), street::address(self.number)];
        addresses.into_iter().chain(self.truths.iter().map(ToString::to_string)).collect()
    }

    pub fn version(&self) -> String {
        if self.package.is_empty() {
            return "(stand-in)".to_owned();
        }
        let done = Command::new("dpkg-query").args(["-W", "-f=${Version}", self.package]).output();
        let text = String::from_utf8_lossy(&done.map(|done| done.stdout).unwrap_or_default()).into_owned();
        // Without epoch and Debian's own number.
        let text = text.split_once(':').map_or(text.as_str(), |(_, rest)| rest);
        text.split(['-', '+']).next().unwrap_or_default().to_owned()
    }
}

type Row = (u8, &'static str, &'static str, &'static str, &'static [&'static str], &'static [u16]);

/// Number (and last byte of the addresses), program, package, what it speaks, what it says, open ports.
const ROWS: &[Row] = &[
    (1, "dnsmasq", "dnsmasq-base", "router: DHCP, DNS", &["\"kind\":\"router\""], &[53]),
    (1, "snmpd", "snmpd", "SNMP v2c", &["attic-router", "Router, firmware 1.2", "Attic, left shelf"], &[53]),
    (12, "nmbd", "samba", "NetBIOS", &["ATTIC-DISK", "FAMILY"], &[]),
    (13, "wsdd", "wsdd", "WS-Discovery", &["DESK-PC", "FAMILY"], &[5357]),
    (14, "minidlnad", "minidlna", "SSDP, UPnP description", &["Family films"], &[8200]),
    (15, "avahi-daemon", "avahi-daemon", "mDNS", &["radio", "\"port\":8080"], &[8080]),
    (16, "python-zeroconf", "python3-zeroconf", "mDNS", &["porch-sensor", "esphomelib", "6053"], &[6053]),
    (17, "nginx", "nginx-common", "TCP 80", &["\"port\":80", "nginx", "Boiler room"], &[80]),
    (18, "sshd", "openssh-server", "TCP 22", &["\"port\":22", "OpenSSH"], &[22]),
    (19, "camera", "", "WS-Discovery, ONVIF", &["Yard eye", "\"kind\":\"camera\""], &[]),
    (20, "shed", "", "nothing; the router's DNS knows its name", &["shed"], &[]),
];

const ZEROCONF: &str = "
import socket, sys, time
from zeroconf import IPVersion, ServiceInfo, Zeroconf
own = sys.argv[1]
zeroconf = Zeroconf(interfaces=[own], ip_version=IPVersion.V4Only)
kind = '_esphomelib._tcp.local.'
zeroconf.register_service(ServiceInfo(kind, 'porch-sensor.' + kind, addresses=[socket.inet_aton(own)], port=6053,
    properties={'version': '2024.6.0', 'board': 'esp32dev'}, server='porch-sensor.local.'))
time.sleep(1e6)
";

/// As ONVIF's core specification has it (section 7.3): types and scopes in the answer to a probe.
const ONVIF: &str = "
import re, socket, struct, sys
own = sys.argv[1]
ears = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ears.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
ears.bind(('', 3702))
ears.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('239.255.255.250') + socket.inet_aton(own))
ANSWER = '''<?xml version=\"1.0\" encoding=\"UTF-8\"?><e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\"
 xmlns:w=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\"
 xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"><e:Header><w:RelatesTo>%s</w:RelatesTo>
 <w:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/ProbeMatches</w:Action></e:Header><e:Body><d:ProbeMatches>
 <d:ProbeMatch><w:EndpointReference><w:Address>urn:uuid:4e564944-0000-1000-8000-028000000013</w:Address>
 </w:EndpointReference><d:Types>dn:NetworkVideoTransmitter</d:Types><d:Scopes>onvif://www.onvif.org/name/Yard%%20eye
 onvif://www.onvif.org/hardware/IPC-1</d:Scopes><d:XAddrs>http://%s/onvif/device_service</d:XAddrs>
 <d:MetadataVersion>1</d:MetadataVersion></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>'''
while True:
    question, who = ears.recvfrom(65536)
    text = question.decode('utf-8', 'replace')
    asked = re.search('MessageID[^>]*>([^<]*)<', text)
    if asked and 'Probe' in text:
        ears.sendto((ANSWER % (asked.group(1), own)).encode(), who)
";

/// Starts whatever is installed.
pub fn start(street: &mut Street) -> Vec<Peer> {
    let mut peers = Vec::new();
    for (number, program, package, speaks, truths, ports) in ROWS.iter().copied() {
        let starts = match program {
            "python-zeroconf" => fs::exists("/usr/lib/python3/dist-packages/zeroconf").unwrap_or(false),
            "camera" => is_installed("python3"),
            "shed" => true,
            _ => is_installed(program),
        };
        if !starts {
            eprintln!("skipped: {program}");
            continue;
        }
        // Two programs of one number are on one host.
        let known = peers.iter().find(|peer: &&Peer| peer.number == number).map(|peer| peer.space.clone());
        let space = known.unwrap_or_else(|| street.host(number));
        let peer = Peer { program, package, speaks, number, truths, ports, space };
        peer.start(street);
        peers.push(peer);
    }
    peers
}

/// Until all that are to listen do.
pub fn settle(street: &Street, peers: &[Peer]) {
    let began = Instant::now();
    for peer in peers {
        for (kind, port) in peer.listens() {
            loop {
                let done = street.within(&peer.space, "ss").args(["-Hln", kind, &format!("sport = :{port}")]).output();
                if done.is_ok_and(|done| !done.stdout.is_empty()) {
                    break;
                }
                assert!(began.elapsed() < DEADLINE, "{} does not listen on {kind} {port}", peer.program);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

impl Peer {
    fn listens(&self) -> Vec<(&'static str, u16)> {
        let udp: &[u16] = match self.program {
            "dnsmasq" => &[53, 67],
            "snmpd" => &[161],
            "nmbd" => &[137],
            "wsdd" | "camera" => &[3702],
            "minidlnad" => &[1900],
            "avahi-daemon" | "python-zeroconf" => &[5353],
            _ => &[],
        };
        // What avahi and zeroconf announce is not served by them.
        let serves = !matches!(self.program, "avahi-daemon" | "python-zeroconf");
        let tcp = self.ports.iter().filter(|_| serves).map(|port| ("-t", *port));
        udp.iter().map(|port| ("-u", *port)).chain(tcp).collect()
    }

    fn start(&self, street: &mut Street) {
        let own = street::address(self.number);
        let folder = street.folder.join(self.program);
        fs::create_dir_all(&folder).unwrap();
        let dir = folder.display().to_string();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let shed = format!("--host-record=shed.home,{}", street::address(20));
        // Folders that only it sees, for what would else lie about this machine.
        let alone = |script: &str| ["-m".to_owned(), "sh".to_owned(), "-c".to_owned(), script.to_owned()];
        let (program, arguments): (&str, Vec<String>) = match self.program {
            "dnsmasq" => {
                let words = ["-k", "-R", "-h", "--conf-file=/dev/null", "--user=root", "--domain=home", &shed];
                let dhcp = [
                    "--dhcp-range=10.80.0.100,10.80.0.150,1h".to_owned(),
                    format!("--dhcp-leasefile={dir}/leases"),
                    "--pid-file=".to_owned(),
                ];
                ("dnsmasq", words.iter().map(ToString::to_string).chain(dhcp).collect())
            }
            "snmpd" => {
                let text = format!(
                    "[snmp] persistentDir {dir}/kept\n[snmpd]\nagentaddress udp:161\nrocommunity public\n\
                     sysName attic-router.home.arpa\nsysLocation Attic, left shelf\n\
                     sysDescr Router, firmware 1.2\nsysServices 72\n"
                );
                (
                    "snmpd",
                    ["-f", "-C", "-Lo", "-c"].map(str::to_owned).into_iter().chain([file("conf", &text)]).collect(),
                )
            }
            "nmbd" => {
                let text = format!(
                    "[global]\nnetbios name = ATTIC-DISK\nworkgroup = FAMILY\ninterfaces = eth0\nprivate dir = {dir}\n\
                     lock directory = {dir}\nstate directory = {dir}\ncache directory = {dir}\npid directory = {dir}\n\
                     ncalrpc dir = {dir}/rpc\nlog file = {dir}/log.txt\n"
                );
                (
                    "nmbd",
                    ["-F", "--no-process-group", "-s"]
                        .map(str::to_owned)
                        .into_iter()
                        .chain([file("conf", &text)])
                        .collect(),
                )
            }
            "wsdd" => (
                "wsdd",
                ["-v", "-v", "-v", "-i", "eth0", "-4", "-n", "DESK-PC", "-w", "FAMILY"].map(str::to_owned).into(),
            ),
            "minidlnad" => {
                let text = format!(
                    "network_interface=eth0\nport=8200\nmedia_dir={dir}\ndb_dir={dir}\nlog_dir={dir}\n\
                     friendly_name=Family films\ninotify=no\nnotify_interval=5\n"
                );
                let words =
                    ["-S".to_owned(), "-f".to_owned(), file("conf", &text), "-P".to_owned(), format!("{dir}/pid")];
                ("minidlnad", words.into())
            }
            "avahi-daemon" => {
                let service = "<service-group><name>Kitchen Radio</name><service><type>_http._tcp</type><port>8080</port></service></service-group>";
                let config = file(
                    "conf",
                    "[server]\nhost-name=radio\nenable-dbus=no\nuse-ipv6=no\n[publish]\npublish-workstation=no\n",
                );
                let script = format!(
                    "mkdir -p /run/avahi-daemon; mount -t tmpfs none /run/avahi-daemon && mount -t tmpfs none /etc/avahi/services || exit 1\n\
                     echo '{service}' > /etc/avahi/services/own.service\n\
                     exec avahi-daemon -f {config} --no-drop-root --no-chroot --no-rlimits"
                );
                ("unshare", alone(&script).into())
            }
            "python-zeroconf" => ("/usr/bin/python3", vec![file("run.py", ZEROCONF), own]),
            "camera" => ("/usr/bin/python3", vec![file("run.py", ONVIF), own]),
            "nginx" => {
                file("index.html", "<html><head><title>Boiler room</title></head></html>");
                let text = format!(
                    "daemon off; pid {dir}/pid; error_log {dir}/error.log; user root; events {{}}\n\
                     http {{ access_log off; default_type text/html; server {{ listen 80; root {dir}; }} }}\n"
                );
                ("nginx", vec!["-e".to_owned(), format!("{dir}/error.log"), "-c".to_owned(), file("conf", &text)])
            }
            "sshd" => {
                let key = folder.join("key").display().to_string();
                let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &key]).status();
                assert!(made.is_ok_and(|status| status.success()));
                let config = file("conf", &format!("HostKey {key}\nPidFile none\nUsePAM no\n"));
                let script =
                    format!("mount -t tmpfs none /run && mkdir /run/sshd && exec /usr/sbin/sshd -D -e -f {config}");
                ("unshare", alone(&script).into())
            }
            _ => return,
        };
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        street.start(&self.space, program, &arguments);
    }
}
