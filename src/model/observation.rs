//! # Observations: what a scanner saw
//!
//! A scanner decides nothing; it says whom it saw, when, and what that shows. Proofs move clocks,
//! hints and labels do not (`docs/PRESENCE.md` has the table).

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use super::{InterfaceId, Moment, Port, Rssi, Subject, words};

words! {
    /// Who saw it. `word()` is the name in `sources`, `Health.scanner` and `scanners.<name>`.
    pub enum Source {
        Capture = "capture", ArpSweep = "arp_sweep", NdSweep = "nd_sweep", Icmp = "icmp", Netlink = "netlink", Ports = "ports",
        Mdns = "mdns", Ssdp = "ssdp", Wsd = "wsd", Llmnr = "llmnr", Netbios = "netbios", ReverseDns = "reverse_dns", Snmp = "snmp", UpnpIgd = "upnp_igd",
        DhcpProbe = "dhcp_probe", DhcpLeases = "dhcp_leases", Hostapd = "hostapd", Openwrt = "openwrt", Unifi = "unifi", Fritzbox = "fritzbox", Wifi = "wifi", WifiMonitor = "wifi_monitor",
        Bluetooth = "bluetooth", Ble = "ble", Consoles = "consoles", Sockets = "sockets", Processes = "processes", Canary = "canary", Sentinel = "sentinel",
        Mqtt = "mqtt", HomeAssistant = "homeassistant",
    }
}

words! {
    /// Evidence that the device's own radio or cable was active. `word()` is `presence_reason`.
    pub enum Proof {
        /// Answered an ARP request.
        ArpReply = "arp_reply",
        /// Asked for somebody by ARP.
        ArpRequest = "arp_request",
        /// ARP probe or announcement (RFC 5227): it has just joined.
        ArpAnnounce = "arp_announce",
        /// Neighbour advertisement.
        NdAdvert = "nd_advert",
        /// Neighbour solicitation for somebody else.
        NdSolicit = "nd_solicit",
        /// Duplicate address detection (RFC 4862 §5.4): it has just joined.
        NdDad = "nd_dad",
        /// Router solicitation: it has just joined.
        RouterSolicit = "router_solicit",
        /// Router advertisement.
        RouterAdvert = "router_advert",
        /// DHCP DISCOVER, REQUEST or INFORM by the device.
        DhcpRequest = "dhcp_request",
        /// A multicast DNS message from the device itself.
        Mdns = "mdns",
        /// An SSDP message from the device itself.
        Ssdp = "ssdp",
        /// Any other frame it sent.
        Frame = "frame",
        /// Answered an echo request, or refused a port itself.
        IcmpReply = "icmp_reply",
        /// The kernel calls the neighbour REACHABLE (its age counts, not now).
        NeighbourReachable = "neighbour_reachable",
        /// Answered a TCP connect, open or refused.
        TcpAnswer = "tcp_answer",
        /// A Bluetooth advertisement of a static or resolved address.
        BleAdvert = "ble_advert",
        /// Bluetooth of this host holds a connection to it, or it answered an inquiry.
        Bluetooth = "bluetooth",
        /// It is this host.
        OwnHost = "own_host",
        /// A person said so.
        Told = "told",
    }
}

impl Proof {
    /// Shows an entry into the network, not just life.
    #[must_use]
    pub const fn is_join(self) -> bool {
        matches!(self, Proof::ArpAnnounce | Proof::NdDad | Proof::RouterSolicit | Proof::DhcpRequest)
    }
    /// A join that is said at an entry only. Announcements by ARP are none: some boards repeat theirs every minute
    /// (`LWIP_GARP` of ESP-IDF).
    #[must_use]
    pub const fn is_entry(self) -> bool {
        self.is_join() && !matches!(self, Proof::ArpAnnounce)
    }
    /// The device spoke by itself; nobody had asked it.
    #[must_use]
    pub const fn is_self_started(self) -> bool {
        !matches!(
            self,
            Proof::ArpReply
                | Proof::NdAdvert
                | Proof::IcmpReply
                | Proof::TcpAnswer
                | Proof::NeighbourReachable
                | Proof::Told
        )
    }
}

words! {
    /// A question put to one device: is it there; the last two: what does it offer.
    pub enum Probe { Arp = "arp", Nd = "nd", Icmp = "icmp", Mdns = "mdns", Tcp = "tcp", Ports = "ports", AllPorts = "all_ports" }
}

words! {
    /// How a device said that it goes: counter-proof, a ratio only.
    pub enum Goodbye { DhcpRelease = "dhcp_release", MdnsGoodbye = "mdns_goodbye", SsdpByebye = "ssdp_byebye", ApLeft = "ap_left",
        /// A router's tracker in Home Assistant gave it up, after a patience of its own.
        TrackerLeft = "tracker_left",
    }
}

words! {
    /// Where a name was heard, best last (`home-assistant.md` calls this the rank).
    pub enum Heard {
        Snmp = "snmp", Lldp = "lldp", Bluetooth = "bluetooth", Llmnr = "llmnr", Netbios = "netbios", Dns = "dns", Ssdp = "ssdp",
        /// A game console called itself so when it was asked.
        Console = "console",
        /// The host name, of an address record or the target of a service.
        MdnsHost = "mdns_host",
        /// The name people gave a service or the thing itself.
        Mdns = "mdns",
        Dhcp = "dhcp",
        /// This host's own, from its kernel.
        Kernel = "kernel",
    }
}

/// One fact. Text is cleaned and cut by whoever reads it from the wire.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// It was active within the last `age`.
    Alive { proof: Proof, age: Duration },
    /// The probe sent `after` ago stayed unanswered.
    Unanswered { probe: Probe },
    /// It said goodbye.
    Gone(Goodbye),
    /// An access point still lists it, though nothing was received from it since the last look: a hint.
    Listed,
    /// The only ear that hears it is out: for so long at most its silence says nothing. Zero: that ear is back.
    EarOut(Duration),
    /// It holds this address (claimed by itself or granted to it).
    Address(IpAddr),
    /// It claims an address that `other` holds too: both frames were seen.
    AddressConflict { ip: IpAddr, other: super::MacAddr },
    /// It calls itself so.
    Named { name: String, by: Heard },
    /// DHCP options in the order asked for (option 55) and vendor class (option 60).
    Dhcp { asked: Vec<u8>, vendor_class: Option<String>, client_id: Option<Vec<u8>> },
    /// It offers a service, such as `tcp 80 http`.
    Service { tcp: bool, port: Port, name: String },
    /// A port that was open refuses now, time and again.
    ServiceGone { tcp: bool, port: Port },
    /// What answers at a port introduced itself so.
    Product { tcp: bool, port: Port, product: String },
    /// A label about what it is, such as mDNS TXT `model=…`: key and value.
    Label { key: &'static str, value: String },
    /// It routes for this network.
    Routes,
    /// Received level.
    Level(Rssi),
    /// Received level, and at which ear in which room.
    HeardAt(HeardAt),
    /// So many radios nearby that are nobody's device, such as phones under changing Bluetooth addresses.
    Crowd(u32),
    /// A Wi-Fi network that was heard; the subject is its access point.
    AccessPoint(AccessPoint),
    /// All sockets of this host; the subject is this host.
    Sockets(std::sync::Arc<super::OwnSockets>),
    /// All its programs that have sockets.
    Programs(std::sync::Arc<super::OwnPrograms>),
    /// A router's door that leads from the Internet to the subject.
    PortMap(PortMap),
    /// The subject's way to the Internet.
    Uplink(Uplink),
    /// What the subject would give a DHCP client.
    DhcpOffer(DhcpOffer),
    /// So many radios offered to pair with strangers within ten seconds, all at one level.
    PairingOffers(u32),
    /// A tag for lost things, away from its owner, is near.
    LostTag { network: &'static str },
    /// It gave an address for a name that was invented.
    AnsweredForNobody { protocol: &'static str, name: String },
}

/// How loud one of several ears heard it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardAt {
    /// Its name: of a remote sensor, a node, a proxy.
    pub ear: std::sync::Arc<str>,
    /// The room it says that it is in.
    pub room: Option<std::sync::Arc<str>>,
    /// By Wi-Fi; else by Bluetooth.
    pub wifi: bool,
    pub level: Rssi,
}

/// One door in a router, as the router lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortMap {
    /// Who said so.
    pub router: IpAddr,
    pub tcp: bool,
    /// 0: every port that has no door of its own.
    pub external: Port,
    /// The address it leads to. It may belong to nobody.
    pub internal: IpAddr,
    pub internal_port: Port,
    /// What the device called it; cleaned and cut.
    pub description: String,
    /// `None`: for ever.
    pub lease_s: Option<u32>,
    /// Only this host may come in.
    pub remote: Option<IpAddr>,
    /// `false`: it was listed and is no longer.
    pub open: bool,
}

/// An address a DHCP server would give, and what comes with it. Texts are cleaned, lists are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpOffer {
    /// What the server calls itself (option 54), if that is an address a host can have.
    pub server: Option<Ipv4Addr>,
    /// Whom the packet came from.
    pub from: Ipv4Addr,
    /// Passed on by this relay.
    pub relay: Option<Ipv4Addr>,
    pub transaction: u32,
    pub offered: Ipv4Addr,
    pub mask: Option<Ipv4Addr>,
    pub lease_s: Option<u32>,
    pub routers: Vec<Ipv4Addr>,
    pub dns: Vec<Ipv4Addr>,
    pub domain: Option<String>,
    /// Where browsers get their proxy from (option 252).
    pub proxy_config: Option<String>,
    /// It brings routes of its own (option 121), which go before `routers`.
    pub has_routes: bool,
}

/// How a router reaches the Internet. Where a home lives is nobody's business: it is not published by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uplink {
    pub address: Option<IpAddr>,
    /// The address before, if this is a change.
    pub before: Option<IpAddr>,
    pub connected: Option<bool>,
}

/// One access point as heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// Empty: hidden. Cleaned and cut.
    pub ssid: String,
    pub channel: Option<u16>,
    pub level: Option<Rssi>,
    /// `open`, `owe`, `wep`, `wpa`, `wpa2`, `wpa3`, `enterprise`, or several with a plus.
    pub security: String,
    /// Of the network that this host is in.
    pub own: bool,
}

/// What one scanner saw of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub source: Source,
    /// On which interface, if on one.
    pub interface: Option<InterfaceId>,
    pub at: Moment,
    pub subject: Subject,
    pub fact: Fact,
}
